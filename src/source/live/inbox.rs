//! The one queue between all sources and the judge: bounded in bytes, a lane for each feed, decoded at its door.
//!
//! A batch is decoded on the thread of the source that brings it, so that feeds decode side by side and the judge only
//! judges. Within a feed, order is kept; among feeds that have something, the judge takes the batch whose first event is
//! earliest, so that several logs that are caught up with at once interleave as they did.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Batch, pack};
use crate::decode::{Decoded, decode_block};
use crate::event::Timestamp;

self_cell::self_cell!(
    struct DecodedBatch {
        owner: Batch,
        #[covariant]
        dependent: Decoded,
    }
);

/// A batch with the events that borrow from it.
pub struct Pending {
    decoded: DecodedBatch,
    /// The batch's bytes as they are kept until what they teach is.
    pub packed: Vec<u8>,
}

impl Pending {
    /// Decodes a batch and packs it.
    #[must_use]
    pub fn decode(batch: Batch) -> Self {
        let packed = pack::pack(&batch.bytes);
        Self { decoded: DecodedBatch::new(batch, |batch| decode_block(&batch.bytes)), packed }
    }

    /// The batch as it came.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        self.decoded.borrow_owner()
    }

    /// What was in it.
    #[must_use]
    pub fn decoded(&self) -> &Decoded<'_> {
        self.decoded.borrow_dependent()
    }

    /// The batch back, for its ack.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        self.decoded.into_owner()
    }

    fn first(&self) -> Timestamp {
        self.decoded().events.first().map_or(Timestamp::default(), |event| event.at)
    }
}

/// Why a batch was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no room now.
    Full,
    /// Nobody takes batches any more.
    Closed,
}

/// A handle to the queue.
#[derive(Clone)]
pub struct Inbox(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something was put in, or the queue was closed.
    filled: Condvar,
    /// Something was taken out, or the queue was closed.
    emptied: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    lanes: BTreeMap<Arc<str>, VecDeque<Pending>>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// A batch larger than the queue still finds room in an empty one.
    const fn has_room(&self, capacity: usize, bytes: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= capacity
    }

    fn put(&mut self, pending: Pending) {
        self.bytes += pending.batch().bytes.len();
        self.lanes.entry(pending.batch().feed.clone()).or_default().push_back(pending);
    }

    fn take(&mut self) -> Option<Pending> {
        let earliest = self.lanes.iter().min_by_key(|(_, lane)| lane.front().map(Pending::first))?.0.clone();
        let lane = self.lanes.get_mut(&earliest)?;
        let pending = lane.pop_front()?;
        if lane.is_empty() {
            self.lanes.remove(&earliest);
        }
        self.bytes -= pending.batch().bytes.len();
        Some(pending)
    }
}

