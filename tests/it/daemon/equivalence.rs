//! However records come, the same is found as by a replay of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use super::audit::{FILE, Poster, RotatedLog, free_address, records, webhook};
use super::crash::wait_until_taken;
use super::{Site, assert_same, last_states};
use crate::kafka;

/// What a replay finds.
fn replayed() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.log");
    fs::write(&log, records().join("\n") + "\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sawatch"))
        .args(["replay", "--stream", "--format", "ocsf", "--min-severity", "informational"])
        .arg(format!("--feed=log={}", log.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let states = last_states(std::str::from_utf8(&output.stdout).unwrap());
    assert!(states.len() > 50, "{}", states.len());
    states
}

#[test]
fn a_followed_log_is_judged_as_its_replay() {
    let site = Site::new(FILE, "");
    let mut log = RotatedLog::new(site.path("audit"), 300);
    let daemon = site.start();
    for records in records().chunks(100) {
        log.write(records);
        thread::sleep(Duration::from_millis(5));
    }
    daemon.wait_until_read(&site.path("audit/audit.log"));
    daemon.stop();
    assert_same(&last_states(&site.findings()), &replayed());
}

#[test]
fn posted_lists_are_judged_as_a_replay() {
    let address = free_address();
    let site = Site::new(&webhook(address), "");
    let daemon = site.start();
    daemon.wait_until_it_runs();
    let mut poster = Poster::new(address);
    records().chunks(40).for_each(|list| poster.post(list));
    assert_eq!(poster.again, 0);
    daemon.stop();
    assert_same(&last_states(&site.findings()), &replayed());
}

#[test]
fn standard_input_is_judged_as_a_replay() {
    let site = Site::new("  log:\n    kind: stdin\n", "");
    let mut daemon = site.start_with(site.command(env!("CARGO_BIN_EXE_sawatch")).stdin(Stdio::piped()));
    let mut input = daemon.child.stdin.take().unwrap();
    for record in records() {
        writeln!(input, "{record}").unwrap();
    }
    drop(input);
    assert_eq!(daemon.outcome().code(), Some(0), "{}", site.said());
    assert_same(&last_states(&site.findings()), &replayed());
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_records_are_judged_as_a_replay() {
    let (broker, topic, expected) = (kafka::broker(), kafka::fresh("equivalence"), replayed());
    kafka::create(&broker, &topic, 1);
    kafka::produce(&broker, &topic, 1, &records());
    let site = Site::new(&super::crash::topic(&broker, &topic), "");
    let daemon = site.start();
    wait_until_taken(&broker, &topic);
    daemon.stop();
    assert_same(&last_states(&site.findings()), &expected);
}
