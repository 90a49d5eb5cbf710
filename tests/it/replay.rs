//! The same bytes give the same incidents: with any number of threads, and however they are cut into files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use sawatch::alert::Activity;
use sawatch::engine::{Engine, Settings};
use sawatch::format::{Format, Style};
use sawatch::pipeline::{Period, Run};
use sawatch::source::discover::discover;
use sawatch::source::{Input, Log};

use crate::data;

static NEVER: AtomicBool = AtomicBool::new(false);

/// The incidents as they are written, and the number of events and rejects.
fn replay(learn: Vec<Log>, judge: Vec<Log>, threads: usize) -> (String, u64, u64) {
    let mut run = Run::new(Engine::new("test", &Settings::default()), threads, &NEVER);
    run.feed(learn, Period::Normal).unwrap();
    run.feed(judge, Period::Judged).unwrap();
    let mut out = Vec::new();
    for incident in run.engine.finish() {
        Format::Ocsf.write(&incident, Activity::Opened, Style::PLAIN, &mut out).unwrap();
    }
    (String::from_utf8(out).unwrap(), run.tally.events(), run.tally.rejected())
}

fn logs(path: &Path) -> Vec<Log> {
    discover(&[path.to_owned()], &[]).unwrap()
}

/// The learned and the judged period, in files cut at `cuts` (shares of the whole).
fn cut(dir: &Path, cuts: &[prop::sample::Index]) -> Vec<Log> {
    let log = fs::read(data("replay/excerpt.jsonl")).unwrap();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len())).collect();
    ends.extend([0, log.len()]);
    ends.sort_unstable();
    let parts = ends.windows(2).enumerate().map(|(n, window)| {
        let path = dir.join(format!("{n}.jsonl"));
        fs::write(&path, &log[window[0]..window[1]]).unwrap();
        Input::File(path)
    });
    vec![Log { name: String::new(), inputs: parts.collect() }]
}

#[test]
fn the_excerpt_has_incidents() {
    let (incidents, events, rejected) =
        replay(logs(&data("replay/learn.jsonl")), logs(&data("replay/excerpt.jsonl")), 1);
    assert_eq!((events, rejected), (204, 0));
    assert!(incidents.contains("system:serviceaccount:velero:velero"), "{incidents}");
}

#[test]
fn what_was_streamed_ends_as_what_is_told_whole() {
    let mut engine = Engine::new("test", &Settings::default());
    engine.go_live();
    let last = std::cell::RefCell::new(BTreeMap::new());
    let mut run = Run::new(engine, 1, &NEVER);
    run.on_notice = Some(Box::new(|notice| {
        let first_told = !last.borrow().contains_key(&notice.incident.id);
        assert_eq!(notice.activity == Activity::Opened, first_told);
        last.borrow_mut().insert(notice.incident.id, notice.incident.clone());
        Ok(())
    }));
    run.feed(logs(&data("replay/learn.jsonl")), Period::Normal).unwrap();
    run.feed(logs(&data("replay/excerpt.jsonl")), Period::Judged).unwrap();
    let all = run.finish().unwrap();
    drop(run);
    let mut whole = Run::new(Engine::new("test", &Settings::default()), 1, &NEVER);
    whole.feed(logs(&data("replay/learn.jsonl")), Period::Normal).unwrap();
    whole.feed(logs(&data("replay/excerpt.jsonl")), Period::Judged).unwrap();
    let whole = whole.finish().unwrap();
    assert!(!whole.is_empty());
    assert_eq!(all, whole);
    assert_eq!(last.into_inner(), whole.into_iter().map(|incident| (incident.id, incident)).collect());
}

#[test]
fn threads_do_not_change_what_is_found() {
    let dir = tempfile::tempdir().unwrap();
    // enough blocks that every decoder has several
    let excerpt = fs::read(data("replay/excerpt.jsonl")).unwrap();
    fs::write(dir.path().join("long.jsonl"), excerpt.repeat(150)).unwrap();
    let judged = |threads| replay(logs(&data("replay/learn.jsonl")), logs(dir.path()), threads);
    let one = judged(1);
    assert!(!one.0.is_empty());
    assert_eq!(judged(2), one);
    assert_eq!(judged(8), one);
}

#[test]
fn learning_the_same_log_twice_changes_nothing() {
    // its events are repeats of themselves, as far as the window of repeats reaches
    let mut twice = logs(&data("replay/learn.jsonl"));
    let again = twice[0].inputs.clone();
    twice[0].inputs.extend(again);
    let (once, ..) = replay(logs(&data("replay/learn.jsonl")), logs(&data("replay/excerpt.jsonl")), 1);
    let (incidents, events, _) = replay(twice, logs(&data("replay/excerpt.jsonl")), 1);
    assert_eq!((incidents, events), (once, 110 + 204));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_cut_anywhere_give_the_same_incidents(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let dir = tempfile::tempdir().unwrap();
        let whole = replay(logs(&data("replay/learn.jsonl")), logs(&data("replay/excerpt.jsonl")), 1);
        prop_assert_eq!(replay(logs(&data("replay/learn.jsonl")), cut(dir.path(), &cuts), 2), whole);
    }
}

#[test]
fn feeds_are_merged_by_time_whoever_wrote_which_event() {
    let excerpt = fs::read_to_string(data("replay/excerpt.jsonl")).unwrap();
    let mut servers: BTreeMap<usize, String> = BTreeMap::new();
    for (n, line) in excerpt.split_inclusive('\n').enumerate() {
        servers.entry(n * 7 % 3).or_default().push_str(line);
    }
    let dir = tempfile::tempdir().unwrap();
    for (server, log) in servers {
        let folder = dir.path().join(format!("cp-{server}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("audit.log"), log).unwrap();
    }
    let whole = replay(logs(&data("replay/learn.jsonl")), logs(&data("replay/excerpt.jsonl")), 1);
    for threads in [1, 4] {
        assert_eq!(logs(dir.path()).len(), 3);
        assert_eq!(replay(logs(&data("replay/learn.jsonl")), logs(dir.path()), threads), whole);
    }
}
