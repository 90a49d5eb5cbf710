//! How daemons begin and end.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::audit::{FILE, RotatedLog, records};
use super::receiver::{Mood, Receiver};
use super::{Site, last_states, wait};

#[test]
fn a_second_daemon_on_the_same_state_is_refused() {
    let site = Site::new(FILE, "");
    RotatedLog::new(site.path("audit"), usize::MAX);
    let first = site.start();
    first.wait_until_it_runs();
    let second = site.start();
    second.wait_for_word("another sawatch");
    assert!(second.said().contains(site.path("state/sawatch.redb").to_str().unwrap()), "{}", second.said());
    assert_eq!(second.outcome().code(), Some(2));
    first.stop();
}

#[test]
fn everything_that_is_wrong_with_a_configuration_is_said_at_once() {
    let site =
        Site::new("  log:\n    kind: file\n    path: 7\n    pull: 1 s\n  hook:\n    kind: wobhook\n", "  nowhere:\n");
    let daemon = site.start();
    daemon.wait_for_word("nowhere");
    let (before, status) = (site.said(), daemon.outcome());
    assert_eq!(status.code(), Some(2), "{before}");
    let said = site.said();
    for problem in ["sources.log.pull", "sources.hook", "sinks.nowhere"] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
}

#[test]
fn a_file_of_findings_that_was_renamed_is_left_on_demand() {
    let site = Site::new(FILE, "");
    let mut log = RotatedLog::new(site.path("audit"), usize::MAX);
    let daemon = site.start();
    let records = records();
    let (before, after) = records.split_at(records.len() / 2);
    log.write(before);
    wait("findings", || !last_states(&site.findings()).is_empty());
    let renamed = site.path("findings.jsonl.1");
    fs::rename(site.path("findings.jsonl"), &renamed).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_word("opened again");
    log.write(after);
    wait("findings in the new file", || !last_states(&site.findings()).is_empty());
    assert!(site.findings().lines().count() > 0 && fs::read_to_string(renamed).unwrap().ends_with('\n'));
    daemon.wait_until_read(&site.path("audit/audit.log"));
    daemon.stop();
}

#[test]
fn what_a_sink_is_told_can_be_reloaded_and_a_wrong_file_changes_nothing() {
    let site = Site::new(FILE, "");
    let daemon = site.start();
    daemon.wait_for_word("is running");
    let mode = std::os::unix::fs::MetadataExt::mode(&site.path("state").metadata().unwrap());
    assert_eq!(mode & 0o777, 0o700, "what is kept is its owner's alone");
    let config = fs::read_to_string(site.path("sawatch.yaml")).unwrap();
    fs::write(site.path("sawatch.yaml"), "sinks: nothing\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_word("nothing is reloaded");
    fs::write(site.path("sawatch.yaml"), config.replace("min-severity: informational", "min-severity: low")).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_word("reloaded: what sinks are told");
    RotatedLog::new(site.path("audit"), usize::MAX).write(&records());
    daemon.wait_until_read(&site.path("audit/audit.log"));
    daemon.stop();
    let told = last_states(&site.findings());
    assert!(!told.is_empty() && told.values().all(|line| !line.contains("\"severity\":\"Informational\"")), "{told:?}");
    assert!(!site.said().contains("that takes a restart"), "{}", site.said());
}

#[test]
fn a_sink_that_hangs_does_not_keep_a_daemon_from_its_end() {
    let receiver = Receiver::start(Mood::Hanging);
    let site = Site::new(FILE, &receiver.sink().replace("timeout: 1 s", "timeout: 1 min"));
    RotatedLog::new(site.path("audit"), usize::MAX).write(&records());
    let daemon = site.start();
    daemon.wait_until_read(&site.path("audit/audit.log"));
    wait("a request", || receiver.failed() > 0);
    let asked = Instant::now();
    daemon.stop();
    let took = asked.elapsed();
    // the grace of the configuration is 2 s, and this machine may be busy
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(site.said().contains("notices wait for the next start"), "{}", site.said());
}
