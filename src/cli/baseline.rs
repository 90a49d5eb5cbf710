//! `sawatch baseline`: what a daemon has learned.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Subcommand;

use super::explain::{View, unbounded};
use super::store::{StoreArgs, unexpected};
use super::{Exit, Failure};
use crate::daemon::control::{Answer, Wish};
use crate::sink::stream::Stream;
use crate::state::{Pending, State};
use crate::text::Text;

const EXAMPLES: &str = "\
Examples:
  Learn from logs of a quiet month, and start with that:
    sawatch replay --learn logs/ --save learned.json.zst
    sawatch baseline import learned.json.zst
  What the daemon knows of an account now:
    sawatch baseline show account payments/api";

/// Take out, bring in, look at or forget what sawatch run has learned
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Of which cluster; goes before the configuration's [default: default]
    #[arg(long, value_name = "NAME", global = true)]
    cluster: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write what was learned to a file, for sawatch replay --baseline or another daemon
    Export {
        /// Compressed, if its name ends in .zst
        file: PathBuf,
    },
    /// Put what was learned elsewhere in place of what is known of its cluster; its open incidents are closed
    Import {
        /// What sawatch baseline export or sawatch replay --save made
        file: PathBuf,
    },
    /// Show what is known of an account or a token, as sawatch explain does
    Show(View),
    /// Forget all that is known of an account
    Forget {
        /// A service account as NAMESPACE/NAME, or any username
        account: String,
    },
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let said = match &args.command {
        Command::Show(view) => return view.show(&args.learned()?.learned),
        Command::Export { file } => {
            Pending::create(file)?.write(&args.learned()?)?;
            format!("what was learned of {} is in {}\n", Text::new(&args.cluster()?), Text::from(file.as_path()))
        }
        Command::Import { file } => {
            let state = fs::read(file).with_context(|| format!("cannot read {}", Text::from(file.as_path())));
            let state = state.map_err(Failure::Usage)?;
            let Answer::Imported(cluster, accounts) = args.store.wish(Wish::Import { state })? else {
                return Err(unexpected());
            };
            format!("cluster {} begins with {accounts} accounts\n", Text::new(&cluster))
        }
        Command::Forget { account } => {
            args.forget(account)?;
            format!("{} is forgotten\n", Text::new(account))
        }
    };
    Stream::stdout().say(&said)?;
    Ok(Exit::Done)
}

impl Args {
    fn cluster(&self) -> Result<String, Failure> {
        self.cluster.clone().map_or_else(|| self.store.cluster(), Ok)
    }

    fn learned(&self) -> Result<State, Failure> {
        let Answer::Exported(state) = self.store.wish(Wish::Export { cluster: self.cluster()? })? else {
            return Err(unexpected());
        };
        State::unpack(&state, &unbounded()).map_err(|what| Failure::Run(anyhow!("{}", Text::from(what))))
    }

    /// A username may look like the name of a service account, so it is tried first.
    fn forget(&self, account: &str) -> Result<(), Failure> {
        let forget = |principal: String| match self.store.wish(Wish::Forget { cluster: self.cluster()?, principal })? {
            Answer::Forgotten => Ok(()),
            _ => Err(unexpected()),
        };
        let service_account = account.split_once('/').map(|(ns, name)| format!("system:serviceaccount:{ns}:{name}"));
        match (forget(account.to_owned()), service_account) {
            (Err(_), Some(username)) => forget(username),
            (outcome, _) => outcome,
        }
    }
}
