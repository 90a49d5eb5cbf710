use std::fs;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::receiver::{Received, Receiver, Reply};
use super::*;
use crate::alert::{Activity, Notice, Severity};
use crate::store::{Commit, Route, Store};

const OK: Reply = Reply::Status("200 OK");
const BROKEN: Reply = Reply::Status("500 Internal Server Error");
const REFUSED: Reply = Reply::Status("400 Bad Request");

/// A notice of an incident with this number for an id.
pub(super) fn notice(n: u128) -> Outbox {
    let mut notice = test_notice(Severity::High, Timestamp(1_795_515_302_123_456));
    notice.incident.id = Uuid::from_u128(n);
    notice.arrived = Timestamp(i64::try_from(n).expect("a small number"));
    notice
}

/// A daemon's end: a store, and what couriers need beside it.
struct Rig {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    observed: Arc<Mutex<Vec<i64>>>,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(Store::open(folder.path()).expect("a store").0);
        Self { folder, store, wake: Arc::default(), stop: CancellationToken::new(), observed: Arc::default() }
    }

    /// The same after the process ended: what is not on disk is gone.
    fn restarted(self) -> Self {
        let Self { folder, store, .. } = self;
        drop(Arc::into_inner(store).expect("nobody else has it"));
        let store = Arc::new(Store::open(folder.path()).expect("a store").0);
        Self { folder, store, wake: Arc::default(), stop: CancellationToken::new(), observed: Arc::default() }
    }

    fn commit(&self, settings: &SinkSettings, numbers: RangeInclusive<u128>) -> u64 {
        let told = |n| {
            let Outbox { incident, activity, arrived } = notice(n);
            (Notice { incident, activity, before: None }, arrived)
        };
        let number = self.store.commits().expect("read") + 1;
        let commit = Commit { number, notices: numbers.map(told).collect(), ..Commit::default() };
        let route = Route { held_back: true, ..settings.route() };
        let dropped = self.store.commit(&commit, &[route]).expect("room");
        self.wake.notify_waiters();
        dropped.get(&settings.name).copied().unwrap_or(0)
    }

    fn spawn(&self, settings: &SinkSettings) -> (Arc<SinkStatus>, JoinHandle<()>) {
        let observed = self.observed.clone();
        let cx = SinkContext {
            store: self.store.clone(),
            wake: self.wake.clone(),
            folder: self.folder.path().to_owned(),
            stop: self.stop.clone(),
            grace: Duration::from_millis(500),
            observe: Arc::new(move |arrived| observed.lock().expect("no panic").push(arrived.0)),
        };
        let sink = Sink::open(settings, &Reopen::default()).expect("a sink");
        let courier = Courier::new(sink, settings, cx);
        (courier.status(), tokio::spawn(courier.run()))
    }

    fn waiting(&self) -> u64 {
        self.store.waiting().values().sum()
    }

    /// Delivers all that waits.
    async fn deliver(&self, settings: &SinkSettings) -> Arc<SinkStatus> {
        let (status, task) = self.spawn(settings);
        until(|| self.waiting() == 0).await;
        self.stop.cancel();
        task.await.expect("no panic");
        status
    }

    fn dead_letters(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("dead-letters-soc.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

async fn until(happened: impl Fn() -> bool) {
    let wait = async {
        while !happened() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), wait).await.expect("it happens in time");
}

fn sink(kind: Kind) -> SinkSettings {
    SinkSettings { name: "soc".to_owned(), kind, ..SinkSettings::default() }
}

fn http(receiver: &Receiver) -> HttpSettings {
    HttpSettings { url: receiver.url(), timeout: Duration::from_secs(5), ..HttpSettings::default() }
}

fn webhook(receiver: &Receiver) -> SinkSettings {
    sink(Kind::webhook(http(receiver)))
}

fn batches(receiver: &Receiver) -> SinkSettings {
    sink(Kind::Webhook { http: http(receiver), format: Format::Ocsf, batch: true, secret_file: None })
}

fn uid(finding: &Value) -> u128 {
    let uid = finding["finding_info"]["uid"].as_str().expect("a string");
    uid.parse::<Uuid>().expect("a UUID").as_u128()
}

/// The numbers of the incidents that came, request by request.
fn uids(receiver: &Receiver) -> Vec<Vec<u128>> {
    let of = |request: &Received| match request.json() {
        Value::Array(findings) => findings.iter().map(uid).collect(),
        finding => vec![uid(&finding)],
    };
    receiver.received().iter().map(of).collect()
}

#[tokio::test]
async fn notices_come_in_order_on_one_connection_and_later_ones_wake_the_courier() {
    let (rig, receiver) = (Rig::new(), Receiver::start([]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=100);
    let (status, task) = rig.spawn(&settings);
    until(|| rig.waiting() == 0).await;
    rig.commit(&settings, 101..=102);
    until(|| rig.waiting() == 0).await;
    rig.stop.cancel();
    task.await.expect("no panic");
    assert_eq!(uids(&receiver).concat(), (1..=102).collect::<Vec<_>>());
    assert_eq!(*rig.observed.lock().expect("no panic"), (1..=102).collect::<Vec<_>>());
    assert_eq!((status.delivered.load(Ordering::Relaxed), receiver.connections()), (102, 1));
}

#[tokio::test]
async fn what_a_crash_left_unknown_is_delivered_again_with_the_same_id() {
    let (rig, receiver) = (Rig::new(), Receiver::start([OK, Reply::Hangs]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=2);
    let (_, task) = rig.spawn(&settings);
    until(|| receiver.received().len() == 2).await;
    task.abort();
    task.await.expect_err("it was ended");
    let rig = rig.restarted();
    rig.deliver(&settings).await;
    assert_eq!(uids(&receiver).concat(), [1, 2, 1, 2]);
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again_before_anything_else() {
    let (rig, receiver) = (Rig::new(), Receiver::start([BROKEN, Reply::Leaves, OK]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=2);
    let status = rig.deliver(&settings).await;
    assert_eq!(uids(&receiver).concat(), [1, 1, 1, 2]);
    let counts = [&status.delivered, &status.retries, &status.dead_letters].map(|n| n.load(Ordering::Relaxed));
    assert_eq!((counts, status.failing()), ([2, 2, 0], None));
}

#[tokio::test]
async fn a_server_that_hangs_is_left_and_asked_again() {
    let (rig, receiver) = (Rig::new(), Receiver::start([Reply::Hangs]).await);
    let http = HttpSettings { timeout: Duration::from_millis(100), ..http(&receiver) };
    let settings = sink(Kind::webhook(http));
    rig.commit(&settings, 1..=1);
    let status = rig.deliver(&settings).await;
    assert_eq!(uids(&receiver).concat(), [1, 1]);
    assert_eq!(status.retries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let busy = Reply::Status("429 Too Many Requests\r\nretry-after: 1");
    let (rig, receiver) = (Rig::new(), Receiver::start([busy]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=1);
    let began = Instant::now();
    rig.deliver(&settings).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(uids(&receiver).concat(), [1, 1]);
}

#[tokio::test]
async fn what_is_refused_for_good_is_set_aside_and_the_rest_goes_on() {
    let (rig, receiver) = (Rig::new(), Receiver::start([OK, REFUSED]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=3);
    let status = rig.deliver(&settings).await;
    assert_eq!(uids(&receiver).concat(), [1, 2, 3]);
    let letters = rig.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["notice"]["incident"]["id"], json!(Uuid::from_u128(2).to_string()));
    assert!(letters[0]["why"].as_str().is_some_and(|why| why.contains("400 Bad Request")), "{letters:?}");
    let counts = [&status.delivered, &status.retries, &status.dead_letters].map(|n| n.load(Ordering::Relaxed));
    assert_eq!(counts, [2, 0, 1]);
}

#[tokio::test]
async fn of_a_batch_that_is_refused_only_what_is_at_fault_is_set_aside() {
    let (rig, receiver) = (Rig::new(), Receiver::start([REFUSED, OK, REFUSED, OK]).await);
    let settings = batches(&receiver);
    rig.commit(&settings, 1..=3);
    rig.deliver(&settings).await;
    assert_eq!(uids(&receiver), [vec![1, 2, 3], vec![1], vec![2], vec![3]]);
    assert_eq!(rig.dead_letters()[0]["notice"]["incident"]["id"], json!(Uuid::from_u128(2).to_string()));
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let (rig, receiver) = (Rig::new(), Receiver::start([]).await);
    let settings = batches(&receiver);
    rig.commit(&settings, 1..=100);
    rig.deliver(&settings).await;
    assert_eq!(uids(&receiver).iter().map(Vec::len).collect::<Vec<_>>(), [MOST_AT_ONCE, 100 - MOST_AT_ONCE]);
}

#[tokio::test]
async fn stopping_delivers_what_waits_and_a_receiver_that_hangs_does_not_hold_it_up() {
    let (rig, receiver) = (Rig::new(), Receiver::start([OK, OK, Reply::Hangs]).await);
    let settings = webhook(&receiver);
    rig.commit(&settings, 1..=3);
    rig.stop.cancel();
    let began = Instant::now();
    rig.spawn(&settings).1.await.expect("no panic");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!((uids(&receiver).concat(), rig.waiting()), (vec![1, 2, 3], 1));
}

#[tokio::test(start_paused = true)]
async fn only_a_required_sink_that_is_down_makes_the_daemon_unready_and_only_until_it_is_back() {
    for required in [true, false] {
        let rig = Rig::new();
        let folder = rig.folder.path().join("alerts");
        let kind = Kind::File { path: folder.join("alerts.jsonl"), format: Format::Ocsf };
        let settings = SinkSettings { required, capacity: 10, ..sink(kind) };
        let (status, task) = rig.spawn(&settings);
        assert_eq!(rig.commit(&settings, 1..=12), 2);
        sleep(Duration::from_secs(30)).await;
        assert!(status.failing().is_some());
        assert_eq!(status.unready(rig.waiting()).is_some(), required, "the outbox is full");
        assert_eq!(status.unready(8), None);
        sleep(Duration::from_secs(40)).await;
        let reason = status.unready(8);
        assert_eq!(reason.is_some_and(|why| why.as_str().starts_with("sink soc has failed for ")), required);
        fs::create_dir(folder).expect("room");
        sleep(Duration::from_secs(120)).await;
        assert_eq!((status.failing(), status.unready(rig.waiting()), rig.waiting()), (None, None, 0));
        rig.stop.cancel();
        task.await.expect("no panic");
    }
}

#[tokio::test]
async fn a_receiver_can_tell_that_a_request_is_ours_and_that_nobody_changed_it() {
    let (rig, receiver) = (Rig::new(), Receiver::start([]).await);
    let [secret_file, authorization_file] = ["secret", "authorization"].map(|name| rig.folder.path().join(name));
    fs::write(&secret_file, "hush\n").expect("room");
    fs::write(&authorization_file, "Bearer token\n").expect("room");
    let http = HttpSettings {
        authorization_file: Some(authorization_file),
        headers: vec![("X-Team".to_owned(), "soc".to_owned())],
        ..http(&receiver)
    };
    let settings = sink(Kind::Webhook { http, format: Format::Ecs, batch: false, secret_file: Some(secret_file) });
    rig.commit(&settings, 1..=1);
    rig.deliver(&settings).await;
    let request = &receiver.received()[0];
    assert_eq!(request.start, "POST /hook?key=1 HTTP/1.1");
    assert_eq!([request.header("authorization"), request.header("x-team")], [Some("Bearer token"), Some("soc")]);
    assert_eq!(request.header("host"), Some(receiver.address.to_string().as_str()));
    let timestamp = request.header("x-sawatch-timestamp").expect("a time");
    let age = wall_clock().0 / 1_000_000 - timestamp.parse::<i64>().expect("seconds");
    assert!((0..60).contains(&age), "{age}");
    let hex = request.header("x-sawatch-signature").and_then(|value| value.strip_prefix("sha256=")).expect("hex");
    let tag: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
    let signed = |body: &[u8]| [timestamp.as_bytes(), b".", body].concat();
    assert!(hmac::verify(&key, &signed(&request.body), &tag).is_ok());
    assert!(hmac::verify(&key, &signed(b"{}"), &tag).is_err());
}

#[tokio::test]
async fn alertmanager_is_told_several_at_once_and_when_they_end() {
    let (rig, receiver) = (Rig::new(), Receiver::start([]).await);
    let settings = sink(Kind::alertmanager(http(&receiver)));
    rig.commit(&settings, 1..=2);
    let before = wall_clock();
    rig.deliver(&settings).await;
    let received = receiver.received();
    let alerts = received[0].json();
    assert_eq!((received.len(), alerts.as_array().map(Vec::len)), (1, Some(2)));
    assert_eq!(alerts[0]["labels"]["username"], json!("sawatch:test"));
    assert_eq!(alerts[1]["annotations"]["alert_id"], json!(Uuid::from_u128(2).to_string()));
    let in_an_hour = Timestamp(before.0 + 3_600_000_000).to_string();
    assert!(alerts[0]["endsAt"].as_str() >= Some(in_an_hour.as_str()), "{alerts}");
}

#[tokio::test]
async fn falcosidekick_is_told_one_at_a_time_in_strings() {
    let (rig, receiver) = (Rig::new(), Receiver::start([]).await);
    let settings = sink(Kind::Falco { http: http(&receiver) });
    rig.commit(&settings, 1..=2);
    rig.deliver(&settings).await;
    assert_eq!(receiver.received().len(), 2);
    for request in receiver.received() {
        let alert = request.json();
        let fields = alert["output_fields"].as_object().expect("fields");
        assert!(!fields.is_empty() && fields.values().all(Value::is_string), "{alert}");
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn falcosidekick_is_not_told_that_something_ended() {
    let receiver = Receiver::start([]).await;
    let mut falco = Sink::open(&sink(Kind::Falco { http: http(&receiver) }), &Reopen::default()).expect("a sink");
    let closed = Outbox { activity: Activity::Closed, ..notice(1) };
    falco.deliver(&[closed]).await.expect("nothing to do");
    falco.deliver(&[Outbox { activity: Activity::Updated, ..notice(2) }]).await.expect("taken");
    let ids: Vec<Value> = receiver.received().iter().map(|r| r.json()["output_fields"]["alert.id"].clone()).collect();
    assert_eq!(ids, [json!(Uuid::from_u128(2).to_string())]);
}
