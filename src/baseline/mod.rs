//! What is normal for one principal, and how surprising something new would be.

pub mod facet;
pub mod map;
pub mod peers;
mod symbols;

use hashbrown::HashTable;

use crate::alert::{Bits, History};
use crate::event::{Span, Timestamp};

pub use facet::{Facet, Observation};
pub use symbols::{Symbol, Symbols};

/// Chances that one active hour of an undeclared history counts for, at most: a burst of fifty thousand requests is no
/// month's evidence.
const CHANCES_AN_HOUR: u32 = 16;

/// Separate days on which a quarantined value must be seen before it counts as normal.
const QUARANTINE_DAYS: u8 = 3;

/// One value of one facet.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    hash: u64,
    /// The value as it is shown.
    pub symbol: Symbol,
    /// How often it was seen.
    pub count: u32,
    first: u32,
    last: u32,
    days: u8,
    facet: Facet,
    quarantined: bool,
}

impl Entry {
    /// When it was first seen, to the second.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        Timestamp(i64::from(self.first) * 1_000_000)
    }

    /// When it was last seen, to the second.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        Timestamp(i64::from(self.last) * 1_000_000)
    }

    /// Whether it came with an alert and has not been seen on enough separate days since.
    #[must_use]
    pub const fn is_quarantined(&self) -> bool {
        self.quarantined
    }
}

/// Counts of one facet.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Values held, quarantined ones included.
    known: u16,
    /// Of these, seen once: Good and Turing's measure of what is still unseen.
    once: u16,
    /// Values that had to leave.
    evicted: u16,
}

/// What one principal normally does.
#[derive(Clone, Debug)]
pub struct Baseline {
    values: HashTable<Entry>,
    tallies: [Tally; Facet::COUNT],
    first: Timestamp,
    last: Timestamp,
    requests: u64,
    chances: u32,
    hour: u32,
    hour_chances: u16,
    hours: u16,
}

