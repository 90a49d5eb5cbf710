//! `sawatch doctor`: what would blind Sawatch, before it runs.

use std::path::PathBuf;

use super::{Exit, Failure, terminal};
use crate::format::Style;

mod file;
mod installation;
mod log;
mod policy;

const EXAMPLES: &str = "\
Examples:
  What an audit policy keeps from detectors, and how to change it:
    sawatch doctor --policy /etc/kubernetes/audit-policy.yaml
  What a sample of a log does not show; an hour is enough:
    sawatch doctor /var/log/kubernetes/audit/audit.log
  Whether a configuration can run here:
    sawatch doctor --config /etc/sawatch/sawatch.yaml

Exit codes:
  0  nothing was found          2  wrong usage, policy or configuration
  1  failed while running       3  something is blind, or will not run well";

/// Say what would blind sawatch: an audit policy, a log, an installation
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct Args {
    /// A sample of a log: a file, a folder of logs, a quoted pattern, or - for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The audit policy of an API server
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The configuration of a daemon
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let width = terminal::style().unwrap_or(Style::PLAIN).width;
    let mut exits = Vec::new();
    if let Some(path) = &args.policy {
        exits.push(policy::examine(path, width)?);
    }
    if !args.paths.is_empty() {
        exits.push(log::examine(args.paths.clone(), width)?);
    }
    if let Some(path) = &args.config {
        exits.push(installation::examine(path, width)?);
    }
    // what failed tells more than what is blind
    let worst = [Exit::Failed, Exit::Rejects, Exit::Blind].into_iter().find(|exit| exits.contains(exit));
    Ok(worst.unwrap_or(Exit::Done))
}
