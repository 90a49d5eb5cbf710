//! librdkafka's properties, as a user gives them.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use crate::text::Text;

/// What is set unless the user says otherwise.
const DEFAULTS: [(&str, &str); 4] = [
    ("client.id", "sawatch"),
    // after a restart of the brokers, reading goes on within a second
    ("reconnect.backoff.max.ms", "1000"),
    // what is fetched ahead, for each partition: 64 MiB by librdkafka's default
    ("queued.max.messages.kbytes", "16384"),
    // how long nothing is fetched once that is full: a second by default, in which the reader would run dry
    ("fetch.queue.backoff.ms", "10"),
];

/// Properties that Sawatch sets, with what to do instead.
const OWNED: [(&str, &str); 5] = [
    ("group.id", "leave it out: the source has a key for it, group"),
    ("enable.auto.commit", "leave it out: offsets are committed once what was read is safe"),
    ("enable.auto.offset.store", "leave it out: offsets are committed once what was read is safe"),
    ("auto.commit.interval.ms", "leave it out: offsets are committed every second"),
    ("enable.partition.eof", "leave it out: a partition is read on when more comes"),
];

/// Usual librdkafka keys: `bootstrap.servers`, TLS, SASL and the rest. Values may be secrets, so they are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

/// What is wrong with a property.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertyProblem {
    /// Sawatch sets it.
    #[error("property {0} is not yours to set: {1}")]
    Owned(&'static str, &'static str),
    /// librdkafka has none of that name.
    #[error("property {0} is unknown, or not part of this build: see librdkafka's CONFIGURATION.md")]
    Unknown(Text),
    /// librdkafka does not take its value, which may be a secret.
    #[error("property {0} has a value that librdkafka does not take: see its CONFIGURATION.md")]
    Value(Text),
    /// Nobody knows where the brokers are.
    #[error("property bootstrap.servers is missing: give HOST:PORT of one broker or several, with commas between")]
    NoServers,
}

impl Properties {
    /// Everything that is wrong with them.
    #[must_use]
    pub fn problems(&self) -> Vec<PropertyProblem> {
        let owned = OWNED.iter().filter(|(key, _)| self.0.contains_key(*key));
        let mut problems: Vec<_> = owned.map(|&(key, instead)| PropertyProblem::Owned(key, instead)).collect();
        problems.extend(self.0.iter().filter_map(|(key, value)| refused(key, value)));
        if !self.has("bootstrap.servers") && !self.has("metadata.broker.list") {
            problems.push(PropertyProblem::NoServers);
        }
        problems
    }

    /// Whether it is there, and not empty.
    pub(in crate::source) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_empty())
    }

    /// Whether it has that value, letters taken for the same whatever their case.
    pub(in crate::source) fn says(&self, key: &str, value: &str) -> bool {
        self.0.get(key).is_some_and(|said| said.eq_ignore_ascii_case(value))
    }

    /// A client's configuration: what is given, and defaults for the rest.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set_log_level(RDKafkaLogLevel::Info);
        client.extend(DEFAULTS.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let is_tls = self.says("security.protocol", "ssl") || self.says("security.protocol", "sasl_ssl");
        if is_tls && !self.0.keys().any(|key| key.starts_with("ssl.ca.")) {
            // OpenSSL is built from source and does not know where this system has its authorities
            client.set("ssl.ca.location", "probe");
        }
        client.extend(self.0.clone());
        client
    }
}

/// The property alone, as librdkafka judges it. Its own words hold the value.
fn refused(key: &str, value: &str) -> Option<PropertyProblem> {
    if key.contains('\0') || value.contains('\0') {
        return Some(PropertyProblem::Value(Text::from(key)));
    }
    match ClientConfig::new().set(key, value).create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some(PropertyProblem::Unknown(Text::from(key)))
        }
        Err(_) => Some(PropertyProblem::Value(Text::from(key))),
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn every_problem_is_named_and_no_value_is_shown() {
        let given = properties(&[
            ("group.id", "s3cret"),
            ("sasl.pasword", "s3cret"),
            ("security.protocol", "s3cret"),
            ("sasl.password", "s3cret"),
            ("ssl.key.password", "s3\0cret"),
        ]);
        let problems = given.problems();
        assert!(
            matches!(
                &problems[..],
                [
                    PropertyProblem::Owned("group.id", _),
                    PropertyProblem::Unknown(unknown),
                    PropertyProblem::Value(value),
                    PropertyProblem::Value(nul),
                    PropertyProblem::NoServers
                ] if unknown.as_str() == "sasl.pasword" && value.as_str() == "security.protocol" && nul.as_str() == "ssl.key.password"
            ),
            "{problems:?}"
        );
        let said = format!("{problems:?} {given:?}") + &problems.iter().map(ToString::to_string).collect::<String>();
        assert!(!said.contains("cret"), "{said}");
    }

    #[test]
    fn what_a_user_says_goes_first_and_tls_finds_the_systems_authorities() {
        let given = properties(&[("bootstrap.servers", "a:1"), ("client.id", "x"), ("security.protocol", "SASL_SSL")]);
        assert_eq!(given.problems(), []);
        let client = given.client();
        assert_eq!((client.get("client.id"), client.get("ssl.ca.location")), (Some("x"), Some("probe")));
        let own = properties(&[("security.protocol", "ssl"), ("ssl.ca.pem", "…")]);
        assert_eq!(own.client().get("ssl.ca.location"), None);
    }
}
