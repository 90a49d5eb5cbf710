//! `sawatch explain`: what is known of an account or a token, and what would be surprising.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;
use serde::{Serialize, Serializer};

use super::{Exit, Failure, terminal};
use crate::alert::Thousands;
use crate::engine::{Learned, Settings};
use crate::event::Timestamp;
use crate::format::text::page::{PLAIN, Page, QUIET};
use crate::format::time::moment;
use crate::sink::stream::Stream;
use crate::state::State;
use crate::text::Text;

mod account;
mod token;

/// Names that are offered in place of one that is not known, at most.
const MAX_SUGGESTIONS: usize = 3;

/// How alike a name must be to be offered: 0 (not at all) to 1 (the same).
const ALIKE: f64 = 0.75;

const EXAMPLES: &str = "\
Examples:
  What a service account normally does, and how surprising something new would be:
    sawatch explain --baseline learned.json.zst account payments/api
  The same of a person or a node, for a program:
    sawatch explain --baseline learned.json.zst --json account system:node:worker-3
  The life of a token: who issued it, and where it was used from:
    sawatch explain --baseline learned.json.zst token 86ca22bf-3a0e-4a52-9d3c-0f2b1f6f3c11";

/// Show what is known of an account or a token
///
/// Reads what sawatch replay --save kept. Surprise is in bits: each more is half as probable.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What sawatch replay --save kept
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,

    #[command(flatten)]
    view: View,
}

/// What is to be shown, and to whom.
#[derive(Debug, clap::Args)]
pub(super) struct View {
    /// Write one line of JSON, with everything that the text shows only the most frequent of
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// What an account normally does
    Account {
        /// A service account as NAMESPACE/NAME, or any username
        name: String,
    },
    /// The life of a credential
    Token {
        /// Its id, with or without JTI= (a token) or X509SHA256= (a certificate) before it
        id: String,
    },
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let state = State::load(&args.baseline, &unbounded()).map_err(|e| Failure::Usage(e.into()))?;
    args.view.show(&state.learned)
}

/// What is only looked at needs no bounds.
pub(super) fn unbounded() -> Settings {
    Settings { max_principals: usize::MAX, max_credentials: usize::MAX, ..Settings::default() }
}

/// What can be shown to a person and to a program.
trait Explained: Serialize {
    fn draw(&self, page: &mut Page);
}

impl View {
    /// Shows what is known of the subject.
    pub(super) fn show(&self, learned: &Learned) -> Result<Exit, Failure> {
        let shown = match &self.subject {
            Subject::Account { name } => account::Account::find(learned, name).map(|account| self.drawn(&account)),
            Subject::Token { id } => token::Token::find(learned, id).map(|token| self.drawn(&token)),
        };
        Stream::stdout().say(&shown.map_err(Failure::Usage)?)?;
        Ok(Exit::Done)
    }

    fn drawn(&self, explained: &impl Explained) -> String {
        if self.json {
            let json = serde_json::to_string(explained).expect("strings and numbers are always JSON");
            return json + "\n";
        }
        let mut page = Page::new(terminal::style().unwrap_or_default());
        explained.draw(&mut page);
        page.into_text()
    }
}

/// When and how often something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Seen {
    count: u64,
    #[serde(serialize_with = "shown")]
    first: Timestamp,
    #[serde(serialize_with = "shown")]
    last: Timestamp,
    quarantined: bool,
    blocked: bool,
}

impl Seen {
    /// `     1,203  2026-11-24 10:15  2026-11-24 11:39  ! get secrets`, what was seen in a column of its own.
    fn row(self, page: &mut Page, what: &str) {
        let mark = match self {
            Self { blocked: true, .. } => "x",
            Self { quarantined: true, .. } => "!",
            Self { .. } => "",
        };
        let count = Thousands(self.count).to_string();
        row(page, [&count, &minute(self.first), &minute(self.last), mark], what, PLAIN);
    }

    /// The names of the columns.
    fn heading(page: &mut Page, what: &str) {
        page.blank();
        row(page, ["count", "first", "last", ""], what, QUIET);
    }

    /// What the marks mean, if there are any.
    fn legend(page: &mut Page, all: impl Iterator<Item = Self>) {
        let (blocked, others): (Vec<Self>, Vec<Self>) =
            all.filter(|seen| seen.quarantined || seen.blocked).partition(|seen| seen.blocked);
        if !blocked.is_empty() || !others.is_empty() {
            page.blank();
        }
        if !others.is_empty() {
            page.quiet(2, "! came with an alert, and is not normal until it was seen on three separate days");
        }
        if !blocked.is_empty() {
            page.quiet(2, "x was called malicious by an analyst, and is not normal until it is called benign");
        }
    }
}

fn row(page: &mut Page, [count, first, last, mark]: [&str; 4], what: &str, style: anstyle::Style) {
    let prefix = format!("  {count:>10}  {first:<16}  {last:<16}  {mark:<1} ");
    page.hanging(&page.painted(&prefix, style), prefix.len(), what, style);
}

/// `2026-11-24 10:15`
fn minute(at: Timestamp) -> String {
    moment(at).chars().take(16).collect()
}

fn shown<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Why there is nothing to show, with names that are like the one that was asked for.
fn unknown<'a>(what: &str, asked: &str, why: &str, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
    let mut alike: Vec<(f64, &str)> = known.map(|name| (likeness(asked, name), name)).collect();
    alike.retain(|&(likeness, _)| likeness >= ALIKE);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut message = format!("unknown {what} {}: {why}", Text::new(asked));
    for (n, (_, name)) in alike.iter().take(MAX_SUGGESTIONS).enumerate() {
        let lead = if n == 0 { "; did you mean " } else { ", " };
        write!(message, "{lead}{}", Text::new(name)).expect("a string takes all");
    }
    anyhow!("{message}")
}

/// A part of a name counts as much as a misspelt one.
fn likeness(asked: &str, name: &str) -> f64 {
    if asked.len() >= 4 && name.contains(asked) { 1.0 } else { strsim::normalized_damerau_levenshtein(asked, name) }
}

/// Everything that is known, for tests.
#[cfg(test)]
fn learned_from(events: impl IntoIterator<Item = crate::event::Event<'static>>) -> Learned {
    use crate::engine::{Engine, Feed};

    let mut engine = Engine::new("test", &Settings::default());
    for event in events {
        engine.learn(Feed(0), &event);
    }
    engine.into_learned()
}
