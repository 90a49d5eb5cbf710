//! The real binary: exit codes and messages.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::data;

fn sawatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A replay of the excerpt with what was before it learned.
fn replay(arguments: &[&str]) -> Output {
    let (learn, excerpt) = (data("replay/learn.jsonl"), data("replay/excerpt.jsonl"));
    sawatch().args(["replay", "--learn"]).args([learn, excerpt]).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_pipe_gets_ocsf_and_the_summary_stays_out_of_it() {
    let output = replay(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<serde_json::Value> = stdout(&output).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(!lines.is_empty() && lines.iter().all(|l| l["class_uid"] == 2004 && l["severity_id"].as_u64() >= Some(3)));
    let summary = stderr(&output);
    assert!(summary.contains("learned from  110 events") && summary.contains("incidents "), "{summary}");
    assert!(!summary.contains('\u{1b}'), "no bar, no colours: {summary:?}");
}

#[test]
fn text_ends_with_the_summary() {
    let output = replay(&["--format", "text"]);
    let text = stdout(&output);
    assert!(
        text.contains("system:serviceaccount:velero:velero") && text.contains("learned from  110 events"),
        "{text}"
    );
    assert_eq!(stderr(&output), "");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_output_goes_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("findings.jsonl");
    let output = replay(&["--output", path.to_str().unwrap()]);
    assert_eq!(stdout(&output), "");
    assert_eq!(fs::read(path).unwrap(), replay(&[]).stdout);
}

#[test]
fn min_severity_hides_and_says_so() {
    // nothing is learned first, so that something is known too little of to be critical
    let shown = |severity: &str| {
        let arguments = ["replay", "--min-severity", severity];
        sawatch().args(arguments).arg(data("replay/excerpt.jsonl")).output().unwrap()
    };
    let (all, some) = (shown("informational"), shown("critical"));
    let critical: Vec<String> =
        stdout(&all).lines().filter(|l| l.contains(r#""severity_id":5"#)).map(str::to_owned).collect();
    assert_eq!(stdout(&some).lines().collect::<Vec<_>>(), critical);
    assert!(stderr(&some).contains("below critical; --min-severity"), "{}", stderr(&some));
    assert!(!stderr(&all).contains("not shown"), "{}", stderr(&all));
}

#[test]
fn fail_on_ends_with_10() {
    assert_eq!(replay(&["--fail-on", "informational"]).status.code(), Some(10));
    let quiet = data("replay/learn.jsonl");
    let output =
        sawatch().args(["replay", "--fail-on", "critical", "--learn"]).args([&quiet, &quiet]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn an_unreadable_log_goes_before_what_was_found_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.log");
    fs::write(&log, [fs::read(data("replay/excerpt.jsonl")).unwrap(), b"not json\n".to_vec()].concat()).unwrap();
    let options = ["--fail-on", "informational", "--max-rejects", "0", "--min-severity", "informational"];
    let output = sawatch().arg("replay").args(options).arg(&log).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(!stdout(&output).is_empty());
}

#[test]
fn too_many_rejects_end_with_4_and_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (log, rejects) = (dir.path().join("audit.log"), dir.path().join("rejects.jsonl"));
    let mut bytes = fs::read(data("replay/excerpt.jsonl")).unwrap();
    bytes.extend_from_slice(b"\x1b[2Jnot json\n{\"a\":1}\n");
    fs::write(&log, bytes).unwrap();
    let run = |max: &str| {
        sawatch().args(["replay", "--max-rejects", max, "--rejects"]).args([&rejects, &log]).output().unwrap()
    };
    let output = run("1");
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("too many rejected records: 2 of 96"), "{}", stderr(&output));
    let kept = fs::read_to_string(&rejects).unwrap();
    assert_eq!(kept.lines().count(), 2);
    assert!(kept.contains(r"\\u{1b}[2Jnot json") && kept.contains(r#""offset":137386"#), "{kept}");
    assert_eq!(run("2").status.code(), Some(0));
    assert_eq!(run("1%").status.code(), Some(4));
    assert_eq!(run("3%").status.code(), Some(0));
}

#[test]
fn wrong_usage_ends_with_2_and_names_every_wrong_path() {
    let output =
        sawatch().args(["replay", "nowhere-1.log", "nowhere-2.log", "--learn", "nowhere-3.log"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for path in ["nowhere-1.log", "nowhere-2.log", "nowhere-3.log"] {
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
    }
    for arguments in [&["replay"][..], &["replay", "--format", "xml", "-"], &["replay", "--feed", "cp-1"], &["reply"]] {
        assert_eq!(sawatch().args(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
    let twice = sawatch().args(["replay", "--learn", "-", "-"]).output().unwrap();
    assert!(stderr(&twice).contains("standard input can be read only once"), "{}", stderr(&twice));
}

#[test]
fn a_wrong_configuration_ends_with_2_and_names_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sawatch.yaml");
    fs::write(&path, "clutser: prod\nmin-severity: hihg\n").unwrap();
    let output = replay(&["--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "error: {}: several problems\n  line 1: unknown key clutser; did you mean cluster?\n  \
         line 2: min-severity: found hihg, wanted informational, low, medium, high or critical\n",
        path.display()
    );
    assert_eq!(stderr(&output), expected);
}

#[test]
fn options_go_before_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sawatch.yaml");
    fs::write(&path, "fail-on: informational\nformat: text\n").unwrap();
    let output = replay(&["--config", path.to_str().unwrap(), "--format", "ocsf"]);
    assert_eq!(output.status.code(), Some(10));
    assert!(stdout(&output).starts_with('{'));
}

#[test]
fn a_corrupt_file_is_named_and_the_rest_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let excerpt = fs::read(data("replay/excerpt.jsonl")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&excerpt).unwrap();
    let whole = encoder.finish().unwrap();
    let (torn, noise) = (dir.path().join("audit.log.gz"), dir.path().join("noise.log"));
    fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    let output = sawatch().arg("replay").arg(&torn).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("audit.log.gz could be read only in part"), "{}", stderr(&output));
    assert!(stderr(&output).contains("faulty files  1"), "{}", stderr(&output));

    fs::write(&noise, [&[0x1f, 0x8b][..], &[7; 64]].concat()).unwrap();
    let output = sawatch().arg("replay").arg(&noise).arg(data("replay/excerpt.jsonl")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("noise.log could not be read"), "{}", stderr(&output));
    assert!(stderr(&output).contains("events        94"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_written_ends_with_1() {
    let output = replay(&["--output", "/nowhere/findings.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write /nowhere/findings.jsonl: "), "{}", stderr(&output));
    let output = replay(&["--rejects", "/nowhere/rejects.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write /nowhere/rejects.jsonl: "), "{}", stderr(&output));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let (learn, excerpt) = (data("replay/learn.jsonl"), data("replay/excerpt.jsonl"));
    let mut child = sawatch().args(["replay", "--learn"]).args([learn, excerpt]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn standard_input_is_read_whatever_it_is_compressed_with() {
    let excerpt = fs::read(data("replay/excerpt.jsonl")).unwrap();
    let mut child = sawatch().args(["replay", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&zstd::encode_all(&excerpt[..], 1).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stderr(&output).contains("events        94"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn signals_end_with_what_was_found_so_far() {
    for signal in ["-INT", "-TERM"] {
        interrupt(signal);
    }
}

#[cfg(unix)]
fn interrupt(signal: &str) {
    use std::io::{BufRead, BufReader};

    let dir = tempfile::tempdir().unwrap();
    let mut command = sawatch();
    command.args(["replay", "-", "--log-level", "info", "--save"]).arg(dir.path().join("learned.json"));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // the input stays open: only the signal can end this
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(data("replay/excerpt.jsonl")).unwrap()).unwrap();
    let mut messages = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(messages.by_ref().any(|line| line.contains("reading")));
    let began = Instant::now();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(messages.by_ref().any(|line| line.starts_with("interrupted")));
    assert!(messages.any(|line| line.contains("not saved: the run was interrupted")));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "half a period is no baseline");
    drop(input);
}

#[test]
fn help_and_version_are_no_failure() {
    for arguments in [&["--help"][..], &["replay", "--help"], &["--version"]] {
        let output = sawatch().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("sawatch"), "{arguments:?}");
    }
    // nothing to do is wrong usage, and the help goes where errors go
    let output = sawatch().output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]));
    assert!(stderr(&output).contains("Usage"), "{}", stderr(&output));
}

#[test]
fn completions_and_manual_are_printed() {
    let output = |arguments: &[&str]| stdout(&sawatch().args(arguments).output().unwrap());
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(output(&["completions", shell]).contains("min-severity"), "{shell}");
    }
    assert_eq!(sawatch().args(["completions", "tcsh"]).output().unwrap().status.code(), Some(2));
    assert!(output(&["man"]).starts_with(".ie"));
    assert!(output(&["man", "replay"]).contains("Exit codes"));
    assert_eq!(sawatch().args(["man", "reply"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn webhook_init_says_what_to_do_next_and_replaces_nothing_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let init = |more: &[&str]| {
        let mut command = sawatch();
        command.args(["webhook", "init", "--host", "10.0.0.5", "--feed", "cp-1", "--dir"]).arg(dir.path());
        command.args(more).output().unwrap()
    };
    let output = init(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("cp-1: --audit-webhook-config-file=kubeconfig-cp-1.yaml"), "{}", stdout(&output));
    let kubeconfig = fs::read_to_string(dir.path().join("kubeconfig-cp-1.yaml")).unwrap();
    assert!(kubeconfig.contains(r#"server: "https://10.0.0.5:9443/audit/cp-1""#), "{kubeconfig}");
    assert!(!kubeconfig.contains("client-key-data"));
    let again = init(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("server.crt is there already"), "{}", stderr(&again));
    assert_eq!(init(&["--force", "--client-certificate"]).status.code(), Some(0));
    assert!(fs::read_to_string(dir.path().join("kubeconfig-cp-1.yaml")).unwrap().contains("client-key-data"));
    assert_eq!(init(&["--feed", "a/b", "--force"]).status.code(), Some(2));
}
