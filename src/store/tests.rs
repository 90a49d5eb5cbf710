use super::*;
use crate::alert::{Activity, Feedback, Incident, Severity};
use crate::engine::{Engine, Feed, Settings};
use crate::event::{Span, Timestamp};
use crate::sample::{START, event};

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path()).expect("a store").0
}

/// Notices of a theft: one incident that opens and grows.
fn notices() -> Vec<(Notice, Timestamp)> {
    let mut engine = Engine::new("test", &Settings::default());
    engine.go_live();
    for minute in 0..100 {
        engine.learn(Feed(0), &event().after(Span::minutes(minute)));
    }
    let thief = event().from("203.0.113.7").with("curl/8.5");
    engine.process(Feed(0), &thief.clone().after(Span::minutes(100)));
    engine.process(Feed(0), &thief.doing("list", "secrets").on("", "").after(Span::minutes(101)));
    engine.flush();
    let notices: Vec<_> = engine.notices().into_iter().map(|notice| (notice, START)).collect();
    assert!(notices.len() > 1, "{}", notices.len());
    notices
}

fn route(sink: &str) -> Route {
    Route { sink: sink.to_owned(), least: Severity::Informational, held_back: true, capacity: 100 }
}

fn entry(n: usize) -> Entry {
    Entry::Batch(Judged { feed: format!("cp-{n}"), cluster: "test".to_owned(), bytes: n, packed: vec![7; n] })
}

fn journal(store: &Store) -> Vec<Entry> {
    let mut all = Vec::new();
    let each = |entry| {
        all.push(entry);
        Ok(())
    };
    store.journal(each).expect("a journal");
    all
}

#[test]
fn what_was_committed_is_there_after_the_store_was_closed() {
    let folder = temporary();
    let teach = Said::Teach { feedback: Feedback::Benign, lessons: Vec::new(), at: START };
    let word = Entry::Word(Word { cluster: "test".to_owned(), said: teach });
    let commit = Commit {
        number: 1,
        journal: vec![entry(1), entry(0), word, entry(3)],
        positions: BTreeMap::from([("cp-1".to_owned(), Position::at(7))]),
        notices: notices(),
    };
    let incident: Incident = commit.notices.last().expect("one").0.incident.clone();
    store(&folder).commit(&commit, &[route("soc")]).expect("room");
    let (store, found) = Store::open(folder.path()).expect("a store");
    assert_eq!((found, journal(&store)), (Found::Whole, commit.journal));
    assert_eq!(store.checkpoint().expect("positions").position("cp-1"), Some(&Position::at(7)));
    assert_eq!(store.incident(incident.id).expect("read").map(|record| record.incident), Some(incident));
    assert_eq!(store.waiting(), BTreeMap::from([("soc".to_owned(), commit.notices.len() as u64)]));
}

#[test]
fn a_commit_that_is_tried_again_is_kept_once() {
    let folder = temporary();
    let store = store(&folder);
    let commit = Commit { number: 1, journal: vec![entry(1)], ..Commit::default() };
    store.commit(&commit, &[]).expect("room");
    store.reopen().expect("it is there");
    store.commit(&commit, &[]).expect("room");
    assert_eq!((journal(&store), store.commits().expect("read")), (commit.journal, 1));
}

#[test]
fn a_sink_is_told_in_order_and_once_it_has_taken_something_never_again() {
    let folder = temporary();
    let store = store(&folder);
    let commit = Commit { number: 1, notices: notices(), ..Commit::default() };
    store.commit(&commit, &[route("a"), route("b")]).expect("room");
    let outbox = store.outbox("a", 100).expect("read");
    assert_eq!(outbox.first().map(|(_, o)| o.activity), Some(Activity::Opened));
    assert_eq!(outbox.len(), commit.notices.len());
    store.delivered("a", outbox[0].0).expect("room");
    assert_eq!(store.outbox("a", 100).expect("read"), outbox[1..]);
    assert_eq!(store.outbox("b", 100).expect("read").len(), outbox.len());
    assert_eq!(store.waiting()["a"], outbox.len() as u64 - 1);
}

#[test]
fn what_waits_is_counted_right_while_a_sink_takes_and_more_comes() {
    let folder = temporary();
    let store = store(&folder);
    let (notices, routes) = (notices(), [Route { capacity: u64::MAX, ..route("a") }]);
    let numbered = |number| Commit { number, notices: notices.clone(), ..Commit::default() };
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=100).for_each(|number| drop(store.commit(&numbered(number), &routes).expect("room"))));
        let mut left = 100 * notices.len();
        while left > 0 {
            let some = store.outbox("a", 3).expect("read");
            left -= some.len();
            if let Some((last, _)) = some.last() {
                store.delivered("a", *last).expect("room");
            }
        }
    });
    assert_eq!(store.waiting()["a"], 0);
}

#[test]
fn that_something_was_delivered_can_be_said_twice() {
    let folder = temporary();
    let store = store(&folder);
    let commit = Commit { number: 1, notices: notices(), ..Commit::default() };
    store.commit(&commit, &[route("a")]).expect("room");
    let last = store.outbox("a", 100).expect("read").last().expect("one").0;
    store.delivered("a", last).expect("room");
    let commit = Commit { number: 2, ..commit };
    store.commit(&commit, &[route("a")]).expect("room");
    store.delivered("a", last).expect("room");
    assert_eq!(store.outbox("a", 100).expect("read").len(), commit.notices.len());
}

#[test]
fn a_full_outbox_keeps_the_oldest_and_counts_the_rest() {
    let folder = temporary();
    let store = store(&folder);
    let commit = Commit { number: 1, notices: notices(), ..Commit::default() };
    let dropped = store.commit(&commit, &[Route { capacity: 1, ..route("a") }]).expect("room");
    assert_eq!(dropped["a"], commit.notices.len() as u64 - 1);
    assert_eq!(store.outbox("a", 9).expect("read")[0].1.incident, commit.notices[0].0.incident);
}

