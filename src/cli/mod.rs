//! The command line: one file for each subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::config::LogFormat;
use crate::sink::stream::Stream;

mod alerts;
mod backtest;
mod baseline;
mod completions;
mod config;
mod detectors;
mod doctor;
mod explain;
mod feedback;
mod job;
mod man;
mod progress;
mod replay;
mod run;
mod sinks;
mod store;
mod suppress;
mod table;
mod terminal;
mod topic;
mod webhook;

/// How a run ends, as its exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed on the way.
    Failed = 1,
    /// Wrong usage or configuration: nothing was done.
    Usage = 2,
    /// What sawatch doctor examined blinds it, or will not let it run well.
    Blind = 3,
    /// More records were rejected than `--max-rejects` allows.
    Rejects = 4,
    /// There is an incident as bad as `--fail-on` says, or a backtest is worse than it may be.
    Found = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why nothing, or not all, was done.
#[derive(Debug)]
enum Failure {
    /// Wrong usage or configuration.
    Usage(anyhow::Error),
    /// Anything else.
    Run(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

/// Finds what is unusual in Kubernetes audit logs: stolen tokens, new actions, new places.
#[derive(Debug, Parser)]
#[command(name = "sawatch", version, max_term_width = 120, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How much to say of the run itself, on standard error: off, error, warn, info, debug or trace [default: info for
    /// run, warn for all else]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<LevelFilter>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(Box<replay::Args>),
    Run(run::Args),
    Alerts(alerts::Args),
    Feedback(feedback::Args),
    Suppress(suppress::Args),
    Baseline(Box<baseline::Args>),
    Backtest(Box<backtest::Args>),
    Detectors(detectors::Args),
    Doctor(doctor::Args),
    Explain(explain::Args),
    Webhook(webhook::Args),
    Config(config::Args),
    Sinks(sinks::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Cli {
    /// How much is logged.
    #[must_use]
    pub fn log_level(&self) -> LevelFilter {
        let usual = if matches!(self.command, Command::Run(_)) { LevelFilter::INFO } else { LevelFilter::WARN };
        self.log_level.unwrap_or(usual)
    }

    /// How the log of a daemon is written; none for a command that a person waits for.
    #[must_use]
    pub fn log_format(&self) -> Option<LogFormat> {
        if let Command::Run(args) = &self.command { Some(args.log_format()) } else { None }
    }

    /// Does what was asked for; what went wrong is on standard error.
    #[must_use]
    pub fn run(self) -> Exit {
        let outcome = match self.command {
            Command::Replay(args) => replay::run(&args),
            Command::Run(args) => run::run(&args),
            Command::Alerts(args) => alerts::run(&args),
            Command::Feedback(args) => feedback::run(&args),
            Command::Suppress(args) => suppress::run(&args),
            Command::Baseline(args) => baseline::run(&args),
            Command::Backtest(args) => backtest::run(&args),
            Command::Detectors(args) => detectors::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Webhook(args) => webhook::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Sinks(args) => sinks::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        };
        let (error, exit) = match outcome {
            Ok(exit) => return exit,
            Err(Failure::Usage(error)) => (error, Exit::Usage),
            Err(Failure::Run(error)) => (error, Exit::Failed),
        };
        // if even standard error is gone, the exit code still tells
        _ = Stream::stderr().say(&format_args!("error: {error:#}\n"));
        exit
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }
}
