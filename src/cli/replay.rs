//! `sawatch replay`: archived logs in, incidents out.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use tracing::warn;

use super::job::{Job, Told, severity_parser};
use super::topic::Topic;
use super::{Exit, Failure, terminal};
use crate::alert::{Incident, Notice, Severity};
use crate::config::Config;
use crate::format::{Format, Style};
use crate::pipeline::OnNotice;
use crate::pipeline::summary::Summary;
use crate::sink::SinkError;
use crate::sink::stream::Stream;
use crate::state::{Pending, State, StateError};

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
  What a Kafka topic holds of one day, read without joining a group:
    sawatch replay --kafka audit --kafka-property bootstrap.servers=kafka:9092 \\
      --since 2026-11-24T00:00:00Z --until 2026-11-25T00:00:00Z

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
    #[command(flatten)]
    job: Job,

    #[command(flatten)]
    topic: Topic,

    /// How to write incidents [default: text on a terminal, ocsf elsewhere]
    #[arg(long, value_parser = format_parser())]
    format: Option<Format>,

    /// Write incidents to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write incidents as they grow: an opening, updates, a closing, each with the whole of what is known by then
    ///
    /// This is what sawatch run sends. Without it, each incident is written once, when all has been read.
    #[arg(long)]
    stream: bool,

    /// Keep what is known in the end, as JSON to read, compare and change; compressed if the name ends in .zst
    ///
    /// Baselines, credentials, addresses and windows are kept, open incidents are not. The file is replaced as a whole,
    /// and only its owner can read it. Nothing is kept of a run that failed, was interrupted, or could not read a file.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Exit with 10 if there is an incident this bad or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severity_parser())]
    fail_on: Option<Severity>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let named = |name: String| Format::ALL.into_iter().find(|format| format.as_str() == name);
    PossibleValuesParser::new(Format::ALL.map(Format::as_str)).try_map(move |n| named(n).ok_or("unknown format"))
}

impl Args {
    fn config(&self) -> Result<Config, Failure> {
        let config = self.job.config()?;
        Ok(Config { format: self.format.or(config.format), fail_on: self.fail_on.or(config.fail_on), ..config })
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let config = args.config()?;
    let topic = args.topic.logs()?;
    // a topic in which nothing happened is no mistake
    let logs = args.job.logs(topic, args.save.is_some() || args.topic.is_given())?;
    let past = args.job.past(&config)?;
    let mut output = Output::open(args.output.as_deref(), config.format)?;
    let save = args.save.as_deref().map(Pending::create).transpose()?;
    let tell: OnNotice<'_> = Box::new(|notice| output.notify(notice, config.min_severity));
    let told = Told { of_notices: args.stream.then_some(tell), ..Told::default() };
    let judged = logs.judge(&config, past, told)?;

    let incidents = &judged.incidents;
    if !args.stream {
        output.deliver(incidents.iter().filter(|incident| incident.severity >= config.min_severity))?;
    }
    let width = output.style.width;
    output.close(&Summary {
        tally: &judged.tally,
        census: &judged.census,
        incidents,
        min_severity: config.min_severity,
        elapsed: judged.elapsed,
        interrupted: judged.interrupted,
        width,
    })?;
    let found = config.fail_on.is_some_and(|worst| incidents.iter().any(|incident| incident.severity >= worst));
    let exit = judged.exit(&config, found);
    judged.outcome?;
    if let Some(save) = save {
        keep(save, &judged.known, exit, judged.interrupted)?;
    }
    Ok(exit)
}

/// Half a period is no baseline: what an interrupted run knows is not kept, nor what was learned without some file.
fn keep(save: Pending, known: &State, exit: Exit, interrupted: bool) -> Result<(), StateError> {
    match (interrupted, exit) {
        (true, _) => warn!("what is known is not saved: the run was interrupted"),
        (false, Exit::Failed) => warn!("what is known is not saved: a file could not be read"),
        (false, _) => save.write(known)?,
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
        let terminal = terminal::style().filter(|_| file.is_none());
        let format = format.unwrap_or(if terminal.is_some() { Format::Text } else { Format::Ocsf });
        Ok(Self {
            stream: file.map_or_else(|| Ok(Stream::stdout()), Stream::create)?,
            format,
            style: terminal.unwrap_or_default(),
            takes_summary: file.is_none() && format == Format::Text,
        })
    }

    fn deliver<'i>(&mut self, incidents: impl IntoIterator<Item = &'i Incident>) -> Result<(), SinkError> {
        self.stream.deliver(self.format, self.style, incidents)
    }

    fn notify(&mut self, notice: &Notice, least: Severity) -> Result<(), SinkError> {
        let Some(activity) = notice.activity_from(least) else { return Ok(()) };
        self.stream.notify(self.format, self.style, &notice.incident, activity)
    }

    fn close(mut self, summary: &Summary<'_>) -> Result<(), SinkError> {
        let stream = if self.takes_summary { &mut self.stream } else { &mut Stream::stderr() };
        stream.say(summary)
    }
}
