//! How much an account asks for: its requests in five minutes, compared with its busiest five minutes so far.
//!
//! Each slot is remembered by the power of two below its requests, in 32 bytes: a full histogram would take a third of
//! a baseline, and whether there are twice or four times as many as ever is all that is asked.

use super::{QUARANTINE_DAYS, seconds};
use crate::alert::Bits;
use crate::event::{Span, Timestamp};

/// The length of a slot.
pub const SLOT: Span = Span::minutes(5);

/// Powers of two that are told apart: the last is of half a million requests in a slot, or more.
const POWERS: usize = 20;

/// Requests in a slot below which nobody asks for much: the discovery of one cold client is a hundred.
const LEAST: u32 = 256;

/// An account's requests, slot by slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// The current slot: its number since the Unix epoch.
    pub slot: u32,
    /// Requests in it.
    pub requests: u32,
    /// How many slots before it had requests, by the power of two below their number; no more than 255 are counted.
    pub slots: [u8; POWERS],
    /// An alert came in the current slot: it is no measure of what is usual.
    pub quarantined: bool,
    /// Separate days with such a slot.
    pub days: u8,
    /// The last of them, in days since the Unix epoch.
    pub day: u16,
}

impl Volume {
    /// Counts a request; true if with it the slot has twice the requests of the busiest one before, four times, and so on.
    pub(super) fn count(&mut self, at: Timestamp) -> bool {
        let slot = seconds(at) / 300;
        // a clock that ran ahead must not gather everything in one slot until it is caught up with
        if slot > self.slot || slot + 1 < self.slot {
            self.settle();
            (self.slot, self.requests) = (slot, 0);
        }
        self.requests = self.requests.saturating_add(1);
        self.requests.is_power_of_two()
            && self.requests >= LEAST
            && self.most().is_some_and(|most| self.requests / 2 > most)
    }

    fn settle(&mut self) {
        let quarantined = std::mem::take(&mut self.quarantined);
        if self.days >= QUARANTINE_DAYS {
            self.days = 0;
        }
        if let (Some(power), false) = (self.requests.checked_ilog2(), quarantined) {
            let slots = &mut self.slots[(power as usize).min(POWERS - 1)];
            *slots = slots.saturating_add(1);
        }
    }

    /// Keeps the current slot from becoming normal, unless there were such slots on as many days as end a quarantine.
    pub(super) fn quarantine(&mut self) {
        let day = u16::try_from(self.slot / 288).unwrap_or(u16::MAX);
        self.days += u8::from(self.days == 0 || self.day != day);
        self.day = day;
        self.quarantined = self.days < QUARANTINE_DAYS;
    }

    pub(super) fn fade(&mut self, times: u32) {
        self.slots = self.slots.map(|n| n.checked_shr(times).unwrap_or(0));
    }

    /// The most requests that a slot before the current one had, rounded up to a power of two less one; none if there
    /// was none.
    #[must_use]
    pub fn most(&self) -> Option<u32> {
        let power = self.slots.iter().rposition(|&n| n > 0)?;
        Some((2 << power) - 1)
    }

    /// Slots with requests before the current one.
    #[must_use]
    pub fn known(&self) -> u32 {
        self.slots.iter().map(|&n| u32::from(n)).sum()
    }

    /// How surprising it is that a slot is busier than all before: any of them could have been the busiest.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 5,100 slots")]
    pub fn surprise_of_record(&self) -> Bits {
        Bits((self.known() as f32 + 1.0).log2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::START;

    const DAY: i64 = 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp(START.0 + Span::seconds(second).0)
    }

    /// Asks `n` times in the slot of `second`; how many requests there were whenever that was news.
    fn ask(volume: &mut Volume, second: i64, n: u32) -> Vec<u32> {
        (0..n).filter_map(|_| volume.count(at(second)).then_some(volume.requests)).collect()
    }

    /// An hour of slots of `n` requests.
    fn usual(n: u32) -> Volume {
        let mut volume = Volume::default();
        (0..12).for_each(|slot| _ = ask(&mut volume, 300 * slot, n));
        volume
    }

    #[test]
    fn each_doubling_over_the_busiest_slot_is_news_once() {
        assert_eq!(ask(&mut usual(300), 3_600, 5_000), [1_024, 2_048, 4_096]);
        assert_eq!(usual(300).most(), Some(511));
    }

    #[test]
    fn few_requests_are_never_many() {
        assert_eq!(ask(&mut usual(1), 3_600, 255), [0; 0]);
        assert_eq!(ask(&mut usual(1), 3_600, 256), [256]);
    }

    #[test]
    fn the_first_slot_is_compared_with_nothing() {
        assert_eq!(ask(&mut Volume::default(), 0, 5_000), [0; 0]);
    }

    #[test]
    fn a_record_surprises_the_more_the_more_slots_it_outdoes() {
        let mut volume = usual(10);
        assert!((volume.surprise_of_record().0 - 12_f32.log2()).abs() < 1e-6, "the current slot is not among them");
        (0..9_000).for_each(|slot| _ = ask(&mut volume, 3_600 + 300 * slot, 1));
        assert!(volume.surprise_of_record().0 > 8.0);
    }

    #[test]
    fn what_was_once_busy_is_usual_until_it_has_faded() {
        let mut volume = usual(10);
        assert_eq!(ask(&mut volume, 3_600, 1_000), [256, 512]);
        assert_eq!(ask(&mut volume, 3_900, 1_000), [0; 0]);
        volume.fade(1);
        assert_eq!(volume.most(), Some(15));
    }

    #[test]
    fn a_slot_with_an_alert_is_usual_on_the_third_day() {
        let mut volume = usual(10);
        for day in 1..=3 {
            assert_eq!(ask(&mut volume, day * DAY, 300), [256], "day {day}");
            volume.quarantine();
            volume.quarantine();
        }
        assert_eq!(ask(&mut volume, 3 * DAY + 300, 300), [0; 0]);
    }

    #[test]
    fn a_clock_that_ran_ahead_gathers_nothing() {
        let mut volume = usual(200);
        ask(&mut volume, 100 * DAY, 1);
        for slot in 0..12 {
            assert_eq!(ask(&mut volume, 3_600 + 300 * slot, 200), [0; 0]);
        }
    }
}
