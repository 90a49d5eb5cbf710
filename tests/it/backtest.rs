//! A labelled period is judged, and how well is said.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::data;

/// The excerpt judged with labels of its own.
fn backtest_with(labels: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.arg("backtest").arg("--labels").arg(labels).arg("--learn").arg(data("replay/learn.jsonl"));
    command.arg(data("replay/excerpt.jsonl")).args(arguments).output().unwrap()
}

/// The excerpt judged with its labels, which name one scenario too many.
fn backtest(arguments: &[&str]) -> Output {
    backtest_with(&data("backtest/labels.yaml"), arguments)
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let output = backtest(&[&["--format", "json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `BLESS=1` agrees to what is.
fn assert_agreed(name: &str, actual: &[u8]) {
    let path = data(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let agreed = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(String::from_utf8_lossy(actual), agreed, "look at the difference, then run with BLESS=1");
}

#[test]
fn the_sample_s_attacks_are_found_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["--learn", "examples/lab/train.jsonl.zst", "examples/lab/attack.jsonl.zst"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.args(["backtest", "--labels", "examples/lab/labels.json", "--fail-under", "100%", "--fail-over", "0"]);
    let output = command.args(files).current_dir(root).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_agreed("backtest/sample.txt", &output.stdout);
    let text = String::from_utf8(output.stdout).unwrap();
    let figures = text.split("\n\n").next().unwrap();
    assert!(
        fs::read_to_string(root.join("README.md")).unwrap().contains(figures),
        "README.md does not say:\n{figures}"
    );
}

#[test]
fn what_was_missed_is_named_with_its_reason() {
    let output = backtest(&["--min-severity", "critical"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_agreed("backtest/missed.txt", &output.stdout);
}

#[test]
fn json_has_the_figures_and_every_scenario() {
    let all = json(&[]);
    let scenarios = all["by_scenario"].as_array().unwrap();
    let found = scenarios.iter().filter(|scenario| scenario["found"] == true).count();
    assert_eq!(all["found"], found);
    assert_eq!(all["scenarios"], scenarios.len());
    for scenario in scenarios {
        let findings = scenario["findings"].as_array().unwrap();
        assert_eq!(scenario["found"], !findings.is_empty(), "{scenario}");
        assert_eq!(scenario["seconds_to_detection"].is_null(), findings.is_empty(), "{scenario}");
    }
    let absent = scenarios.iter().find(|scenario| scenario["id"] == "elsewhere").unwrap();
    assert_eq!(absent["missed"], "no request of it is in the log");
}

#[test]
fn a_finding_without_a_label_is_false() {
    let dir = tempfile::tempdir().unwrap();
    let labels = dir.path().join("labels.yaml");
    fs::write(&labels, "scenarios: [{id: elsewhere, audit_ids: [unheard-of]}]\n").unwrap();
    let output = backtest_with(&labels, &["--format", "json"]);
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&all["found"], &all["precision"]), (&0.into(), &0.0.into()));
    assert_eq!(all["false_findings"], json(&[])["findings"]);
    assert_eq!(all["false_findings"], all["false_by_name"].as_array().unwrap().len());
    let output = backtest_with(&labels, &["--fail-over", "0"]);
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\n  false findings\n    critical  2026-"));
}

#[test]
fn the_exit_code_tells_a_build() {
    let code = |arguments: &[&str]| backtest(arguments).status.code();
    assert_eq!(code(&["--fail-under", "99%"]), Some(10));
    assert_eq!(code(&["--fail-under", "50%"]), Some(0));
    assert_eq!(code(&["--fail-over", "0"]), Some(0));
    assert_eq!(code(&["--fail-under", "101%"]), Some(2));
    assert_eq!(code(&["--format", "ocsf"]), Some(2));
    assert_eq!(code(&["nowhere.log"]), Some(2));
}

#[test]
fn wrong_labels_end_with_2_and_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let labels = dir.path().join("labels.yaml");
    fs::write(&labels, "scenarios:\n- id: a\n- audit_ids: [x]\n").unwrap();
    let output = backtest_with(&labels, &[]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "error: {}: several problems\n  line 2: found a scenario without audit_ids\n  \
         line 3: found a scenario without id\n",
        labels.display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}
