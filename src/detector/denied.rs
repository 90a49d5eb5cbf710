//! What was refused: the first denial of something, many at once, and credentials that nobody accepts.

use super::{BRUTE_FORCE, Context, Detector, Weighed, about, as_attempted, doublings, scaled};
use crate::alert::{Reason, Signal};
use crate::baseline::Facet;
use crate::burst::{Burst, WINDOW};
use crate::event::{Event, Outcome};
use crate::impact::DISCOVERY;
use crate::text::Text;

/// Different things denied in one window from which they are a burst.
const BURST: u32 = 5;

/// Unauthenticated requests in one window from which they are a burst.
const UNAUTHENTICATED_BURST: u32 = 8;

/// Something that the account does is denied now.
pub(super) struct Denied;

impl Detector for Denied {
    fn id(&self) -> &'static str {
        "denied"
    }

    fn about(&self) -> &'static str {
        "something that the account does is denied now"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let explained = context.novel.intersects(&[Facet::Action, Facet::Namespace, Facet::ActionInNamespace]);
        if explained || !context.novel.contains(Facet::Denied) {
            return None;
        }
        let impact = scaled(as_attempted(event, context.impact), 0, 60);
        context.signal(self.id(), event, Facet::Denied, Weighed { impact, finding: "newly denied", show_usual: false })
    }
}

/// Many different things denied in a short time: somebody is trying doors.
pub(super) struct DeniedBurst;

impl Detector for DeniedBurst {
    fn id(&self) -> &'static str {
        "denied-burst"
    }

    fn about(&self) -> &'static str {
        "five or more different things denied within five minutes"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let burst = context.cluster.denials.of(event).filter(|_| event.outcome.is_denied())?;
        if context.routine_carrier
            || burst.distinct() < BURST.max(2 * burst.usual)
            || !context.novel.contains(Facet::Denied)
        {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise: doublings(burst.distinct(), burst.usual),
            impact: about(DISCOVERY, 50, "trying what is allowed"),
            reason: reason("many different things denied in a short time", BURST, burst.distinct(), burst),
        })
    }
}

/// Many requests without a valid credential from one address.
pub(super) struct UnauthenticatedBurst;

impl Detector for UnauthenticatedBurst {
    fn id(&self) -> &'static str {
        "unauthenticated-burst"
    }

    fn about(&self) -> &'static str {
        "eight or more requests with an invalid credential from one address within five minutes"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let burst = context.cluster.denials.of(event).filter(|_| event.outcome == Outcome::Unauthenticated)?;
        if burst.count < UNAUTHENTICATED_BURST {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise: doublings(burst.count, 0),
            impact: about(BRUTE_FORCE, 55, "trying credentials"),
            reason: reason("many requests with an invalid credential", UNAUTHENTICATED_BURST, burst.count, burst),
        })
    }
}

fn reason(finding: &'static str, limit: u32, n: u32, burst: &Burst) -> Reason {
    Reason {
        expected: vec![Text::from(format!("at most {}", burst.usual))],
        measure: Some(u64::from(n)),
        ..Reason::new("denials", finding, Text::from(format!("{limit} or more in {WINDOW}")))
    }
}
