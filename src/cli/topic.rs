//! `--kafka`: a topic in the place of files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::anyhow;

use super::Failure;
use crate::decode::timestamp;
use crate::event::Timestamp;
use crate::source::Log;
use crate::source::kafka::{Properties, TopicError, parts};
use crate::text::Text;

/// Audit events that are in Kafka.
#[derive(Debug, clap::Args)]
pub(super) struct Topic {
    /// Judge what a Kafka topic holds, each partition a feed, up to where it ends now
    ///
    /// No consumer group is joined and nothing is committed.
    #[arg(long = "kafka", value_name = "TOPIC")]
    topic: Option<String>,

    /// A property of Kafka's client, such as bootstrap.servers=HOST:PORT; can be repeated
    ///
    /// The names are librdkafka's. Keep secrets in a file: others on this machine may see arguments.
    #[arg(long = "kafka-property", value_name = "KEY=VALUE", value_parser = property, requires = "topic")]
    properties: Vec<Property>,

    /// Read properties from a file, one KEY=VALUE a line; --kafka-property goes first
    #[arg(long = "kafka-config", value_name = "FILE", requires = "topic")]
    file: Option<PathBuf>,

    /// Begin at the first record of this time or later, such as 2026-11-24T10:00:00Z, by Kafka's clock
    #[arg(long, value_name = "TIME", value_parser = time, requires = "topic")]
    since: Option<Timestamp>,

    /// End before the first record of this time or later
    #[arg(long, value_name = "TIME", value_parser = time, requires = "topic")]
    until: Option<Timestamp>,
}

/// A key and a value, which may be a secret.
#[derive(Clone)]
struct Property(String, String);

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn property(argument: &str) -> Result<Property, &'static str> {
    match argument.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok(Property(key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("wanted KEY=VALUE, such as bootstrap.servers=HOST:PORT"),
    }
}

fn time(argument: &str) -> Result<Timestamp, &'static str> {
    timestamp(argument).ok_or("wanted a time of RFC 3339, such as 2026-11-24T10:00:00Z")
}

/// The properties of a file; comments begin with `#`.
fn load(file: &Path) -> Result<Vec<Property>, Failure> {
    let shown = || Text::from(file);
    let text = fs::read_to_string(file).map_err(|e: io::Error| Failure::Usage(anyhow!("{}: {e}", shown())))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    // a line may hold a secret: its number is enough
    let wrong = |n: usize| Failure::Usage(anyhow!("{}: line {}: wanted KEY=VALUE", shown(), n + 1));
    lines.map(|(n, line)| property(line).map_err(|_| wrong(n))).collect()
}

impl Topic {
    pub(super) const fn is_given(&self) -> bool {
        self.topic.is_some()
    }

    /// The topic's partitions as logs; none if there is no topic.
    pub(super) fn logs(&self) -> Result<Vec<Log>, Failure> {
        let Some(topic) = &self.topic else { return Ok(Vec::new()) };
        let mut properties = self.file.as_deref().map(load).transpose()?.unwrap_or_default();
        properties.extend(self.properties.iter().cloned());
        let properties: Properties = properties.into_iter().map(|Property(key, value)| (key, value)).collect();
        parts(topic, &properties, self.since, self.until).map_err(|problems| {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let said = anyhow!("{}", said.join("\n       "));
            let is_usage = problems.iter().all(|problem| matches!(problem, TopicError::Property(_)));
            if is_usage { Failure::Usage(said) } else { Failure::Run(said) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_of_properties_is_read_and_what_is_wrong_with_it_is_not_shown() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"# brokers\nbootstrap.servers = a:1,b:2\n\nsasl.password=x=y\n").expect("room");
        let properties = load(file.path()).unwrap_or_else(|_| panic!("two properties"));
        let pairs: Vec<(&str, &str)> = properties.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
        assert_eq!(pairs, [("bootstrap.servers", "a:1,b:2"), ("sasl.password", "x=y")]);
        assert!(!format!("{properties:?}").contains("x=y"));
        file.write_all(b"s3cret\n").expect("room");
        let Err(Failure::Usage(error)) = load(file.path()) else { panic!("no KEY=VALUE") };
        assert!(error.to_string().contains("line 5") && !error.to_string().contains("s3cret"), "{error}");
    }
}
