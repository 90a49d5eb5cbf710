//! `sawatch run`: the same path as a replay, with sources that do not end and a state that survives.
//!
//! ```text
//! sources ──batches──▶ inbox ──▶ judge ──transaction──▶ store ──outboxes──▶ couriers ──▶ sinks
//! (threads)            (bounded)  (this thread)   │                          (tasks)
//!    ▲                                            │
//!    └──────────────────── acks ◀─────────────────┘
//! ```
//!
//! Ending is the end of input: sources stop, the inbox drains, the last transaction and a snapshot are written, couriers
//! deliver what they can within the grace.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::engine::Settings;
use crate::sink::rejects::Rejects;
use crate::sink::{Courier, Reopen, Sink, SinkContext, SinkError, SinkSettings, Unusable};
use crate::source::live::webhook::WebhookStats;
use crate::source::live::{Inbox, Source, SourceContext};
use crate::store::{Store, StoreError};
use crate::text::Text;

pub mod control;
pub mod engines;
mod judge;
mod offline;
mod recover;
pub mod routes;
pub mod telemetry;

use control::Control;
use judge::Judge;
pub use offline::fulfil_offline;
use recover::recover;
use routes::Routes;
use telemetry::Telemetry;

/// Threads for everything that waits: sinks, the webhook's connections, admin requests.
const WORKERS: usize = 2;

/// Why a daemon could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sink cannot be made.
    #[error(transparent)]
    Sink(#[from] Unusable),
    /// The file of rejected records cannot be made.
    #[error(transparent)]
    Rejects(#[from] SinkError),
    /// The system has no thread for us.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// Every source failed for good; each said why.
    #[error("no source can be read any more")]
    Sources,
    /// A thread panicked; its message is on standard error.
    #[error("a thread died; this is a defect of sawatch")]
    Died,
}

/// What a daemon is to do.
pub struct Plan {
    /// The cluster of records that name none.
    pub cluster: String,
    /// How engines judge.
    pub detection: Settings,
    /// Where the store is.
    pub folder: PathBuf,
    /// What to read.
    pub sources: Vec<Box<dyn Source>>,
    /// Whom to tell.
    pub sinks: Vec<SinkSettings>,
    /// Bytes of records that may wait.
    pub queue: usize,
    /// How long ending may take.
    pub grace: Duration,
    /// What webhooks among the sources count, by the source's name.
    pub webhooks: Vec<(String, Arc<WebhookStats>)>,
    /// The file for rejected records, and how many bytes it takes.
    pub rejects: (PathBuf, u64),
}

/// What there is before a daemon, so that it can be stopped while it still takes up what is on disk.
pub struct Context {
    /// For everything that waits.
    pub runtime: Runtime,
    /// Ends the daemon.
    pub stop: CancellationToken,
    /// Has files opened again.
    pub reopen: Reopen,
    /// Which sinks are told what.
    pub routes: Routes,
}

impl Context {
    /// Begins.
    ///
    /// # Errors
    ///
    /// If the system has no threads for us.
    pub fn new() -> Result<Self, DaemonError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
        let runtime = runtime.map_err(DaemonError::Thread)?;
        Ok(Self { runtime, stop: CancellationToken::new(), reopen: Reopen::default(), routes: Routes::default() })
    }
}

/// What others may use of a daemon while it runs.
#[derive(Clone)]
pub struct Handle {
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// What is on disk.
    pub store: Arc<Store>,
    /// Where wishes go.
    pub control: Control,
    /// Ends the daemon.
    pub stop: CancellationToken,
    /// Has files opened again.
    pub reopen: Reopen,
}

/// A daemon that is about to run.
pub struct Daemon {
    plan: Plan,
    runtime: Runtime,
    judge: Judge,
    handle: Handle,
    couriers: Vec<Courier>,
    /// Ends couriers.
    last_call: CancellationToken,
}

