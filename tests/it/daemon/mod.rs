//! The real daemon, whatever happens to it, to its files, to its disk and to those whom it tells.

mod audit;
mod crash;
mod disk;

mod equivalence;
mod life;
mod outage;
mod receiver;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sawatch::engine::Settings;
use sawatch::state::pack;
use sawatch::store::{Found, Store};
use tempfile::TempDir;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A folder with a configuration, and all that daemons leave there.
struct Site(TempDir);

impl Site {
    /// One whose daemon reads `sources` and tells a file and the sinks of `more`; `DIR` is the folder.
    fn new(sources: &str, more: &str) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        let config = format!(
            "grace: 2 s\nadmin:\n  listen: none\nstate:\n  folder: DIR/state\nsources:\n{sources}sinks:\n  findings:\n    \
             kind: file\n    path: DIR/findings.jsonl\n    format: ocsf\n    min-severity: informational\n{more}"
        );
        fs::write(site.path("sawatch.yaml"), config.replace("DIR", site.0.path().to_str().unwrap())).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let said = File::options().create(true).append(true).open(self.path("said")).unwrap();
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        command
    }

    fn start(&self) -> Daemon<'_> {
        self.start_with(&mut self.command(env!("CARGO_BIN_EXE_sawatch")))
    }

    /// Starts `command`, to which the daemon's arguments are added.
    fn start_with(&self, command: &mut Command) -> Daemon<'_> {
        let before = self.said().len();
        let child = command.args(["run", "--config"]).arg(self.path("sawatch.yaml")).spawn().unwrap();
        Daemon { site: self, child, before }
    }

    /// All that daemons said.
    fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    fn findings(&self) -> String {
        fs::read_to_string(self.path("findings.jsonl")).unwrap_or_default()
    }

    /// What was learnt by the last daemon, which ended and was not killed.
    fn learned(&self) -> Vec<Vec<u8>> {
        let (store, found) = Store::open(&self.path("state")).unwrap();
        assert_eq!(found, Found::Whole);
        assert_eq!(store.journal(|_| Ok(())).unwrap(), 0, "a snapshot takes the journal's place");
        let kept = store.kept(&Settings::default()).unwrap();
        kept.iter().map(|kept| pack(&kept.state.cluster, &[], &kept.state.learned)).collect()
    }
}

/// A daemon that runs.
struct Daemon<'s> {
    site: &'s Site,
    child: Child,
    before: usize,
}

impl Daemon<'_> {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// What it said.
    fn said(&self) -> String {
        self.site.said().split_off(self.before)
    }

    fn wait_for_word(&self, word: &str) {
        wait(word, || self.said().contains(word));
    }

    fn wait_until_it_runs(&self) {
        self.wait_for_word("is running");
    }

    /// Waits until the end of the file at `path`, which nobody writes any more, was read.
    fn wait_until_read(&self, path: &Path) {
        wait("the end of the log", || self.has_read(path).unwrap_or(false));
    }

    fn has_read(&self, path: &Path) -> Option<bool> {
        let file = fs::metadata(path).ok()?;
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let is_it = |fd: &fs::DirEntry| fs::metadata(fd.path()).is_ok_and(|open| open.ino() == file.ino());
        let fd = fs::read_dir(proc.join("fd")).ok()?.flatten().find(is_it)?;
        let info = fs::read_to_string(proc.join("fdinfo").join(fd.file_name())).ok()?;
        let position: u64 = info.lines().next()?.strip_prefix("pos:")?.trim().parse().ok()?;
        Some(position == file.len())
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Kills it, or finds that it has ended by itself.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    fn outcome(mut self) -> ExitStatus {
        let mut status = None;
        wait("the end of the daemon", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Ends it as Kubernetes does, once it heeds signals.
    fn stop(self) {
        self.wait_until_it_runs();
        self.signal(Signal::SIGTERM);
        let (site, before) = (self.site, self.before);
        let status = self.outcome();
        assert_eq!(status.code(), Some(0), "{}", site.said().split_off(before));
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // it may have ended; none is left behind when a test fails
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The last state of each incident by its uid, without what became of it: the rest is what it is to everybody.
fn last_states(findings: &str) -> BTreeMap<String, String> {
    // a killed daemon may leave a torn line, which comes again
    let whole = findings.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    whole.map(last_state).collect()
}

fn last_state(line: &str) -> (String, String) {
    let (before, after) = line.split_once("\"activity_id\":").unwrap();
    let (_, after) = after.split_once("\"time\":").unwrap();
    let uid = after.split_once("\"finding_info\":{\"uid\":\"").unwrap().1.split_once('"').unwrap().0;
    (uid.to_owned(), format!("{before}{after}"))
}

/// Both are the same, incident by incident.
fn assert_same(found: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    let uids = |states: &BTreeMap<String, String>| states.keys().cloned().collect::<Vec<_>>();
    assert_eq!(uids(found), uids(expected));
    for (uid, state) in expected {
        assert_eq!(&found[uid], state);
    }
}
