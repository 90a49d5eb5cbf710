//! Many new things in a short time, each of them small: somebody looks around.

use super::{Context, Detector, about};
use crate::alert::{Bits, Reason, Signal};
use crate::baseline::{Facet, Habit};
use crate::burst::WINDOW;
use crate::cluster::STEPS;
use crate::event::Event;
use crate::impact::DISCOVERY;
use crate::text::Text;

/// Different new things in one window from which an account looks around.
const SPREAD: u32 = 6;

/// An account does many things, objects and namespaces that it never did, within minutes.
pub(super) struct Spread;

impl Detector for Spread {
    fn id(&self) -> &'static str {
        "spread"
    }

    fn about(&self) -> &'static str {
        "six or more things within five minutes that the account never did"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let expected = context.routine_carrier || context.person_at_home || context.is_young();
        if expected || !context.novel.intersects(&STEPS) {
            return None;
        }
        let burst = context.cluster.spreads.of(event)?;
        let (now, usual) = (burst.distinct(), burst.usual);
        if now < SPREAD.max(2 * usual) {
            return None;
        }
        let Bits(settled) = context.baseline.surprise(Facet::ActionInNamespace, Habit::Steady);
        Some(Signal {
            detector: self.id(),
            surprise: Bits(super::doublings(now, usual).0.min(settled)),
            impact: about(DISCOVERY, 45, "looking around"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {usual}"))],
                measure: Some(u64::from(now)),
                history: Some(context.baseline.history(Facet::ActionInNamespace, event.at)),
                ..Reason::new(
                    "new things",
                    "many new things in a short time",
                    Text::from(format!("{SPREAD} or more in {WINDOW}")),
                )
            },
        })
    }
}