impl Daemon {
    /// Takes up what is on disk, and makes everything that can fail.
    ///
    /// # Errors
    ///
    /// If the store or a sink cannot be used.
    pub fn prepare(mut plan: Plan, context: Context) -> Result<Self, DaemonError> {
        let Context { runtime, stop, reopen, routes } = context;
        let recovered = recover(&plan.folder, &plan.detection)?;
        let (orders, received) = channel();
        let mut judge = Judge::new(recovered, Inbox::new(plan.queue), received)?;
        let handle = Handle {
            telemetry: judge.telemetry.clone(),
            store: judge.store.clone(),
            control: Control::new(orders),
            stop,
            reopen,
        };
        let last_call = CancellationToken::new();
        let couriers = couriers(&plan, &handle, &judge.wake, &last_call)?;
        *handle.telemetry.sinks.write().unwrap_or_else(PoisonError::into_inner) =
            couriers.iter().map(Courier::status).collect();
        judge.cluster.clone_from(&plan.cluster);
        routes.set(plan.sinks.iter().map(SinkSettings::route).collect());
        judge.routes = routes;
        // not before the store is ours: another daemon may write there
        judge.rejects = Some(Rejects::renew(&plan.rejects.0, plan.rejects.1)?);
        *handle.telemetry.webhooks.write().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut plan.webhooks);
        Ok(Self { plan, runtime, judge, handle, couriers, last_call })
    }

    /// What others may use while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// For tasks beside it.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// Runs until it is stopped, or until every source has come to its end.
    ///
    /// # Errors
    ///
    /// If it could not go on, or not keep everything when it ended.
    pub fn run(self) -> Result<(), DaemonError> {
        let Self { plan, runtime, judge, handle, couriers, last_call } = self;
        let mut deliveries = JoinSet::new();
        couriers.into_iter().for_each(|courier| _ = deliveries.spawn_on(courier.run(), runtime.handle()));
        let cx = SourceContext {
            inbox: judge.inbox.clone(),
            checkpoint: Arc::new(judge.checkpoint.clone()),
            board: judge.telemetry.board.clone(),
            stop: handle.stop.clone(),
            runtime: runtime.handle().clone(),
        };
        let reading = read(plan.sources, cx, &handle.telemetry)?;
        let abandon = CancellationToken::new();
        runtime.spawn(give_up(handle.stop.clone(), plan.grace, abandon.clone()));

        let judged = judge.run(&abandon);
        // if the judge could not go on, nobody is to wait for it
        handle.stop.cancel();
        last_call.cancel();
        runtime.block_on(async { while deliveries.join_next().await.is_some() {} });
        let read = reading.join().map_err(|_| DaemonError::Died)?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        judged?;
        read
    }
}

/// A task for each sink.
fn couriers(
    plan: &Plan,
    handle: &Handle,
    wake: &Arc<Notify>,
    stop: &CancellationToken,
) -> Result<Vec<Courier>, DaemonError> {
    let telemetry = handle.telemetry.clone();
    let cx = SinkContext {
        store: handle.store.clone(),
        wake: wake.clone(),
        folder: plan.folder.clone(),
        stop: stop.clone(),
        grace: plan.grace,
        observe: Arc::new(move |arrived| telemetry.deliver(arrived)),
    };
    let courier = |settings: &SinkSettings| {
        let sink = Sink::open(settings, &handle.reopen)?;
        Ok(Courier::new(sink, settings, cx.clone()))
    };
    plan.sinks.iter().map(courier).collect()
}

/// Reads every source on a thread of its own, and closes the inbox when all have ended.
fn read(
    sources: Vec<Box<dyn Source>>,
    cx: SourceContext,
    telemetry: &Arc<Telemetry>,
) -> Result<JoinHandle<Result<(), DaemonError>>, DaemonError> {
    let mut threads = Vec::new();
    for source in sources {
        let (cx, name, telemetry) = (cx.clone(), Text::new(source.name()), telemetry.clone());
        let run = move || {
            let outcome = source.run(cx);
            match &outcome {
                Ok(()) => info!("source {name} has ended"),
                Err(trouble) => {
                    error!("{trouble}");
                    telemetry.trouble("source", Some(Text::from(trouble.to_string())));
                }
            }
            outcome.is_ok()
        };
        threads.push(thread::Builder::new().name("source".to_owned()).spawn(run).map_err(DaemonError::Thread)?);
    }
    let watch = move || {
        let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
        cx.inbox.close();
        match ended {
            ended if ended.iter().any(Result::is_err) => Err(DaemonError::Died),
            ended if !ended.is_empty() && ended.iter().all(|ended| matches!(ended, Ok(false))) => {
                Err(DaemonError::Sources)
            }
            _ => Ok(()),
        }
    };
    thread::Builder::new().name("sources".to_owned()).spawn(watch).map_err(DaemonError::Thread)
}

/// After the grace, a disk that still fails is waited for no longer.
async fn give_up(stop: CancellationToken, grace: Duration, abandon: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(grace).await;
    abandon.cancel();
}

#[cfg(test)]
mod tests;
