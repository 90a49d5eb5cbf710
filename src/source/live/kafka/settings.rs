//! What a Kafka source is told.

use rdkafka::ClientConfig;

use crate::source::kafka::{Properties, PropertyProblem};
use crate::text::Text;

/// The longest name of a topic, as Kafka has it.
const MAX_TOPIC: usize = 249;

/// The longest name of a source: it stands in the name of every feed.
const MAX_NAME: usize = 64;

/// What is set unless the user says otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    ("statistics.interval.ms", "5000"),
    // a rebalance takes away only what another member is to have
    ("partition.assignment.strategy", "cooperative-sticky"),
];

/// What is set whatever the user says: an offset is stored once its batch is safe, and committed within a second.
const OWNED: [(&str, &str); 4] = [
    ("enable.auto.commit", "true"),
    ("auto.commit.interval.ms", "1000"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
];

/// How a record tells which cluster it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterBy {
    /// All are of one; none leaves it to the configuration.
    Fixed(Option<String>),
    /// By the topic's name.
    Topic,
    /// By the record's key.
    Key,
    /// By the value of one of its headers.
    Header(String),
}

/// Where a partition begins that nobody read before, or whose records are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At its first record.
    Earliest,
    /// At what comes from now on.
    Latest,
}

impl From {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}

/// Everything that a source of audit events from Kafka is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Its name, part of its feeds' names.
    pub name: String,
    /// Topics; one that begins with `^` is a pattern, a POSIX extended regular expression.
    pub topics: Vec<String>,
    /// The consumer group, whose members share the partitions.
    pub group: String,
    /// Which cluster a record is of.
    pub cluster: ClusterBy,
    /// librdkafka's properties. `auto.offset.reset` goes before `from`.
    pub properties: Properties,
    /// Where to begin.
    pub from: From,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaProblem {
    /// A property.
    #[error(transparent)]
    Property(#[from] PropertyProblem),
    /// The source's name.
    #[error("name {0:?} cannot be part of a feed's name: wanted are 1 to {MAX_NAME} characters, and no slash")]
    Name(Text),
    /// Nothing to read.
    #[error("topics is empty: give a topic, or a pattern that begins with ^")]
    NoTopics,
    /// No topic can have that name.
    #[error("topic {0:?} cannot be: wanted are 1 to {MAX_TOPIC} of A-Z a-z 0-9 . _ -, or a pattern that begins with ^")]
    Topic(Text),
    /// No group.
    #[error("group is missing: give the name of a consumer group that nothing but sawatch reads with")]
    NoGroup,
    /// No header.
    #[error("the header that names the cluster has no name: give it, or tell clusters by key or topic")]
    NoHeader,
}

impl KafkaSettings {
    /// Everything that is wrong with them.
    #[must_use]
    pub fn problems(&self) -> Vec<KafkaProblem> {
        let mut problems = Vec::new();
        if self.name.is_empty() || self.name.chars().count() > MAX_NAME || self.name.contains('/') {
            problems.push(KafkaProblem::Name(Text::from(&self.name)));
        }
        if self.topics.is_empty() {
            problems.push(KafkaProblem::NoTopics);
        }
        let impossible = self.topics.iter().filter(|topic| !is_topic(topic));
        problems.extend(impossible.map(|topic| KafkaProblem::Topic(Text::from(topic))));
        if self.group.is_empty() || self.group.contains('\0') {
            problems.push(KafkaProblem::NoGroup);
        }
        if self.cluster == ClusterBy::Header(String::new()) {
            problems.push(KafkaProblem::NoHeader);
        }
        problems.extend(self.properties.problems().into_iter().map(KafkaProblem::Property));
        problems
    }

    pub(super) fn client(&self) -> ClientConfig {
        let mut client = self.properties.client();
        client.set("group.id", &self.group);
        for (key, value) in DEFAULTS.into_iter().chain([("auto.offset.reset", self.from.as_str())]) {
            // the newer protocol has its strategy at the brokers, and the client refuses to be told one
            let is_theirs =
                key == "partition.assignment.strategy" && self.properties.says("group.protocol", "consumer");
            if !self.properties.has(key) && !is_theirs {
                client.set(key, value);
            }
        }
        client.extend(OWNED.map(|(key, value)| (key.to_owned(), value.to_owned())));
        client
    }
}

fn is_topic(topic: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match topic.strip_prefix('^') {
        Some(pattern) => !pattern.is_empty() && !pattern.contains('\0'),
        None => (1..=MAX_TOPIC).contains(&topic.len()) && topic.bytes().all(is_legal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
        KafkaSettings {
            name: "audit".to_owned(),
            topics: vec!["audit".to_owned(), "^audit-.*".to_owned()],
            group: "sawatch".to_owned(),
            cluster: ClusterBy::Key,
            properties: properties.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
            from: From::Latest,
        }
    }

    #[test]
    fn every_problem_is_named() {
        let wrong = KafkaSettings {
            name: "a/b".to_owned(),
            topics: vec!["au dit".to_owned(), "^".to_owned()],
            group: String::new(),
            cluster: ClusterBy::Header(String::new()),
            ..settings(&[])
        };
        let said: Vec<String> = wrong.problems().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 6, "{said:#?}");
        assert_eq!(settings(&[("bootstrap.servers", "a:9092")]).problems(), []);
    }

    #[test]
    fn offsets_are_ours_and_the_rest_is_the_users() {
        let client = settings(&[("auto.offset.reset", "error"), ("statistics.interval.ms", "1000")]).client();
        let has = |key: &str| client.get(key).expect("set").to_owned();
        assert_eq!((has("auto.offset.reset"), has("enable.auto.offset.store")), ("error".into(), "false".into()));
        assert_eq!((has("statistics.interval.ms"), has("group.id")), ("1000".into(), "sawatch".into()));
        assert_eq!(has("partition.assignment.strategy"), "cooperative-sticky");
        let newer = settings(&[("group.protocol", "consumer")]).client();
        assert_eq!(
            (newer.get("partition.assignment.strategy"), newer.get("auto.offset.reset")),
            (None, Some("latest"))
        );
    }
}
