//! `sawatch suppress`: what sinks are not told for a while.

use clap::Subcommand;

use super::alerts::line;
use super::store::{StoreArgs, unexpected, user};
use super::table::table;
use super::{Exit, Failure};
use crate::admin::{Reply, StoreRequest, Wanted};
use crate::config::span;
use crate::format::time::moment;
use crate::sink::stream::Stream;
use crate::store::Suppression;
use crate::text::Text;

const EXAMPLE: &str = "\
Example:
  While a backup is set up anew, its sinks need not know:
    sawatch suppress add --principal 'system:serviceaccount:velero:*' --reason CHG-1234 --owner ann --for 14d";

/// Keep incidents from sinks for a while; they are found, counted and listed all the same
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(AddArgs),
    /// List suppressions, those that are over too
    List {
        /// Write one line of JSON for each
        #[arg(long)]
        json: bool,
    },
    /// Take one out
    Remove {
        /// Its id
        id: String,
    },
}

/// Suppress the incidents of a principal
#[derive(Debug, clap::Args)]
struct AddArgs {
    /// A username as the API server writes it, * for any text
    #[arg(long, value_name = "PATTERN")]
    principal: String,
    /// Only incidents in which nothing but this detector spoke
    #[arg(long, value_name = "ID")]
    detector: Option<String>,
    /// Only incidents of this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for it [default: $USER]
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// How long: 30d, 12h; 90d at most
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: u32,
}

fn seconds(text: &str) -> Result<u32, &'static str> {
    let seconds = span(text).and_then(|span| u32::try_from(span.0 / 1_000_000).ok());
    seconds.ok_or("wanted a time such as 30d or 12h")
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let text = match &args.command {
        Command::Add(add) => {
            let Reply::Suppressed(made) = args.store.ask(StoreRequest::Suppress(add.wanted()?))? else {
                return Err(unexpected());
            };
            format!("{} holds until {}\n", Text::new(&made.id), moment(made.until))
        }
        Command::List { json } => {
            let Reply::Suppressions(all) = args.store.ask(StoreRequest::Suppressions)? else {
                return Err(unexpected());
            };
            if *json { all.iter().map(line).collect() } else { list(&all) }
        }
        Command::Remove { id } => {
            let Reply::Unsuppressed = args.store.ask(StoreRequest::Unsuppress { id: id.clone() })? else {
                return Err(unexpected());
            };
            format!("{} is removed: sinks are told again\n", Text::new(id))
        }
    };
    Stream::stdout().say(&text)?;
    Ok(Exit::Done)
}

impl AddArgs {
    fn wanted(&self) -> Result<Wanted, Failure> {
        Ok(Wanted {
            principal: self.principal.clone(),
            detector: self.detector.clone(),
            cluster: self.cluster.clone(),
            reason: Text::new(&self.reason),
            owner: Text::from(self.owner.clone().map_or_else(user, Ok)?),
            seconds: self.seconds,
        })
    }
}

fn list(all: &[Suppression]) -> String {
    let shown = |text: &str| Text::new(text).to_string();
    let or_any = |text: &Option<String>| text.as_deref().map_or_else(|| "any".to_owned(), shown);
    let row = |s: &Suppression| {
        let (detector, cluster) = (or_any(&s.detector), or_any(&s.cluster));
        [
            shown(&s.id),
            moment(s.until),
            shown(&s.principal),
            detector,
            cluster,
            s.owner.to_string(),
            s.reason.to_string(),
        ]
    };
    let heading = ["ID", "UNTIL", "PRINCIPAL", "DETECTOR", "CLUSTER", "OWNER", "REASON"];
    table(heading, &all.iter().map(row).collect::<Vec<_>>())
}
