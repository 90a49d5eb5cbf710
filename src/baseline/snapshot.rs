//! A baseline as plain numbers, to be kept and taken up again. What follows from others of them is not among them.

use super::{Baseline, Entry, Facet, Sleep, Tally, Volume, minute};
use crate::event::Timestamp;

/// What a baseline keeps beside its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// First request.
    pub first: Timestamp,
    /// Last request.
    pub last: Timestamp,
    /// Requests seen.
    pub requests: u64,
    /// Chances that there were for something new.
    pub chances: u32,
    /// Minutes in which there was a request.
    pub minutes: u32,
    /// The last active hour, counted from the first request.
    pub hour: u32,
    /// Chances in it.
    pub hour_chances: u16,
    /// The beginning of the current half-life.
    pub epoch: Timestamp,
    /// Its silences.
    pub sleep: Sleep,
    /// How much it asks for.
    pub volume: Volume,
    /// Of each facet, in order of their numbers.
    pub novelties: [Novelties; Facet::COUNT],
}

/// How often a facet brought something new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Novelties {
    /// Active minutes, after the first, that did.
    pub minutes: u16,
    /// The last such minute; the Unix epoch if there was none.
    pub last: Timestamp,
    /// Values that had to leave.
    pub evicted: u16,
}

impl Baseline {
    /// What is to be kept beside the [entries](Baseline::entries).
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let novelties = |tally: Tally| Novelties {
            minutes: tally.novel_minutes,
            last: of_minute(tally.last_novel),
            evicted: tally.evicted,
        };
        Snapshot {
            first: self.first,
            last: self.last,
            requests: self.requests,
            chances: self.chances,
            minutes: self.minutes,
            hour: self.hour,
            hour_chances: self.hour_chances,
            epoch: of_minute(self.epoch),
            sleep: self.sleep,
            volume: self.volume,
            novelties: self.tallies.map(novelties),
        }
    }

    /// The baseline that `kept` was taken of, without its values: these are to be [held](Baseline::hold).
    #[must_use]
    pub fn restore(kept: &Snapshot) -> Self {
        let tally = |novelties: Novelties| Tally {
            novel_minutes: novelties.minutes,
            last_novel: minute(novelties.last),
            evicted: novelties.evicted,
            ..Tally::default()
        };
        Self {
            tallies: kept.novelties.map(tally),
            last: kept.last,
            requests: kept.requests,
            chances: kept.chances,
            // one that only an analyst's word has made has no active minute yet
            minute: if kept.requests == 0 { 0 } else { minute(kept.last) },
            minutes: kept.minutes,
            hour: kept.hour,
            hour_chances: kept.hour_chances,
            epoch: minute(kept.epoch),
            sleep: kept.sleep,
            volume: kept.volume,
            ..Self::new(kept.first)
        }
    }

    /// Takes a value that was kept; false if it is there already, or if its facet is full.
    pub fn hold(&mut self, entry: Entry) -> bool {
        let tally = &mut self.tallies[entry.facet as usize];
        if tally.held >= entry.facet.capacity() || self.values.find(entry.facet, entry.hash()).is_some() {
            return false;
        }
        tally.hold(&entry);
        self.values.insert(entry);
        true
    }
}

fn of_minute(minute: u32) -> Timestamp {
    Timestamp(i64::from(minute) * 60_000_000)
}
