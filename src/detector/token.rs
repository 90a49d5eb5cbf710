//! Credentials in use where they should not be.

use super::novelty::agent_impact;
use super::{Context, Detector, USE_TOKEN, Weighed, about};
use crate::alert::{Bits, Grade, Impact, Reason, Signal};
use crate::baseline::Facet;
use crate::credential::Kind;
use crate::event::{Event, PrincipalKind};
use crate::text::Text;

/// Bits below which an address says nothing here: behind a proxy all have the same, behind NAT they come and go.
pub(crate) const MEANINGFUL: Bits = Bits(2.0);

/// One credential used from a second address.
pub(super) struct Shared;

impl Detector for Shared {
    fn id(&self) -> &'static str {
        "token-shared"
    }

    fn about(&self) -> &'static str {
        "one credential from a second address"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let (id, ip) = (event.credential.id.as_deref()?, event.source_ip?);
        let life = context.cluster.credentials.life(id)?;
        if life.normal_use(ip).is_some() {
            return None;
        }
        let others = life.elsewhere(ip);
        if others.is_empty() {
            return None;
        }
        let kind = Kind::of(event);
        let surprise = context.cluster.credentials.surprise_of_sharing(kind, &event.username);
        if context.relayed || surprise < MEANINGFUL {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise,
            impact: impact_of_sharing(kind),
            reason: Reason {
                expected: others
                    .iter()
                    .take(3)
                    .map(|u| Text::from(format!("{} ({} uses, last {} ago)", u.ip, u.count, event.at.since(u.last))))
                    .collect(),
                history: Some(context.baseline.history(Facet::Source, event.at)),
                grade: Some(Grade::Credential),
                ..Reason::new("credential address", "one credential from a second address", Text::new(&ip.to_string()))
            },
        })
    }
}

fn impact_of_sharing(kind: Kind) -> Impact {
    let (weight, what) = match kind {
        Kind::PodBound => (85, "use of a pod's token outside of the pod"),
        Kind::Bare => (60, "use of a token in two places"),
        Kind::NodeCertificate => (85, "use of a kubelet's certificate outside of its node"),
        Kind::Certificate => (15, "use of a certificate in two places"),
    };
    about(USE_TOKEN, weight, what)
}

/// A pod's token used from an address that a pod of another node holds.
pub(super) struct Elsewhere;

impl Detector for Elsewhere {
    fn id(&self) -> &'static str {
        "token-elsewhere"
    }

    fn about(&self) -> &'static str {
        "a pod's token from an address that a pod of another node holds"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let (ip, node) = (event.source_ip?, event.credential.node_name.as_deref()?);
        let pod = event.credential.pod_name.as_deref()?;
        let id = event.credential.id.as_deref()?;
        if context.cluster.credentials.life(id).is_some_and(|life| life.normal_use(ip).is_some()) {
            return None;
        }
        let tenant = context.cluster.credentials.other_tenant(ip, node, event.at)?;
        let surprise = context.cluster.credentials.surprise_of_moving();
        if context.relayed || surprise < MEANINGFUL {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise,
            impact: about(USE_TOKEN, 80, "use of a pod's token from another pod"),
            reason: Reason {
                expected: vec![Text::from(format!("{pod} on {node}"))],
                grade: Some(Grade::Pod),
                ..Reason::new(
                    "token's place",
                    "token of a pod on one node from a pod's address on another",
                    Text::from(format!("{ip}, held by {} on {}", tenant.pod, tenant.node)),
                )
            },
        })
    }
}

/// A credential in use with a client that its account never used. A new version comes with a new pod, so with a new
/// token: an old token with a new client is somebody else's work.
pub(super) struct Agent;

impl Detector for Agent {
    fn id(&self) -> &'static str {
        "token-agent"
    }

    fn about(&self) -> &'static str {
        "a credential in use with a client that its account never used"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.contains(Facet::Agent) || !context.changes_client(event) {
            return None;
        }
        // People take another tool now and then, at their own desk; workloads do not.
        let base = match event.principal().kind() {
            PrincipalKind::User if context.novel.contains(Facet::Source) => 20,
            PrincipalKind::User => 5,
            _ => 42,
        };
        let impact = agent_impact(context.impact, base);
        let weighed = Weighed { impact, finding: "credential with a new user agent", show_usual: true };
        context.signal(self.id(), event, Facet::Agent, weighed)
    }
}
