//! What to read and how to judge it: the arguments of every command that judges archived logs, and the run they ask for.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tracing::{error, info, warn};

use super::progress::Progress;
use super::{Exit, Failure};
use crate::alert::{Incident, Severity};
use crate::config::{self, Config, MaxRejects};
use crate::engine::{Census, Engine, Learned};
use crate::pipeline::tally::Tally;
use crate::pipeline::{OnEvent, OnNotice, Period, PipelineError, Run};
use crate::sink::SinkError;
use crate::sink::rejects::Rejects;
use crate::source::archive::Fault;
use crate::source::discover::{DiscoverError, MAX_FEEDS, discover};
use crate::source::{Input, Log};
use crate::state::State;
use crate::text::Text;

/// Set by Ctrl-C: the run ends as if its input did.
static CANCEL: AtomicBool = AtomicBool::new(false);

/// Logs to learn from and logs to judge, and how.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Job {
    /// What to judge
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// What is normal and complete, and is only learned from; can be repeated
    #[arg(long, value_name = "PATH")]
    learn: Vec<PathBuf>,

    /// Start from what sawatch replay --save kept, as if it had been learned now
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// The log of one API server of several; can be repeated
    #[arg(long, value_name = "NAME=PATH", value_parser = feed)]
    feed: Vec<(String, PathBuf)>,

    /// The mildest incident to tell of [default: medium]
    #[arg(long, value_name = "SEVERITY", value_parser = severity_parser())]
    min_severity: Option<Severity>,

    /// Write rejected records to a file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// Exit with 4 if more records were rejected: a number, or a share of all [default: 50%]
    #[arg(long, value_name = "N|P%")]
    max_rejects: Option<MaxRejects>,

    /// Threads that decode [default: one fewer than there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// The cluster's name, part of every incident's id [default: default]
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// Read the configuration from a file; options given here go first
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Reads a severity in an argument.
pub(super) fn severity_parser() -> impl TypedValueParser<Value = Severity> {
    let named = |name: String| config::severity(&name).ok_or("unknown severity");
    PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).try_map(named)
}

fn feed(argument: &str) -> Result<(String, PathBuf), String> {
    match argument.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("wanted NAME=PATH, such as cp-1=/var/log/cp-1/audit.log".to_owned()),
    }
}

/// The configuration of a file, or the defaults.
pub(super) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    let config = file.map(Config::load).transpose();
    Ok(config.map_err(|e| Failure::Usage(e.into()))?.unwrap_or_default())
}

impl Job {
    /// These logs, judged by what is in them alone.
    pub(super) fn of(paths: Vec<PathBuf>) -> Self {
        Self { paths, ..Self::default() }
    }

    /// The configuration file's word, where an option says nothing else.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let mut config = load(self.config.as_deref())?;
        config.cluster = self.cluster.clone().unwrap_or(config.cluster);
        config.threads = self.threads.or(config.threads);
        config.min_severity = self.min_severity.unwrap_or(config.min_severity);
        config.max_rejects = self.max_rejects.unwrap_or(config.max_rejects);
        config.rejects.path = self.rejects.clone().or(config.rejects.path);
        Ok(config)
    }

    /// What an earlier run has kept of the same cluster, if it is to go on from that.
    pub(super) fn past(&self, config: &Config) -> Result<State, Failure> {
        let nothing = || Learned::nothing(&config.detection);
        let Some(path) = &self.baseline else {
            return Ok(State { cluster: config.cluster.clone(), feeds: Vec::new(), learned: nothing() });
        };
        let past = State::load(path, &config.detection).map_err(|e| Failure::Usage(e.into()))?;
        if past.cluster == config.cluster {
            return Ok(past);
        }
        let [past, now] = [&past.cluster, &config.cluster].map(Text::from);
        let path = Text::from(path.as_path());
        Err(Failure::Usage(anyhow!("{path} was learned of cluster {past}, and this is {now}: see --cluster")))
    }

    /// What there is to read, with logs to judge that are no files; `learn_only`: nothing has to be judged.
    pub(super) fn logs(&self, more: Vec<Log>, learn_only: bool) -> Result<Logs, Failure> {
        if self.paths.is_empty() && self.feed.is_empty() && more.is_empty() && !learn_only {
            return Err(Failure::Usage(anyhow!(
                "nothing to judge: give a PATH, - for standard input, or --feed; see --help"
            )));
        }
        let (mut errors, mut found) = (Vec::new(), Vec::new());
        for logs in [discover(&self.learn, &[]), discover(&self.paths, &self.feed)] {
            match logs {
                Ok(logs) => found.push(logs),
                Err(problems) => errors.extend(problems),
            }
        }
        if found.iter().flatten().flat_map(|log| &log.inputs).filter(|i| **i == Input::Stdin).count() > 1 {
            errors.push(DiscoverError::StdinTwice);
        }
        let feeds = found.last().map_or(0, Vec::len) + more.len();
        if feeds > MAX_FEEDS {
            errors.push(DiscoverError::TooManyFeeds(feeds));
        }
        match (<[Vec<Log>; 2]>::try_from(found), &errors[..]) {
            (Ok([learn, mut judge]), []) => {
                judge.extend(more);
                Ok(Logs { learn, judge })
            }
            _ => {
                let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
                Err(Failure::Usage(anyhow!("{}", said.join("\n       "))))
            }
        }
    }
}

