//! `sawatch webhook`: what the audit webhook of an API server needs.

use std::fmt::{self, Display};
use std::path::PathBuf;

use clap::Subcommand;

use super::{Exit, Failure};
use crate::sink::stream::Stream;
use crate::source::live::webhook::init::{Init, InitError, kubeconfig_name};
use crate::text::Text;

/// Prepare for API servers that post their audit events
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(InitArgs),
}

/// Make an authority, certificates, a token, and a kubeconfig for each API server
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  sawatch webhook init --host 10.0.0.5 --host audit.example.org --feed cp-1 --feed cp-2 \
                        --dir /etc/sawatch/webhook"
)]
struct InitArgs {
    /// A name or address of this machine as the API servers see it; they connect to the first
    #[arg(long = "host", value_name = "NAME|ADDRESS", required = true)]
    hosts: Vec<String>,
    /// Where the files go; made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// A name for each API server; it is part of the path that it posts to
    #[arg(long = "feed", value_name = "NAME", default_value = "apiserver")]
    feeds: Vec<String>,
    /// The port that the API servers connect to
    #[arg(long, default_value_t = 9443)]
    port: u16,
    /// How long the certificates are good for
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Give the API servers a certificate, next to their token
    #[arg(long)]
    client_certificate: bool,
    /// Replace what an earlier run made, for new certificates; its authority and its token stay
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Command::Init(args) = &args.command;
    let init = Init {
        dir: args.dir.clone(),
        hosts: args.hosts.clone(),
        port: args.port,
        feeds: args.feeds.clone(),
        days: args.days,
        client_certificate: args.client_certificate,
        force: args.force,
    };
    let files = init.write().map_err(failure)?;
    Stream::stdout().say(&Next { init: &init, files: &files })?;
    Ok(Exit::Done)
}

fn failure(error: InitError) -> Failure {
    match error {
        InitError::Host(_) | InitError::Feed(_) | InitError::Nothing | InitError::Exists(_) => {
            Failure::Usage(error.into())
        }
        _ => Failure::Run(error.into()),
    }
}

/// What was made, and what to do with it.
struct Next<'a> {
    init: &'a Init,
    files: &'a [PathBuf],
}

impl Display for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in self.files {
            writeln!(f, "{}", Text::from(file.as_path()))?;
        }
        writeln!(
            f,
            "\nCopy to each API server its own kubeconfig, readable for the API server only, and start it with:"
        )?;
        for feed in &self.init.feeds {
            writeln!(f, "  {feed}: --audit-webhook-config-file={}", Text::new(&kubeconfig_name(feed)))?;
        }
        writeln!(f, "  all: --audit-policy-file=POLICY --audit-webhook-mode=batch --audit-webhook-truncate-enabled")?;
        writeln!(
            f,
            "\nAn API server does not resolve names of Services: {} must be a name or an address that",
            self.init.hosts[0]
        )?;
        writeln!(
            f,
            "the machines of the control plane know. Keep ca.key where only you can read it, or away from here:"
        )?;
        writeln!(f, "it is needed for new certificates only, in {} days at the latest.", self.init.days)
    }
}
