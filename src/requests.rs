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
