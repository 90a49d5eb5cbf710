//! Logs to incidents: a reader for each feed, decoders, one judge.
//!
//! ```text
//! reader ──blocks──▶ decoder 0..n ──events──▶ merge by time ──▶ engine     (the caller's thread)
//!    ▲                                                            │
//!    └───────────────────────── spare buffers ◀───────────────────┘
//! ```
//!
//! Blocks go to the decoders in turn and are taken from them in turn, so their order needs no numbers and what is judged
//! does not depend on the number of threads. Every queue is bounded: memory is flat however long the log is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::alert::{Activity, Incident, Notice};
use crate::decode::RejectReason;
use crate::engine::{Engine, Feed, Verdict};
use crate::event::Event;
use crate::sink::SinkError;
use crate::sink::rejects::Rejects;
use crate::source::Log;

mod lane;
mod merge;
pub mod summary;
pub mod tally;

use lane::{DecodedBlock, Lane};
use merge::Merge;
use tally::Tally;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The system has no thread for us.
    #[error("cannot start a thread: {0}; try fewer --threads")]
    Thread(io::Error),
    /// A reader or decoder panicked; its message is on standard error.
    #[error("a thread died while reading or decoding; this is a defect of sawatch")]
    Died,
    /// Rejects could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// What a period is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Normal and complete: it teaches, and nothing in it is judged.
    Normal,
    /// To be judged.
    Judged,
}

/// Looks at events as they pass.
pub type OnEvent<'a> = Box<dyn FnMut(&Event<'_>) + 'a>;

/// Takes what there is to tell of incidents while they grow.
pub type OnNotice<'a> = Box<dyn FnMut(&Notice) -> Result<(), SinkError> + 'a>;

/// A run in progress: an engine, and what it is fed with.
pub struct Run<'a> {
    /// Judges.
    pub engine: Engine,
    /// Threads that decode; 1 decodes in the caller's.
    pub threads: usize,
    /// Set from outside to end early.
    pub cancel: &'a AtomicBool,
    /// Bytes taken from disk so far.
    pub progress: Arc<AtomicU64>,
    /// Takes what is no event.
    pub rejects: Option<Rejects>,
    /// Called with each event of what is judged, before it is.
    pub on_event: Option<OnEvent<'a>>,
    /// Called with each notice of an engine that is live, soon after what it is about.
    pub on_notice: Option<OnNotice<'a>>,
    /// Incidents that were told to their end.
    told: Vec<Incident>,
    /// Called after each block.
    pub observe: Box<dyn FnMut(&Tally) + 'a>,
    /// What was counted.
    pub tally: Tally,
    /// The names of the feeds met so far, and of those that the engine met before: [`Feed`] is an index into it.
    pub feeds: Vec<String>,
}

impl<'a> Run<'a> {
    /// A run that nothing was fed to yet.
    #[must_use]
    pub fn new(engine: Engine, threads: usize, cancel: &'a AtomicBool) -> Self {
        Self {
            engine,
            threads,
            cancel,
            progress: Arc::default(),
            rejects: None,
            on_event: None,
            on_notice: None,
            told: Vec::new(),
            observe: Box::new(|_| {}),
            tally: Tally::default(),
            feeds: Vec::new(),
        }
    }

    /// Feeds `logs`, merged by time, to the engine. What was judged is in [`Run::tally`] and the engine, even after an error.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started or dies, or a reject cannot be written.
    pub fn feed(&mut self, logs: Vec<Log>, period: Period) -> Result<(), PipelineError> {
        let decoders = self.threads.div_ceil(logs.len().max(1));
        let lanes = logs.into_iter().map(|log| {
            let feed = self.named(&log.name);
            Lane::open(log, feed, decoders, &self.progress).map_err(PipelineError::Thread)
        });
        let lanes = lanes.collect::<Result<Vec<_>, _>>()?;
        Merge::new(lanes).run(&mut Judge { run: self, period })?;
        self.tell()
    }

    /// Hands over what there is to tell.
    fn tell(&mut self) -> Result<(), PipelineError> {
        let Some(on_notice) = &mut self.on_notice else { return Ok(()) };
        for notice in self.engine.notices() {
            on_notice(&notice)?;
            if notice.activity == Activity::Closed {
                self.told.push(notice.incident);
            }
        }
        Ok(())
    }

    /// Closes every incident, and returns all there were in order of their first alerts, told or not.
    ///
    /// # Errors
    ///
    /// If somebody is to be told and cannot be.
    pub fn finish(&mut self) -> Result<Vec<Incident>, PipelineError> {
        let mut incidents = self.engine.finish();
        self.tell()?;
        incidents.append(&mut self.told);
        incidents.sort_by(Incident::by_beginning);
        Ok(incidents)
    }

    /// The feed of a name: the same one for the normal and the judged period.
    fn named(&mut self, name: &str) -> Feed {
        let index = self.feeds.iter().position(|known| known == name).unwrap_or_else(|| {
            self.feeds.push(name.to_owned());
            self.feeds.len() - 1
        });
        Feed(
            u16::try_from(index)
                .expect("each period has at most discover::MAX_FEEDS feeds, and a state a few thousand"),
        )
    }
}

/// What the merge hands blocks and events to.
struct Judge<'r, 'a> {
    run: &'r mut Run<'a>,
    period: Period,
}

impl Judge<'_, '_> {
    /// Counts what in a block is no event.
    fn open(&mut self, feed: Feed, block: &DecodedBlock) -> Result<(), PipelineError> {
        let Run { tally, rejects, feeds, observe, .. } = &mut *self.run;
        let name = &feeds[usize::from(feed.0)];
        let source = block.borrow_owner();
        let oversized = source.oversized.iter().map(|o| (RejectReason::TooLong.as_str(), o.offset, &o.excerpt[..]));
        let malformed = block.borrow_dependent().rejects.iter();
        let malformed = malformed.map(|r| (r.reason.as_str(), source.offset + r.offset as u64, r.record));
        for (reason, offset, record) in oversized.chain(malformed) {
            tally.reject(reason);
            if let Some(rejects) = rejects {
                rejects.write(reason, name, offset, record)?;
            }
        }
        tally.faults.extend_from_slice(&source.faults);
        observe(tally);
        self.run.tell()
    }

    fn event(&mut self, feed: Feed, event: &Event<'_>) {
        if let (Period::Judged, Some(on_event)) = (self.period, &mut self.run.on_event) {
            on_event(event);
        }
        let verdict = match self.period {
            Period::Normal => self.run.engine.learn(feed, event),
            Period::Judged => self.run.engine.process(feed, event),
        };
        match (verdict, self.period) {
            (Verdict::Repeat, _) => self.run.tally.repeats += 1,
            (Verdict::Unjudged, _) => self.run.tally.unjudged += 1,
            (Verdict::Quiet | Verdict::Unusual(_), Period::Normal) => self.run.tally.learned += 1,
            (Verdict::Quiet | Verdict::Unusual(_), Period::Judged) => self.run.tally.judged(event),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.run.cancel.load(Ordering::Relaxed)
    }
}
