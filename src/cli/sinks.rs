//! `sawatch sinks`: whether sinks take what they are given.

use std::fmt::{self, Display};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;

use super::job::load;
use super::{Exit, Failure};
use crate::config::Config;
use crate::sink::stream::Stream;
use crate::sink::{SinkSettings, check};
use crate::text::Text;

/// Try the sinks of a configuration
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(TestArgs),
}

/// Hand each sink an incident that says of itself that it is a test
///
/// Exits with 0 if all took it, with 1 otherwise.
#[derive(Debug, clap::Args)]
struct TestArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Test this sink alone
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Command::Test(args) = &args.command;
    let sinks = chosen(load(Some(&args.config))?, args.sink.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcomes = Outcomes(runtime.block_on(check(&sinks)));
    Stream::stdout().say(&outcomes)?;
    Ok(if outcomes.0.iter().all(|(_, outcome)| outcome.is_ok()) { Exit::Done } else { Exit::Failed })
}

fn chosen(config: Config, name: Option<&str>) -> Result<Vec<SinkSettings>, Failure> {
    let wrong = |what: String| Failure::Usage(anyhow!(what));
    let names: Vec<String> = config.sinks.iter().map(|sink| sink.name.clone()).collect();
    let chosen: Vec<_> = config.sinks.into_iter().filter(|sink| name.is_none_or(|name| name == sink.name)).collect();
    match name {
        _ if !chosen.is_empty() => Ok(chosen),
        Some(name) if !names.is_empty() => {
            Err(wrong(format!("there is no sink {}, only {}", Text::new(name), names.join(", "))))
        }
        _ => Err(wrong("the configuration has no sinks".to_owned())),
    }
}

struct Outcomes(Vec<(String, Result<(), Text>)>);

impl Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, outcome) in &self.0 {
            match outcome {
                Ok(()) => writeln!(f, "{name:<width$}  ok")?,
                Err(what) => writeln!(f, "{name:<width$}  {what}")?,
            }
        }
        Ok(())
    }
}
