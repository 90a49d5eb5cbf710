//! The source against librdkafka's own mock of a cluster.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::checkpoint::{Checkpoint, Position};
use crate::source::live::{Board, Inbox, Pending, Standing};

const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/version","verb":"get","user":{"username":"alice"},"sourceIPs":["10.0.0.1"],"userAgent":"x","responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-24T10:00:00.000000Z","stageTimestamp":"2026-11-24T10:00:00.000000Z"}"#;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

struct Mock(MockCluster<'static, DefaultProducerContext>);

impl Mock {
    fn new() -> Self {
        let mock = MockCluster::new(1).expect("a mock");
        mock.create_topic("audit", 1, 1).expect("a topic");
        Self(mock)
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.0.bootstrap_servers()).set("group.id", "sawatch");
        client
    }

    fn produce(&self, records: &[(&str, Option<&str>)]) {
        let producer: BaseProducer = self.client().remove("group.id").create().expect("a producer");
        for (key, value) in records {
            let record = BaseRecord::<str, str>::to("audit").partition(0).key(*key);
            let record = if let Some(value) = value { record.payload(*value) } else { record };
            producer.send(record).map_err(|(error, _)| error).expect("a queue with room");
        }
        producer.flush(LONG).expect("it is sent");
    }

    fn committed(&self) -> Offset {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition("audit", 0);
        let committed = consumer.committed_offsets(list, LONG).expect("an answer");
        committed.elements()[0].offset()
    }

    /// Commits as another member would have.
    fn commit(&self, next: i64) {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("audit", 0, Offset::Offset(next)).expect("an offset");
        consumer.commit(&list, CommitMode::Sync).expect("it is committed");
    }

    fn settings(&self) -> KafkaSettings {
        settings(&self.0.bootstrap_servers())
    }
}

fn settings(servers: &str) -> KafkaSettings {
    KafkaSettings {
        name: "test".to_owned(),
        topics: vec!["audit".to_owned()],
        group: "sawatch".to_owned(),
        cluster: ClusterBy::Key,
        properties: [("bootstrap.servers".to_owned(), servers.to_owned())].into_iter().collect(),
        from: From::Earliest,
    }
}

struct Running {
    inbox: Inbox,
    board: Board,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), SourceError>>,
    _runtime: tokio::runtime::Runtime,
}

