//! The one thread that judges: batches in, transactions out.
//!
//! What came of a batch is told to nobody before it is on disk: acks fire and sinks wake after the transaction.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::control::{Order, obey};
use super::engines::Engines;
use super::recover::Recovered;
use super::routes::Routes;
use super::telemetry::Telemetry;
use crate::alert::Notice;
use crate::checkpoint::{Checkpoint, Step};
use crate::event::{Event, Span, Timestamp};
use crate::sink::rejects::Rejects;
use crate::sink::wall_clock;
use crate::source::live::{Ack, Inbox, Pending};
use crate::store::{Commit, Entry, Judged, Store, StoreError};
use crate::text::Text;

/// How long what somebody waits for may wait for a transaction: several batches share one.
const SOON: Duration = Duration::from_millis(50);

/// How long anything may wait for a transaction.
const LATER: Duration = Duration::from_secs(1);

/// Packed bytes of the journal that one transaction takes, about.
const FULL: usize = 8 << 20;

/// How often the judge looks for orders, and whether a transaction is due, when no batch comes; below [`SOON`].
const GLANCE: Duration = Duration::from_millis(20);

/// Packed bytes in the journal from which a snapshot is made in its place; more, if the snapshot itself is more.
const SNAPSHOT_FROM: u64 = 32 << 20;

/// How often what engines know is counted for metrics: it takes a walk over all of it.
const CENSUS_EVERY: Duration = Duration::from_secs(30);

/// How much older than one before it an event may be; API servers write small inversions.
const LATE: Span = Span::minutes(5);

/// The longest pause between attempts to write to a disk that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Judges what comes in.
pub(super) struct Judge {
    /// What is known.
    pub engines: Engines,
    /// Where it is kept.
    pub store: Arc<Store>,
    /// Where batches come from.
    pub inbox: Inbox,
    /// How far feeds were read.
    pub checkpoint: Checkpoint,
    /// The cluster of records that name none.
    pub cluster: String,
    /// Which sinks are told what.
    pub routes: Routes,
    /// Wakes couriers.
    pub wake: Arc<Notify>,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Rejected records.
    pub rejects: Option<Rejects>,
    /// What people ask for.
    pub orders: Receiver<Order>,
    /// What the next transaction keeps.
    pub commit: Commit,
    /// Who waits for it.
    pub acks: Vec<Ack>,
    /// When the first of it came.
    pub since: Option<Instant>,
    /// Packed bytes in the journal.
    pub journal: u64,
    /// Packed bytes of the last snapshot.
    pub snapshot: u64,
}

