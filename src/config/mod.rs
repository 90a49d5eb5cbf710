//! What can be configured: one table of keys, read strictly, every problem told at once.
//!
//! `config/sawatch.yaml` is [`reference()`]: every key at its default, with its meaning.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::alert::Severity;
use crate::engine::Settings;
use crate::format::Format;
use crate::sink::SinkSettings;
use crate::text::Text;

mod kafka;
mod key;
mod named;
mod reference;
mod setting;
mod sink;
mod source;
#[cfg(test)]
mod table;
mod words;
pub(crate) mod yaml;

pub use kafka::{ClusterBy, Connection, From, KafkaSettings};
pub use reference::reference;
pub use source::{SourceKind, SourceSettings};
pub use words::{Bytes, LogFormat, MaxRejects, severity, span};

use key::{Key, it, key, set_all};
use named::Named;
use setting::Detectors;
use yaml::Place;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The cluster's name, which goes into incidents and their ids.
    pub cluster: String,
    /// Threads that decode; `None` leaves one processor to the reader.
    pub threads: Option<NonZeroUsize>,
    /// How incidents are written; `None` is text on a terminal, and OCSF elsewhere.
    pub format: Option<Format>,
    /// The mildest incident that is written.
    pub min_severity: Severity,
    /// The mildest incident that makes a replay end with exit code 10.
    pub fail_on: Option<Severity>,
    /// More rejected records than this make a replay end with exit code 4.
    pub max_rejects: MaxRejects,
    /// What is done with rejected records.
    pub rejects: Rejects,
    /// How the engine judges.
    pub detection: Settings,
    /// Where the daemon reads.
    pub sources: Vec<SourceSettings>,
    /// Whom the daemon tells.
    pub sinks: Vec<SinkSettings>,
    /// What the daemon keeps.
    pub state: StateSettings,
    /// Where the daemon is looked at.
    pub admin: AdminSettings,
    /// Bytes of records that may wait to be judged.
    pub queue: Bytes,
    /// How long the daemon may take to end.
    pub grace: Duration,
    /// How the daemon's own log is written.
    pub log_format: LogFormat,
}

/// What the daemon keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// Where.
    pub folder: PathBuf,
}

/// Where the daemon is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// The address; none turns it off.
    pub listen: Option<SocketAddr>,
    /// The bearer token that the console asks for.
    pub token_file: Option<PathBuf>,
}

/// Where rejected records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejects {
    /// A file of JSON Lines.
    pub path: Option<PathBuf>,
    /// Its bound.
    pub max_bytes: Bytes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cluster: "default".to_owned(),
            threads: None,
            format: None,
            min_severity: Severity::Medium,
            fail_on: None,
            max_rejects: MaxRejects::Percent(50.0),
            rejects: Rejects { path: None, max_bytes: Bytes(64 << 20) },
            detection: Settings::default(),
            sources: Vec::new(),
            sinks: Vec::new(),
            state: StateSettings { folder: "/var/lib/sawatch".into() },
            admin: AdminSettings { listen: Some(SocketAddr::from(([127, 0, 0, 1], 9440))), token_file: None },
            queue: Bytes(64 << 20),
            grace: Duration::from_secs(25),
            log_format: LogFormat::Text,
        }
    }
}

/// Every key, in the order of the reference; keys of one section stand together.
const KEYS: &[Key<Config>] = &[
    key("cluster", "name of the cluster; part of every incident's id", |c| it(&mut c.cluster)),
    key(
        "threads",
        "threads that decode: auto (one processor fewer than there are) or a number",
        |c| it(&mut c.threads),
    ),
    key("format", "auto (text on a terminal, ocsf elsewhere), text, ocsf, ecs or falco; sinks have their own", |c| {
        it(&mut c.format)
    }),
    key("min-severity", "mildest incident to write: informational, low, medium, high or critical", |c| {
        it(&mut c.min_severity)
    }),
    key("fail-on", "mildest incident that makes a replay exit with 10: never, or a severity", |c| it(&mut c.fail_on)),
    key("max-rejects", "more rejected records than this, a number or a share of all, make a replay exit with 4", |c| {
        it(&mut c.max_rejects)
    }),
    key("queue", "bytes of records that may wait to be judged; sources wait for room", |c| it(&mut c.queue)),
    key("grace", "time for what was read to be judged and told once the daemon is to end", |c| it(&mut c.grace)),
    key("log-format", "the daemon's own log on standard error: text or json", |c| it(&mut c.log_format)),
    key("state.folder", "folder for what was learned, open incidents and what waits for sinks", |c| {
        it(&mut c.state.folder)
    }),
    key("admin.listen", "address for health, metrics and the console; or none", |c| it(&mut c.admin.listen)),
    key("admin.token-file", "file with the bearer token that the console asks for; or none", |c| {
        it(&mut c.admin.token_file)
    }),
    key(
        "rejects.path",
        "file for rejected records, as JSON Lines with reason, feed, offset and excerpt; or none",
        |c| it(&mut c.rejects.path),
    ),
    key("rejects.max-bytes", "most that is written to that file", |c| it(&mut c.rejects.max_bytes)),
    key("detection.max-principals", "principals with a baseline, at most", |c| it(&mut c.detection.max_principals)),
    key("detection.max-credentials", "credentials with a life, at most", |c| it(&mut c.detection.max_credentials)),
    key("detection.repeat-window", "events among which a repeat is recognised, at least", |c| {
        it(&mut c.detection.repeat_window)
    }),
    key("detection.notifications-a-day", "incidents that are alerts, a day; critical ones always are", |c| {
        it(&mut c.detection.notifications_a_day)
    }),
    key("detection.disabled-detectors", "detectors that are not asked, by id", |c| {
        Some(Box::new(Detectors(&mut c.detection.disabled_detectors)))
    }),
];

/// Why a configuration, or another file that is written like one, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// Which.
        path: Text,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file says something wrong.
    #[error("{path}: {}", Listed(.problems))]
    Wrong {
        /// Which.
        path: Text,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong in such a file, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, from 1.
    pub line: usize,
    /// What.
    pub what: String,
}

struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.len() == 1 { "one problem" } else { "several problems" })?;
        self.0.iter().try_for_each(|Problem { line, what }| write!(f, "\n  line {line}: {what}"))
    }
}

/// Reads a file and makes something of its text.
pub(crate) fn load<T>(path: &Path, parse: fn(&str) -> Result<T, Vec<Problem>>) -> Result<T, ConfigError> {
    let shown = Text::from(path);
    match fs::read_to_string(path) {
        Err(cause) => Err(ConfigError::Unreadable { path: shown, cause }),
        Ok(text) => parse(&text).map_err(|problems| ConfigError::Wrong { path: shown, problems }),
    }
}

impl Config {
    /// Reads a file; what it does not name is at its default.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or with everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        load(path, Self::parse)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut config = Self::default();
        let mut problems = Vec::new();
        let place = Place {
            at: String::new(),
            keys: KEYS.iter().map(|key| key.path).collect(),
            named: &[SourceSettings::SECTION, SinkSettings::SECTION],
        };
        if let Some(document) = yaml::document(text, &mut problems) {
            let found = yaml::entries(document, &place, &mut problems);
            let set = set_all(&mut config, KEYS, &found.entries, |_| unreachable!("every configuration has every key"));
            problems.extend(set);
            for (section, node) in found.named {
                if section == SourceSettings::SECTION {
                    config.sources = named::read(node, &config, &mut problems);
                } else {
                    config.sinks = named::read(node, &config, &mut problems);
                }
            }
        }
        problems.sort_by_key(|p| p.line);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests;
