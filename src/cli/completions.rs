//! `sawatch completions`: what a shell needs to complete arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Exit, Failure};
use crate::sink::stream::Stream;

/// Print the completions for a shell, to be put where it looks for them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sawatch completions bash > /etc/bash_completion.d/sawatch")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sawatch", &mut script);
    Stream::stdout().say(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
