//! The `sawatch` binary.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use sawatch::cli::Cli;
use tracing::level_filters::LevelFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.log_level());
    cli.run().into()
}

/// Colours follow the terminal and `NO_COLOR`, as in everything else that is written.
fn log_to_stderr(level: LevelFilter) {
    let colored =
        io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
    log.with_ansi(colored).with_target(false).without_time().init();
}
