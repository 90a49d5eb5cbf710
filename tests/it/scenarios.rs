//! Scenarios: a folder for each, with what happened and what is said of it.
//!
//! `tests/data/scenarios/<name>/` holds `audit.jsonl`, the `alerts.jsonl` that are expected of it, and a `NOTE.md`. A
//! common base is learnt first, then the folder's own `learn.jsonl` if there is one. Logs may be zstd (`.jsonl.zst`).
//! Adding a case is adding a folder; after an intended change, `BLESS=1 cargo test scenarios` writes what is said now.

use std::fs;
use std::path::{Path, PathBuf};

use sawatch::alert::{Incident, Severity};
use sawatch::decode::decode_block;
use sawatch::engine::{Engine, Feed, Settings};
use sawatch::event::Event;
use serde::Serialize;

use crate::data;

/// What must stay as it is of an incident, whatever words it is told in.
#[derive(Serialize)]
struct Expected<'a> {
    principal: &'a str,
    severity: &'static str,
    detectors: Vec<&'static str>,
    techniques: Vec<&'static str>,
    /// The evidence, in the order in which it happened.
    audit_ids: Vec<&'a str>,
}

impl<'a> Expected<'a> {
    fn of(incident: &'a Incident) -> Self {
        let mut detectors = incident.detectors();
        let mut techniques: Vec<&str> = incident.techniques().iter().map(|t| t.id).collect();
        let mut evidence: Vec<_> = incident.alerts.iter().map(|a| (a.at, a.audit_id.as_str())).collect();
        detectors.sort_unstable();
        techniques.sort_unstable();
        evidence.sort_unstable();
        Self {
            principal: incident.principal.as_str(),
            severity: incident.severity.as_str(),
            detectors,
            techniques,
            audit_ids: evidence.into_iter().map(|(_, id)| id).collect(),
        }
    }
}

/// The events of `<stem>.jsonl` or `<stem>.jsonl.zst`; none if there is neither.
pub(crate) fn events(folder: &Path, stem: &str) -> Vec<Event<'static>> {
    let (plain, packed) = (folder.join(format!("{stem}.jsonl")), folder.join(format!("{stem}.jsonl.zst")));
    let log = match fs::read(&packed) {
        Ok(bytes) => zstd::decode_all(&bytes[..]).unwrap(),
        Err(_) => fs::read(plain).unwrap_or_default(),
    };
    let decoded = decode_block(&log);
    assert_eq!(decoded.rejects, [], "{}: {stem}", folder.display());
    decoded.events.into_iter().map(Event::into_owned).collect()
}

/// What is said of a scenario, one line for each incident that notifies. Of `undeclared-…` nothing was learnt as normal.
fn judge(folder: &Path, base: &[Event<'_>]) -> String {
    let mut engine = Engine::new("test", &Settings::default());
    let base = if named(folder).starts_with("undeclared-") { &[] } else { base };
    for event in base.iter().chain(&events(folder, "learn")) {
        engine.learn(Feed(0), event);
    }
    let audit = events(folder, "audit");
    assert!(!audit.is_empty(), "{} has no audit.jsonl", folder.display());
    for event in &audit {
        engine.process(Feed(0), event);
    }
    let incidents = engine.finish();
    let notifying = incidents.iter().filter(|incident| incident.severity >= Severity::Medium);
    notifying.map(|incident| serde_json::to_string(&Expected::of(incident)).unwrap() + "\n").collect()
}

fn named(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(data("scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    folders
}

#[test]
fn scenarios_are_told_as_agreed() {
    let base = events(&data("scenarios"), "base");
    let mut changed = Vec::new();
    for folder in folders() {
        let (said, agreed) = (judge(&folder, &base), folder.join("alerts.jsonl"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(agreed, said).unwrap();
        } else if fs::read_to_string(&agreed).ok().as_ref() != Some(&said) {
            changed.push(format!("{}: now\n{said}", agreed.display()));
        }
    }
    assert!(changed.is_empty(), "look at the difference; BLESS=1 agrees to it\n{}", changed.join("\n"));
}

/// `quiet-…` must not be told of; `missed-…` is not yet.
#[test]
fn only_quiet_and_missed_scenarios_are_not_told_of() {
    for folder in folders() {
        let agreed = fs::read_to_string(folder.join("alerts.jsonl")).unwrap();
        let name = named(&folder);
        let untold = name.starts_with("quiet-") || name.starts_with("missed-");
        assert_eq!(agreed.is_empty(), untold, "{name}");
        assert!(folder.join("NOTE.md").is_file(), "{name} has no NOTE.md");
    }
}

#[test]
fn what_only_repeats_an_event_changes_nothing() {
    let agreed = |name: &str| fs::read_to_string(data("scenarios").join(name).join("alerts.jsonl")).unwrap();
    for same in ["evasion-repeats", "evasion-request-received"] {
        assert_eq!(agreed(same), agreed("stolen-token-curl"), "{same}");
    }
}