impl Judge {
    /// One that goes on from what was recovered, and tells nobody.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub(super) fn new(recovered: Recovered, inbox: Inbox, orders: Receiver<Order>) -> Result<Self, StoreError> {
        let Recovered { store, engines, journal } = recovered;
        Ok(Self {
            engines,
            inbox,
            checkpoint: store.checkpoint()?,
            cluster: String::new(),
            routes: Routes::default(),
            wake: Arc::default(),
            telemetry: Arc::default(),
            rejects: None,
            orders,
            commit: Commit { number: store.commits()? + 1, ..Commit::default() },
            store: Arc::new(store),
            acks: Vec::new(),
            since: None,
            journal,
            snapshot: 0,
        })
    }

    /// Judges until the inbox is closed and empty; then tells what is left to tell and keeps everything. `abandon` ends
    /// waiting for a disk that fails.
    ///
    /// # Errors
    ///
    /// If the store is damaged, or the disk still failed when it was abandoned: what was not kept was acked to nobody.
    pub(super) fn run(mut self, abandon: &CancellationToken) -> Result<(), StoreError> {
        let mut counted: Option<Instant> = None;
        loop {
            self.telemetry.beat();
            while let Ok(order) = self.orders.try_recv() {
                obey(&mut self, order, abandon);
            }
            match self.inbox.take(GLANCE) {
                Some(pending) => self.take(pending),
                None if self.inbox.is_closed() => break,
                None => {}
            }
            if self.is_due() {
                self.keep(abandon)?;
            }
            if counted.is_none_or(|at| at.elapsed() >= CENSUS_EVERY) {
                self.count();
                counted = Some(Instant::now());
            }
        }
        let last = self.engines.flush();
        let told = !last.is_empty();
        self.tell(last, wall_clock());
        self.keep(abandon)?;
        // a snapshot of all that is known may take many seconds; without news there is one already
        if told || self.journal > 0 { self.snapshot() } else { Ok(()) }
    }

    /// Whether the transaction is due: soon if somebody waits for it, and nothing more is there to share it.
    fn is_due(&self) -> bool {
        let Some(since) = self.since else { return false };
        let is_awaited = !self.commit.notices.is_empty() || self.acks.iter().any(Ack::is_awaited);
        let size: usize = self.commit.journal.iter().map(Entry::size).sum();
        let waited = since.elapsed();
        waited >= LATER || size >= FULL || (is_awaited && (waited >= SOON || self.inbox.bytes() == 0))
    }

    fn take(&mut self, pending: Pending) {
        self.since.get_or_insert_with(Instant::now);
        let batch = pending.batch();
        let status = self.telemetry.board.feed(&batch.feed);
        let arrived = Timestamp(wall_clock().0 - i64::try_from(batch.arrived.elapsed().as_micros()).unwrap_or(0));
        let step = self.checkpoint.step(&batch.feed, &batch.stretch);
        // what overlaps in part is judged: the engine knows its events again
        if step == Step::Overlap && self.is_known(&pending) {
            self.telemetry.overlaps.fetch_add(1, Ordering::Relaxed);
            self.acks.push(pending.into_batch().ack);
            return;
        }
        let decoded = pending.decoded();
        status.events.fetch_add(decoded.events.len() as u64, Ordering::Relaxed);
        self.reject(&pending);
        status.late.fetch_add(late(&decoded.events, status.latest()), Ordering::Relaxed);
        let cluster = batch.cluster.as_deref().unwrap_or(&self.cluster).to_owned();
        match self.engines.judge(&cluster, &batch.feed, &decoded.events) {
            Some((outcome, notices)) => {
                self.telemetry.count(outcome);
                outcome.latest.into_iter().for_each(|at| status.see(at));
                self.tell(notices, arrived);
            }
            None => _ = self.telemetry.crowded.fetch_add(1, Ordering::Relaxed),
        }
        self.note(pending, cluster);
    }

    /// Whether all of a batch was read before.
    fn is_known(&self, pending: &Pending) -> bool {
        let batch = pending.batch();
        self.checkpoint.position(&batch.feed).is_some_and(|read| batch.stretch.to.offset <= read.offset)
    }

    /// The next transaction is to keep a batch that was judged.
    fn note(&mut self, mut pending: Pending, cluster: String) {
        let packed = std::mem::take(&mut pending.packed);
        let batch = pending.into_batch();
        self.journal += packed.len() as u64;
        let feed = batch.feed.to_string();
        self.checkpoint.set(&feed, batch.stretch.to.clone());
        self.commit.positions.insert(feed.clone(), batch.stretch.to);
        self.commit.journal.push(Entry::Batch(Judged { feed, cluster, bytes: batch.bytes.len(), packed }));
        self.acks.push(batch.ack);
    }

    fn reject(&mut self, pending: &Pending) {
        let batch = pending.batch();
        for reject in &pending.decoded().rejects {
            self.telemetry.reject(reject.reason.as_str());
            let offset = batch.stretch.from.offset + reject.offset as u64;
            if let Some(rejects) = &mut self.rejects
                && let Err(trouble) = rejects.write(reject.reason.as_str(), &batch.feed, offset, reject.record)
            {
                warn!("rejected records are only counted from now on: {trouble}");
                self.rejects = None;
            }
        }
    }

    /// There is something to tell, of a record that came at `arrived`.
    pub(super) fn tell(&mut self, notices: Vec<Notice>, arrived: Timestamp) {
        self.telemetry.tell(&notices);
        self.commit.notices.extend(notices.into_iter().map(|notice| (notice, arrived)));
    }

    /// Keeps what is due, waiting for a disk that fails: nothing more is judged meanwhile, so queues fill and sources wait.
    ///
    /// # Errors
    ///
    /// As [`Judge::run`].
    pub(super) fn keep(&mut self, abandon: &CancellationToken) -> Result<(), StoreError> {
        self.since = None;
        if self.commit.is_empty() {
            std::mem::take(&mut self.acks).into_iter().for_each(Ack::fire);
            return Ok(());
        }
        let dropped = self.persist(abandon)?;
        self.telemetry.commits.fetch_add(1, Ordering::Relaxed);
        self.telemetry.journal_bytes.store(self.journal, Ordering::Relaxed);
        self.drop_notices(&dropped);
        let told = !self.commit.notices.is_empty();
        self.commit = Commit { number: self.commit.number + 1, ..Commit::default() };
        std::mem::take(&mut self.acks).into_iter().for_each(Ack::fire);
        if told {
            self.wake.notify_waiters();
        }
        if let Some(rejects) = &mut self.rejects {
            _ = rejects.flush();
        }
        if self.journal > SNAPSHOT_FROM.max(self.snapshot)
            && let Err(trouble) = self.snapshot()
        {
            warn!("no snapshot was made, the journal goes on: {trouble}");
        }
        Ok(())
    }

    fn persist(&mut self, abandon: &CancellationToken) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut pause = Duration::from_millis(100);
        loop {
            let routes = self.routes.now();
            let trouble = match self.store.commit(&self.commit, &routes) {
                Ok(dropped) => {
                    if self.telemetry.trouble("store", None) {
                        info!("the store can be written again");
                    }
                    return Ok(dropped);
                }
                Err(trouble) => trouble,
            };
            self.telemetry.failed_commits.fetch_add(1, Ordering::Relaxed);
            if self.telemetry.trouble("store", Some(Text::from(trouble.to_string()))) {
                error!("{trouble}; nothing is lost, reading waits");
            }
            if !trouble.is_transient() || abandon.is_cancelled() {
                return Err(trouble);
            }
            sleep_unless(abandon, pause);
            self.telemetry.beat();
            pause = (pause * 2).min(LONGEST_PAUSE);
            // the database is of no use after an error of the disk until it is opened again
            _ = self.store.reopen();
        }
    }

    fn drop_notices(&self, dropped: &BTreeMap<String, u64>) {
        let sinks = self.telemetry.sinks.read().unwrap_or_else(PoisonError::into_inner);
        for (name, &n) in dropped {
            warn!(sink = name, n, "notices found no room in the outbox and are lost to this sink");
            if let Some(sink) = sinks.iter().find(|sink| sink.name() == name) {
                sink.dropped.fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    /// Keeps all that is known, in place of the journal.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub(super) fn snapshot(&mut self) -> Result<(), StoreError> {
        let known = self.engines.known();
        let bytes = known.iter().map(|known| known.learned.len() as u64).sum();
        // whether it works or not, the next attempt is as far away as the last
        (self.snapshot, self.journal) = (bytes, 0);
        self.store.keep(&known)?;
        self.telemetry.snapshots.fetch_add(1, Ordering::Relaxed);
        self.telemetry.journal_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn count(&self) {
        let census = self.engines.iter().map(|(name, engine)| (name.to_owned(), engine.census()));
        self.telemetry.set_census(census.collect());
    }
}

/// How many events are much older than the latest of their feed: a clock ran backwards, or a part of a log was held up.
fn late(events: &[Event<'_>], latest: Option<Timestamp>) -> u64 {
    let is_late = |event: &&Event<'_>| latest.is_some_and(|latest| latest.since(event.at) > LATE);
    events.iter().filter(is_late).count() as u64
}

/// Sleeps so long, or until it is `abandon`ed.
fn sleep_unless(abandon: &CancellationToken, pause: Duration) {
    let until = Instant::now() + pause;
    while !abandon.is_cancelled() && Instant::now() < until {
        std::thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
    }
}
