//! What hinders reading, said once and not as often as librdkafka says it.

use rdkafka::error::RDKafkaErrorCode;

use crate::text::Text;

/// Why nothing comes, or not from everywhere.
#[derive(Default)]
pub(super) struct Trouble {
    now: Option<RDKafkaErrorCode>,
    /// What the last connection that failed said.
    connection: Option<Text>,
}

impl Trouble {
    /// Takes an error; returns what to say of it if that is news.
    pub(super) fn hear(&mut self, code: RDKafkaErrorCode, reason: &str) -> Option<Text> {
        use RDKafkaErrorCode::{
            AllBrokersDown, AutoOffsetReset, BrokerTransportFailure, NoError, OperationTimedOut, PartitionEOF, Resolve,
        };
        match code {
            // one connection of several, or one that was idle: nothing is amiss before all are down
            BrokerTransportFailure | Resolve | OperationTimedOut => {
                self.connection = Some(Text::new(reason));
                None
            }
            NoError | PartitionEOF => None,
            // a refused login takes the connection down, which is no news
            AllBrokersDown if self.now.is_some_and(is_login) => None,
            _ if self.now == Some(code) => None,
            _ => {
                self.now = Some(code);
                let reason = match (&self.connection, code) {
                    (Some(connection), AllBrokersDown) => connection.clone(),
                    (_, AutoOffsetReset) => {
                        Text::new("the offset to begin at is not there, and auto.offset.reset=error")
                    }
                    _ => Text::new(reason),
                };
                Some(advice(code).map_or_else(|| reason.clone(), |advice| Text::new(&format!("{reason}; {advice}"))))
            }
        }
    }

    /// Brokers answer: true if that is news.
    pub(super) fn brokers_answer(&mut self) -> bool {
        self.is_everywhere() && self.clear()
    }

    /// A record came: true if that is news. It says nothing of other topics.
    pub(super) fn record_came(&mut self) -> bool {
        self.now.is_some_and(|code| !is_of_topic(code)) && self.clear()
    }

    /// Whether nothing can be read for it.
    pub(super) fn is_everywhere(&self) -> bool {
        self.now.is_some_and(|code| code == RDKafkaErrorCode::AllBrokersDown || is_login(code))
    }

    /// Nothing is amiss: true if that is news.
    pub(super) fn clear(&mut self) -> bool {
        self.connection = None;
        self.now.take().is_some()
    }
}

const fn is_login(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::SSL
    )
}

const fn is_of_topic(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{TopicAuthorizationFailed, UnknownTopic, UnknownTopicOrPartition};
    matches!(code, UnknownTopic | UnknownTopicOrPartition | TopicAuthorizationFailed)
}

/// What to do about it.
pub(super) const fn advice(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::AllBrokersDown => "it is tried again; check bootstrap.servers and security.protocol if it stays so",
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "it is tried again; check security.protocol, sasl.mechanism and the credentials"
        }
        Code::SSL => "it is tried again; check security.protocol, ssl.ca.location and the certificates",
        Code::TopicAuthorizationFailed => "grant Read and Describe on the topic",
        Code::GroupAuthorizationFailed => "grant Read on the consumer group",
        Code::UnknownTopic | Code::UnknownTopicOrPartition => "create the topic, or correct its name",
        Code::AutoOffsetReset => "set from, or leave auto.offset.reset out",
        Code::PollExceeded => "raise max.poll.interval.ms",
        Code::FencedInstanceId => "give each member of the group its own group.instance.id",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_are_down_are_said_once_with_the_reason_and_once_when_they_are_back() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.hear(RDKafkaErrorCode::BrokerTransportFailure, "a:1: Connection refused"), None);
        let said = trouble.hear(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down").expect("news");
        assert!(said.as_str().starts_with("a:1: Connection refused; it is tried again"), "{said}");
        assert_eq!(trouble.hear(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down"), None);
        assert!(trouble.brokers_answer() && !trouble.brokers_answer());
        assert!(trouble.hear(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down").is_some());
    }

    #[test]
    fn a_refused_login_is_not_covered_by_what_follows_from_it() {
        let mut trouble = Trouble::default();
        assert!(
            trouble
                .hear(RDKafkaErrorCode::Authentication, "no\u{1b}[2J")
                .is_some_and(|said| !said.as_str().contains('\u{1b}'))
        );
        assert_eq!(trouble.hear(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down"), None);
    }

    #[test]
    fn a_topic_that_is_missing_is_not_over_because_brokers_answer() {
        let mut trouble = Trouble::default();
        assert!(trouble.hear(RDKafkaErrorCode::UnknownTopicOrPartition, "audit").is_some());
        assert!(!trouble.brokers_answer() && !trouble.record_came() && !trouble.is_everywhere());
        assert!(trouble.clear());
    }
}
