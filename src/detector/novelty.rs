//! New values of a facet: action, namespace, source, agent, credential, object, identity.

use super::lineage::Minted;
use super::{Context, Detector, USE_TOKEN, VALID_ACCOUNTS, Weighed, about, as_attempted, is_somebody, scaled};
use crate::alert::{Grade, Impact, Signal};
use crate::baseline::Facet;
use crate::event::{Event, PrincipalKind};
use crate::impact::body::is_dangerous;

/// A value of one facet that the account never had.
pub(super) struct New {
    pub(super) id: &'static str,
    pub(super) about: &'static str,
    pub(super) facet: Facet,
    pub(super) finding: &'static str,
}

impl Detector for New {
    fn id(&self) -> &'static str {
        self.id
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.contains(self.facet) || (context.routine_carrier && is_elsewhere_sent(self.facet)) {
            return None;
        }
        let is_object = matches!(self.facet, Facet::Name | Facet::Body);
        if is_object && (context.novel.contains(Facet::Action) || Minted::applies(event)) {
            return None;
        }
        if self.facet == Facet::Body && !is_dangerous(event) {
            return None;
        }
        let impact = weigh(self.facet, event, context.impact, context.person_at_home);
        let show_usual = matches!(self.facet, Facet::Credential | Facet::Namespace | Facet::Body);
        context.signal(self.id, event, self.facet, Weighed { impact, finding: self.finding, show_usual })
    }
}

/// Facets that say where an account went: for a carrier of somebody else's orders that is no choice of its own.
const fn is_elsewhere_sent(facet: Facet) -> bool {
    matches!(facet, Facet::Namespace | Facet::Name | Facet::Body)
}

fn weigh(facet: Facet, event: &Event<'_>, impact: Impact, person_at_home: bool) -> Impact {
    let attempted = as_attempted(event, impact);
    match facet {
        Facet::Name if person_at_home => scaled(attempted, 0, 40),
        // Clients that do not reload their token are a nuisance, and a stolen token grows old.
        Facet::Credential if event.facts.stale_token => about(USE_TOKEN, 30, "use of a token past its lifetime"),
        Facet::Credential => about(USE_TOKEN, 65, "use of a credential that was not given to a pod"),
        // All entries of sourceIPs but the last are the client's own words: said to hide where it is.
        Facet::Forwarded => about(VALID_ACCOUNTS, 50, "use of an account that hides its address"),
        Facet::Namespace => scaled(attempted, 5, 50),
        Facet::Name => scaled(attempted, 0, 80),
        _ => attempted,
    }
}

/// An address that the account never came from.
///
/// A pod's address is new whenever the pod is: for tokens bound to a pod the token's own life says more, and for
/// accounts without any credential facts the network does.
pub(super) struct NewSource;

impl Detector for NewSource {
    fn id(&self) -> &'static str {
        "new-source"
    }

    fn about(&self) -> &'static str {
        "an address that the account never came from"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let ip = event.source_ip.filter(|_| context.novel.contains(Facet::Source))?;
        let network = context.cluster.addresses.surprise(ip, event.at);
        let base = match event.principal().kind() {
            PrincipalKind::ServiceAccount if event.credential.pod_name.is_some() => return None,
            PrincipalKind::ServiceAccount if event.credential.id.is_some() => 45,
            PrincipalKind::ServiceAccount if network.is_some() => 60,
            PrincipalKind::ServiceAccount => 5,
            PrincipalKind::Node => 60,
            // People roam, above all to where others are: an office, a gateway.
            PrincipalKind::User if context.others_come_from_there() => 5,
            PrincipalKind::User => 28,
            PrincipalKind::Anonymous => 0,
        };
        let weight = scaled(context.impact, base, if base > 5 { 30 } else { 10 }).weight;
        let impact = about(VALID_ACCOUNTS, weight, "use of an account from elsewhere");
        let weighed = Weighed { impact, finding: "new source address", show_usual: true };
        let mut signal = context.signal(self.id(), event, Facet::Source, weighed)?;
        if let (None, Some(bits)) = (&event.credential.id, network) {
            signal.surprise = bits;
            signal.reason.finding = "address in a network that no account came from";
        }
        signal.reason.grade = event.credential.id.is_none().then_some(Grade::Address);
        Some(signal)
    }
}

/// Weight from which an action is judged alone, whatever else the account does to such objects.
const GRAVE: u8 = 70;

/// A deed on a kind of thing that the account never did anywhere.
pub(super) struct NewAction;

impl Detector for NewAction {
    fn id(&self) -> &'static str {
        "new-action"
    }

    fn about(&self) -> &'static str {
        "a deed on a kind of object that the account never did"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.contains(Facet::Action) || (Minted::applies(event) && !context.routine_carrier) {
            return None;
        }
        let attempted = as_attempted(event, context.impact);
        let impact = match () {
            () if context.routine_carrier => scaled(attempted, 0, 25),
            () if attempted.weight < GRAVE && context.at_home && context.writes_such_objects(event) => {
                scaled(attempted, 0, 50)
            }
            () => attempted,
        };
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

    fn about(&self) -> &'static str {
        "a known deed in a known namespace, never before together"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let explained = context.novel.contains(Facet::Action) || context.novel.contains(Facet::Namespace);
        if explained || context.routine_carrier || !context.novel.contains(Facet::ActionInNamespace) {
            return None;
        }
        let impact = scaled(as_attempted(event, context.impact), 0, 75);
        let weighed = Weighed { impact, finding: "new action in this namespace", show_usual: false };
        context.signal(self.id(), event, Facet::ActionInNamespace, weighed)
    }
}

/// A client that the account never used, with a credential that is new too or has no id.
pub(super) struct NewAgent;

impl Detector for NewAgent {
    fn id(&self) -> &'static str {
        "new-agent"
    }

    fn about(&self) -> &'static str {
        "a client that the account never used, with a credential that is new too"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !is_somebody(event) || !context.novel.contains(Facet::Agent) || context.changes_client(event) {
            return None;
        }
        // Without an id a credential that is new cannot be told from one in use.
        let tells_nothing = event.credential.id.is_none() && event.principal().kind() == PrincipalKind::ServiceAccount;
        let impact = agent_impact(context.impact, if tells_nothing { 32 } else { 20 });
        let weighed = Weighed { impact, finding: "new user agent", show_usual: true };
        context.signal(self.id(), event, Facet::Agent, weighed)
    }
}

/// A new client weighs by what is done with it.
pub(super) fn agent_impact(impact: Impact, base: u8) -> Impact {
    about(VALID_ACCOUNTS, scaled(impact, base, 40).weight, "use of an account with another client")
}
