//! What would blind Sawatch is told before it runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::data;

fn doctor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sawatch")).arg("doctor").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_recommended_policy_loses_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/audit-policy.yaml");
    let output = doctor(&["--policy", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).starts_with("audit policy: records all "));
}

#[test]
fn a_policy_that_loses_something_ends_with_3_and_a_wrong_one_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n";
    let lossy =
        written(folder.path(), "lossy.yaml", &format!("{head}- {{level: None, userGroups: ['system:nodes']}}\n"));
    let output = doctor(&["--policy", &lossy]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout);
    assert!(
        said.contains("  line 4        level None loses\n") && said.contains("token-minted, token-tainted"),
        "{said}"
    );

    let wrong = written(folder.path(), "wrong.yaml", &format!("{head}- {{level: no, verb: [get]}}\n- {{}}\n"));
    let output = doctor(&["--policy", &wrong]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    let said = text(&output.stderr);
    assert!(said.contains("several problems") && said.contains("line 4: ") && said.contains("line 5: "), "{said}");
}

#[test]
fn a_sample_tells_what_it_does_not_show() {
    let output = doctor(&[data("replay/learn.jsonl").to_str().unwrap()]);
    let said = text(&output.stdout);
    assert!(said.starts_with("log sample\n  events        110, and 0 records rejected\n"), "{said}");
    assert_eq!(output.status.code() == Some(0), said.contains("  blind spots   none\n"), "{said}");
}

#[test]
fn an_installation_is_told_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(folder.path(), "audit.log", &fs::read_to_string(data("replay/excerpt.jsonl")).unwrap());
    let dir = folder.path().display();
    let config = format!(
        "state: {{folder: {dir}}}\nsources:\n  log: {{kind: file, path: {log}}}\nadmin: {{token-file: {dir}/absent}}\n"
    );
    let output = doctor(&["--config", &written(folder.path(), "sawatch.yaml", &config)]);
    let said = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot open admin.token-file: ") && said.contains("clock sources.log: "), "{said}");
}

#[test]
fn doctor_needs_something_to_examine() {
    assert_eq!(doctor(&[]).status.code(), Some(2));
}
