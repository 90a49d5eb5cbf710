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

/// Recent events by identity, in two generations of at most `capacity` each: a repeat is recognised for at least that
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
        let request = hash(|h| (feed, &*event.audit_id, event.received).hash(h));
        let started = request ^ 1;
        if event.stage == Stage::ResponseStarted {
            return if self.insert(started) { Admission::Judge } else { Admission::Repeat };
        }
        if !self.insert(request) {
            return Admission::Repeat;
        }
        // Where the policy omits ResponseStarted, a long-running request is judged when it ends.
        if self.contains(started) { Admission::Skip } else { Admission::Judge }
    }

    fn contains(&self, key: u64) -> bool {
        self.recent.find(key, |&k| k == key).is_some() || self.older.find(key, |&k| k == key).is_some()
    }

    /// False if it was there.
    fn insert(&mut self, key: u64) -> bool {
        if self.contains(key) {
            return false;
        }
        if self.recent.len() >= self.capacity {
            std::mem::swap(&mut self.recent, &mut self.older);
            self.recent.clear();
        }
        self.recent.insert_unique(key, key, |&k| k);
        true
    }
}
