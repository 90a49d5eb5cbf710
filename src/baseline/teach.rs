//! What an analyst says of a value.

use super::{Baseline, Entry, Facet, Learning, Standing, Symbol};
use crate::alert::Feedback;
use crate::event::Timestamp;

impl Baseline {
    /// Makes a value normal at once, or keeps it from ever becoming so by itself. One that was never seen, or had to
    /// leave, is learnt as that; `symbol` is asked for only then. Returns what it was before; none if it was not there.
    pub fn teach(
        &mut self,
        feedback: Feedback,
        (facet, value): (Facet, u64),
        at: Timestamp,
        symbol: impl FnOnce() -> Symbol,
    ) -> Option<Standing> {
        // Quarantined at first, so that an analyst's word is no sign of how often the account brings something new.
        let learning = Learning { quarantine: true, declared: false };
        let is_new = self.learn((facet, value), at, learning, symbol);
        let tally = &mut self.tallies[facet as usize];
        let entry = self.values.find_mut(facet, value)?;
        let before = (!is_new).then_some(entry.standing());
        tally.drop(entry);
        *entry = match feedback {
            Feedback::Benign => Entry::released(*entry),
            Feedback::Malicious => Entry::blocked(*entry),
        };
        tally.hold(entry);
        before
    }
}
