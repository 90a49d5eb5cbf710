//! `sawatch backtest`: labelled logs in, how well they are judged out.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;

use super::job::{Job, Told};
use super::{Exit, Failure, terminal};
use crate::backtest::labels::Labels;
use crate::backtest::report::{Document, Report};
use crate::backtest::{Score, Witness};
use crate::sink::stream::Stream;

const EXAMPLES: &str = "\
Examples:
  What would last month have been like with another configuration?
    sawatch backtest --labels attacks.yaml --learn /archive/may --config new.yaml /archive/june
  Fail a build on a missed attack, or on one false finding in 100,000 events:
    sawatch backtest --labels attacks.yaml --fail-under 100% --fail-over 1 audit.log

Labels are YAML or JSON; an audit id is the auditID of an event, or the id of a finding's evidence:
  scenarios:
    - id: stolen-token
      audit_ids: [53e48d3e-7b2b-4d13-a0c4-ae8bbd1b44a1, 7c1a2e0c-5f3e-4c5e-9d0b-2f8a3e0f6a11]
      # and if wanted: name, tactic, technique, description

Exit codes:
  0  done                       4  too many records rejected (--max-rejects)
  1  failed while running      10  worse than --fail-under or --fail-over allow
  2  wrong usage, configuration or labels";

/// Judge a labelled period and say how well
///
/// A scenario is found if an incident at --min-severity or above cites one of its audit ids; an incident that cites none of
/// any is a false finding. PATHs are those of replay.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The attacks in what is judged, and their audit ids
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,

    #[command(flatten)]
    job: Job,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,

    /// Exit with 10 if a smaller share of the scenarios was found
    #[arg(long, value_name = "P%")]
    fail_under: Option<Percent>,

    /// Exit with 10 if there are more false findings for every 100,000 events
    #[arg(long, value_name = "N")]
    fail_over: Option<f64>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For a person
    Text,
    /// For a script
    Json,
}

/// A share of all, of a hundred.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Percent(f64);

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
        number.filter(|p| (0.0..=100.0).contains(p)).map(Self).ok_or("wanted a share of all, such as 95%")
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let config = args.job.config()?;
    let labels = Labels::load(&args.labels).map_err(|e| Failure::Usage(e.into()))?;
    let logs = args.job.logs(Vec::new(), false)?;
    let past = args.job.past(&config)?;
    let mut witness = Witness::new(&labels);
    let witnessed = Told { of_events: Some(Box::new(|event| witness.see(event))), ..Told::default() };
    let judged = logs.judge(&config, past, witnessed)?;
    let score = witness.score(&judged.incidents, config.min_severity);
    let exit = judged.exit(&config, args.is_worse(&score));
    // of a part of the log there is no score
    judged.outcome?;
    let (interrupted, width) = (judged.interrupted, terminal::style().unwrap_or_default().width);
    match args.format {
        Form::Text => Stream::stdout().say(&Report {
            score: &score,
            blind_spots: &judged.census.blind_spots,
            interrupted,
            width,
        })?,
        Form::Json => {
            let json = serde_json::to_string_pretty(&Document::of(&score, interrupted))?;
            Stream::stdout().say(&format_args!("{json}\n"))?;
        }
    }
    Ok(exit)
}

impl Args {
    fn is_worse(&self, score: &Score<'_>) -> bool {
        self.fail_under.is_some_and(|Percent(least)| 100.0 * score.recall() < least)
            || self.fail_over.is_some_and(|most| score.false_per_100k() > most)
    }
}