#[test]
fn a_sink_is_told_of_what_its_route_asks_for() {
    let folder = temporary();
    let store = store(&folder);
    let mut notices = notices();
    for (Notice { incident, .. }, _) in &mut notices {
        (incident.notifies, incident.severity) = (false, Severity::High);
    }
    let deaf = Route { least: Severity::Critical, ..route("deaf") };
    let people = Route { held_back: false, ..route("people") };
    store.commit(&Commit { number: 2, notices, ..Commit::default() }, &[deaf, people, route("all")]).expect("room");
    let told = |sink| store.outbox(sink, 9).expect("read").len();
    assert_eq!((told("deaf"), told("people")), (0, 0));
    assert!(told("all") > 0);
}

#[test]
fn what_is_suppressed_is_kept_and_not_told() {
    let folder = temporary();
    let store = store(&folder);
    let notices = notices();
    let id = notices[0].0.incident.id;
    let suppression = Suppression {
        id: "known".to_owned(),
        principal: "system:serviceaccount:shop:*".to_owned(),
        detector: None,
        cluster: None,
        reason: "a test".into(),
        owner: "soc".into(),
        since: START,
        until: Timestamp(START.0 + Span::days(1).0),
    };
    assert!(store.suppress(&suppression).expect("room"));
    store.commit(&Commit { number: 1, notices: notices.clone(), ..Commit::default() }, &[route("a")]).expect("room");
    assert_eq!(store.outbox("a", 9).expect("read"), []);
    let record = store.incident(id).expect("read").expect("kept");
    assert_eq!(record.suppressed.as_deref(), Some("known"));
    assert!(store.unsuppress("known").expect("room") && !store.unsuppress("known").expect("room"));
    store.commit(&Commit { number: 2, notices, ..Commit::default() }, &[route("a")]).expect("room");
    assert!(!store.outbox("a", 9).expect("read").is_empty());
}

#[test]
fn a_suppression_ends() {
    let incident = &notices()[0].0.incident;
    let suppression = Suppression {
        id: "known".to_owned(),
        principal: "*".to_owned(),
        detector: None,
        cluster: None,
        reason: "a test".into(),
        owner: "soc".into(),
        since: START,
        until: incident.last,
    };
    assert!(suppression.covers(incident));
    let later = Incident { last: Timestamp(incident.last.0 + 1), ..incident.clone() };
    assert!(!suppression.covers(&later));
    assert!(!Suppression { cluster: Some("other".to_owned()), ..suppression.clone() }.covers(incident));
    assert!(!Suppression { detector: Some("dormant".to_owned()), ..suppression }.covers(incident));
}

#[test]
fn a_snapshot_takes_the_place_of_the_journal() {
    let folder = temporary();
    let store = store(&folder);
    store.commit(&Commit { number: 1, journal: vec![entry(1), entry(2)], ..Commit::default() }, &[]).expect("room");
    let settings = Settings::default();
    let mut engine = Engine::new("test", &settings);
    engine.learn(Feed(0), &event());
    let feeds = ["cp-1".to_owned()];
    let learned = crate::state::pack("test", &feeds, engine.learned());
    let known =
        |cluster: &str| Known { cluster: cluster.to_owned(), learned: learned.clone(), incidents: engine.incidents() };
    store.keep(&[known("a"), known("b")]).expect("room");
    assert_eq!(journal(&store), []);
    let kept = store.kept(&settings).expect("read");
    assert_eq!(kept.len(), 2);
    assert_eq!(crate::state::pack("test", &feeds, &kept[1].state.learned), learned);
}

#[test]
fn the_latest_incidents_come_first_and_a_person_can_put_them() {
    let folder = temporary();
    let store = store(&folder);
    let mut notices = notices();
    notices.truncate(1);
    let mut second = notices[0].clone();
    second.0.incident.id = uuid::Uuid::from_u128(7);
    second.0.incident.first = Timestamp(second.0.incident.first.0 + 1);
    let ids = [second.0.incident.id, notices[0].0.incident.id];
    notices.push(second);
    store.commit(&Commit { number: 2, notices, ..Commit::default() }, &[]).expect("room");
    let deed = Deed { at: START, who: "alice".into(), status: Status::Benign, why: "planned".into() };
    store.change(ids[0], |record| record.put(deed)).expect("room");
    let all = store.incidents(9, |_| true).expect("read");
    assert_eq!(all.iter().map(|record| record.incident.id).collect::<Vec<_>>(), ids);
    assert_eq!(store.incidents(9, |record| record.status == Status::Benign).expect("read").len(), 1);
    assert_eq!(store.incidents(1, |_| true).expect("read").len(), 1);
    assert_eq!(store.change(uuid::Uuid::nil(), |_| ()).expect("room"), None);
}

#[test]
fn a_damaged_store_is_put_aside_and_said() {
    let folder = temporary();
    drop(store(&folder));
    fs::write(folder.path().join(FILE), vec![7; 100_000]).expect("room");
    let (store, found) = Store::open(folder.path()).expect("a new one");
    let Found::Damaged { aside, .. } = found else { panic!("{found:?}") };
    assert!(aside.exists());
    assert_eq!(journal(&store), []);
}

#[test]
fn a_store_of_a_later_version_and_one_in_use_are_left_alone() {
    let folder = temporary();
    let first = store(&folder);
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
    let put = |tx: &redb::WriteTransaction| {
        tx.open_table(META)?.insert("version", VERSION + 1)?;
        Ok(())
    };
    first.write(put).expect("room");
    drop(first);
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { version: 2, .. })));
}
