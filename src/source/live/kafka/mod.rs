//! Audit events from Kafka, shared out among the members of a consumer group.
//!
//! Each partition is a feed. Where it is read from is in the store, together with what was learnt from it; Kafka is told
//! the same offset once it is safe there, so that a member which takes the partition over goes on from it. One thread
//! polls, gathers, decodes at the inbox's door, and never waits for room: a partition that finds none is paused.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::Equivalent;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Source, SourceContext, SourceError};
use crate::text::Text;

mod member;
mod partition;
mod settings;
mod trouble;

pub use settings::{ClusterBy, From, KafkaProblem, KafkaSettings};

use member::Member;

/// How often batches that are due are handed over, and offsets that are safe are stored.
const TURN: Duration = Duration::from_millis(25);

/// How long leaving the group may take: what was read is waited for, committed, and the brokers told.
const LEAVING: Duration = Duration::from_secs(10);

/// The longest name of a cluster that a record may say.
const MAX_CLUSTER: usize = 253;

/// A partition.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Id {
    topic: Arc<str>,
    partition: i32,
}

/// An [`Id`] to look up; it has the same hash.
#[derive(Hash)]
struct IdRef<'a> {
    topic: &'a str,
    partition: i32,
}

impl Equivalent<Id> for IdRef<'_> {
    fn equivalent(&self, id: &Id) -> bool {
        self.partition == id.partition && *self.topic == *id.topic
    }
}

/// A partition's feed: no other kind of source begins its feeds with `kafka:`, and a topic's name has no slash.
fn feed_name(source: &str, id: &Id) -> String {
    format!("kafka:{source}/{}/{}", id.topic, id.partition)
}

/// The cluster that a record says it is of; none if it says nothing that can be a name.
fn cluster<'m>(by: &'m ClusterBy, message: &'m BorrowedMessage<'_>) -> Option<&'m str> {
    let said = match by {
        ClusterBy::Fixed(name) => return name.as_deref(),
        ClusterBy::Topic => return Some(message.topic()),
        ClusterBy::Key => message.key(),
        ClusterBy::Header(name) => message.headers()?.iter().find(|header| header.key == name)?.value,
    };
    let name = std::str::from_utf8(said?).ok()?;
    (1..=MAX_CLUSTER).contains(&name.len()).then_some(name)
}

/// A source of audit events from Kafka.
pub struct Kafka(KafkaSettings);

impl Kafka {
    /// A source with these settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn new(settings: KafkaSettings) -> Result<Self, Vec<KafkaProblem>> {
        let problems = settings.problems();
        if problems.is_empty() { Ok(Self(settings)) } else { Err(problems) }
    }

    fn wrong(&self, what: &str) -> SourceError {
        SourceError { name: Text::from(&self.0.name), what: Text::new(what) }
    }

    fn consumer(&self, cx: SourceContext) -> Result<BaseConsumer<Member>, SourceError> {
        let member = Member::new(self.0.clone(), cx);
        let consumer: BaseConsumer<Member> =
            self.0.client().create_with_context(member).map_err(|error| match error {
                // its words hold the value
                KafkaError::ClientConfig(_, _, key, _) => self.wrong(&format!("property {key} has a wrong value")),
                other => self.wrong(&format!("{other}; correct its properties")),
            })?;
        let topics: Vec<&str> = self.0.topics.iter().map(String::as_str).collect();
        let subscribed = consumer.subscribe(&topics);
        subscribed.map_err(|error| self.wrong(&format!("{error}; correct topics: a pattern may be none")))?;
        Ok(consumer)
    }
}

impl Source for Kafka {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let stop = cx.stop.clone();
        let consumer = self.consumer(cx)?;
        let outcome = self.read(&consumer, &stop);
        leave(consumer);
        outcome
    }
}

impl Kafka {
    fn read(&self, consumer: &BaseConsumer<Member>, stop: &CancellationToken) -> Result<(), SourceError> {
        let mut next_turn = Instant::now() + TURN;
        while !stop.is_cancelled() {
            match consumer.poll(TURN) {
                Some(Ok(message)) => consumer.context().take(consumer, &message),
                // everything that may pass was told to the context
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => return Err(self.fatal(code, "")),
                Some(Err(_)) => {}
                None => {
                    if let Some((code, reason)) = consumer.client().fatal_error() {
                        return Err(self.fatal(code, &reason));
                    }
                }
            }
            let now = Instant::now();
            if now >= next_turn {
                next_turn = now + TURN;
                if consumer.context().turn(consumer).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn fatal(&self, code: RDKafkaErrorCode, reason: &str) -> SourceError {
        let advice = trouble::advice(code).unwrap_or("start sawatch again");
        let reason = if reason.is_empty() { code.to_string() } else { reason.to_owned() };
        self.wrong(&format!("{reason}; {advice}"))
    }
}

/// Dropping a consumer gives its partitions back, once what was read of them is safe. Without brokers it does not end, so
/// it has a thread of its own, which is left behind if need be: whoever is next begins at what was committed before.
fn leave(consumer: BaseConsumer<Member>) {
    let (done, left) = channel();
    let leaving = thread::Builder::new().name("kafka-leave".to_owned()).spawn(move || {
        drop(consumer);
        _ = done.send(());
    });
    if leaving.is_err() || left.recv_timeout(LEAVING).is_err() {
        warn!("the Kafka group is left without a word: the brokers do not answer");
    }
}

#[cfg(test)]
mod tests;
