//! What a configuration says of Kafka.

use super::setting::Word;
pub use crate::source::kafka::Connection;
pub use crate::source::live::kafka::{ClusterBy, From};
use crate::text::Text;

/// Parts of the names of librdkafka's properties that are secrets.
const SECRET: [&str; 4] = ["password", "secret", "passphrase", "key.pem"];

/// Topics to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Their names; one that begins with `^` is a pattern.
    pub topics: Vec<String>,
    /// The consumer group, whose members share the partitions.
    pub group: String,
    /// Which cluster a record is of.
    pub cluster: ClusterBy,
    /// Where to begin.
    pub from: From,
    /// How to connect.
    pub properties: Connection,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            group: "sawatch".to_owned(),
            cluster: ClusterBy::Fixed(None),
            from: From::Earliest,
            properties: Connection::default(),
        }
    }
}

impl Connection {
    /// Everything that is wrong with them.
    pub(super) fn problems(&self) -> Vec<String> {
        let Self { values, files } = self;
        let is_secret = |name: &&String| SECRET.iter().any(|part| name.contains(part) && !name.ends_with(".location"));
        let secret = values.keys().filter(is_secret).map(|name| {
            format!("properties: {} is a secret: name a file with its value in property-files", Text::new(name))
        });
        let twice = values
            .keys()
            .filter(|name| files.contains_key(*name))
            .map(|name| format!("property-files: {} stands in properties too: leave one of them out", Text::new(name)));
        let mut problems: Vec<String> = secret.chain(twice).collect();
        if !values.contains_key("bootstrap.servers") {
            problems
                .push("properties: bootstrap.servers is missing, wanted HOST:PORT of one broker or several".to_owned());
        }
        problems
    }
}

impl Word for ClusterBy {
    const WANTED: &'static str = "fixed, fixed:NAME, topic, key or header:NAME";

    fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("fixed", name)) if !name.is_empty() => Some(Self::Fixed(Some(name.to_owned()))),
            Some(("header", name)) if !name.is_empty() => Some(Self::Header(name.to_owned())),
            None if text == "fixed" => Some(Self::Fixed(None)),
            None if text == "topic" => Some(Self::Topic),
            None if text == "key" => Some(Self::Key),
            _ => None,
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Fixed(None) => "fixed".to_owned(),
            Self::Fixed(Some(name)) => format!("fixed:{name}"),
            Self::Topic => "topic".to_owned(),
            Self::Key => "key".to_owned(),
            Self::Header(name) => format!("header:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_told_in_one_of_five_ways() {
        for text in ["fixed", "fixed:prod", "topic", "key", "header:cluster"] {
            assert_eq!(ClusterBy::read(text).map(|by| by.write()), Some(text.to_owned()));
        }
        assert!(
            ["", "fixed:", "header:", "header", "value", "topic:x"]
                .into_iter()
                .all(|text| ClusterBy::read(text).is_none())
        );
    }

    #[test]
    fn secrets_stand_in_files_and_everything_wrong_is_named() {
        let values = [("sasl.password", "s3cret"), ("ssl.key.pem", "s3cret"), ("ssl.key.location", "/key.pem")];
        let properties = Connection {
            values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            files: [("sasl.password".to_owned(), "/secret".into())].into(),
        };
        let problems = properties.problems();
        assert!(problems.len() == 4 && !problems.iter().any(|what| what.contains("s3cret")), "{problems:?}");
    }
}
