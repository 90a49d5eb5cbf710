//! `sawatch replay`: archived logs in, incidents out.

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tracing::{error, info, warn};

use super::progress::Progress;
use super::{Exit, Failure, terminal_style};
use crate::alert::{Incident, Severity};
use crate::config::{self, Config, MaxRejects};
use crate::engine::{Engine, Learned};
use crate::format::{Format, Style};
use crate::pipeline::summary::Summary;
use crate::pipeline::tally::Tally;
use crate::pipeline::{Period, Run};
use crate::sink::SinkError;
use crate::sink::rejects::Rejects;
use crate::sink::stream::Stream;
use crate::source::archive::Fault;
use crate::source::discover::{DiscoverError, discover};
use crate::source::{Input, Log};
use crate::state::{Pending, State, StateError};
use crate::text::Text;

/// Set by Ctrl-C: the run ends as if its input did.
static CANCEL: AtomicBool = AtomicBool::new(false);

const EXAMPLES: &str = "\
Examples:
  Learn from last week, judge today:
    sawatch replay --learn /archive/last-week /var/log/kubernetes/audit
  Judge a log that teaches as it goes, and keep the findings as OCSF:
    sawatch replay --output findings.jsonl audit.log
  Three API servers of one cluster, merged by time:
    sawatch replay --feed cp-1=cp1/audit.log --feed cp-2=cp2/audit.log --feed cp-3=cp3/audit.log
  Keep what was learned, and start from it the next day:
    sawatch replay --learn /archive/last-week --save learned.json.zst
    sawatch replay --baseline learned.json.zst --save learned.json.zst audit.log
  From a pipe, failing a job on anything high or worse:
    kubectl logs -n kube-system kube-apiserver-cp-1 | sawatch replay --fail-on high -

Exit codes:
  0  done                       4  too many records rejected (--max-rejects)
  1  failed while running      10  an incident as bad as --fail-on
  2  wrong usage or configuration";

/// Judge archived audit logs
///
/// A PATH is a file (plain, gzip or zstd, told by content), a folder of logs, a quoted pattern, or - for standard input.
/// Files are read as one log, rotated sets (audit-TIME.log.gz, audit.log) in the order of their time. A folder whose
/// subfolders hold logs is one feed for each of them: several API servers of one cluster, merged by time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to judge
    #[arg(value_name = "PATH", required_unless_present_any = ["feed", "save"])]
    paths: Vec<PathBuf>,

    /// What is normal and complete, and is only learned from; can be repeated
    #[arg(long, value_name = "PATH")]
    learn: Vec<PathBuf>,

    /// Start from what an earlier run kept with --save, as if it had been learned now
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Keep what is known in the end, as JSON to read, compare and change; compressed if the name ends in .zst
    ///
    /// Baselines, credentials, addresses and windows are kept, open incidents are not. The file is replaced as a whole,
    /// only its owner can read it, and nothing is kept of a run that failed or was interrupted.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// The log of one API server of several; can be repeated
    #[arg(long, value_name = "NAME=PATH", value_parser = feed)]
    feed: Vec<(String, PathBuf)>,

    /// How to write incidents [default: text on a terminal, ocsf elsewhere]
    #[arg(long, value_parser = format_parser())]
    format: Option<Format>,

    /// Write incidents to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The mildest incident to write [default: medium]
    #[arg(long, value_name = "SEVERITY", value_parser = severity_parser())]
    min_severity: Option<Severity>,

    /// Exit with 10 if there is an incident this bad or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severity_parser())]
    fail_on: Option<Severity>,

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

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let named = |name: String| Format::ALL.into_iter().find(|format| format.as_str() == name);
    PossibleValuesParser::new(Format::ALL.map(Format::as_str)).try_map(move |n| named(n).ok_or("unknown format"))
}

fn severity_parser() -> impl TypedValueParser<Value = Severity> {
    let named = |name: String| config::severity(&name).ok_or("unknown severity");
    PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).try_map(named)
}

fn feed(argument: &str) -> Result<(String, PathBuf), String> {
    match argument.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("wanted NAME=PATH, such as cp-1=/var/log/cp-1/audit.log".to_owned()),
    }
}

impl Args {
    /// The configuration file's word, where an option says nothing else.
    fn config(&self) -> Result<Config, Failure> {
        let file = self.config.as_deref().map(Config::load).transpose();
        let mut config = file.map_err(|e| Failure::Usage(e.into()))?.unwrap_or_default();
        config.cluster = self.cluster.clone().unwrap_or(config.cluster);
        config.threads = self.threads.or(config.threads);
        config.format = self.format.or(config.format);
        config.min_severity = self.min_severity.unwrap_or(config.min_severity);
        config.fail_on = self.fail_on.or(config.fail_on);
        config.max_rejects = self.max_rejects.unwrap_or(config.max_rejects);
        config.rejects.path = self.rejects.clone().or(config.rejects.path);
        Ok(config)
    }

