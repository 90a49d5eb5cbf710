//! One request is judged once: which of its stages counts, and what has been seen already.

use std::hash::Hash;

use hashbrown::HashTable;

use crate::baseline::facet::hash;
use crate::event::{Event, Stage, Timestamp};

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

/// What makes a request long-running: its verb, or its subresource. Of these an API server writes `ResponseStarted` when
/// their response begins, of others only to refuse whoever is not authenticated.
const LONG_RUNNING: [&str; 6] = ["watch", "proxy", "exec", "attach", "portforward", "log"];

/// The bit of a long-running request's kind; zero of any other.
fn long_running(event: &Event<'_>) -> u8 {
    let is = |word: &str| *event.verb == *word || *event.target.subresource == *word;
    LONG_RUNNING.iter().position(|word| is(word)).map_or(0, |n| 1 << n)
}

/// Which starts of long-running requests a feed has: a policy may omit them, of all or of some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// When the feed's first event was written.
    pub since: Timestamp,
    /// The kinds of which starts were seen, one bit each.
    pub seen: u8,
    /// The kinds of which one ended whose start would have been seen, one bit each.
    pub missed: u8,
}

impl Starts {
    /// The words for the kinds in `bits`.
    #[must_use]
    pub fn words(bits: u8) -> Vec<&'static str> {
        LONG_RUNNING.into_iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, word)| word).collect()
    }

    /// The kinds that these words stand for; none if there is another word.
    #[must_use]
    pub fn bits(words: &[String]) -> Option<u8> {
        let bit = |word: &String| LONG_RUNNING.iter().position(|known| known == word).map(|n| 1 << n);
        words.iter().try_fold(0, |bits, word| Some(bits | bit(word)?))
    }
}

/// What is remembered of requests, as plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Hashes of recent requests, sorted.
    pub recent: Vec<u64>,
    /// Those of older ones.
    pub older: Vec<u64>,
    /// When the first event of both was written, recent ones first.
    pub since: [Timestamp; 2],
    /// By feed.
    pub starts: Vec<Starts>,
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
    /// When the first event of both was written.
    since: [Timestamp; 2],
    /// By feed: there are as many as are read at once, and a few thousand at most.
    starts: Vec<Starts>,
    capacity: usize,
}

