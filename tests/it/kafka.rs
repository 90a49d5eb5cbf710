//! A real broker: `tests/kafka/start` runs one, and SAWATCH_TEST_KAFKA has its address.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{ClientConfig, Message};
use sawatch::checkpoint::Checkpoint;
use sawatch::source::live::kafka::{ClusterBy, From, Kafka, KafkaSettings};
use sawatch::source::live::{Board, Inbox, Source, SourceContext, Standing};
use tokio_util::sync::CancellationToken;

use crate::data;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

pub(crate) fn broker() -> String {
    std::env::var("SAWATCH_TEST_KAFKA")
        .expect("SAWATCH_TEST_KAFKA=HOST:PORT of a broker that tests/kafka/start started")
}

/// A name that no other run has used.
pub(crate) fn fresh(name: &str) -> String {
    let random = tempfile::tempdir().unwrap();
    format!("{name}{}", random.path().file_name().unwrap().to_str().unwrap())
}

fn client(broker: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", broker);
    client
}

pub(crate) fn create(broker: &str, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = client(broker).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let created = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    assert!(created.iter().all(Result::is_ok), "{created:?}");
}

/// Sends values in turn to the partitions.
pub(crate) fn produce(broker: &str, topic: &str, partitions: usize, values: &[&str]) {
    let producer: BaseProducer = client(broker).create().unwrap();
    for (n, value) in values.iter().enumerate() {
        let partition = i32::try_from(n % partitions).unwrap();
        let mut record = BaseRecord::<str, str>::to(topic).partition(partition).payload(value);
        while let Err((error, same)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull));
            producer.poll(Duration::from_millis(20));
            record = same;
        }
    }
    producer.flush(LONG).unwrap();
}

/// How many records of a topic with one partition its group has taken, as the broker knows.
pub(crate) fn committed(broker: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = client(broker).set("group.id", format!("{topic}-group")).create().unwrap();
    let mut partition = TopicPartitionList::new();
    partition.add_partition(topic, 0);
    let committed = consumer.committed_offsets(partition, LONG).unwrap();
    committed.elements()[0].offset().to_raw().unwrap()
}

/// What was judged: the stretch of each batch with how many records it held, by feed.
type Judged = Arc<Mutex<BTreeMap<String, Vec<(u64, u64, u64)>>>>;

/// A member of a group with a judge who takes its time.
struct Member {
    board: Board,
    stop: CancellationToken,
    source: JoinHandle<()>,
    judge: JoinHandle<()>,
    inbox: Inbox,
    _runtime: tokio::runtime::Runtime,
}

impl Member {
    fn start(broker: &str, topic: &str, judged: &Judged) -> Self {
        let properties =
            [("bootstrap.servers", broker), ("statistics.interval.ms", "500"), ("session.timeout.ms", "10000")];
        let settings = KafkaSettings {
            name: "test".to_owned(),
            topics: vec![topic.to_owned()],
            group: format!("{topic}-group"),
            cluster: ClusterBy::Fixed(None),
            properties: properties.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
            from: From::Earliest,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (inbox, board, stop) = (Inbox::new(64 << 10), Board::default(), CancellationToken::new());
        let cx = SourceContext {
            inbox: inbox.clone(),
            checkpoint: Arc::new(Checkpoint::default()),
            board: board.clone(),
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
        };
        let source = Box::new(Kafka::new(settings).unwrap_or_else(|problems| panic!("{problems:?}")));
        let source = thread::spawn(move || source.run(cx).unwrap());
        let judge = thread::spawn({
            let (inbox, judged, stop) = (inbox.clone(), judged.clone(), stop.clone());
            move || judge(&inbox, &judged, &stop)
        });
        Self { board, stop, source, judge, inbox, _runtime: runtime }
    }

    fn end(self) {
        self.stop.cancel();
        self.source.join().unwrap();
        self.inbox.close();
        self.judge.join().unwrap();
    }
}

fn judge(inbox: &Inbox, judged: &Judged, stop: &CancellationToken) {
    while !stop.is_cancelled() || inbox.bytes() > 0 {
        let Some(pending) = inbox.take(Duration::from_millis(50)) else { continue };
        let batch = pending.into_batch();
        let records = batch.bytes.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()).count() as u64;
        let taken = (batch.stretch.from.offset, batch.stretch.to.offset, records);
        judged.lock().unwrap().entry(batch.feed.to_string()).or_default().push(taken);
        thread::sleep(Duration::from_millis(3));
        batch.ack.fire();
    }
}

