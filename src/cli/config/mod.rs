//! `sawatch config`: whether a configuration is right, and what there is to configure.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;

use super::job::load;
use super::{Exit, Failure};
use crate::config::reference;
use crate::sink::stream::Stream;
use crate::text::Text;

pub(super) mod connect;
mod plan;

/// Check a configuration, or show what there is to configure
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(CheckArgs),
    /// Print every key with its meaning, at its default
    Reference,
}

/// Say what would run, or everything that is wrong
///
/// Exits with 0 if all is right, with 2 otherwise.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The configuration
    file: PathBuf,
    /// Also open what it names: files, folders, certificates and secrets; sawatch sinks test reaches the sinks
    #[arg(long)]
    connect: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::Check(args) => check(args),
        Command::Reference => {
            Stream::stdout().say(&reference())?;
            Ok(Exit::Done)
        }
    }
}

fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let config = load(Some(&args.file))?;
    Stream::stdout().say(&plan::Plan(&config))?;
    let problems = if args.connect { connect::problems(&config) } else { Vec::new() };
    if problems.is_empty() {
        return Ok(Exit::Done);
    }
    let (file, lines) = (Text::from(args.file.as_path()), problems.join("\n  "));
    Err(Failure::Usage(anyhow!("{file}: not all that it names can be opened\n  {lines}")))
}
