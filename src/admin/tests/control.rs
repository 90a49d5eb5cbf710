//! The control socket of a daemon that runs, and the same requests without one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Instant;

use super::*;
use crate::checkpoint::{Position, Stretch};
use crate::daemon::DaemonError;
use crate::daemon::control::{Answer, Wish};
use crate::event::{Principal, Span};
use crate::source::live::{Ack, Batch, SourceContext, SourceError};
use crate::store::Status;

/// The lab's log of two accounts, before and during attacks.
const LOG: [&str; 2] =
    [include_str!("../../../tests/data/replay/learn.jsonl"), include_str!("../../../tests/data/replay/excerpt.jsonl")];

/// Brings a text once, and then waits until it is stopped.
struct Once(String);

impl Source for Once {
    fn name(&self) -> &str {
        "once"
    }

    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let from = cx.checkpoint.position("once").map_or(0, |position| position.offset);
        let to = from + self.0.len() as u64;
        let batch = Batch {
            feed: "once".into(),
            cluster: None,
            bytes: self.0.into_bytes(),
            stretch: Stretch { from: Position::at(from), to: Position::at(to) },
            arrived: Instant::now(),
            ack: Ack::none(),
        };
        cx.inbox.put(batch).expect("the daemon takes it");
        while !cx.stop.is_cancelled() {
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// A daemon that runs, has judged `log`, and can be asked.
struct Running {
    handle: Handle,
    thread: thread::JoinHandle<Result<(), DaemonError>>,
}

impl Running {
    fn start(folder: &Path, log: &str) -> Self {
        let daemon = made(folder, vec![Box::new(Once(log.to_owned()))], Vec::new());
        let handle = daemon.handle();
        let settings = AdminSettings { listen: None, token_file: None };
        Admin::start(&settings, folder, &handle, daemon.runtime()).expect("it listens");
        let before = handle.store.commits().expect("a store");
        let running = Self { handle, thread: thread::spawn(|| daemon.run()) };
        while running.handle.store.commits().expect("a store") == before {
            thread::sleep(Duration::from_millis(5));
        }
        running
    }

    fn stop(self) {
        self.handle.stop.cancel();
        self.thread.join().expect("no panic").expect("it ends well");
    }
}

fn asked(folder: &Path, request: Request) -> Result<Reply, AskError> {
    ask(folder, &Settings::default(), request)
}

fn list(folder: &Path, filter: Filter) -> Vec<crate::store::Record> {
    match asked(folder, Request::Store(StoreRequest::List(filter))) {
        Ok(Reply::Incidents(records)) => records,
        other => panic!("{other:?}"),
    }
}

fn all(folder: &Path) -> Vec<crate::store::Record> {
    list(folder, Filter { limit: MAX_LISTED, ..Filter::default() })
}

/// Puts every incident to a status; returns how much was learnt by it.
fn put(folder: &Path, status: Status) -> u64 {
    let mut learnt = 0;
    for record in all(folder) {
        let (who, why) = ("ann".into(), "a drill".into());
        let wish = Wish::Put { incident: record.incident.id, status, who, why };
        let reply = asked(folder, Request::Judge(wish)).expect("it is there");
        let Reply::Judge(Answer::Put(record, taught)) = reply else { panic!("{reply:?}") };
        assert_eq!((record.status, &*record.trail[0].why.to_string()), (status, "a drill"));
        learnt += taught.values + taught.credentials;
    }
    learnt
}

fn wanted() -> Wanted {
    Wanted {
        principal: "system:serviceaccount:velero:*".to_owned(),
        detector: None,
        cluster: None,
        reason: "a drill".into(),
        owner: "ann".into(),
        seconds: 60,
    }
}

/// The excerpt as if it came again three days later.
fn later() -> String {
    let ids = LOG[1].replace("\"auditID\":\"", "\"auditID\":\"again-");
    let next = ids.replace("Timestamp\":\"2026-11-24", "Timestamp\":\"2026-11-27");
    assert_eq!(next.matches("2026-11-27T").count() / 2, LOG[1].lines().count());
    next
}

#[test]
fn the_socket_is_its_owners_alone_and_takes_the_place_of_one_left_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(SOCKET);
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(UnixStream::connect(&path).is_err(), "nobody listens");
    let running = Running::start(folder.path(), LOG[0]);
    assert_eq!(fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o600);
    let listed = all(folder.path());
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    running.stop();
    assert!(!path.exists() && left == 3, "the store, rejected records and the socket, and nothing else: {left}");
    assert_eq!(all(folder.path()).len(), listed.len(), "the same without a daemon");
}

#[test]
fn incidents_are_listed_and_filtered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Running::start(folder.path(), &LOG.concat());
    let records = all(folder.path());
    let worst = records.iter().map(|record| record.incident.severity).max().expect("incidents");
    assert!(records.is_sorted_by(|a, b| a.incident.first >= b.incident.first));
    let filtered = |filter| list(folder.path(), Filter { limit: MAX_LISTED, ..filter }).len();
    let of_worst = records.iter().filter(|record| record.incident.severity == worst).count();
    assert_eq!(filtered(Filter { severity: Some(worst), ..Filter::default() }), of_worst);
    assert_eq!(list(folder.path(), Filter { limit: 1, ..Filter::default() }), records[..1]);
    let Principal::ServiceAccount { namespace, name } = Principal::parse(records[0].incident.principal.as_str()) else {
        panic!("{}", records[0].incident.principal);
    };
    let account = |account: &str| filtered(Filter { account: Some(account.to_owned()), ..Filter::default() });
    assert!(account(&format!("{namespace}/{name}")) > 0);
    assert_eq!(account(&format!("{namespace}/{name}")), account(records[0].incident.principal.as_str()));
    assert_eq!((account("nobody"), filtered(Filter { cluster: Some("x".to_owned()), ..Filter::default() })), (0, 0));
    assert_eq!(put(folder.path(), Status::Acknowledged), 0);
    let new = filtered(Filter { status: Some(Status::New), ..Filter::default() });
    assert_eq!((new, filtered(Filter { status: Some(Status::Acknowledged), ..Filter::default() })), (0, records.len()));
    running.stop();
}

