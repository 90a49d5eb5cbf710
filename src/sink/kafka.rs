//! A topic of Kafka: a record for each notice, its key the incident's id, so that one incident's notices keep their order
//! and a compacted topic keeps its last state.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::{Trouble, blocking, line};
use crate::format::Format;
use crate::source::kafka::Connection;
use crate::store::Outbox;
use crate::text::Text;

/// How long a delivery may take; librdkafka tries again within it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long after that what became of the records may take to be known.
const SETTLE: Duration = Duration::from_secs(2);

/// What became of the records of one delivery: the first failure.
type Failure = Arc<Mutex<Option<KafkaError>>>;

/// Takes what became of each record.
struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Failure>;

    fn delivery(&self, result: &DeliveryResult<'_>, failure: Self::DeliveryOpaque) {
        if let Err((error, _)) = result {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

/// A topic, written to by one producer that connects when there is something to tell.
pub struct Topic {
    name: String,
    format: Format,
    connection: Connection,
    timeout: Duration,
    producer: Option<Arc<ThreadedProducer<Deliveries>>>,
}

impl Topic {
    pub(super) fn new(name: &str, format: Format, connection: &Connection) -> Result<Self, Text> {
        let problems = connection.read().map_err(Text::from)?.problems();
        match problems.first() {
            Some(problem) => Err(Text::from(problem.to_string())),
            None => Ok(Self {
                name: name.to_owned(),
                format,
                connection: connection.clone(),
                timeout: TIMEOUT,
                producer: None,
            }),
        }
    }

    /// The producer, made with the secrets of now. None of its words is shown that may hold one.
    fn producer(&mut self) -> Result<Arc<ThreadedProducer<Deliveries>>, Trouble> {
        if let Some(producer) = &self.producer {
            return Ok(producer.clone());
        }
        let mut client = self.connection.read().map_err(Trouble::transient)?.client();
        client.set("enable.idempotence", "true").set("message.timeout.ms", self.timeout.as_millis().to_string());
        let made = client.create_with_context(Deliveries).map_err(|error| match error {
            KafkaError::ClientConfig(_, _, key, _) => Trouble::transient(format!("property {key} has a wrong value")),
            other => Trouble::transient(other.to_string()),
        });
        Ok(self.producer.insert(Arc::new(made?)).clone())
    }

    pub(super) async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        let (producer, topic, timeout) = (self.producer()?, self.name.clone(), self.timeout);
        let records: Vec<(String, Vec<u8>)> = notices.iter().map(|notice| self.record(notice)).collect();
        let sent = blocking(move || send(&producer, (&topic, timeout), &records)).await?;
        if sent.is_err() {
            // secrets may have been renewed, and an idempotent producer may be beyond repair
            self.producer = None;
        }
        sent
    }

    fn record(&self, notice: &Outbox) -> (String, Vec<u8>) {
        let mut value = line(self.format, notice);
        value.pop_if(|last| *last == b'\n');
        (notice.incident.id.to_string(), value)
    }
}

/// Hands records over and waits until the brokers have all of them.
fn send(
    producer: &ThreadedProducer<Deliveries>,
    (topic, timeout): (&str, Duration),
    records: &[(String, Vec<u8>)],
) -> Result<(), Trouble> {
    let failure = Failure::default();
    for (key, value) in records {
        let record = BaseRecord::with_opaque_to(topic, Box::new(failure.clone())).key(key).payload(value);
        producer.send(record).map_err(|(error, _)| trouble(&error))?;
    }
    producer.flush(timeout + SETTLE).map_err(|error| trouble(&error))?;
    let failed = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    failed.map_or(Ok(()), |error| Err(trouble(&error)))
}

/// What only the notice itself can be at fault for is refused for good.
fn trouble(error: &KafkaError) -> Trouble {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            Trouble::Permanent(Text::from(error.to_string()))
        }
        _ => Trouble::transient(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

    use super::super::tests::notice;
    use super::*;

    fn topic(servers: &str) -> Topic {
        let values = [("bootstrap.servers".to_owned(), servers.to_owned())].into();
        let connection = Connection { values, ..Connection::default() };
        let topic = Topic::new("findings", Format::Ocsf, &connection).expect("it can be");
        Topic { timeout: Duration::from_millis(1_500), ..topic }
    }

    #[tokio::test]
    async fn notices_are_records_in_order_by_the_ids_of_their_incidents() {
        let mock: MockCluster<'static, DefaultProducerContext> = MockCluster::new(1).expect("a mock");
        mock.create_topic("findings", 1, 1).expect("a topic");
        let servers = mock.bootstrap_servers();
        let mut topic = Topic { timeout: TIMEOUT, ..topic(&servers) };
        topic.deliver(&[notice(1), notice(2)]).await.expect("taken");
        topic.deliver(&[notice(3)]).await.expect("taken");
        let read = move || {
            let mut client = ClientConfig::new();
            let consumer: BaseConsumer =
                client.set("bootstrap.servers", servers).set("group.id", "x").create().expect("a consumer");
            let mut all = TopicPartitionList::new();
            all.add_partition_offset("findings", 0, Offset::Beginning).expect("an offset");
            consumer.assign(&all).expect("assigned");
            let next = || consumer.poll(Duration::from_secs(30)).expect("a record").expect("no error").detach();
            (0..3).map(|_| next()).collect::<Vec<_>>()
        };
        let records = tokio::task::spawn_blocking(read).await.expect("no panic");
        for (n, record) in (1..).zip(records) {
            assert_eq!(record.key(), Some(notice(n).incident.id.to_string().as_bytes()));
            let value: serde_json::Value = serde_json::from_slice(record.payload().expect("a value")).expect("JSON");
            assert_eq!(value["finding_info"]["uid"], notice(n).incident.id.to_string());
        }
    }

    #[tokio::test]
    async fn brokers_that_are_away_are_waited_for() {
        let trouble = topic("127.0.0.1:1").deliver(&[notice(1)]).await.expect_err("nobody is there");
        assert!(matches!(trouble, Trouble::Transient { .. }), "{trouble}");
    }

    #[test]
    fn what_cannot_connect_is_told_before_anything_is_sent() {
        let nowhere = Topic::new("findings", Format::Ocsf, &Connection::default()).map(|_| ());
        assert!(nowhere.expect_err("no servers").as_str().contains("bootstrap.servers"));
    }
}