impl Running {
    fn start(settings: KafkaSettings, read: Option<u64>, capacity: usize) -> Self {
        let mut checkpoint = Checkpoint::default();
        if let Some(read) = read {
            checkpoint.set("kafka:test/audit/0", Position::at(read));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (inbox, board, stop) = (Inbox::new(capacity), Board::default(), CancellationToken::new());
        let cx = SourceContext {
            inbox: inbox.clone(),
            checkpoint: Arc::new(checkpoint),
            board: board.clone(),
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
        };
        let source = Box::new(Kafka::new(settings).expect("nothing is wrong with them"));
        Self { inbox, board, stop, thread: thread::spawn(move || source.run(cx)), _runtime: runtime }
    }

    fn take(&self) -> Pending {
        self.inbox.take(LONG).expect("a batch")
    }

    fn end(self) {
        self.stop.cancel();
        self.thread.join().expect("no panic").expect("no error");
    }
}

fn stretch(pending: &Pending) -> (u64, u64) {
    let stretch = &pending.batch().stretch;
    (stretch.from.offset, stretch.to.offset)
}

/// Takes batches until one ends at `to`, and fires their acks.
fn take_until(running: &Running, to: u64) -> Vec<(u64, u64)> {
    let mut taken = Vec::new();
    while taken.last().is_none_or(|(_, end)| *end < to) {
        let pending = running.take();
        taken.push(stretch(&pending));
        pending.into_batch().ack.fire();
    }
    taken
}

fn is_contiguous(stretches: &[(u64, u64)]) -> bool {
    stretches.windows(2).all(|pair| pair[0].1 == pair[1].0)
}

#[test]
fn reading_goes_on_from_the_store_and_from_kafka_where_that_is_further() {
    let begins = |read: Option<u64>, committed: i64| {
        let mock = Mock::new();
        mock.produce(&[("c", Some(EVENT)); 10]);
        if committed > 0 {
            mock.commit(committed);
        }
        let running = Running::start(mock.settings(), read, 1 << 20);
        let taken = take_until(&running, 10);
        assert_eq!(taken[0].0, read.unwrap_or_default().max(committed.unsigned_abs()));
        assert!(is_contiguous(&taken), "{taken:?}");
        running.end();
        assert_eq!(mock.committed(), Offset::Offset(10));
    };
    // the mock takes three seconds to make a group
    thread::scope(|scope| {
        for (read, committed) in [(None, 0), (Some(4), 0), (Some(4), 7), (Some(8), 7), (None, 7)] {
            scope.spawn(move || begins(read, committed));
        }
    });
}

#[test]
fn a_record_that_is_no_event_and_one_without_a_value_stop_nothing() {
    let mock = Mock::new();
    let pretty = EVENT.replacen(',', ",\n", 3);
    mock.produce(&[("c", Some(EVENT)), ("c", Some("{\"a\":[")), ("c", None), ("c", Some(&pretty))]);
    let running = Running::start(mock.settings(), None, 1 << 20);
    let (mut events, mut rejects, mut to) = (0, 0, 0);
    while to < 4 {
        let pending = running.take();
        events += pending.decoded().events.len();
        rejects += pending.decoded().rejects.len();
        to = stretch(&pending).1;
        assert_eq!(pending.batch().cluster.as_deref(), Some("c"));
        pending.into_batch().ack.fire();
    }
    assert_eq!((events, rejects), (2, 1));
    running.end();
}

#[test]
fn what_finds_no_room_is_kept_and_comes_once_and_in_order() {
    let mock = Mock::new();
    let keys: Vec<String> = (0..40).map(|n| format!("cluster-{n}")).collect();
    let records: Vec<(&str, Option<&str>)> = keys.iter().map(|key| (key.as_str(), Some(EVENT))).collect();
    mock.produce(&records);
    let running = Running::start(mock.settings(), None, EVENT.len() + 10);
    let deadline = Instant::now() + LONG;
    while running.inbox.bytes() == 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(running.inbox.bytes(), EVENT.len() + 1, "one is taken, and the partition paused");
    let taken = take_until(&running, 40);
    assert_eq!(taken, (0..40).map(|n| (n, n + 1)).collect::<Vec<_>>());
    running.end();
    assert_eq!(mock.committed(), Offset::Offset(40));
}

#[test]
fn a_partition_is_given_back_once_what_was_read_of_it_is_safe() {
    let mock = Mock::new();
    mock.produce(&[("c", Some(EVENT)); 5]);
    let running = Running::start(mock.settings(), None, 1 << 20);
    let pending = running.take();
    let to = stretch(&pending).1;
    running.stop.cancel();
    thread::sleep(Duration::from_millis(500));
    assert!(!running.thread.is_finished(), "it waits for the ack");
    assert_eq!(mock.committed(), Offset::Invalid);
    pending.into_batch().ack.fire();
    // more than one batch may have been handed over
    while let Some(pending) = running.inbox.take(Duration::ZERO) {
        pending.into_batch().ack.fire();
    }
    running.end();
    assert!(matches!(mock.committed(), Offset::Offset(next) if next >= i64::try_from(to).expect("small")));
}

#[test]
fn what_never_becomes_safe_is_not_committed() {
    let mock = Mock::new();
    mock.produce(&[("c", Some(EVENT)); 5]);
    let running = Running::start(mock.settings(), None, 1 << 20);
    drop(running.take());
    running.end();
    assert_eq!(mock.committed(), Offset::Invalid);
}

#[test]
fn a_log_that_began_behind_us_is_a_loss_and_other_gaps_are_not() {
    let (safe, _acks) = std::sync::mpsc::channel();
    let id = || Id { topic: "audit".into(), partition: 0 };
    let status = Board::default().feed("f");
    let mut partition = partition::Partition::new(id(), "f".into(), status.clone(), safe, Some(10));
    let missed = || status.missed.load(std::sync::atomic::Ordering::Relaxed);
    partition.take(30, None, b"{}");
    partition.measure(5, 31);
    assert_eq!(missed(), 0, "compaction, or records of an aborted transaction");
    partition.take(100, None, b"{}");
    partition.measure(90, 200);
    assert_eq!((missed(), status.lag.load(std::sync::atomic::Ordering::Relaxed)), (59, 99));
    partition.measure(90, -1001);
    assert_eq!(missed(), 59);
}

#[test]
fn what_becomes_safe_late_takes_nothing_back() {
    let (safe, _acks) = std::sync::mpsc::channel();
    let id = Id { topic: "audit".into(), partition: 0 };
    let mut partition = partition::Partition::new(id, "f".into(), Board::default().feed("f"), safe, Some(500));
    partition.keep(200);
    assert!(!partition.is_news() && partition.is_settled());
    partition.keep(600);
    assert!(partition.is_news());
}

#[test]
fn brokers_that_are_down_are_told_and_waited_for() {
    let running = Running::start(settings("127.0.0.1:1"), None, 1 << 20);
    let deadline = Instant::now() + LONG;
    let mut standing = Standing::Opening;
    while !matches!(standing, Standing::Waiting(_)) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
        standing = running.board.feed("kafka:test").standing();
    }
    assert!(matches!(&standing, Standing::Waiting(why) if why.as_str().contains("bootstrap.servers")), "{standing:?}");
    running.end();
}

#[test]
fn settings_that_cannot_be_are_an_error_that_a_person_can_mend() {
    let wrong = Kafka::new(KafkaSettings { topics: Vec::new(), ..settings("a:1") });
    assert!(matches!(&wrong.err().expect("wrong")[..], [KafkaProblem::NoTopics]));
    let mut with = settings("a:1");
    with.properties = [("bootstrap.servers", "a:1"), ("security.protocol", "SSL"), ("ssl.ca.location", "/nowhere.pem")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    let running = Running::start(with, None, 1 << 20);
    let error = running.thread.join().expect("no panic").expect_err("no authority");
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
}