impl Baseline {
    /// An empty baseline of a principal first seen at `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            values: HashTable::new(),
            tallies: [Tally::default(); Facet::COUNT],
            first: at,
            last: at,
            requests: 0,
            chances: 0,
            hour: 0,
            hour_chances: 0,
            hours: 0,
        }
    }

    /// The entry of a value; none if it was never seen or had to leave.
    #[must_use]
    pub fn entry(&self, facet: Facet, value: u64) -> Option<&Entry> {
        self.values.find(value, |e| e.hash == value && e.facet == facet)
    }

    /// Whether a value is normal: seen before and not in quarantine.
    #[must_use]
    pub fn knows(&self, facet: Facet, value: u64) -> bool {
        self.entry(facet, value).is_some_and(|e| !e.quarantined)
    }

    /// How surprising a new value of `facet` is: `-log2` of the Good-Turing probability that the next request brings
    /// one, from the values seen once among all chances there were.
    ///
    /// Of a young account it is near zero: it has had few chances, and most of its values are seen once.
    #[must_use]
    pub fn surprise(&self, facet: Facet) -> Bits {
        let once = f32::from(self.tallies[facet as usize].once);
        #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
        let chances = self.chances as f32;
        Bits(-((once + 0.5) / (chances + 1.0)).min(1.0).log2())
    }

    /// How many chances there were: requests of a declared period, and a few for each active hour after it.
    #[must_use]
    pub const fn chances(&self) -> u32 {
        self.chances
    }

    /// Requests seen.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// First and last request.
    #[must_use]
    pub const fn seen(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// Values of `facet` known.
    #[must_use]
    pub const fn known(&self, facet: Facet) -> u16 {
        self.tallies[facet as usize].known
    }

    /// Values that had to leave because a facet was full.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.tallies.iter().map(|t| u64::from(t.evicted)).sum()
    }

    /// The numbers that a statement about `facet` at `at` rests on.
    #[must_use]
    pub fn history(&self, facet: Facet, at: Timestamp) -> History {
        History { requests: self.requests, age: at.since(self.first), known: u32::from(self.known(facet)) }
    }

    /// Every value held.
    pub fn entries(&self) -> impl Iterator<Item = (Facet, &Entry)> {
        self.values.iter().map(|e| (e.facet, e))
    }

    /// The normal values of `facet`, the most frequent first.
    #[must_use]
    pub fn usual(&self, facet: Facet, most: usize) -> Vec<Symbol> {
        let mut all: Vec<&Entry> = self.values.iter().filter(|e| e.facet == facet && !e.quarantined).collect();
        all.sort_unstable_by_key(|e| (u32::MAX - e.count, e.first, e.symbol));
        all.into_iter().take(most).map(|e| e.symbol).collect()
    }

    /// Counts one request at `at`; `declared` is a period said to be normal and complete.
    pub fn count(&mut self, at: Timestamp, declared: bool) {
        self.requests += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        if declared {
            self.chances = self.chances.saturating_add(1);
            return;
        }
        let hour = hour(at);
        if hour > self.hour {
            self.hour = hour;
            self.hours = self.hours.saturating_add(1);
            self.hour_chances = 0;
        }
        // The first active hour is for getting acquainted: nothing in it can be surprising yet.
        if (self.hours > 1 || self.chances > 0) && u32::from(self.hour_chances) < CHANCES_AN_HOUR {
            self.hour_chances += 1;
            self.chances = self.chances.saturating_add(1);
        }
    }

    /// Learns one value; `symbol` is asked for only if it is new. True if it was not there before.
    pub fn observe(
        &mut self,
        (facet, value): (Facet, u64),
        at: Timestamp,
        quarantine: bool,
        symbol: impl FnOnce() -> Symbol,
    ) -> bool {
        let tally = &mut self.tallies[facet as usize];
        if let Some(entry) = self.values.find_mut(value, |e| e.hash == value && e.facet == facet) {
            tally.once -= u16::from(entry.count == 1);
            entry.count = entry.count.saturating_add(1);
            entry.see(seconds(at));
            return false;
        }
        if tally.known >= facet.capacity() {
            self.evict(facet);
        }
        let now = seconds(at);
        let entry = Entry {
            hash: value,
            symbol: symbol(),
            count: 1,
            first: now,
            last: now,
            days: 1,
            facet,
            quarantined: quarantine,
        };
        self.values.insert_unique(value, entry, |e| e.hash);
        let tally = &mut self.tallies[facet as usize];
        tally.known += 1;
        tally.once += 1;
        true
    }

    /// Makes room in a full facet: the least recently seen value leaves.
    fn evict(&mut self, facet: Facet) {
        let oldest = self.values.iter().filter(|e| e.facet == facet).min_by_key(|e| (e.last, e.hash)).copied();
        let Some(oldest) = oldest else { return };
        if let Ok(entry) = self.values.find_entry(oldest.hash, |e| e.hash == oldest.hash && e.facet == facet) {
            entry.remove();
        }
        let tally = &mut self.tallies[facet as usize];
        tally.known -= 1;
        tally.once -= u16::from(oldest.count == 1);
        tally.evicted = tally.evicted.saturating_add(1);
    }
}

impl Entry {
    fn see(&mut self, now: u32) {
        const DAY: u32 = 86_400;
        if now / DAY > self.last / DAY {
            self.days = self.days.saturating_add(1);
            self.quarantined &= self.days < QUARANTINE_DAYS;
        }
        self.last = self.last.max(now);
    }
}

/// Whole seconds since the epoch; what lies outside 1970 to 2106 is moved to its edge.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from((at.0 / 1_000_000).max(0)).unwrap_or(u32::MAX)
}

fn hour(at: Timestamp) -> u32 {
    seconds(at) / 3_600
}

/// How long a principal may be silent before its baseline may leave (90 days).
pub const FORGET_AFTER: Span = Span::days(90);
