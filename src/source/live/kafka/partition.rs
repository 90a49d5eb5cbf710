//! One partition that is ours: its records gathered into batches, in order, and handed over as the inbox has room.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::Id;
use crate::checkpoint::{Position, Stretch};
use crate::source::kafka::append;
use crate::source::live::{Ack, Batch, FeedStatus, Inbox, Refused};

/// A batch is handed over with so many bytes: the size of a block everywhere else.
const FULL: usize = 256 << 10;

/// A batch is handed over when its first record is so old.
const OLD: Duration = Duration::from_millis(100);

/// That everything of a partition before an offset is safe.
pub(super) struct Safe {
    pub(super) id: Id,
    pub(super) next: u64,
}

/// A partition that is ours. Offsets are those of the *next* record, except where one is said to be a record's.
pub(super) struct Partition {
    pub(super) id: Id,
    feed: Arc<str>,
    pub(super) status: Arc<FeedStatus>,
    safe: Sender<Safe>,
    /// Up to where records came.
    next: Option<u64>,
    /// Up to where the batches reach that are closed.
    closed: Option<u64>,
    open: Option<Open>,
    /// What the inbox had no room for.
    waiting: VecDeque<Batch>,
    /// Up to where the inbox took it.
    pub(super) given: Option<u64>,
    /// Up to where it is safe.
    pub(super) kept: Option<u64>,
    /// What Kafka was told to commit.
    pub(super) stored: Option<u64>,
    pub(super) is_paused: bool,
    /// The largest leap over offsets since the last statistics.
    leap: Option<Range<u64>>,
}

/// A batch in the making.
struct Open {
    cluster: Option<Arc<str>>,
    bytes: Vec<u8>,
    stretch: Range<u64>,
    since: Instant,
}

impl Partition {
    /// A partition that is read from `begin`, or from where Kafka decides.
    pub(super) fn new(id: Id, feed: Arc<str>, status: Arc<FeedStatus>, safe: Sender<Safe>, begin: Option<u64>) -> Self {
        Self {
            id,
            feed,
            status,
            safe,
            next: begin,
            closed: begin,
            open: None,
            waiting: VecDeque::new(),
            given: None,
            // what was given out in an earlier turn of ours may become safe now, and is no news to Kafka
            kept: begin,
            stored: begin,
            is_paused: false,
            leap: None,
        }
    }

    pub(super) fn feed(&self) -> &str {
        &self.feed
    }

    /// Up to where records came, or where they are to begin.
    pub(super) const fn next(&self) -> Option<u64> {
        self.next
    }

    /// Passes over a record without a value; the next batch covers it.
    pub(super) fn pass(&mut self, offset: u64) {
        self.step(offset);
        self.next = Some(offset + 1);
    }

    /// Takes a record.
    pub(super) fn take(&mut self, offset: u64, cluster: Option<&str>, value: &[u8]) {
        self.step(offset);
        self.next = Some(offset + 1);
        if self.open.as_ref().is_some_and(|open| open.cluster.as_deref() != cluster) {
            self.close();
        }
        let cluster = || cluster.map(Arc::from);
        let from = self.closed.unwrap_or(offset);
        let open = self.open.get_or_insert_with(|| Open {
            cluster: cluster(),
            bytes: Vec::new(),
            stretch: from..from,
            since: Instant::now(),
        });
        append(value, &mut open.bytes);
        open.stretch.end = offset + 1;
        if open.bytes.len() >= FULL {
            self.close();
        }
    }

    /// Notes how a record stands to the one before: offsets that are left out are normal, for the markers of transactions
    /// and what compaction took away have offsets too, so a stretch begins where the last one ended.
    fn step(&mut self, offset: u64) {
        match self.next {
            Some(next) if offset < next => {
                // a topic that was made anew begins again at 0
                self.close();
                self.closed = Some(offset);
            }
            // a single one is the marker of a transaction
            Some(next) if offset > next + 1 => {
                let is_largest = self.leap.as_ref().is_none_or(|leap| leap.end - leap.start < offset - next);
                self.leap = if is_largest { Some(next..offset) } else { self.leap.take() };
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        let Some(Open { cluster, bytes, stretch, since }) = self.open.take() else { return };
        self.closed = Some(stretch.end);
        let (safe, id, next) = (self.safe.clone(), self.id.clone(), stretch.end);
        // nobody listens any more once the source has ended
        let ack = Ack::new(move || _ = safe.send(Safe { id, next }));
        let stretch = Stretch { from: Position::at(stretch.start), to: Position::at(stretch.end) };
        self.waiting.push_back(Batch { feed: self.feed.clone(), cluster, bytes, stretch, arrived: since, ack });
    }

    /// Hands over what is due; says why something could not be.
    pub(super) fn hand_over(&mut self, inbox: &Inbox) -> Result<(), Refused> {
        if self.open.as_ref().is_some_and(|open| open.since.elapsed() >= OLD) {
            self.close();
        }
        while let Some(batch) = self.waiting.pop_front() {
            let (to, bytes) = (batch.stretch.to.offset, batch.bytes.len());
            if let Err((refused, batch)) = inbox.try_put(batch) {
                self.waiting.push_front(*batch);
                return Err(refused);
            }
            self.given = Some(to);
            self.status.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Everything before `next` is safe.
    pub(super) fn keep(&mut self, next: u64) {
        self.kept = self.kept.max(Some(next));
    }

    /// Whether Kafka has not been told all of what is safe.
    pub(super) fn is_news(&self) -> bool {
        self.kept > self.stored
    }

    pub(super) fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether all that was handed over is safe.
    pub(super) fn is_settled(&self) -> bool {
        self.given <= self.kept
    }

    /// Takes what the statistics know: where the log begins and ends, negative if unknown.
    pub(super) fn measure(&mut self, low: i64, high: i64) {
        if let (Some(next), Ok(high)) = (self.next, u64::try_from(high)) {
            self.status.lag.store(high.saturating_sub(next), Ordering::Relaxed);
        }
        let (Some(leap), Ok(low)) = (self.leap.take(), u64::try_from(low)) else { return };
        // only what lies before the log's beginning is lost: its time was over before it was read
        let lost = low.min(leap.end).saturating_sub(leap.start);
        self.status.missed.fetch_add(lost, Ordering::Relaxed);
    }
}
