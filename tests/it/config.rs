//! The reference configuration is true.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sawatch::config::{Config, reference};

/// `BLESS=1` writes it anew.
#[test]
fn the_reference_file_has_every_key_at_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sawatch.yaml");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, reference()).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, reference(), "config/sawatch.yaml is not what sawatch::config::reference() says");
    assert_eq!(Config::load(&path).unwrap(), Config::default());
}

fn sawatch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sawatch")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A configuration in a folder of its own, where `DIR` is that folder.
fn file(folder: &Path, config: &str) -> String {
    let path = folder.join("sawatch.yaml");
    fs::write(&path, config.replace("DIR", folder.to_str().unwrap())).unwrap();
    path.to_str().unwrap().to_owned()
}

const GOOD: &str = "\
cluster: prod
state:
  folder: DIR
sources:
  log:
    kind: file
    path: DIR/audit.log
  hook:
    kind: webhook
    listen: 127.0.0.1:9443
sinks:
  findings:
    kind: file
    path: DIR/findings.jsonl
  soc:
    kind: webhook
    url: http://127.0.0.1:9/hook?key=s3cret
    min-severity: high
";

#[test]
fn a_check_says_what_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display();
    let output = sawatch(&["config", "check", &file(folder.path(), GOOD)]);
    let expected = format!(
        "cluster  prod\n\
         state    {dir}\n\
         admin    127.0.0.1:9440\n\
         source   log       file     {dir}/audit.log\n\
         source   hook      webhook  http://127.0.0.1:9443\n\
         sink     findings  file     {dir}/findings.jsonl; medium and above, held-back, required\n\
         sink     soc       webhook  127.0.0.1:9; high and above, required\n"
    );
    assert_eq!((text(&output.stdout), output.status.code()), (&*expected, Some(0)), "{}", text(&output.stderr));
}

#[test]
fn a_check_tells_all_problems_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "queue: much\nsinks:\n  soc:\n    kind: webhook\n");
    let output = sawatch(&["config", "check", &path]);
    let error = text(&output.stderr);
    assert_eq!((text(&output.stdout), output.status.code()), ("", Some(2)));
    assert!(error.contains("\n  line 1: queue: found much, wanted") && error.contains("\n  line 3: sinks.soc: url is"));
}

#[test]
fn a_check_opens_what_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), GOOD);
    fs::write(folder.path().join("audit.log"), "").unwrap();
    let output = sawatch(&["config", "check", "--connect", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!folder.path().join("findings.jsonl").exists(), "a check leaves nothing behind");

    fs::remove_file(folder.path().join("audit.log")).unwrap();
    let path =
        file(folder.path(), &(GOOD.replace("DIR/findings", "DIR/no/findings") + "    secret-file: DIR/secret\n"));
    let output = sawatch(&["config", "check", "--connect", &path]);
    let error = text(&output.stderr);
    let told = ["sources.log: ", "sinks.findings: ", "sinks.soc: "];
    assert!(
        output.status.code() == Some(2) && told.iter().all(|told| error.contains(&format!("\n  {told}"))),
        "{error}"
    );
}

#[test]
fn the_reference_is_printed() {
    assert_eq!(text(&sawatch(&["config", "reference"]).stdout), reference());
}

#[test]
fn sinks_are_tested_each_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), GOOD);
    let output = sawatch(&["sinks", "test", "--config", &path]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("findings  ok\nsoc       ") && told.contains("127.0.0.1:9"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    let findings = fs::read_to_string(folder.path().join("findings.jsonl")).unwrap();
    assert!(findings.lines().count() == 1 && findings.contains("sawatch-test"));

    let output = sawatch(&["sinks", "test", "--config", &path, "--sink", "findings"]);
    assert_eq!((text(&output.stdout), output.status.code()), ("findings  ok\n", Some(0)));
    let output = sawatch(&["sinks", "test", "--config", &path, "--sink", "pager"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no sink pager, only findings, soc"));
}
