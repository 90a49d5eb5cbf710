//! `sawatch detectors`: what is looked for.

use std::fmt::{self, Display};
use std::path::PathBuf;

use super::job::load;
use super::{Exit, Failure};
use crate::config::Config;
use crate::detector;
use crate::sink::stream::Stream;

/// List the detectors, and what each of them sees
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say which of them this configuration turns off
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    Stream::stdout().say(&List(&load(args.config.as_deref())?))?;
    Ok(Exit::Done)
}

struct List<'a>(&'a Config);

impl Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = detector::ALL.iter().map(|detector| detector.id().len()).max().unwrap_or(0);
        let disabled = &self.0.detection.disabled_detectors;
        for detector in detector::ALL {
            let state = if disabled.iter().any(|id| id == detector.id()) { "off" } else { "on" };
            writeln!(f, "{:<width$}  {state:<3}  {}", detector.id(), detector.about())?;
        }
        writeln!(f, "\nEach can be turned off: detection.disabled-detectors in the configuration.")
    }
}
