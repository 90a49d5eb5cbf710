//! Takes what waits in the store for one sink, and hands it over.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::dead_letters::DeadLetters;
use super::{Sink, SinkSettings, SinkStatus, Trouble, blocking, wall_clock};
use crate::event::Timestamp;
use crate::store::{Outbox, Store, StoreError};
use crate::text::Text;

/// Notices that are read at once.
const READ: usize = 64;

/// How long the store may not know what was delivered, while more is. Each time costs it a transaction; what it does
/// not know by a crash is delivered again.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// What a courier is given.
#[derive(Clone)]
pub struct SinkContext {
    /// Where notices wait.
    pub store: Arc<Store>,
    /// Whoever commits notices calls `notify_waiters` afterwards.
    pub wake: Arc<Notify>,
    /// Where dead letters are kept.
    pub folder: PathBuf,
    /// Set after the last commit: what waits by then is still delivered, up to the first failure.
    pub stop: CancellationToken,
    /// How long that may take.
    pub grace: Duration,
    /// Told when the record came of each notice that was delivered.
    pub observe: Arc<dyn Fn(Timestamp) + Send + Sync>,
}

/// Delivers to one sink: in order, each notice at least once.
pub struct Courier {
    sink: Sink,
    status: Arc<SinkStatus>,
    cx: SinkContext,
    backoff: Backoff,
    dead_letters: DeadLetters,
    /// The last notice that is done with and that the store still holds.
    through: Option<u64>,
    settled: Instant,
}

impl Courier {
    /// A courier for a sink of these settings.
    #[must_use]
    pub fn new(sink: Sink, settings: &SinkSettings, cx: SinkContext) -> Self {
        Self {
            sink,
            status: Arc::new(SinkStatus::new(settings)),
            backoff: Backoff::new(fastrand::Rng::new()),
            dead_letters: DeadLetters::new(&cx.folder, &settings.name),
            cx,
            through: None,
            settled: Instant::now(),
        }
    }

    /// How the sink stands.
    #[must_use]
    pub fn status(&self) -> Arc<SinkStatus> {
        self.status.clone()
    }

    /// Delivers until it is stopped. What is left by then stays in the store for the next time.
    pub async fn run(mut self) {
        let (stop, grace) = (self.cx.stop.clone(), self.cx.grace);
        let over = async {
            stop.cancelled().await;
            sleep(grace).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = over => warn!(sink = self.status.name(), "not done in time: what was under way comes again"),
        }
        if let Err(trouble) = self.settle().await {
            warn!(sink = self.status.name(), "what was delivered last comes again: {trouble}");
        }
        let left = self.cx.store.waiting().get(self.status.name()).copied().unwrap_or(0);
        if left > 0 {
            warn!(sink = self.status.name(), left, "notices wait for the next start");
        }
    }

    async fn work(&mut self) {
        let (stop, wake) = (self.cx.stop.clone(), self.cx.wake.clone());
        loop {
            // before the store is asked: neither a commit nor the stop that follows it is missed
            let (woken, is_last) = (wake.notified(), stop.is_cancelled());
            let pause = match self.round().await {
                Ok(0) => None,
                Ok(_) => continue,
                Err(trouble) => Some(self.fail(trouble)),
            };
            if is_last {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken, if pause.is_none() => {}
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Counts a failure; returns how long to wait.
    fn fail(&mut self, trouble: Trouble) -> Duration {
        let after = if let Trouble::Transient { after, .. } = trouble { after } else { None };
        let what = trouble.what();
        self.status.retries.fetch_add(1, Ordering::Relaxed);
        if self.status.fail(what.clone()) {
            warn!(sink = self.status.name(), "not delivered, and tried again: {what}");
        }
        self.backoff.pause(after)
    }

    /// Delivers what can be read at once; returns how many notices that was.
    async fn round(&mut self) -> Result<usize, Trouble> {
        self.settle().await?;
        let sink = self.status.name().to_owned();
        let waiting = self.ask(move |store| store.outbox(&sink, READ)).await?;
        let (numbers, notices): (Vec<u64>, Vec<Outbox>) = waiting.into_iter().unzip();
        let outcome = self.hand_over(&numbers, &notices).await;
        self.settle().await.and(outcome)?;
        Ok(numbers.len())
    }

    async fn hand_over(&mut self, numbers: &[u64], notices: &[Outbox]) -> Result<(), Trouble> {
        let (mut done, mut most) = (0, self.sink.at_once());
        while done < notices.len() {
            let next = &notices[done..notices.len().min(done + most)];
            match self.sink.deliver(next).await {
                Ok(()) => self.count(next),
                Err(Trouble::Permanent(why)) if next.len() == 1 => self.set_aside(&next[0], why).await?,
                // one of them is at fault, and only that one is set aside
                Err(Trouble::Permanent(_)) => {
                    most = 1;
                    continue;
                }
                Err(transient) => return Err(transient),
            }
            done += next.len();
            self.through = Some(numbers[done - 1]);
            if self.settled.elapsed() >= SETTLE_EVERY {
                self.settle().await?;
            }
        }
        Ok(())
    }

    fn count(&mut self, delivered: &[Outbox]) {
        self.backoff.reset();
        if self.status.deliver(delivered.len()) {
            info!(sink = self.status.name(), "delivers again");
        }
        for notice in delivered {
            (self.cx.observe)(notice.arrived);
        }
    }

    /// Keeps what the sink refused for good.
    async fn set_aside(&mut self, notice: &Outbox, why: Text) -> Result<(), Trouble> {
        let (letters, letter, reason) = (self.dead_letters.clone(), notice.clone(), why.clone());
        let added = blocking(move || letters.add(&letter, &reason, wall_clock())).await?;
        let kept = added.map_err(|e| Trouble::transient(format!("cannot write its dead-letter file: {e}")))?;
        if !kept {
            self.status.lost.fetch_add(1, Ordering::Relaxed);
        }
        let (sink, incident) = (self.status.name(), notice.incident.id);
        let fate = if kept { "kept in its dead-letter file" } else { "lost, because its dead-letter file is full" };
        warn!(sink, %incident, "refused for good, and {fate}: {why}");
        self.status.refuse(why);
        Ok(())
    }

    /// Tells the store what is done with.
    async fn settle(&mut self) -> Result<(), Trouble> {
        if let Some(through) = self.through {
            let sink = self.status.name().to_owned();
            self.ask(move |store| store.delivered(&sink, through)).await?;
            self.through = None;
        }
        self.settled = Instant::now();
        Ok(())
    }

    async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, Trouble> {
        let store = self.cx.store.clone();
        blocking(move || question(&store)).await?.map_err(|e| Trouble::transient(e.to_string()))
    }
}
