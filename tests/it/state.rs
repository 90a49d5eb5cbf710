//! What was learned, kept and taken up again: by the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::data;

fn sawatch<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The exit code, and what was said of it.
fn failed(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap())
}

fn lab(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/lab").join(name)
}

/// What the excerpt's past taught, in a folder that is removed with the first of the two.
fn learned() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("learned.json");
    stdout(&sawatch([
        "replay".as_ref(),
        "--learn".as_ref(),
        data("replay/learn.jsonl").as_os_str(),
        "--save".as_ref(),
        path.as_os_str(),
    ]));
    (dir, path)
}

fn explain(path: &Path, subject: &[&str]) -> Output {
    sawatch(["explain", "--baseline", path.to_str().unwrap()].iter().chain(subject))
}

#[test]
fn what_was_kept_judges_as_if_it_had_been_learned_now() {
    let dir = tempfile::tempdir().unwrap();
    let (train, attack) = (lab("train.jsonl.zst"), lab("attack.jsonl.zst"));
    let [kept, again] = ["kept.json", "again.json"].map(|name| dir.path().join(name));
    let run = |arguments: &[&Path]| stdout(&sawatch([Path::new("replay")].iter().chain(arguments)));
    let [learn, save, baseline] = ["--learn", "--save", "--baseline"].map(Path::new);
    let at_once = run(&[learn, &train, &attack]);
    assert!(!at_once.is_empty());
    assert_eq!(run(&[learn, &train, save, &kept]), "", "nothing is judged");
    assert_eq!(run(&[baseline, &kept, &attack]), at_once);
    run(&[baseline, &kept, save, &again]);
    assert!(fs::read(&kept).unwrap() == fs::read(&again).unwrap(), "what is read and written is the same");
    let text = fs::read_to_string(&kept).unwrap();
    assert!(!text.contains(r#""hash": "#), "every value of real events is known by its name");
}

#[test]
fn repeats_are_recognised_across_runs() {
    let (_dir, path) = learned();
    let output =
        sawatch(["replay".as_ref(), "--baseline".as_ref(), path.as_os_str(), data("replay/learn.jsonl").as_os_str()]);
    assert_eq!(stdout(&output), "");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("110 repeats"), "{summary}");
}

#[test]
fn what_cannot_be_used_ends_with_2_and_says_what_to_do() {
    let (dir, path) = learned();
    let text = fs::read_to_string(&path).unwrap();
    let bad = dir.path().join("bad.json");
    let refused = |text: &str| {
        fs::write(&bad, text).unwrap();
        let (code, said) = failed(&sawatch([
            "replay".as_ref(),
            "--baseline".as_ref(),
            bad.as_os_str(),
            data("replay/excerpt.jsonl").as_os_str(),
        ]));
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(failed(&explain(&bad, &["token", "x"])), (code, said.clone()), "explain says the same");
        said.replace(bad.to_str().unwrap(), "FILE")
    };
    assert_eq!(
        refused(&text.replacen("\"version\": 1", "\"version\": 7", 1)),
        "error: FILE is of version 7, and this sawatch reads up to 1: use the sawatch that made it, or a later one\n"
    );
    assert_eq!(
        refused("{\"kind\":\"Event\"}\n"),
        "error: FILE is no learned state; sawatch replay --save FILE makes one\n"
    );
    let torn = refused(&text[..text.len() / 2]);
    assert!(torn.starts_with("error: FILE is damaged: EOF while parsing") && torn.contains(" at line "), "{torn}");
    assert!(torn.ends_with("; take an older copy, or learn again with sawatch replay --save FILE\n"), "{torn}");
    let strange = refused(&text.replacen("\"declared\": true", "\"declared\": true, \"x\\u001b\": 1", 1));
    assert!(strange.contains("unknown field") && !strange.contains('\u{1b}'), "{strange}");
    fs::remove_file(&bad).unwrap();
    let (code, said) = failed(&explain(&bad, &["token", "x"]));
    assert_eq!((code, said.starts_with("error: cannot read ")), (Some(2), true), "{said}");
}

#[test]
fn a_state_of_another_cluster_is_refused() {
    let (_dir, path) = learned();
    let (excerpt, path) = (data("replay/excerpt.jsonl"), path.to_str().unwrap().to_owned());
    let output = sawatch(["replay", "--cluster", "prod", "--baseline", &path, excerpt.to_str().unwrap()]);
    let expected = format!("error: {path} was learned of cluster default, and this is prod: see --cluster\n");
    assert_eq!(failed(&output), (Some(2), expected));
}

#[test]
fn what_cannot_be_saved_is_known_before_anything_is_read() {
    let excerpt = data("replay/excerpt.jsonl");
    let (code, said) = failed(&sawatch(["replay", "--save", "/nowhere/learned.json", excerpt.to_str().unwrap()]));
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: cannot write /nowhere/learned.json: "), "{said}");
    assert!(!said.contains("summary"), "{said}");
}

#[test]
fn a_run_that_failed_saves_nothing() {
    let (_dir, path) = learned();
    let before = fs::read(&path).unwrap();
    let excerpt = data("replay/excerpt.jsonl");
    let save = ["replay", "--save", path.to_str().unwrap(), "--output", "/nowhere/x", excerpt.to_str().unwrap()];
    assert_eq!(sawatch(save).status.code(), Some(1));
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn an_account_and_a_token_are_explained_to_people_and_to_programs() {
    let (_dir, path) = learned();
    let text = stdout(&explain(&path, &["account", "velero/velero"]));
    assert!(text.starts_with("system:serviceaccount:velero:velero (ServiceAccount)\n  seen      2026-"), "{text}");
    assert!(text.contains("\n  action  a new one: ") && !text.contains('\u{1b}'), "{text}");
    let json = stdout(&explain(&path, &["--json", "account", "system:serviceaccount:velero:velero"]));
    let account: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&account["kind"], json.lines().count()), (&"ServiceAccount".into(), 1));
    assert!(account["facets"][0]["values"][0]["count"].as_u64() >= Some(1), "{json}");

    let state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let lives = state["credentials"]["lives"].as_array().unwrap();
    let life = lives.iter().find(|life| life["account"] == "system:serviceaccount:velero:velero").unwrap();
    let id = life["id"].as_str().unwrap();
    let text = stdout(&explain(&path, &["token", id.strip_prefix("JTI=").unwrap()]));
    assert!(text.starts_with(&format!("{id} (token bound to ")) && text.contains("\n  clients   velero"), "{text}");
    let json = stdout(&explain(&path, &["--json", "token", id]));
    let token: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(token["addresses"][0]["address"], life["uses"][0]["ip"]);
}

#[test]
fn who_is_not_known_ends_with_2_and_the_nearest_names() {
    let (_dir, path) = learned();
    let (code, said) = failed(&explain(&path, &["account", "velero/vellero"]));
    let expected = "error: unknown account velero/vellero: it made no request; did you mean velero/velero\n";
    assert_eq!((code, &*said), (Some(2), expected));
    assert_eq!(sawatch(["explain", "account", "x"]).status.code(), Some(2), "a baseline is needed");
}
