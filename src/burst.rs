//! Denials in a short time: of one principal, or of one address if nobody is known.

use std::collections::HashMap;
use std::hash::Hash;

use crate::baseline::facet::hash;
use crate::baseline::{Facet, Observation};
use crate::event::{Event, Outcome, PrincipalKind, Span, Timestamp};

/// How long a burst may take.
pub const WINDOW: Span = Span::minutes(5);

/// The most different things that are told apart in one window.
const MAX_DISTINCT: usize = 64;

/// The most principals and addresses that are watched at once; the oldest window makes room.
const MAX_BURSTS: usize = 10_000;

/// What was denied to one principal or address within [`WINDOW`].
#[derive(Clone, Debug, Default)]
pub struct Burst {
    start: Timestamp,
    /// Denials in this window.
    pub count: u32,
    distinct: Vec<u64>,
    /// The most different things denied in any earlier window.
    pub usual: u32,
}

impl Burst {
    /// Different things denied in this window, at most 64.
    #[must_use]
    pub fn distinct(&self) -> u32 {
        u32::try_from(self.distinct.len()).unwrap_or(u32::MAX)
    }
}

/// All windows that are open.
#[derive(Debug, Default)]
pub struct Bursts {
    open: HashMap<u64, Burst, foldhash::fast::FixedState>,
}

impl Bursts {
    /// Counts a denied or unauthenticated event; false if it is neither.
    pub fn count(&mut self, event: &Event<'_>, seen: &Observation) -> bool {
        let denied = event.outcome.is_denied() || event.outcome == Outcome::Unauthenticated;
        let Some(what) = seen.value(Facet::ActionInNamespace).filter(|_| denied) else { return false };
        if self.open.len() >= MAX_BURSTS {
            self.make_room();
        }
        let burst = self.open.entry(key(event)).or_default();
        if event.at.since(burst.start) > WINDOW {
            burst.usual = burst.usual.max(burst.distinct());
            (burst.start, burst.count) = (event.at, 0);
            burst.distinct.clear();
        }
        burst.count += 1;
        if burst.distinct.len() < MAX_DISTINCT && !burst.distinct.contains(&what) {
            burst.distinct.push(what);
        }
        true
    }

    /// The window of whoever made `event`, if anything was denied to them.
    #[must_use]
    pub fn of(&self, event: &Event<'_>) -> Option<&Burst> {
        self.open.get(&key(event))
    }

    fn make_room(&mut self) {
        let mut starts: Vec<Timestamp> = self.open.values().map(|b| b.start).collect();
        let leaving = starts.len().div_ceil(4);
        let (_, &mut limit, _) = starts.select_nth_unstable(leaving - 1);
        self.open.retain(|_, burst| burst.start > limit);
    }
}

/// Nobody in particular is told apart by address.
fn key(event: &Event<'_>) -> u64 {
    match event.principal().kind() {
        PrincipalKind::Anonymous => hash(|h| event.source_ip.hash(h)),
        _ => hash(|h| event.username.hash(h)),
    }
}
