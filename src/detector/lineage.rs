//! Where a token comes from, and when it should be gone: who minted it, whether anybody did, whether it has ended.

use super::token::MEANINGFUL;
use super::{Context, Detector, USE_TOKEN, Weighed, about, as_attempted, scaled};
use crate::alert::{Bits, Grade, Reason, Signal};
use crate::baseline::Facet;
use crate::credential::Kind;
use crate::event::Event;
use crate::impact::body::is_loose;
use crate::impact::{Deed, FORGE};
use crate::text::Text;

/// Surprise of what is wrong by itself.
const CERTAIN: Bits = Bits(10.0);

/// A token for an account asked for by somebody who never asked for one of it.
pub(super) struct Minted;

impl Minted {
    /// Whether `event` asks for a token of a service account.
    pub(super) fn applies(event: &Event<'_>) -> bool {
        event.target.resource == "serviceaccounts"
            && event.target.subresource == "token"
            && Deed::of(event) == Deed::Create
    }
}

impl Detector for Minted {
    fn id(&self) -> &'static str {
        "token-minted"
    }

    fn about(&self) -> &'static str {
        "a token asked for by somebody who never asked for one of that account"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        // A kubelet asks for the tokens of whatever pods it is sent, and may ask for no others (NodeRestriction).
        if !Self::applies(event) || context.routine_carrier {
            return None;
        }
        let impact = as_attempted(event, context.impact);
        let weighed = Weighed { impact, finding: "token minted for another account", show_usual: true };
        context.signal(self.id(), event, Facet::Name, weighed)
    }
}

/// A token asked for that is unlike those its requester asks for: longer, for somebody else, bound to nothing.
pub(super) struct Long;

impl Detector for Long {
    fn id(&self) -> &'static str {
        "token-long"
    }

    fn about(&self) -> &'static str {
        "a token asked for that is unlike those that its requester asks for (needs bodies)"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !Minted::applies(event) || context.routine_carrier || !is_loose(event) {
            return None;
        }
        let impact = as_attempted(event, context.impact);
        let weighed = Weighed { impact, finding: "token unlike those it asks for", show_usual: true };
        context.signal(self.id(), event, Facet::Body, weighed)
    }
}

/// A token in use that was minted in an incident: whatever it does is part of that.
pub(super) struct Tainted;

impl Detector for Tainted {
    fn id(&self) -> &'static str {
        "token-tainted"
    }

    fn about(&self) -> &'static str {
        "a token in use whose issue came with an alert"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let life = context.cluster.credentials.life(event.credential.id.as_deref()?).filter(|life| life.is_suspect)?;
        let (by, at) = life.issued.as_ref()?;
        Some(Signal {
            detector: self.id(),
            surprise: CERTAIN,
            impact: about(USE_TOKEN, scaled(context.impact, 45, 40).weight, "use of a token minted in an incident"),
            reason: Reason {
                expected: vec![Text::from(format!("minted by {by} {} ago", event.at.since(*at)))],
                grade: Some(Grade::Credential),
                ..Reason::new(
                    "token issue",
                    "token minted in an incident, in use",
                    Text::new(event.credential.id.as_deref().unwrap_or_default()),
                )
            },
        })
    }
}

/// A token in use that nobody was seen to issue, where the issue of tokens is seen: a forged one, or a stolen signing key.
pub(super) struct Unissued;

impl Detector for Unissued {
    fn id(&self) -> &'static str {
        "token-unissued"
    }

    fn about(&self) -> &'static str {
        "a token in use that nobody was seen to issue"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let id = event.credential.id.as_deref().filter(|id| id.starts_with("JTI="))?;
        let surprise = context.cluster.credentials.surprise_of_unissued(Kind::of(event), id, event.at)?;
        if surprise < MEANINGFUL {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise,
            impact: about(FORGE, 75, "use of a token that nobody was seen to issue"),
            reason: Reason {
                grade: Some(Grade::Credential),
                ..Reason::new("token issue", "token that nobody was seen to issue", Text::new(id))
            },
        })
    }
}

/// A token that is taken although its time is over: no API server makes one so, a stolen signing key does.
pub(super) struct Expired;

impl Detector for Expired {
    fn id(&self) -> &'static str {
        "token-expired"
    }

    fn about(&self) -> &'static str {
        "a token in use after it expired (needs bodies)"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let id = event.credential.id.as_deref()?;
        let end = context.cluster.credentials.life(id)?.ended(event)?;
        Some(Signal {
            detector: self.id(),
            surprise: CERTAIN,
            impact: about(FORGE, 75, "use of a token after it expired"),
            reason: Reason {
                expected: vec![Text::from(format!("no use after {end}"))],
                grade: Some(Grade::Credential),
                ..Reason::new("token end", "token in use after it expired", Text::new(id))
            },
        })
    }
}

/// A long-lived token used after it was declared invalid: wrong by itself.
pub(super) struct Revoked;

impl Detector for Revoked {
    fn id(&self) -> &'static str {
        "token-revoked"
    }

    fn about(&self) -> &'static str {
        "a long-lived token in use after it was called back"
    }

    fn inspect(&self, event: &Event<'_>, _: &Context<'_>) -> Option<Signal> {
        event.facts.revoked_token.then(|| Signal {
            detector: self.id(),
            surprise: CERTAIN,
            impact: about(USE_TOKEN, 60, "use of a token that was called back"),
            reason: Reason::new("token", "invalidated token in use", Text::new(&event.username)),
        })
    }
}
