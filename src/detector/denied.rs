//! What was refused: the first denial of something, many at once, and credentials that nobody accepts.

use super::{BRUTE_FORCE, Context, Detector, Weighed, about, as_attempted, doublings, scaled};
use crate::alert::{Reason, Signal};
use crate::baseline::Facet;
use crate::burst::{Excess, SPANS};
use crate::event::{Event, Outcome};
use crate::impact::DISCOVERY;
use crate::text::Text;

/// Different things denied in 5 minutes, an hour, a day and a week from which they are a burst.
const BURST: [u32; 4] = [5, 8, 15, 30];

/// Unauthenticated requests in 5 minutes from which they are a burst.
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

/// Many different things denied, at once or drop by drop: somebody is trying doors.
pub(super) struct DeniedBurst;

impl Detector for DeniedBurst {
    fn id(&self) -> &'static str {
        "denied-burst"
    }

    fn about(&self) -> &'static str {
        "many different things denied, at once or drop by drop"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if context.routine_carrier || !event.outcome.is_denied() || !context.novel.contains(Facet::Denied) {
            return None;
        }
        let excess = context.cluster.denials.of(event)?.excess(BURST)?;
        Some(Signal {
            detector: self.id(),
            surprise: doublings(excess.now, excess.usual),
            impact: about(DISCOVERY, 50, "trying what is allowed"),
            reason: reason("many different things denied", excess),
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
        let (now, limit) = (burst.shortest().count, UNAUTHENTICATED_BURST);
        if now < limit {
            return None;
        }
        Some(Signal {
            detector: self.id(),
            surprise: doublings(now, 0),
            impact: about(BRUTE_FORCE, 55, "trying credentials"),
            reason: reason("many requests with an invalid credential", Excess { span: SPANS[0], limit, now, usual: 0 }),
        })
    }
}

fn reason(finding: &'static str, Excess { span, limit, now, usual }: Excess) -> Reason {
    Reason {
        expected: vec![Text::from(format!("at most {usual}"))],
        measure: Some(u64::from(now)),
        ..Reason::new("denials", finding, Text::from(format!("{limit} or more in {span}")))
    }
}
