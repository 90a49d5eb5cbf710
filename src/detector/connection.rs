//! Connections: what runs through an exec, what lies behind a proxy.

use super::{Context, Detector, Weighed, as_attempted, scaled};
use crate::alert::Signal;
use crate::baseline::Facet;
use crate::event::Event;

/// A known connection that reaches something new: another program in an exec, another path behind a kubelet's proxy.
pub(super) struct NewReach;

impl Detector for NewReach {
    fn id(&self) -> &'static str {
        "new-reach"
    }

    fn about(&self) -> &'static str {
        "another program in an exec, another path behind a node's proxy"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if context.novel.contains(Facet::Action) || !context.novel.contains(Facet::Reach) {
            return None;
        }
        let impact = scaled(as_attempted(event, context.impact), 0, 75);
        context.signal(self.id(), event, Facet::Reach, Weighed { impact, finding: "new reach", show_usual: true })
    }
}
