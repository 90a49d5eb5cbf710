//! `sawatch alerts`: the incidents that a daemon has kept.

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use uuid::Uuid;

use super::job::severity_parser;
use super::store::{StoreArgs, unexpected};
use super::table::table;
use super::{Exit, Failure, terminal};
use crate::admin::{Filter, MAX_LISTED, Reply, StoreRequest};
use crate::alert::Severity;
use crate::format::Format;
use crate::format::time::moment;
use crate::sink::stream::Stream;
use crate::store::{Record, Status};
use crate::text::Text;

const EXAMPLES: &str = "\
Examples:
  What nobody has looked at yet, the latest first:
    sawatch alerts list --status new
  The whole of one incident, and what people did with it:
    sawatch alerts show 5c48f526-c1ba-5240-96bd-2fb5658adb3a";

/// Look at the incidents that sawatch run has kept
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
    Show(ShowArgs),
}

/// List incidents, the latest first
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only those as bad as this, or worse
    #[arg(long, value_parser = severity_parser())]
    severity: Option<Severity>,
    /// Only those that stand so
    #[arg(long, value_parser = status_parser())]
    status: Option<Status>,
    /// Only those of this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Only those that this account has a part in: a service account as NAMESPACE/NAME, or any username
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=MAX_LISTED as i64))]
    limit: u16,
    /// Write one line of JSON for each
    #[arg(long)]
    json: bool,
}

/// Show one incident
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Its id
    id: Uuid,
    /// The form: text (with what people did), ocsf, ecs or falco
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(list) => list.run(&args.store),
        Command::Show(show) => show.run(&args.store),
    }
}

fn status_parser() -> impl TypedValueParser<Value = Status> {
    let named = |name: String| Status::ALL.into_iter().find(|status| status.as_str() == name).ok_or("unknown status");
    PossibleValuesParser::new(Status::ALL.map(Status::as_str)).try_map(named)
}

impl ListArgs {
    fn run(&self, store: &StoreArgs) -> Result<Exit, Failure> {
        let Self { severity, status, ref cluster, ref account, limit, json } = *self;
        let (cluster, account, limit) = (cluster.clone(), account.clone(), limit.into());
        let filter = Filter { severity, status, cluster, account, limit };
        let Reply::Incidents(records) = store.ask(StoreRequest::List(filter))? else { return Err(unexpected()) };
        let text = if json {
            records.iter().map(|record| line(&Row::of(record))).collect()
        } else {
            let heading = ["FIRST", "SEVERITY", "RISK", "STATUS", "CLUSTER", "ID", "WHAT"];
            table(heading, &records.iter().map(cells).collect::<Vec<_>>())
        };
        Stream::stdout().say(&text)?;
        Ok(Exit::Done)
    }
}

/// What `--json` says of an incident; `alerts show --format ocsf` has all.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    first: String,
    last: String,
    severity: &'static str,
    risk: u8,
    status: Status,
    cluster: &'a Text,
    principal: &'a Text,
    related: &'a [Text],
    events: u64,
    title: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(record: &'a Record) -> Self {
        let Record { incident, status, suppressed, .. } = record;
        Self {
            id: incident.id,
            first: incident.first.to_string(),
            last: incident.last.to_string(),
            severity: incident.severity.as_str(),
            risk: incident.risk,
            status: *status,
            cluster: &incident.cluster,
            principal: &incident.principal,
            related: &incident.related,
            events: incident.events,
            title: Text::from(incident.title()),
            suppressed: suppressed.as_deref(),
        }
    }
}

pub(super) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers are always JSON") + "\n"
}

fn cells(record: &Record) -> [String; 7] {
    let Record { incident, status, suppressed, .. } = record;
    let status = if suppressed.is_some() { format!("{}, suppressed", status.as_str()) } else { status.as_str().into() };
    [
        moment(incident.first),
        incident.severity.to_string(),
        incident.risk.to_string(),
        status,
        incident.cluster.to_string(),
        incident.id.to_string(),
        Text::from(incident.title()).to_string(),
    ]
}

impl ShowArgs {
    fn run(&self, store: &StoreArgs) -> Result<Exit, Failure> {
        let Reply::Incident(record) = store.ask(StoreRequest::Show { incident: self.id })? else {
            return Err(unexpected());
        };
        let (mut out, style) = (Stream::stdout(), terminal::style().unwrap_or_default());
        out.notify(self.format, style, &record.incident, record.activity)?;
        if self.format == Format::Text {
            out.say(&trail(&record))?;
        }
        Ok(Exit::Done)
    }
}

/// What people did with an incident, a line for each.
fn trail(record: &Record) -> String {
    let suppressed = record.suppressed.as_ref().map(|id| format!("  suppressed by {}\n", Text::new(id)));
    let deeds = record
        .trail
        .iter()
        .map(|deed| format!("  {}  {} by {}: {}\n", moment(deed.at), deed.status.as_str(), deed.who, deed.why));
    suppressed.into_iter().chain(deeds).collect()
}
