//! The `sawatch` binary.

use std::collections::HashSet;
use std::io;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use sawatch::cli::Cli;
use sawatch::config::LogFormat;
use tracing::level_filters::LevelFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.log_level(), cli.log_format());
    panic::set_hook(Box::new(once_a_place(panic::take_hook())));
    cli.run().into()
}

/// Colours follow the terminal and `NO_COLOR`, as in everything else that is written. Only a daemon's lines have times.
fn log_to_stderr(level: LevelFilter, format: Option<LogFormat>) {
    let colored =
        io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    match format {
        Some(LogFormat::Json) => log.json().flatten_event(true).init(),
        Some(LogFormat::Text) => log.with_ansi(colored).init(),
        None => log.with_ansi(colored).without_time().init(),
    }
}

/// Reports a panic once for each place in the code that it comes from: what fails on one event may fail on a million,
/// and how often it did is in the summary.
fn once_a_place(report: impl Fn(&PanicHookInfo<'_>)) -> impl Fn(&PanicHookInfo<'_>) {
    let reported = Mutex::new(HashSet::new());
    move |panic| {
        let place = panic.location().map(ToString::to_string);
        if reported.lock().is_ok_and(|mut places| places.insert(place)) {
            report(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_panic_is_reported_once_for_each_place() {
        let reports = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reports);
        let before = panic::take_hook();
        panic::set_hook(Box::new(once_a_place(move |_| _ = counted.fetch_add(1, Ordering::Relaxed))));
        for n in 0..100 {
            let outcome = panic::catch_unwind(|| if n % 2 == 0 { panic!("even: {n}") } else { panic!("odd: {n}") });
            assert!(outcome.is_err());
        }
        panic::set_hook(before);
        assert_eq!(reports.load(Ordering::Relaxed), 2);
    }
}