impl Requests {
    /// Recognises repeats among the last `capacity` events or more.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            recent: HashTable::with_capacity(capacity),
            older: HashTable::new(),
            since: [Timestamp::default(); 2],
            starts: Vec::new(),
            capacity: capacity.max(1),
        }
    }

    /// What is to be kept.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let [recent, older] = [&self.recent, &self.older].map(|generation| {
            let mut seen: Vec<u64> = generation.iter().copied().collect();
            seen.sort_unstable();
            seen
        });
        Snapshot { recent, older, since: self.since, starts: self.starts.clone() }
    }

    /// The window of which `kept` was taken, which from now on holds `capacity`.
    #[must_use]
    pub fn restore(capacity: usize, kept: Snapshot) -> Self {
        let mut requests = Self { since: kept.since, starts: kept.starts, ..Self::new(capacity) };
        for (generation, seen) in [(&mut requests.recent, kept.recent), (&mut requests.older, kept.older)] {
            for request in seen {
                generation
                    .entry(request & !STAGES, |&s| s & !STAGES == request & !STAGES, |s| s & !STAGES)
                    .insert(request);
            }
        }
        requests
    }

    /// Which starts of long-running requests each feed has.
    #[must_use]
    pub fn starts(&self) -> &[Starts] {
        &self.starts
    }

    /// Decides on an event, and remembers it.
    pub fn admit(&mut self, feed: Feed, event: &Event<'_>) -> Admission {
        if event.stage == Stage::RequestReceived {
            return Admission::Skip;
        }
        let starts = self.starts_of(feed, event.at);
        let request = hash(|h| (feed.0, &*event.audit_id, event.received.0).hash(h)) & !STAGES;
        let stage = if event.stage == Stage::ResponseStarted { STARTED } else { ENDED };
        let before = self.note(request, stage, event.at);
        if before & stage != 0 {
            Admission::Repeat
        } else if before & STARTED != 0 {
            Admission::Skip
        } else if stage == STARTED {
            self.starts[usize::from(feed.0)].seen |= long_running(event);
            Admission::Judge
        } else {
            self.end(feed, event, starts)
        }
    }

    /// Decides on the end of a request whose start is not remembered.
    ///
    /// Where the policy omits `ResponseStarted`, a long-running request is judged when it ends; so is one that began
    /// before the log. One that began so long ago that its start is forgotten was judged then, if the feed has starts of
    /// its kind.
    fn end(&mut self, feed: Feed, event: &Event<'_>, starts: Starts) -> Admission {
        let kind = long_running(event);
        if kind == 0 || event.received < starts.since {
            return Admission::Judge;
        }
        let remembered_since = self.since[usize::from(!self.older.is_empty())];
        if event.received >= remembered_since {
            self.starts[usize::from(feed.0)].missed |= kind;
            return Admission::Judge;
        }
        if starts.seen & kind != 0 { Admission::Skip } else { Admission::Judge }
    }

    fn starts_of(&mut self, feed: Feed, at: Timestamp) -> Starts {
        let n = usize::from(feed.0);
        if self.starts.len() <= n {
            self.starts.resize(n + 1, Starts::default());
        }
        if self.starts[n].since == Timestamp::default() {
            self.starts[n].since = at;
        }
        self.starts[n]
    }

    /// Adds a stage to what was seen of a request, and returns what was seen before.
    fn note(&mut self, request: u64, stage: u64, at: Timestamp) -> u64 {
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
            self.since[1] = self.since[0];
        }
        if self.recent.is_empty() {
            self.since[0] = at;
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
        let kept = requests.snapshot();
        assert_eq!((kept.recent.len(), kept.older.len()), (6, 10));
        let mut restored = Requests::restore(100, kept);
        assert_eq!(restored.snapshot(), requests.snapshot());
        for n in 0..15 {
            assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(n))), Admission::Repeat);
        }
        assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(15))), Admission::Skip);
        assert_eq!(restored.admit(Feed(0), &event().after(Span::seconds(16))), Admission::Judge);
    }

    fn watch(second: i64, stage: Stage) -> Event<'static> {
        Event { stage, ..event().doing("watch", "pods").after(Span::seconds(second)) }
    }

    /// The end of a watch that began at `second`, much later.
    fn end(second: i64) -> Event<'static> {
        Event { at: event().after(Span::hours(1)).at, ..watch(second, Stage::ResponseComplete) }
    }

    /// A window that has forgotten everything before second 100.
    fn forgetful(starts: bool) -> Requests {
        let mut requests = Requests::new(10);
        for second in 0..120 {
            let start = Event { stage: Stage::ResponseStarted, ..event().doing("watch", "pods") };
            let event = if starts && second < 100 { start } else { event() };
            requests.admit(Feed(0), &event.after(Span::seconds(second)));
        }
        requests
    }

    #[test]
    fn a_watch_whose_start_is_forgotten_is_not_judged_again() {
        assert_eq!(forgetful(true).admit(Feed(0), &end(50)), Admission::Skip);
    }

    #[test]
    fn a_watch_is_judged_at_its_end_where_starts_are_omitted() {
        assert_eq!(forgetful(false).admit(Feed(0), &end(50)), Admission::Judge);
        assert_eq!(forgetful(true).admit(Feed(1), &end(50)), Admission::Judge, "another feed has no starts");
        let exec = end(50).doing("get", "pods/exec");
        assert_eq!(forgetful(true).admit(Feed(0), &exec), Admission::Judge, "the starts of exec may be omitted alone");
    }

    #[test]
    fn a_watch_that_began_before_the_log_is_judged_at_its_end() {
        assert_eq!(forgetful(true).admit(Feed(0), &end(-5)), Admission::Judge);
    }

    #[test]
    fn an_end_whose_start_would_be_remembered_shows_that_starts_are_omitted() {
        let mut requests = forgetful(true);
        assert_eq!(requests.admit(Feed(0), &end(150).doing("get", "pods/exec")), Admission::Judge);
        let Starts { seen, missed, .. } = requests.starts()[0];
        assert_eq!((Starts::words(seen), Starts::words(missed)), (vec!["watch"], vec!["exec"]));
        assert_eq!(Starts::bits(&["watch".to_owned(), "exec".to_owned()]), Some(seen | missed));
        assert_eq!(Starts::bits(&["get".to_owned()]), None);
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
