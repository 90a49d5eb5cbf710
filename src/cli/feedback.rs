//! `sawatch feedback`: what an analyst says of an incident.

use clap::Subcommand;
use uuid::Uuid;

use super::store::{StoreArgs, unexpected, user};
use super::{Exit, Failure};
use crate::daemon::control::{Answer, Wish};
use crate::engine::Taught;
use crate::sink::stream::Stream;
use crate::store::Status;
use crate::text::Text;

const EXAMPLE: &str = "\
Example:
  What was seen is normal from now on:
    sawatch feedback benign 5c48f526-c1ba-5240-96bd-2fb5658adb3a --why 'new backup job, CHG-1234'";

/// Say what an incident is, so that more is known the next time
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    word: Verdict,
}

#[derive(Debug, Subcommand)]
enum Verdict {
    /// It is nothing: what was new in it is normal from now on
    Benign(Word),
    /// It is an attack: what was new in it never becomes normal by being seen
    Malicious(Word),
    /// Somebody looks at it; nothing is learned
    Acknowledge(Word),
}

#[derive(Debug, clap::Args)]
struct Word {
    /// The incident's id
    id: Uuid,
    /// How you know
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who says so [default: $USER]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (status, word) = match &args.word {
        Verdict::Benign(word) => (Status::Benign, word),
        Verdict::Malicious(word) => (Status::Malicious, word),
        Verdict::Acknowledge(word) => (Status::Acknowledged, word),
    };
    let who = Text::from(word.who.clone().map_or_else(user, Ok)?);
    let wish = Wish::Put { incident: word.id, status, who, why: Text::new(&word.why) };
    let Answer::Put(record, taught) = args.store.wish(wish)? else { return Err(unexpected()) };
    let (id, status, learned) = (record.incident.id, record.status.as_str(), said(taught));
    Stream::stdout().say(&format_args!("{id} is {status}{learned}\n"))?;
    Ok(Exit::Done)
}

fn said(Taught { values, credentials, unknown }: Taught) -> String {
    let parts = [(values, "of accounts"), (credentials, "of credentials"), (unknown, "no longer known")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() { String::new() } else { format!("; learned: {}", parts.join(", ")) }
}
