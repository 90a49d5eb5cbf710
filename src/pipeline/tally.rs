//! What a run counted.

use std::collections::BTreeMap;

use crate::event::{Event, Outcome, Timestamp};
use crate::source::archive::Fault;

/// Every outcome, in the order of its number.
pub(super) const OUTCOMES: [Outcome; 6] = [
    Outcome::Allowed,
    Outcome::Refused,
    Outcome::Denied,
    Outcome::ImpersonationDenied,
    Outcome::Unauthenticated,
    Outcome::Throttled,
];

/// Counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that taught and were not judged.
    pub learned: u64,
    /// Records that were dropped as repeats of others.
    pub repeats: u64,
    /// Events that tell nothing of their own: a request's first stage, the end of one already judged.
    pub unjudged: u64,
    /// Files that could not be read, or not to their end.
    pub faults: Vec<Fault>,
    pub(super) outcomes: [u64; OUTCOMES.len()],
    pub(super) rejects: BTreeMap<&'static str, u64>,
    pub(super) period: Option<(Timestamp, Timestamp)>,
}

impl Tally {
    /// Counts an event that was judged.
    pub(super) fn judged(&mut self, event: &Event<'_>) {
        self.outcomes[event.outcome as usize] += 1;
        let (first, last) = self.period.unwrap_or((event.at, event.at));
        self.period = Some((first.min(event.at), last.max(event.at)));
    }

    /// Counts a record that gave no event.
    pub(super) fn reject(&mut self, reason: &'static str) {
        *self.rejects.entry(reason).or_default() += 1;
    }

    /// Records that gave no event.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Events of every kind.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.learned + self.repeats + self.unjudged + self.outcomes.iter().sum::<u64>()
    }
}