/// What is to be learned from, and what is to be judged.
pub(super) struct Logs {
    learn: Vec<Log>,
    judge: Vec<Log>,
}

/// Who is told what while logs are judged.
#[derive(Default)]
pub(super) struct Told<'a> {
    /// Each event of the judged logs, in their order.
    pub(super) of_events: Option<OnEvent<'a>>,
    /// Incidents as they grow.
    pub(super) of_notices: Option<OnNotice<'a>>,
}

/// Logs that were judged.
pub(super) struct Judged {
    pub(super) tally: Tally,
    /// What is known in the end.
    pub(super) known: State,
    pub(super) census: Census,
    /// What was found, before a failure too.
    pub(super) incidents: Vec<Incident>,
    pub(super) elapsed: Duration,
    /// Ended by a signal before the end of the input.
    pub(super) interrupted: bool,
    /// Whether all was read and judged.
    pub(super) outcome: Result<(), PipelineError>,
}

impl Logs {
    /// Goes on from `past`, learns, then judges, and calls whoever is to be told on the way.
    pub(super) fn judge(self, config: &Config, past: State, told: Told<'_>) -> Result<Judged, Failure> {
        let Self { learn, judge } = self;
        let rejects = config.rejects.path.as_deref().map(|path| Rejects::create(path, config.rejects.max_bytes.0));
        let rejects = rejects.transpose()?;
        cancel_on_signal()?;

        info!("reading {} feeds to learn from and {} to judge", learn.len(), judge.len());
        let began = Instant::now();
        let read = Arc::default();
        let progress = Progress::new(learn.iter().chain(&judge).map(Log::size).sum(), Arc::clone(&read));
        let State { cluster, feeds, learned } = past;
        let mut engine = Engine::resume(&cluster, &config.detection, learned);
        if told.of_notices.is_some() {
            engine.go_live();
        }
        let mut run = Run::new(engine, threads(config.threads), &CANCEL);
        run.feeds = feeds;
        run.progress = read;
        run.rejects = rejects;
        (run.on_event, run.on_notice) = (told.of_events, told.of_notices);
        run.observe = Box::new(|tally| progress.show(tally));
        let outcome = run.feed(learn, Period::Normal).and_then(|()| run.feed(judge, Period::Judged));
        // what was found before a failure is told all the same
        let incidents = run.finish()?;
        let Run { engine, tally, rejects, feeds, .. } = run;
        progress.finish();
        report(&tally, rejects)?;
        Ok(Judged {
            incidents,
            census: engine.census(),
            known: State { cluster, feeds, learned: engine.into_learned() },
            tally,
            elapsed: began.elapsed(),
            interrupted: CANCEL.load(Ordering::Relaxed),
            outcome,
        })
    }
}

impl Judged {
    /// How the command ends; `found`: what it was asked to fail on was there.
    pub(super) fn exit(&self, config: &Config, found: bool) -> Exit {
        let (rejected, all) = (self.tally.rejected(), self.tally.events() + self.tally.rejected());
        if self.tally.faults.iter().any(|fault| fault.wholly) {
            Exit::Failed
        } else if config.max_rejects.is_exceeded(rejected, all) {
            error!("too many rejected records: {rejected} of {all}; --rejects FILE shows them");
            Exit::Rejects
        } else if found {
            Exit::Found
        } else {
            Exit::Done
        }
    }
}

/// One processor is left to the reader, which decompresses.
fn threads(configured: Option<NonZeroUsize>) -> usize {
    let available = || thread::available_parallelism().map_or(1, |n| (n.get() - 1).max(1));
    configured.map_or_else(available, NonZeroUsize::get)
}

/// The first Ctrl-C (or SIGTERM) ends the run with what was found; a second one ends it at once.
fn cancel_on_signal() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if CANCEL.swap(true, Ordering::Relaxed) {
            // 128 and the number of SIGINT, as shells have it
            #[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait")]
            std::process::exit(130);
        }
    })
}

/// Says which files were not read, and whether the file of rejects is whole.
fn report(tally: &Tally, rejects: Option<Rejects>) -> Result<(), SinkError> {
    for Fault { input, cause, wholly } in &tally.faults {
        let what = if *wholly { "could not be read" } else { "could be read only in part" };
        warn!("{input} {what}: {cause}");
    }
    match rejects.map_or(Ok(0), Rejects::finish)? {
        0 => {}
        n => warn!("the file of rejects is full: {n} were left out; raise rejects.max-bytes to have them"),
    }
    Ok(())
}