fn records(judged: &Judged) -> u64 {
    judged.lock().unwrap().values().flatten().map(|(_, _, records)| records).sum()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Every offset of every partition was judged once, and in order.
fn assert_whole(judged: &Judged, partitions: usize, each: u64) {
    let judged = judged.lock().unwrap();
    assert_eq!(judged.len(), partitions, "{:?}", judged.keys());
    for (feed, stretches) in &*judged {
        let mut next = 0;
        for &(from, to, records) in stretches {
            assert_eq!((from, records), (next, to - from), "{feed}: {stretches:?}");
            next = to;
        }
        assert_eq!(next, each, "{feed}");
    }
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_members_share_partitions_and_lose_and_repeat_nothing() {
    let (broker, topic, judged) = (broker(), fresh("rebalance"), Judged::default());
    let values: Vec<String> = (0..8_000).map(|n| format!("{{\"n\":{n},\"x\":\"{}\"}}", "x".repeat(500))).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    create(&broker, &topic, 4);
    produce(&broker, &topic, 4, &values[..4_000]);
    let first = Member::start(&broker, &topic, &judged);
    wait("the first member's first record", || records(&judged) > 0);
    let second = Member::start(&broker, &topic, &judged);
    produce(&broker, &topic, 4, &values[4_000..6_000]);
    let has_any =
        |member: &Member| member.board.feeds().iter().any(|(feed, _)| feed.ends_with(|c: char| c.is_ascii_digit()));
    wait("the second member's partitions", || has_any(&second));
    assert!(has_any(&first), "partitions are shared");
    produce(&broker, &topic, 4, &values[6_000..]);
    let left = Instant::now();
    first.end();
    wait("all records", || records(&judged) >= 8_000);
    assert!(left.elapsed() < Duration::from_secs(8), "a member that leaves says so");
    second.end();
    assert_whole(&judged, 4, 2_000);
}

/// A broker of its own, so that no other test sees it stop.
struct Own(tempfile::TempDir);

impl Own {
    fn script(&self, name: &str, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka").join(name);
        let output = Command::new(script).args(arguments).arg(self.0.path().join("broker")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&self) -> String {
        self.script("start", &[]).trim().trim_start_matches("bootstrap=").to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.script("stop", &["--wipe"]);
    }
}

#[test]
#[ignore = "starts a Kafka broker"]
fn kafka_brokers_that_start_again_are_read_on() {
    let own = Own(tempfile::tempdir().unwrap());
    let (broker, topic, judged) = (own.start(), fresh("restart"), Judged::default());
    create(&broker, &topic, 2);
    produce(&broker, &topic, 2, &["{}"; 200]);
    let member = Member::start(&broker, &topic, &judged);
    wait("the first records", || records(&judged) == 200);
    own.script("stop", &["--kill"]);
    let feed = member.board.feed("kafka:test");
    wait("word of it", || matches!(feed.standing(), Standing::Waiting(_)));
    assert_eq!(own.start(), broker);
    produce(&broker, &topic, 2, &["{}"; 200]);
    wait("the other records", || records(&judged) >= 400);
    wait("word of it", || feed.standing() == Standing::Reading);
    own.script("stop", &[]);
    let left = Instant::now();
    member.end();
    assert!(left.elapsed() < Duration::from_secs(20), "it ends without brokers: {:?}", left.elapsed());
    assert_whole(&judged, 2, 200);
}

fn replay(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command
        .args(["replay", "--format", "ocsf", "--learn"])
        .arg(data("replay/learn.jsonl"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_replays_a_topic_as_it_replays_a_file() {
    let (broker, topic) = (broker(), fresh("replay"));
    let excerpt = data("replay/excerpt.jsonl");
    let text = std::fs::read_to_string(&excerpt).unwrap();
    create(&broker, &topic, 1);
    produce(&broker, &topic, 1, &text.lines().collect::<Vec<_>>());
    let servers = format!("bootstrap.servers={broker}");
    let from_file = replay(&[excerpt.to_str().unwrap()]);
    let of_topic = |more: &[&str]| replay(&[&["--kafka", &topic, "--kafka-property", &servers], more].concat());
    let from_topic = of_topic(&["--until", "2100-01-01T00:00:00Z"]);
    assert!(from_topic.status.success(), "{}", String::from_utf8_lossy(&from_topic.stderr));
    assert!(!from_file.stdout.is_empty());
    assert_eq!(String::from_utf8_lossy(&from_topic.stdout), String::from_utf8_lossy(&from_file.stdout));
    let nothing = of_topic(&["--since", "2100-01-01T00:00:00Z"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty(), "{}", String::from_utf8_lossy(&nothing.stderr));
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_topics_that_are_missing_are_an_error_that_names_them() {
    let servers = format!("bootstrap.servers={}", broker());
    let output = replay(&["--kafka", "nowhere", "--kafka-property", &servers]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("topic nowhere is not there"), "{said}");
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_takes_what_a_sink_is_told() {
    let (broker, topic) = (broker(), fresh("findings"));
    create(&broker, &topic, 1);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sawatch.yaml");
    let sink = format!("kind: kafka\n    topic: {topic}\n    properties: {{bootstrap.servers: \"{broker}\"}}");
    std::fs::write(&config, format!("sinks:\n  topic:\n    {sink}\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    let output = command.args(["sinks", "test", "--config"]).arg(&config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let consumer: BaseConsumer = client(&broker).set("group.id", &topic).create().unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(&topic, 0, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&all).unwrap();
    let record = consumer.poll(LONG).unwrap().unwrap();
    let finding: serde_json::Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
    assert_eq!(finding["finding_info"]["uid"].as_str().map(str::as_bytes), record.key());
}
