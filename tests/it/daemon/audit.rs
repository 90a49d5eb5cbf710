//! An API server as a daemon sees it: a log that is rotated, or a client that posts.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::LONG;

/// Records of an attack, and of everything around it.
const RECORDS: usize = 2_500;

/// The beginning of the lab's attack, one record a line.
pub(super) fn records() -> Vec<&'static str> {
    static LOG: OnceLock<String> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let packed = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/lab/attack.jsonl.zst")).unwrap();
        let mut log = String::new();
        zstd::Decoder::new(packed).unwrap().read_to_string(&mut log).unwrap();
        log
    });
    log.lines().take(RECORDS).collect()
}

/// A log that is rotated as the API server does it.
pub(super) struct RotatedLog {
    folder: PathBuf,
    live: File,
    lines: usize,
    most: usize,
    rotations: usize,
}

impl RotatedLog {
    /// `audit.log` in a folder, at most so many lines long.
    pub(super) fn new(folder: PathBuf, most: usize) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let live = File::create(folder.join("audit.log")).unwrap();
        Self { folder, live, lines: 0, most, rotations: 0 }
    }

    pub(super) fn write(&mut self, records: &[&str]) {
        for record in records {
            if self.lines == self.most {
                self.rotate();
            }
            self.live.write_all(format!("{record}\n").as_bytes()).unwrap();
            self.lines += 1;
        }
    }

    /// Renames the live file and makes a new one; every third is compressed, at its place and then deleted.
    fn rotate(&mut self) {
        self.rotations += 1;
        let name = |n: usize| self.folder.join(format!("audit-2026-11-24T{:02}-{:02}-00.000.log", n / 60, n % 60));
        fs::rename(self.folder.join("audit.log"), name(self.rotations)).unwrap();
        self.live = File::create_new(self.folder.join("audit.log")).unwrap();
        self.lines = 0;
        if self.rotations % 3 == 2 {
            let old = name(self.rotations - 1);
            let mut packed = GzEncoder::new(File::create(old.with_extension("log.gz")).unwrap(), Compression::fast());
            packed.write_all(&fs::read(&old).unwrap()).unwrap();
            packed.finish().unwrap();
            fs::remove_file(old).unwrap();
        }
    }
}

/// What an API server posts of its audit events, and again until it is taken.
pub(super) struct Poster {
    address: SocketAddr,
    /// How often a list was posted that had been posted before.
    pub(super) again: usize,
}

impl Poster {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, again: 0 }
    }

    /// Posts a list until it is taken, as the API server does.
    pub(super) fn post(&mut self, records: &[&str]) {
        let deadline = std::time::Instant::now() + LONG;
        while self.try_to_post(records) != Some(200) {
            assert!(std::time::Instant::now() < deadline, "nobody takes what is posted");
            self.again += 1;
            thread::sleep(Duration::from_millis(3));
        }
    }

    /// The status of the answer; none if there was no answer.
    pub(super) fn try_to_post(&self, records: &[&str]) -> Option<u16> {
        let list =
            format!("{{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{}]}}", records.join(","));
        let mut connection = TcpStream::connect(self.address).ok()?;
        connection.set_read_timeout(Some(LONG)).ok()?;
        let head =
            format!("POST /audit/cp-1 HTTP/1.1\r\nHost: audit\r\nConnection: close\r\nContent-Length: {}", list.len());
        connection.write_all(format!("{head}\r\n\r\n{list}").as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }
}

/// An address on which nobody listens, below the range from which the system takes ports for outgoing connections: who
/// connects to one of those while nobody listens may get it for itself.
pub(super) fn free_address() -> SocketAddr {
    let candidates = std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..32_000))));
    candidates.take(100).find(|&address| TcpListener::bind(address).is_ok()).unwrap()
}

/// The configuration of a webhook there.
pub(super) fn webhook(address: SocketAddr) -> String {
    format!("  log:\n    kind: webhook\n    listen: {address}\n    limits:\n      ack: 2 s\n      grace: 1 s\n")
}

/// The configuration of a source that follows `audit/audit.log`.
pub(super) const FILE: &str = "  log:\n    kind: file\n    path: DIR/audit/audit.log\n    poll: 5 ms\n";
