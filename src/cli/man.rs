//! `sawatch man`: the manual page.

use clap::CommandFactory;

use super::{Cli, Exit, Failure};
use crate::sink::stream::Stream;

/// Print the manual page of sawatch, or of one of its commands
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sawatch man replay | man -l -")]
pub(super) struct Args {
    /// The command
    command: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut page = Cli::command();
    page.build();
    if let Some(name) = &args.command {
        let Some(command) = page.find_subcommand(name) else {
            return Err(Failure::Usage(anyhow::anyhow!("there is no command {name:?}; see sawatch help")));
        };
        page = command.clone();
    }
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).render(&mut roff)?;
    Stream::stdout().say(&String::from_utf8(roff)?)?;
    Ok(Exit::Done)
}
