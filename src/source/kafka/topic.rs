//! A topic that is read once, outside of any group: each partition a log, up to where it ended when reading began.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::{Properties, PropertyProblem, append};
use crate::event::Timestamp;
use crate::source::{Input, Log};
use crate::text::Text;

/// How long a question to the brokers may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How long reading goes on without any word from the brokers.
const SILENCE: Duration = Duration::from_secs(60);

/// Needed by the client to be a consumer at all; a partition that is assigned by hand joins no group.
const GROUP: &str = "sawatch-replay";

/// Why a topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The properties are wrong.
    #[error("{0}")]
    Property(#[from] PropertyProblem),
    /// The client cannot be made of its properties.
    #[error("the Kafka client cannot be made: {0}")]
    Client(Text),
    /// The brokers do not answer, or not as hoped.
    #[error("topic {topic}: {cause}; check bootstrap.servers, security.protocol and the sasl.* properties")]
    Brokers {
        /// Which.
        topic: Text,
        /// What librdkafka says.
        cause: Text,
    },
    /// There is no such topic.
    #[error("topic {0} is not there, or may not be read: check its name, and grant Read and Describe on it")]
    NoTopic(Text),
}

/// Records of one partition, from one offset up to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPart {
    topic: String,
    partition: i32,
    from: i64,
    to: i64,
    properties: Properties,
}

impl fmt::Display for TopicPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kafka:{}/{}", Text::new(&self.topic), self.partition)
    }
}

/// The partitions of a topic as logs: records that Kafka has the time `since` of or a later one, before `until`.
///
/// # Errors
///
/// Every property that is wrong; else, if the topic cannot be read.
pub fn parts(
    topic: &str,
    properties: &Properties,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Vec<Log>, Vec<TopicError>> {
    let problems = properties.problems();
    if !problems.is_empty() {
        return Err(problems.into_iter().map(TopicError::Property).collect());
    }
    let log = |part: TopicPart| Log { name: part.to_string(), inputs: vec![Input::Kafka(part)] };
    let found = find(topic, properties, since, until).map_err(|e| vec![e])?;
    Ok(found.into_iter().filter(|part| part.from < part.to).map(log).collect())
}

fn find(
    topic: &str,
    properties: &Properties,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Vec<TopicPart>, TopicError> {
    let consumer = consumer(properties)?;
    let silent = |e: KafkaError| TopicError::Brokers { topic: Text::new(topic), cause: Text::new(&e.to_string()) };
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER).map_err(silent)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    let partitions: Vec<i32> = found.iter().flat_map(|found| found.partitions()).map(|found| found.id()).collect();
    if partitions.is_empty() {
        return Err(TopicError::NoTopic(Text::new(topic)));
    }
    let at = |time: Option<Timestamp>| at(&consumer, topic, &partitions, time).map_err(silent);
    let (begins, ends) = (at(since)?, at(until)?);
    let bounds = partitions.iter().zip(begins.iter().zip(&ends));
    let part = |(&partition, (begin, end)): (&i32, (&Option<i64>, &Option<i64>))| {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER).map_err(silent)?;
        let from = if since.is_some() { begin.unwrap_or(high) } else { low };
        let to = if until.is_some() { end.unwrap_or(high) } else { high };
        Ok(TopicPart { topic: topic.to_owned(), partition, from, to, properties: properties.clone() })
    };
    bounds.map(part).collect()
}

/// The first offset of each partition with that time or a later one; none where there is none, or no time is given.
fn at(
    consumer: &BaseConsumer<Listener>,
    topic: &str,
    partitions: &[i32],
    time: Option<Timestamp>,
) -> Result<Vec<Option<i64>>, KafkaError> {
    let Some(time) = time else { return Ok(vec![None; partitions.len()]) };
    let mut times = TopicPartitionList::new();
    for &partition in partitions {
        times.add_partition_offset(topic, partition, Offset::Offset(time.0.div_euclid(1_000)))?;
    }
    let offsets = consumer.offsets_for_times(times, ANSWER)?;
    let offset = |&partition: &i32| match offsets.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    Ok(partitions.iter().map(offset).collect())
}

fn consumer(properties: &Properties) -> Result<BaseConsumer<Listener>, TopicError> {
    let mut client = properties.client();
    client.set("group.id", GROUP).set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    client.set("auto.offset.reset", "error");
    client.create_with_context(Listener).map_err(|error| match error {
        // its words hold the value
        KafkaError::ClientConfig(_, _, key, _) => PropertyProblem::Value(Text::from(key)).into(),
        other => TopicError::Client(Text::from(other.to_string())),
    })
}

struct Listener;

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {}", Text::new(reason));
    }
}

impl ConsumerContext for Listener {}

/// The values of one partition, each ended by a newline.
pub(in crate::source) struct PartReader {
    consumer: BaseConsumer<Listener>,
    /// Where it ends.
    to: i64,
    buffer: Vec<u8>,
    /// What of `buffer` was read.
    read: usize,
    is_done: bool,
}

impl TopicPart {
    pub(in crate::source) fn open(&self) -> io::Result<PartReader> {
        let consumer = consumer(&self.properties).map_err(io::Error::other)?;
        let mut assignment = TopicPartitionList::new();
        let added = assignment.add_partition_offset(&self.topic, self.partition, Offset::Offset(self.from));
        added.and_then(|()| consumer.assign(&assignment)).map_err(io::Error::other)?;
        Ok(PartReader { consumer, to: self.to, buffer: Vec::new(), read: 0, is_done: false })
    }
}

impl PartReader {
    /// Takes the next value that is not empty, or finds that there is none.
    fn fill(&mut self) -> io::Result<()> {
        let mut heard = Instant::now();
        while self.buffer.is_empty() && !self.is_done {
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    self.is_done = message.offset() + 1 >= self.to;
                    if message.offset() < self.to {
                        append(message.payload().unwrap_or_default(), &mut self.buffer);
                    }
                }
                // control records of transactions and compacted ones leave nothing up to the end
                Some(Err(KafkaError::PartitionEOF(_))) => self.is_done = true,
                Some(Err(error)) if is_lasting(&error) => return Err(io::Error::other(error)),
                Some(Err(_)) | None if heard.elapsed() > SILENCE => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the brokers do not answer"));
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(())
    }
}

/// Whether waiting does not help.
fn is_lasting(error: &KafkaError) -> bool {
    let passes = [
        RDKafkaErrorCode::BrokerTransportFailure,
        RDKafkaErrorCode::AllBrokersDown,
        RDKafkaErrorCode::Resolve,
        RDKafkaErrorCode::OperationTimedOut,
        // of the group, which is not joined
        RDKafkaErrorCode::GroupAuthorizationFailed,
    ];
    error.rdkafka_error_code().is_none_or(|code| !passes.contains(&code))
}

impl Read for PartReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.buffer.len() {
            self.read = 0;
            self.buffer.clear();
            self.fill()?;
        }
        let left = &self.buffer[self.read..];
        let n = left.len().min(out.len());
        out[..n].copy_from_slice(&left[..n]);
        self.read += n;
        Ok(n)
    }
}