impl Inbox {
    /// A queue that holds `capacity` bytes of records.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let (filled, emptied) = (Condvar::new(), Condvar::new());
        Self(Arc::new(Shared { queue: Mutex::default(), filled, emptied, capacity }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a batch in, waiting for room: a file is simply not read any further.
    ///
    /// # Errors
    ///
    /// The batch is dropped if nobody takes batches any more.
    pub fn put(&self, batch: Batch) -> Result<(), Refused> {
        let pending = Pending::decode(batch);
        let bytes = pending.batch().bytes.len();
        let mut queue = self.queue();
        while !queue.closed && !queue.has_room(self.0.capacity, bytes) {
            queue = self.0.emptied.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.fill(queue, pending)
    }

    /// Puts a batch in if there is room for it now.
    ///
    /// # Errors
    ///
    /// The batch is dropped if there is none, or if nobody takes batches any more.
    pub fn offer(&self, batch: Batch) -> Result<(), Refused> {
        self.try_put(batch).map_err(|(refused, _)| refused)
    }

    /// Puts a batch in if there is room for it now, and gives it back otherwise.
    ///
    /// # Errors
    ///
    /// If there is none, or if nobody takes batches any more.
    pub fn try_put(&self, batch: Batch) -> Result<(), (Refused, Box<Batch>)> {
        if !self.has_room(batch.bytes.len()) {
            return Err((Refused::Full, Box::new(batch)));
        }
        let pending = Pending::decode(batch);
        let mut queue = self.queue();
        // others may have taken the room while this was decoded
        let refused = match (queue.closed, queue.has_room(self.0.capacity, pending.batch().bytes.len())) {
            (true, _) => Refused::Closed,
            (false, false) => Refused::Full,
            (false, true) => {
                queue.put(pending);
                self.0.filled.notify_one();
                return Ok(());
            }
        };
        drop(queue);
        Err((refused, Box::new(pending.into_batch())))
    }

    fn fill(&self, mut queue: MutexGuard<'_, Queue>, pending: Pending) -> Result<(), Refused> {
        if queue.closed {
            return Err(Refused::Closed);
        }
        queue.put(pending);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Whether so many bytes would find room now.
    #[must_use]
    pub fn has_room(&self, bytes: usize) -> bool {
        self.queue().has_room(self.0.capacity, bytes)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queue().bytes
    }

    /// The next batch; none if there is none within `patience`.
    #[must_use]
    pub fn take(&self, patience: Duration) -> Option<Pending> {
        let deadline = Instant::now() + patience;
        let mut queue = self.queue();
        loop {
            if let Some(pending) = queue.take() {
                self.0.emptied.notify_all();
                return Some(pending);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || queue.closed {
                return None;
            }
            queue = self.0.filled.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether it takes no more and nothing is left in it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let queue = self.queue();
        queue.closed && queue.lanes.is_empty()
    }

    /// Takes no more; what is in it can still be taken out. Whoever waits for room is told.
    pub fn close(&self) {
        self.queue().closed = true;
        self.0.filled.notify_all();
        self.0.emptied.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ack;
    use super::*;
    use crate::checkpoint::{Position, Stretch};

    fn batch(feed: &str, minute: u32) -> Batch {
        let at = format!("2026-11-24T10:{minute:02}:00.000000Z");
        let bytes = format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/version","verb":"get","user":{{"username":"alice"}},"sourceIPs":["10.0.0.1"],"userAgent":"x","responseStatus":{{"code":200}},"requestReceivedTimestamp":"{at}","stageTimestamp":"{at}"}}"#
        )
        .into_bytes();
        let stretch = Stretch { from: Position::at(0), to: Position::at(1) };
        Batch { feed: feed.into(), cluster: None, bytes, stretch, arrived: Instant::now(), ack: Ack::none() }
    }

    fn taken(inbox: &Inbox) -> Option<(Arc<str>, usize)> {
        inbox.take(Duration::ZERO).map(|p| (p.batch().feed.clone(), p.decoded().events.len()))
    }

    #[test]
    fn feeds_interleave_by_time_and_keep_their_own_order() {
        let inbox = Inbox::new(1 << 20);
        for (feed, minute) in [("b", 5), ("b", 1), ("a", 6), ("c", 7)] {
            assert_eq!(inbox.put(batch(feed, minute)), Ok(()));
        }
        let order: Vec<String> = std::iter::from_fn(|| taken(&inbox)).map(|(feed, n)| format!("{feed}{n}")).collect();
        assert_eq!(order, ["b1", "b1", "a1", "c1"]);
        assert_eq!(inbox.bytes(), 0);
    }

    #[test]
    fn a_full_queue_refuses_and_an_empty_one_takes_anything() {
        let inbox = Inbox::new(10);
        assert_eq!(inbox.offer(batch("a", 1)), Ok(()));
        assert_eq!(inbox.offer(batch("a", 2)), Err(Refused::Full));
        assert!(taken(&inbox).is_some());
        assert_eq!(inbox.offer(batch("a", 2)), Ok(()));
    }

    #[test]
    fn who_waits_for_room_is_told_of_the_end_and_what_was_taken_is_still_there() {
        let inbox = Inbox::new(10);
        inbox.put(batch("a", 1)).expect("room");
        let waiting = inbox.clone();
        let waiter = std::thread::spawn(move || waiting.put(batch("a", 2)));
        inbox.close();
        assert_eq!(waiter.join().expect("no panic"), Err(Refused::Closed));
        assert!(taken(&inbox).is_some() && taken(&inbox).is_none());
    }
}
