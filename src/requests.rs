//! One request is judged once: which of its stages counts, and what has been seen already.

use std::hash::Hash;

use hashbrown::HashTable;

use crate::baseline::facet::hash;
use crate::event::{Event, Stage};

/// One API server's log: where events of one order come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feed(pub u16);

/// Whether an event is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is the one event of its request that counts.
    Judge,
    /// The same event of the same feed was there before.
    Repeat,
    /// `RequestReceived`, or the end of a long-running request that was judged when it started.
    Skip,
}

/// Recent requests by identity, in two generations of at most `capacity` each: a repeat is recognised for at least that
/// many events, and memory is bounded.
///
/// The identity of an event is (feed, audit id, `requestReceivedTimestamp`, stage). The audit id alone is the client's
/// choice, and legitimately occurs twice with aggregated and peer-proxied API servers.
#[derive(Debug)]
pub struct Requests {
    recent: HashTable<u64>,
    older: HashTable<u64>,
    capacity: usize,
}

impl Requests {
    /// Recognises repeats among the last `capacity` events or more.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { recent: HashTable::with_capacity(capacity), older: HashTable::new(), capacity: capacity.max(1) }
    }

    /// The hashes to be kept of recent and of older requests, sorted.
    #[must_use]
    pub fn snapshot(&self) -> [Vec<u64>; 2] {
        [&self.recent, &self.older].map(|generation| {
            let mut seen: Vec<u64> = generation.iter().copied().collect();
            seen.sort_unstable();
            seen
        })
    }

    /// The window of which `kept` was taken, which from now on holds `capacity`.
    #[must_use]
    pub fn restore(capacity: usize, [recent, older]: [Vec<u64>; 2]) -> Self {
        let mut requests = Self::new(capacity);
        for (generation, seen) in [(&mut requests.recent, recent), (&mut requests.older, older)] {
            for request in seen {
                generation
                    .entry(request & !STAGES, |&s| s & !STAGES == request & !STAGES, |s| s & !STAGES)
                    .insert(request);
            }
        }
        requests
    }

    /// Decides on an event, and remembers it.
    pub fn admit(&mut self, feed: Feed, event: &Event<'_>) -> Admission {
        if event.stage == Stage::RequestReceived {
            return Admission::Skip;
        }
        let request = hash(|h| (feed.0, &*event.audit_id, event.received.0).hash(h)) & !STAGES;
        let stage = if event.stage == Stage::ResponseStarted { STARTED } else { ENDED };
        let before = self.note(request, stage);
        if before & stage != 0 {
            Admission::Repeat
        } else if before & STARTED != 0 {
            Admission::Skip
        } else {
            // Where the policy omits ResponseStarted, a long-running request is judged when it ends.
            Admission::Judge
        }
    }

    /// Adds a stage to what was seen of a request, and returns what was seen before.
    fn note(&mut self, request: u64, stage: u64) -> u64 {
        let same = |&seen: &u64| seen & !STAGES == request;
        if let Some(seen) = self.recent.find_mut(request, same) {
            let before = *seen & STAGES;
            *seen |= stage;
            return before;
        }
        let before = self.older.find(request, same).map_or(0, |seen| seen & STAGES);
        if self.recent.len() >= self.capacity {
            std::mem::swap(&mut self.recent, &mut self.older);
            self.recent.clear();
        }
        self.recent.insert_unique(request, request | before | stage, |seen| seen & !STAGES);
        before
    }
}

/// The low bits of a remembered request say which of its stages were seen.
const STAGES: u64 = STARTED | ENDED;
const STARTED: u64 = 1;
const ENDED: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use crate::sample::event;

    fn at_stage(stage: Stage) -> Event<'static> {
        Event { stage, ..event() }
    }

    #[test]
    fn a_watch_is_judged_when_it_starts_and_only_then() {
        let mut requests = Requests::new(10);
        assert_eq!(requests.admit(Feed(0), &at_stage(Stage::RequestReceived)), Admission::Skip);
        assert_eq!(requests.admit(Feed(0), &at_stage(Stage::ResponseStarted)), Admission::Judge);
        assert_eq!(requests.admit(Feed(0), &at_stage(Stage::ResponseComplete)), Admission::Skip);
    }

    #[test]
    fn without_a_start_the_end_is_judged() {
        assert_eq!(Requests::new(10).admit(Feed(0), &at_stage(Stage::ResponseComplete)), Admission::Judge);
        assert_eq!(Requests::new(10).admit(Feed(0), &at_stage(Stage::Panic)), Admission::Judge);
    }

    #[test]
    fn a_repeat_is_the_same_event_of_the_same_feed() {
        let mut requests = Requests::new(10);
        let event = at_stage(Stage::ResponseComplete);
        assert_eq!(requests.admit(Feed(0), &event), Admission::Judge);
        assert_eq!(requests.admit(Feed(0), &event), Admission::Repeat);
        assert_eq!(requests.admit(Feed(1), &event), Admission::Judge);
        let mut later = event.after(Span::seconds(1));
        later.audit_id = "a-1".into();
        assert_eq!(requests.admit(Feed(0), &later), Admission::Judge, "the client chose an id that was used before");
    }

    #[test]
    fn what_was_kept_recognises_the_same_repeats() {
        let mut requests = Requests::new(10);
        for n in 0..15 {
            requests.admit(Feed(0), &event().after(Span::seconds(n)));
        }
        requests.admit(Feed(0), &Event { stage: Stage::ResponseStarted, ..event().after(Span::seconds(15)) });
        let [recent, older] = requests.snapshot();
        assert_eq!((recent.len(), older.len()), (6, 10));
        let mut restored = Requests::restore(100, [recent, older]);
        assert_eq!(restored.snapshot(), requests.snapshot());
        for n in 0..15 {
            assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(n))), Admission::Repeat);
        }
        assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(15))), Admission::Skip);
        assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(16))), Admission::Judge);
    }

    #[test]
    fn the_window_is_bounded_and_holds_at_least_its_capacity() {
        let mut requests = Requests::new(100);
        for n in 0..1_000 {
            assert_eq!(requests.admit(Feed(0), &event().after(Span::seconds(n))), Admission::Judge);
        }
        for n in 900..1_000 {
            assert_eq!(requests.admit(Feed(0), &event().after(Span::seconds(n))), Admission::Repeat);
        }
        assert!(requests.recent.len() + requests.older.len() <= 200);
    }
}
