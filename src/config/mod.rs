//! What can be configured: one table of keys, read strictly, every problem told at once.
//!
//! `config/sawatch.yaml` is [`reference()`]: every key at its default, with its meaning.

use std::fmt::{self, Write};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::alert::Severity;
use crate::engine::Settings;
use crate::format::Format;
use crate::text::Text;

mod setting;
pub(crate) mod yaml;

use setting::{Bytes, Setting};
pub use setting::{MaxRejects, severity};

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
        }
    }
}

/// One key of the file.
struct Key {
    /// Its path, parts joined by dots.
    path: &'static str,
    /// What it means.
    doc: &'static str,
    /// What it sets.
    field: fn(&mut Config) -> &mut dyn Setting,
}

const fn key(path: &'static str, doc: &'static str, field: fn(&mut Config) -> &mut dyn Setting) -> Key {
    Key { path, doc, field }
}

/// Every key, in the order of the reference; keys of one section stand together.
const KEYS: &[Key] = &[
    key("cluster", "name of the cluster; part of every incident's id", |c| &mut c.cluster),
    key("threads", "threads that decode: auto (one processor fewer than there are) or a number", |c| &mut c.threads),
    key("format", "auto (text on a terminal, ocsf elsewhere), text, ocsf, ecs or falco", |c| &mut c.format),
    key("min-severity", "mildest incident to write: informational, low, medium, high or critical", |c| {
        &mut c.min_severity
    }),
    key("fail-on", "mildest incident that makes a replay exit with 10: never, or a severity", |c| &mut c.fail_on),
    key("max-rejects", "more rejected records than this, a number or a share of all, make a replay exit with 4", |c| {
        &mut c.max_rejects
    }),
    key(
        "rejects.path",
        "file for rejected records, as JSON Lines with reason, feed, offset and excerpt; or none",
        |c| &mut c.rejects.path,
    ),
    key("rejects.max-bytes", "most that is written to that file", |c| &mut c.rejects.max_bytes),
    key("detection.max-principals", "principals with a baseline, at most", |c| &mut c.detection.max_principals),
    key("detection.max-credentials", "credentials with a life, at most", |c| &mut c.detection.max_credentials),
    key("detection.repeat-window", "events among which a repeat is recognised, at least", |c| {
        &mut c.detection.repeat_window
    }),
    key("detection.notifications-a-day", "incidents that are alerts, a day; critical ones always are", |c| {
        &mut c.detection.notifications_a_day
    }),
    key("detection.disabled-detectors", "detectors that are not asked, by id", |c| &mut c.detection.disabled_detectors),
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
    let shown = Text::new(&path.to_string_lossy());
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
        for entry in yaml::entries(text, &mut problems) {
            if let Some(key) = KEYS.iter().find(|key| key.path == entry.path) {
                let wrong = |what| Problem { line: entry.line, what: format!("{}: {what}", entry.path) };
                problems.extend((key.field)(&mut config).set(&entry.value).map_err(wrong).err());
            }
        }
        problems.sort_by_key(|p| p.line);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

/// The text of `config/sawatch.yaml`: every key with its meaning, at its default.
#[must_use]
pub fn reference() -> String {
    let mut config = Config::default();
    let mut out = "# Every key of Sawatch at its default. Leave out what you do not change.\n".to_owned();
    let mut section = "";
    for key in KEYS {
        let (parent, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if parent != section {
            out.push_str(&format!("\n{parent}:\n"));
            section = parent;
        }
        let indent = if parent.is_empty() { "" } else { "  " };
        let gap = if parent.is_empty() { "\n" } else { "" };
        let value = (key.field)(&mut config).show();
        writeln!(out, "{gap}{indent}# {}\n{indent}{name}: {value}", key.doc).expect("a string takes all");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = Config::parse(text).expect_err("it is wrong");
        problems.iter().map(|p| format!("{}: {}", p.line, p.what)).collect()
    }

    #[test]
    fn the_reference_says_the_defaults() {
        assert_eq!(Config::parse(&reference()), Ok(Config::default()));
        assert_eq!(Config::parse(""), Ok(Config::default()));
        assert_eq!(Config::parse("# nothing\n"), Ok(Config::default()));
    }

    #[test]
    fn every_key_that_is_named_is_set() {
        let text = "cluster: prod\nthreads: 3\nformat: ecs\nmin-severity: low\nfail-on: high\nmax-rejects: 5%\n\
                    rejects:\n  path: /tmp/r.jsonl\n  max-bytes: 1 MiB\n\
                    detection:\n  disabled-detectors: [new-action]\n";
        let config = Config::parse(text).expect("all right");
        let rejects = Rejects { path: Some("/tmp/r.jsonl".into()), max_bytes: Bytes(1 << 20) };
        let expected = Config {
            cluster: "prod".to_owned(),
            threads: NonZeroUsize::new(3),
            format: Some(Format::Ecs),
            min_severity: Severity::Low,
            fail_on: Some(Severity::High),
            max_rejects: MaxRejects::Percent(5.0),
            rejects,
            detection: Settings { disabled_detectors: vec!["new-action".to_owned()], ..Settings::default() },
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn all_problems_are_told_at_once_with_what_would_be_right() {
        let text =
            "min_severity: low\nthreads: 0\nmax-bytes: 5 MiB\nformat: [ocsf]\nrejects: yes\ncluster:\nfail-on: hihg\n";
        let expected = [
            "1: unknown key min_severity; did you mean min-severity?",
            "2: threads: found 0, wanted auto or a number from 1",
            "3: unknown key max-bytes; did you mean rejects.max-bytes?",
            "4: format: found a list, wanted auto, text, ocsf, ecs or falco",
            "5: rejects: found one value, wanted a section with the keys path, max-bytes",
            "6: cluster: found nothing, wanted a text",
            "7: fail-on: found hihg, wanted never, informational, low, medium, high or critical",
        ];
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn what_is_no_mapping_is_said_to_be_none() {
        assert_eq!(problems("- a\n"), ["1: found a list, wanted keys with values, such as cluster: prod"]);
        assert_eq!(problems("a: b: c\n").len(), 1);
        assert_eq!(problems("cluster: a\ncluster: b\n"), ["2: duplicated key in mapping"]);
        assert_eq!(problems("cluster: a\n---\ncluster: b\n"), ["3: found a second document, wanted one"]);
        assert_eq!(problems("5: a\n"), ["1: unknown key 5"]);
    }
}