    /// What is to be learned from, and what is to be judged.
    fn logs(&self) -> Result<(Vec<Log>, Vec<Log>), Failure> {
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
        match (<[Vec<Log>; 2]>::try_from(found), &errors[..]) {
            (Ok([learn, judge]), []) => Ok((learn, judge)),
            _ => {
                let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
                Err(Failure::Usage(anyhow!("{}", said.join("\n       "))))
            }
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let config = args.config()?;
    let (learn, judge) = args.logs()?;
    let mut output = Output::open(args.output.as_deref(), config.format)?;
    let rejects = config.rejects.path.as_deref().map(|path| Rejects::create(path, config.rejects.max_bytes.0));
    let rejects = rejects.transpose()?;
    cancel_on_signal()?;

    let state = args.baseline.as_deref().map_or_else(|| Ok(fresh(&config)), |path| resumed(path, &config))?;
    let save = args.save.as_deref().map(Pending::create).transpose()?;
    info!("reading {} feeds to learn from and {} to judge", learn.len(), judge.len());
    let began = Instant::now();
    let read = Arc::default();
    let progress = Progress::new(learn.iter().chain(&judge).map(Log::size).sum(), Arc::clone(&read));
    let engine = Engine::resume(&config.cluster, &config.detection, state.learned);
    let mut run = Run::new(engine, threads(config.threads), &CANCEL);
    run.feeds = state.feeds;
    run.progress = read;
    run.rejects = rejects;
    run.observe = Box::new(|tally| progress.show(tally));
    let outcome = run.feed(learn, Period::Normal).and_then(|()| run.feed(judge, Period::Judged));
    let Run { mut engine, tally, rejects, feeds, .. } = run;
    progress.finish();
    report(&tally, rejects)?;

    // what was found before a failure is told all the same
    let incidents = engine.finish();
    output.deliver(incidents.iter().filter(|incident| incident.severity >= config.min_severity))?;
    let width = output.style.width;
    output.close(&Summary {
        tally: &tally,
        census: &engine.census(),
        incidents: &incidents,
        min_severity: config.min_severity,
        elapsed: began.elapsed(),
        interrupted: CANCEL.load(Ordering::Relaxed),
        width,
    })?;
    outcome?;
    if let Some(save) = save {
        keep(save, &engine, &config.cluster, (&tally, &feeds))?;
    }
    Ok(exit(&config, &tally, &incidents))
}

/// What a run starts from that knows nothing.
fn fresh(config: &Config) -> State {
    State { cluster: config.cluster.clone(), feeds: Vec::new(), learned: Learned::nothing(&config.detection) }
}

/// What an earlier run has kept of the same cluster.
fn resumed(path: &Path, config: &Config) -> Result<State, Failure> {
    let state = State::load(path, &config.detection).map_err(|e| Failure::Usage(e.into()))?;
    if state.cluster == config.cluster {
        return Ok(state);
    }
    let (path, learned) = (Text::new(&path.to_string_lossy()), Text::new(&state.cluster));
    let other = Text::new(&config.cluster);
    Err(Failure::Usage(anyhow!("{path} was learned of cluster {learned}, and this is {other}: see --cluster")))
}

/// Half a period is no baseline: what an interrupted run knows is not kept, nor what was learned without some file.
fn keep(save: Pending, engine: &Engine, cluster: &str, (tally, feeds): (&Tally, &[String])) -> Result<(), StateError> {
    let missing = tally.faults.iter().any(|fault| fault.wholly);
    match (CANCEL.load(Ordering::Relaxed), missing) {
        (true, _) => warn!("what is known is not saved: the run was interrupted"),
        (false, true) => warn!("what is known is not saved: a file could not be read"),
        (false, false) => save.write(engine.learned(), cluster, feeds)?,
    }
    Ok(())
}

/// Where incidents go, and how they look there.
struct Output {
    stream: Stream,
    format: Format,
    style: Style,
    /// Whether the summary belongs beside the incidents: text that a person reads.
    takes_summary: bool,
}

impl Output {
    fn open(file: Option<&Path>, format: Option<Format>) -> Result<Self, SinkError> {
        let is_terminal = file.is_none() && io::stdout().is_terminal();
        let format = format.unwrap_or(if is_terminal { Format::Text } else { Format::Ocsf });
        Ok(Self {
            stream: file.map_or_else(|| Ok(Stream::stdout()), Stream::create)?,
            format,
            style: if is_terminal { terminal_style() } else { Style::PLAIN },
            takes_summary: file.is_none() && format == Format::Text,
        })
    }

    fn deliver<'i>(&mut self, incidents: impl IntoIterator<Item = &'i Incident>) -> Result<(), SinkError> {
        self.stream.deliver(self.format, self.style, incidents)
    }

    fn close(mut self, summary: &Summary<'_>) -> Result<(), SinkError> {
        let stream = if self.takes_summary { &mut self.stream } else { &mut Stream::stderr() };
        stream.say(summary)
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

fn exit(config: &Config, tally: &Tally, incidents: &[Incident]) -> Exit {
    let rejected = tally.rejected();
    if tally.faults.iter().any(|fault| fault.wholly) {
        Exit::Failed
    } else if config.max_rejects.is_exceeded(rejected, tally.events() + rejected) {
        error!("too many rejected records: {rejected} of {}; --rejects FILE shows them", tally.events() + rejected);
        Exit::Rejects
    } else if config.fail_on.is_some_and(|worst| incidents.iter().any(|incident| incident.severity >= worst)) {
        Exit::Found
    } else {
        Exit::Done
    }
}