#[test]
fn a_suppression_is_checked_listed_and_taken_out_with_a_daemon_and_without() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Running::start(folder.path(), LOG[0]);
    let ask = |request| asked(folder.path(), Request::Store(request));
    let Ok(Reply::Suppressed(made)) = ask(StoreRequest::Suppress(wanted())) else { panic!("it is kept") };
    assert_eq!(made.until.since(made.since), Span::minutes(1));
    running.stop();
    assert_eq!(ask(StoreRequest::Suppressions).expect("a list"), Reply::Suppressions(vec![made.clone()]));
    for (wrong, why) in [
        (Wanted { seconds: 0, ..wanted() }, "lasts 90 d at most"),
        (Wanted { seconds: 91 * 86_400, ..wanted() }, "lasts 90 d at most"),
        (Wanted { reason: "".into(), ..wanted() }, "a reason and an owner"),
        (Wanted { principal: "***".to_owned(), ..wanted() }, "no pattern"),
        (Wanted { detector: Some("x\u{1b}".to_owned()), ..wanted() }, "no detector \"x\\u{1b}\""),
    ] {
        let error = ask(StoreRequest::Suppress(wrong)).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
    let remove = || ask(StoreRequest::Unsuppress { id: made.id.clone() });
    assert_eq!(remove().expect("it is there"), Reply::Unsuppressed);
    assert!(remove().is_err_and(|error| error.to_string() == format!("there is no suppression {}", made.id)));
}

#[test]
fn what_an_analyst_called_benign_is_not_told_again_by_the_next_daemon() {
    let alerts = |status: Status| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Running::start(folder.path(), &LOG.concat()).stop();
        let before = all(folder.path()).len();
        assert!(before > 0);
        assert_eq!(put(folder.path(), status) > 0, status == Status::Benign);
        Running::start(folder.path(), &later()).stop();
        all(folder.path()).iter().filter(|record| record.status == Status::New && record.incident.notifies).count()
    };
    assert!(alerts(Status::Acknowledged) > 0, "three days later it is as unusual as before");
    assert_eq!(alerts(Status::Benign), 0);
}

#[test]
fn what_was_learnt_goes_out_and_in_and_is_forgotten_with_a_daemon_and_without() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ask = |wish| asked(folder.path(), Request::Judge(wish));
    let export = || match ask(Wish::Export { cluster: "test".to_owned() }) {
        Ok(Reply::Judge(Answer::Exported(state))) => state,
        other => panic!("{other:?}"),
    };
    let principal = "system:serviceaccount:velero:velero";
    let forget = || ask(Wish::Forget { cluster: "test".to_owned(), principal: principal.to_owned() });
    let running = Running::start(folder.path(), LOG[0]);
    let learnt = export();
    assert!(forget().is_ok() && export() != learnt);
    running.stop();
    assert!(forget().is_err_and(|error| error.to_string() == format!("there is no account {principal}")));
    let imported = ask(Wish::Import { state: learnt.clone() }).expect("it was exported");
    assert_eq!(imported, Reply::Judge(Answer::Imported("test".to_owned(), 2)));
    assert!(export() == learnt);
    let error = ask(Wish::Export { cluster: "x\n".to_owned() }).expect_err("it is not known");
    assert_eq!(error.to_string(), "there is no cluster x\\u{a}");
}

#[test]
fn a_folder_without_a_store_gets_none_by_being_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wish = Wish::Export { cluster: "test".to_owned() };
    assert!(matches!(asked(folder.path(), Request::Judge(wish)), Err(AskError::Nothing(_))));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
