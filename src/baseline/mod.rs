//! What is normal for one principal, and how surprising something new would be.

mod entry;
pub mod facet;
pub mod map;
pub mod peers;
mod sleep;
mod snapshot;
mod symbols;
mod teach;
mod values;
mod volume;

use crate::alert::{Bits, History};
use crate::event::{Span, Timestamp};

pub use entry::{Entry, QUARANTINE_DAYS, Standing};
pub use facet::{Facet, Novel, Observation};
pub use sleep::Sleep;
pub use snapshot::{Novelties, Snapshot};
pub use symbols::{Symbol, Symbols};
use values::Values;
pub use volume::{SLOT, Volume};

/// Chances that one active hour of an undeclared history counts for, at most: a burst of fifty thousand requests is no
/// month's evidence.
const CHANCES_AN_HOUR: u16 = 16;

/// Days after which what was learnt counts for half.
pub const HALF_LIFE_DAYS: u32 = 30;

/// The same in minutes.
const HALF_LIFE: u32 = HALF_LIFE_DAYS * 24 * 60;

/// How long a value may be unseen before it is new again.
pub const FORGET_AFTER: Span = Span::days(90);

/// Counts of one facet.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Values held, quarantined ones included.
    held: u16,
    /// Of these, in quarantine.
    quarantined: u16,
    /// Of these, seen once: Good and Turing's measure of what is still unseen.
    once: u16,
    /// Values that had to leave.
    evicted: u16,
    /// Active minutes, after the first, that brought a new value.
    novel_minutes: u16,
    /// The last such minute.
    last_novel: u32,
}

/// How something is learnt.
#[derive(Clone, Copy, Debug)]
pub struct Learning {
    /// It came with an alert: it must not become normal by itself.
    pub quarantine: bool,
    /// It is of a period declared normal and complete.
    pub declared: bool,
}

/// How often one like this brings something new, before it has shown how often it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// A program: hardly ever after its first minute.
    Steady,
    /// A person at their own desk: in two of three minutes in which they work.
    Exploring,
}

impl Habit {
    /// The prior: minutes with something new, of how many minutes.
    const fn prior(self) -> (f32, f32) {
        match self {
            Self::Steady => (0.25, 1.0),
            Self::Exploring => (8.0, 12.0),
        }
    }
}

/// What one principal normally does.
#[derive(Clone, Debug)]
pub struct Baseline {
    values: Values,
    tallies: [Tally; Facet::COUNT],
    first: Timestamp,
    last: Timestamp,
    requests: u64,
    chances: u32,
    minute: u32,
    minutes: u32,
    hour: u32,
    hour_chances: u16,
    /// The minute from which the current half-life runs.
    epoch: u32,
    sleep: Sleep,
    volume: Volume,
}

