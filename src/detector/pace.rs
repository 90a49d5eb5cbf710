//! What shows over time only: many small new things, an account that wakes after a long silence.

use super::{Context, Detector, VALID_ACCOUNTS, about, scaled};
use crate::alert::{Bits, Reason, Signal};
use crate::baseline::{Facet, Habit};
use crate::burst::Excess;
use crate::cluster::STEPS;
use crate::event::{Event, Span};
use crate::impact::DISCOVERY;
use crate::text::Text;

/// Different new things in 5 minutes, an hour, a day and a week from which an account looks around.
const SPREAD: [u32; 4] = [6, 10, 20, 40];

/// An account does many things, objects and namespaces that it never did, at once or drop by drop.
pub(super) struct Spread;

impl Detector for Spread {
    fn id(&self) -> &'static str {
        "spread"
    }

    fn about(&self) -> &'static str {
        "many new things, each of them small: somebody looks around"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let expected = context.routine_carrier || context.person_at_home || context.is_young();
        if expected || !context.novel.intersects(&STEPS) {
            return None;
        }
        let Excess { span, limit, now, usual } = context.cluster.spreads.of(event)?.excess(SPREAD)?;
        let Bits(settled) = context.baseline.surprise(Facet::ActionInNamespace, Habit::Steady);
        Some(Signal {
            detector: self.id(),
            surprise: Bits(super::doublings(now, usual).0.min(settled)),
            impact: about(DISCOVERY, 45, "looking around"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {usual}"))],
                measure: Some(u64::from(now)),
                history: Some(context.baseline.history(Facet::ActionInNamespace, event.at)),
                ..Reason::new("new things", "many new things", Text::from(format!("{limit} or more in {span}")))
            },
        })
    }
}

/// An account that was silent for a week or more, and four times as long as ever before, is in use again.
pub(super) struct Dormant;

impl Detector for Dormant {
    fn id(&self) -> &'static str {
        "dormant"
    }

    fn about(&self) -> &'static str {
        "an account in use again after a long silence"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.is_waking() || context.is_young() {
            return None;
        }
        let (slept, longest) = context.baseline.slept();
        let hours = |span: Span| u32::try_from(span.0 / Span::hours(1).0).unwrap_or(u32::MAX - 1);
        Some(Signal {
            detector: self.id(),
            surprise: super::doublings(hours(slept), hours(longest)),
            impact: about(VALID_ACCOUNTS, scaled(context.impact, 12, 40).weight, "use of an account left alone"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {longest}"))],
                history: Some(context.baseline.history(Facet::Action, event.at)),
                ..Reason::new("silence", "dormant account in use again", Text::from(format!("after {slept}")))
            },
        })
    }
}
