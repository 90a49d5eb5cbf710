//! New values of a facet: action, namespace, source, agent, credential, object, identity.

use super::{Context, Detector, USE_TOKEN, VALID_ACCOUNTS, Weighed, about, as_attempted, is_somebody, scaled};
use crate::alert::{Impact, Signal};
use crate::baseline::Facet;
use crate::event::{Event, PrincipalKind};

/// A value of one facet that the account never had.
pub(super) struct New {
    pub(super) id: &'static str,
    pub(super) facet: Facet,
    pub(super) finding: &'static str,
}

impl Detector for New {
    fn id(&self) -> &'static str {
        self.id
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.is_new(self.facet) || (context.routine_carrier && is_elsewhere_sent(self.facet)) {
            return None;
        }
        let impact = weigh(self.facet, event, context.impact)?;
        let show_usual = matches!(self.facet, Facet::Source | Facet::Credential | Facet::Namespace);
        context.signal(self.id, event, self.facet, Weighed { impact, finding: self.finding, show_usual })
    }
}

/// Facets that say where an account went: for a carrier of somebody else's orders that is no choice of its own.
const fn is_elsewhere_sent(facet: Facet) -> bool {
    matches!(facet, Facet::Namespace | Facet::Name)
}

fn weigh(facet: Facet, event: &Event<'_>, impact: Impact) -> Option<Impact> {
    let attempted = as_attempted(event, impact);
    Some(match facet {
        Facet::Source => about(VALID_ACCOUNTS, source_weight(event, impact)?, "use of an account from elsewhere"),
        Facet::Credential => about(USE_TOKEN, 65, "use of a credential that was not given to a pod"),
        Facet::Namespace => scaled(attempted, 5, 50),
        Facet::Name => scaled(attempted, 0, 80),
        _ => attempted,
    })
}

/// A pod's address is new whenever the pod is: for tokens bound to a pod the token's own life says more.
fn source_weight(event: &Event<'_>, impact: Impact) -> Option<u8> {
    let base = match event.principal().kind() {
        PrincipalKind::ServiceAccount if event.credential.pod_name.is_some() => return None,
        PrincipalKind::ServiceAccount => 45,
        PrincipalKind::Node => 60,
        PrincipalKind::User => 25,
        PrincipalKind::Anonymous => 0,
    };
    Some(scaled(impact, base, 30).weight)
}

/// A deed on a kind of thing that the account never did anywhere.
pub(super) struct NewAction;

impl Detector for NewAction {
    fn id(&self) -> &'static str {
        "new-action"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.is_new(Facet::Action) {
            return None;
        }
        let attempted = as_attempted(event, context.impact);
        let impact = if context.routine_carrier { scaled(attempted, 0, 25) } else { attempted };
        let weighed = Weighed { impact, finding: "new action", show_usual: false };
        context.signal(self.id(), event, Facet::Action, weighed)
    }
}

/// A known deed in a known namespace, never before together.
pub(super) struct NewActionInNamespace;

impl Detector for NewActionInNamespace {
    fn id(&self) -> &'static str {
        "new-action-in-namespace"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let explained = context.is_new(Facet::Action) || context.is_new(Facet::Namespace);
        if explained || context.routine_carrier || !context.is_new(Facet::ActionInNamespace) {
            return None;
        }
        let impact = scaled(as_attempted(event, context.impact), 0, 75);
        let weighed = Weighed { impact, finding: "new action in this namespace", show_usual: false };
        context.signal(self.id(), event, Facet::ActionInNamespace, weighed)
    }
}

/// A client that the account never used, where no credential id ties it to a place.
pub(super) struct NewAgent;

impl Detector for NewAgent {
    fn id(&self) -> &'static str {
        "new-agent"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if event.credential.id.is_some() || !is_somebody(event) || !context.is_new(Facet::Agent) {
            return None;
        }
        let weighed = Weighed { impact: agent_impact(context.impact), finding: "new user agent", show_usual: true };
        context.signal(self.id(), event, Facet::Agent, weighed)
    }
}

/// A new client weighs by what is done with it.
pub(super) fn agent_impact(impact: Impact) -> Impact {
    about(VALID_ACCOUNTS, scaled(impact, 20, 40).weight, "use of an account with another client")
}