impl Baseline {
    /// An empty baseline of a principal first seen at `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            values: Values::default(),
            tallies: [Tally::default(); Facet::COUNT],
            first: at,
            last: at,
            requests: 0,
            chances: 0,
            minute: 0,
            minutes: 0,
            hour: 0,
            hour_chances: 0,
            epoch: minute(at),
            sleep: Sleep::default(),
            volume: Volume::default(),
        }
    }

    /// The entry of a value; none if it was never seen or had to leave.
    #[must_use]
    pub fn entry(&self, facet: Facet, value: u64) -> Option<&Entry> {
        self.values.find(facet, value)
    }

    /// How surprising a new value of `facet` is: `-log2` of the probability that there is one now, by the likelier of
    /// two estimates: Good and Turing's for the next request (values seen once among all chances there were), and the
    /// share of active minutes that brought something new, which does not take a busy loop for long experience.
    ///
    /// Of a young account it is near zero: it has had few chances, and much of what it did was new.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
    pub fn surprise(&self, facet: Facet, habit: Habit) -> Bits {
        let tally = self.tallies[facet as usize];
        let (novel, minutes) = habit.prior();
        let by_request = (f32::from(tally.once) + 0.5) / (self.chances as f32 + 0.5);
        let by_minute = (f32::from(tally.novel_minutes) + novel) / (self.minutes as f32 + minutes);
        bits(by_request.max(by_minute))
    }

    /// How surprising the new value `value` of [`Facet::Body`] is among those of the same deed on the same kind of object,
    /// by Good and Turing's estimate: nothing, if no such body was ever logged.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
    pub fn surprise_of_body(&self, value: u64) -> Bits {
        let (once, chances) = self.comparable(Facet::Body, value).fold((0_u32, 0_u32), |(once, chances), e| {
            (once + u32::from(e.is_single()), chances.saturating_add(e.count))
        });
        bits((once as f32 + 0.5) / (chances as f32 + 0.5))
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

    /// The silence that the account has woken from, and the longest one before it.
    #[must_use]
    pub const fn slept(&self) -> (Span, Span) {
        (Span::seconds(self.sleep.last as i64), Span::seconds(self.sleep.longest as i64))
    }

    /// How many requests it makes in a while.
    #[must_use]
    pub const fn volume(&self) -> &Volume {
        &self.volume
    }

    /// Says that an alert came: how much is asked for now must not become normal by itself.
    pub fn quarantine_volume(&mut self) {
        self.volume.quarantine();
    }

    /// First and last request.
    #[must_use]
    pub const fn seen(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// Values of `facet` that are normal.
    #[must_use]
    pub const fn known(&self, facet: Facet) -> u16 {
        let Tally { held, quarantined, .. } = self.tallies[facet as usize];
        held - quarantined
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

    /// The normal values that `value` of `facet` is compared with, the most frequent first: of objects in bodies those
    /// of the same kind, of all else all.
    #[must_use]
    pub fn usual(&self, facet: Facet, value: u64, most: usize) -> Vec<Symbol> {
        let mut all: Vec<&Entry> = self.comparable(facet, value).collect();
        all.sort_unstable_by_key(|e| (u32::MAX - e.count, e.first(), e.hash()));
        all.into_iter().take(most).map(|e| e.symbol).collect()
    }

    fn comparable(&self, facet: Facet, value: u64) -> impl Iterator<Item = &Entry> {
        let is_comparable = move |hash| facet != Facet::Body || facet::is_same_kind(hash, value);
        self.values.iter().filter(move |e| e.facet == facet && !e.is_quarantined() && is_comparable(e.hash()))
    }

    /// Counts one request: what is known of it is seen once more, what is not is returned. Nothing is learnt yet.
    pub fn touch(&mut self, seen: &Observation, at: Timestamp, declared: bool) -> Novel {
        self.age(at);
        let (now, origin) = (seconds(at), self.first);
        let mut novel = Novel::default();
        for (facet, value) in seen.iter() {
            match self.values.find_mut(facet, value) {
                Some(entry) => {
                    if entry.is_quarantined() || (seen.is_probationary(facet) && entry.is_on_probation(at, origin)) {
                        novel.insert(facet);
                    }
                    let tally = &mut self.tallies[facet as usize];
                    tally.once -= u16::from(entry.is_single());
                    tally.quarantined -= u16::from(entry.see(now));
                }
                None => novel.insert(facet),
            }
        }
        self.count(at, declared);
        if self.sleep.is_waking(at) {
            novel.wake();
        }
        if self.volume.count(at) {
            novel.surge();
        }
        novel
    }

    /// Lets what was learnt fade by as many half-lives as have passed.
    fn age(&mut self, at: Timestamp) {
        let times = minute(at).saturating_sub(self.epoch) / HALF_LIFE;
        if times == 0 {
            return;
        }
        self.epoch += times * HALF_LIFE;
        self.chances = halved(self.chances, times);
        self.minutes = halved(self.minutes, times);
        self.volume.fade(times);
        self.values.retain(|entry| {
            entry.fade(times);
            entry.is_blocked() || at.since(entry.last()) <= FORGET_AFTER
        });
        for tally in &mut self.tallies {
            let novel_minutes = tally.novel_minutes.checked_shr(times).unwrap_or(0);
            *tally = Tally { held: 0, quarantined: 0, once: 0, novel_minutes, ..*tally };
        }
        self.values.iter().for_each(|entry| self.tallies[entry.facet as usize].hold(entry));
    }

    fn count(&mut self, at: Timestamp, declared: bool) {
        self.sleep.pass(self.last, at);
        self.requests += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        let minute = minute(at);
        if minute > self.minute {
            self.minute = minute;
            self.minutes += 1;
        }
        let hour = minute.saturating_sub(self::minute(self.first)) / 60;
        if hour > self.hour {
            self.hour = hour;
            self.hour_chances = 0;
        }
        // Undeclared, the first hour is for getting acquainted: nothing in it can be surprising yet.
        let acquainted = self.hour > 0 || self.chances > 0;
        if declared || (acquainted && self.hour_chances < CHANCES_AN_HOUR) {
            self.hour_chances = self.hour_chances.saturating_add(1);
            self.chances = self.chances.saturating_add(1);
        }
    }

    /// Learns a value that was not there; `symbol` is asked for only if it still is not. True if it was learnt now.
    ///
    /// A quarantined value says nothing of how often this account brings something new: an attacker does not dull the
    /// ear by shouting.
    pub fn learn(
        &mut self,
        (facet, value): (Facet, u64),
        at: Timestamp,
        learning: Learning,
        symbol: impl FnOnce() -> Symbol,
    ) -> bool {
        if self.entry(facet, value).is_some() {
            return false;
        }
        if self.tallies[facet as usize].held >= facet.capacity() {
            self.evict(facet);
        }
        let entry = Entry::new((facet, value), symbol(), at, learning);
        self.values.insert(entry);
        self.tallies[facet as usize].add(&entry, minute(at), self.minutes);
        true
    }

    /// Makes room in a full facet: the least recently seen value leaves, one that is blocked only if all are.
    fn evict(&mut self, facet: Facet) {
        let of_facet = self.values.iter().filter(|e| e.facet == facet);
        let oldest = of_facet.min_by_key(|e| (e.is_blocked(), e.last(), e.hash())).copied();
        let Some(oldest) = oldest else { return };
        self.values.remove(facet, oldest.hash());
        let tally = &mut self.tallies[facet as usize];
        tally.drop(&oldest);
        tally.evicted = tally.evicted.saturating_add(1);
    }
}

impl Tally {
    /// Counts a value that is held.
    fn hold(&mut self, entry: &Entry) {
        self.held += 1;
        self.quarantined += u16::from(entry.is_quarantined());
        self.once += u16::from(entry.is_single());
    }

    /// Counts a value that is held no longer.
    fn drop(&mut self, entry: &Entry) {
        self.held -= 1;
        self.quarantined -= u16::from(entry.is_quarantined());
        self.once -= u16::from(entry.is_single());
    }

    /// Counts a value that is new in `minute`, one of `minutes` active ones.
    fn add(&mut self, entry: &Entry, minute: u32, minutes: u32) {
        self.hold(entry);
        if entry.is_quarantined() {
            return;
        }
        if minutes > 1 && minute > self.last_novel {
            self.novel_minutes = self.novel_minutes.saturating_add(1);
        }
        self.last_novel = minute;
    }
}

/// `n`, halved `times` times.
pub(crate) fn halved(n: u32, times: u32) -> u32 {
    n.checked_shr(times).unwrap_or(0)
}

/// `-log2` of a probability; of certainty it is 0, where a negation would say `-0.0`.
fn bits(probability: f32) -> Bits {
    Bits(0.0 - probability.min(1.0).log2())
}

/// Whole seconds since the epoch; what lies outside 1970 to 2106 is moved to its edge.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from((at.0 / 1_000_000).max(0)).unwrap_or(u32::MAX)
}

fn minute(at: Timestamp) -> u32 {
    seconds(at) / 60
}

#[cfg(test)]
mod tests;
