//! What people do with a store: by the real binary, while a daemon has it and while none does.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::data;

fn sawatch(state: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.args(arguments).arg("--state").arg(state).env("USER", "ann").stdin(Stdio::null()).output().unwrap()
}

/// What was said, of what went well.
fn said(state: &Path, arguments: &[&str]) -> String {
    let output = sawatch(state, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what was said, of what went wrong.
fn refused(state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = sawatch(state, arguments);
    assert!(output.stdout.is_empty(), "{arguments:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A daemon that reads from a pipe.
fn daemon(state: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.args(["run", "--log-level", "error", "--state"]).arg(state);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Has a daemon judge `log` to its end; returns how many incidents it told of for the first time.
fn judged(state: &Path, log: &str) -> usize {
    let mut daemon = daemon(state);
    daemon.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    let output = daemon.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().filter(|line| line.contains("\"activity_id\":1,")).count()
}

/// The lab's log of two accounts, before and during attacks.
fn log() -> String {
    ["replay/learn.jsonl", "replay/excerpt.jsonl"].map(|name| fs::read_to_string(data(name)).unwrap()).concat()
}

/// The attacks as if they came again three days later.
fn again() -> String {
    let log = fs::read_to_string(data("replay/excerpt.jsonl")).unwrap();
    log.replace("\"auditID\":\"", "\"auditID\":\"again-")
        .replace("Timestamp\":\"2026-11-24", "Timestamp\":\"2026-11-27")
}

/// A store that a daemon left behind.
fn left() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(judged(dir.path(), &log()) > 0);
    dir
}

fn rows(state: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let text = said(state, &[&["alerts", "list", "--json"], arguments].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(state: &Path, arguments: &[&str]) -> Vec<String> {
    rows(state, arguments).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn incidents_are_listed_and_shown_without_a_daemon() {
    let dir = left();
    let (state, all) = (dir.path(), rows(dir.path(), &[]));
    let high = rows(state, &["--severity", "high"]);
    assert!(!high.is_empty() && high.len() < all.len());
    assert!(high.iter().all(|row| row["severity"] == "high" || row["severity"] == "critical"));
    assert_eq!(ids(state, &["--limit", "1"]), ids(state, &[])[..1]);
    assert!(rows(state, &["--account", "nobody/nothing"]).is_empty() && rows(state, &["--cluster", "x"]).is_empty());

    let table = said(state, &["alerts", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), all.len() + 1);
    let column = lines[0].find("ID").unwrap();
    assert!(
        lines
            .iter()
            .zip([""].into_iter().chain(all.iter().map(|row| row["id"].as_str().unwrap())))
            .skip(1)
            .all(|(line, id)| line[column..].starts_with(id))
    );
    let id = high[0]["id"].as_str().unwrap();
    let shown = said(state, &["alerts", "show", id]);
    assert!(shown.contains(id) && shown.contains("what happened, in order of time") && !shown.contains('\u{1b}'));
    let finding: serde_json::Value =
        serde_json::from_str(&said(state, &["alerts", "show", id, "--format", "ocsf"])).unwrap();
    assert_eq!(finding["finding_info"]["uid"], id);
    let (code, why) = refused(state, &["alerts", "show", "00000000-0000-0000-0000-000000000000"]);
    assert_eq!((code, why.as_str()), (Some(1), "error: there is no incident 00000000-0000-0000-0000-000000000000\n"));
}

#[test]
fn what_is_called_benign_is_not_told_again_and_what_is_only_acknowledged_is() {
    for (word, status, told_again) in [("benign", "benign", false), ("acknowledge", "acknowledged", true)] {
        let dir = left();
        for id in ids(dir.path(), &[]) {
            let answer = said(dir.path(), &["feedback", word, &id, "--why", "a drill\u{1b}"]);
            assert!(answer.starts_with(&format!("{id} is {status}")), "{answer}");
            assert!(
                said(dir.path(), &["alerts", "show", &id]).contains(&format!("{status} by ann: a drill\\u{{1b}}\n"))
            );
        }
        assert_eq!(ids(dir.path(), &["--status", status]), ids(dir.path(), &[]));
        assert_eq!(judged(dir.path(), &again()) > 0, told_again, "{word}");
    }
}

#[test]
fn a_daemon_that_runs_is_asked_and_not_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    let mut running = daemon(state);
    running.stdin.as_mut().unwrap().write_all(log().as_bytes()).unwrap();
    let begun = Instant::now();
    while !state.join("control.sock").exists() || ids(state, &[]).len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60) && running.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = ids(state, &["--limit", "1"]).remove(0);
    assert!(said(state, &["feedback", "malicious", &id, "--why", "it is", "--who", "bob"]).contains("is malicious"));
    assert!(said(state, &["alerts", "show", &id]).contains("malicious by bob: it is"));
    assert!(said(state, &["baseline", "show", "account", "velero/velero"]).contains("(ServiceAccount)"));
    assert_eq!(said(state, &["baseline", "forget", "velero/velero"]), "velero/velero is forgotten\n");
    let (code, why) = refused(state, &["baseline", "show", "account", "velero/velero"]);
    assert!(code == Some(2) && why.contains("unknown account"), "{why}");
    drop(running.stdin.take());
    assert!(running.wait_with_output().unwrap().status.success());
    assert!(!state.join("control.sock").exists());
    assert!(said(state, &["alerts", "show", &id]).contains("malicious by bob: it is"), "it was kept");
}

#[test]
fn a_suppressed_account_is_found_and_not_told() {
    let dir = tempfile::tempdir().unwrap();
    judged(dir.path(), "");
    let add = ["suppress", "add", "--principal", "system:serviceaccount:*", "--reason", "a \u{1b} drill", "--for"];
    let (code, why) = refused(dir.path(), &[&add[..], &["91d"]].concat());
    assert!(code == Some(1) && why.contains("lasts 90 d at most"), "{why}");
    assert_eq!(refused(dir.path(), &[&add[..], &["a while"]].concat()).0, Some(2));
    let made = said(dir.path(), &[&add[..], &["30d"]].concat());
    let id = made.split(' ').next().unwrap();
    let listed = said(dir.path(), &["suppress", "list"]);
    assert!(
        listed.lines().nth(1).unwrap().starts_with(id) && listed.contains("ann") && listed.contains("a \\u{1b} drill")
    );
    assert_eq!(judged(dir.path(), &log()), 0);
    let suppressed = rows(dir.path(), &["--severity", "medium"]);
    assert!(!suppressed.is_empty() && suppressed.iter().all(|row| row["suppressed"] == id));
    assert_eq!(said(dir.path(), &["suppress", "remove", id]), format!("{id} is removed: sinks are told again\n"));
    assert!(judged(dir.path(), &again()) > 0);
}

#[test]
fn what_was_learned_goes_from_one_store_to_another() {
    let (from, to) = (left(), tempfile::tempdir().unwrap());
    let [first, second] = ["a.json", "b.json"].map(|name| from.path().join(name).to_str().unwrap().to_owned());
    said(from.path(), &["baseline", "export", &first]);
    judged(to.path(), "");
    assert_eq!(said(to.path(), &["baseline", "import", &first]), "cluster default begins with 2 accounts\n");
    said(to.path(), &["baseline", "export", &second]);
    assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap());
    assert_eq!(judged(to.path(), &log()), 0, "all of it was seen before");
    let (code, why) = refused(to.path(), &["baseline", "import", data("replay/learn.jsonl").to_str().unwrap()]);
    assert_eq!((code, why.as_str()), (Some(1), "error: this is no learned state\n"));
}

#[test]
fn what_an_attacker_wrote_reaches_no_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let hostile = log().replace("serviceaccount:velero:velero", "serviceaccount:velero:v\\u001b[2J\\u202e\\nx");
    judged(dir.path(), &hostile);
    let table = said(dir.path(), &["alerts", "list"]);
    assert!(table.contains("v\\u{1b}[2J\\u{202e}\\u{a}x"), "{table}");
    assert!(!table.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let (code, why) = refused(dir.path(), &["alerts", "list"]);
    assert!(code == Some(2) && why.contains("there is no store in"), "{why}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
