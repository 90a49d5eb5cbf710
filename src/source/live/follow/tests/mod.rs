//! What happens to a log, step by step, without a thread.

mod restart;
mod rotation;
mod trouble;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::follower::Follower;
use super::{Follow, FollowSettings, Start};
use crate::checkpoint::Position;
use crate::source::live::{Board, FeedStatus, Inbox, Source, SourceContext, Standing};

/// A log in a folder of its own, whoever writes it, and whoever follows it.
struct Lab {
    dir: tempfile::TempDir,
    settings: FollowSettings,
    status: Arc<FeedStatus>,
    follower: Follower,
    /// Where reading would go on after a restart.
    position: Option<Position>,
    rotations: u32,
}

impl Lab {
    fn new(from: Start) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("audit.log");
        let settings = FollowSettings { from, poll: Duration::ZERO, ..FollowSettings::new("cp".to_owned(), path) };
        let status = Arc::<FeedStatus>::default();
        let follower = Follower::new(&settings, None, status.clone());
        Self { dir, settings, status, follower, position: None, rotations: 0 }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, bytes: impl AsRef<[u8]>) {
        let mut file =
            OpenOptions::new().append(true).create(true).open(self.file("audit.log")).expect("a file to append to");
        file.write_all(bytes.as_ref()).expect("room");
    }

    /// Renames the live file and says how; the next append makes a new one.
    fn rotate(&mut self) -> String {
        let name = format!("audit-2026-11-24T10-00-00.{:03}.log", self.rotations);
        self.rotations += 1;
        fs::rename(self.file("audit.log"), self.file(&name)).expect("a live file");
        name
    }

    fn gzip(&self, name: &str) {
        let plain = fs::read(self.file(name)).expect("a file");
        let file = fs::File::create(self.file(&format!("{name}.gz"))).expect("a file");
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&plain).expect("room");
        encoder.finish().expect("room");
        fs::remove_file(self.file(name)).expect("a file");
    }

    fn restart(&mut self) {
        self.status = Arc::default();
        self.follower = Follower::new(&self.settings, self.position.as_ref(), self.status.clone());
    }

    fn step(&mut self) -> Option<Vec<u8>> {
        let piece = self.follower.step()?;
        let (from, to) = (&piece.stretch.from, &piece.stretch.to);
        assert_eq!(to.offset - from.offset, piece.bytes.len() as u64);
        assert_eq!(from.file, to.file);
        self.position = Some(piece.stretch.to);
        Some(piece.bytes)
    }

    /// All that can be read now.
    fn read(&mut self) -> String {
        let mut bytes = Vec::new();
        while let Some(more) = self.step() {
            bytes.extend(more);
        }
        String::from_utf8(bytes).expect("text was written")
    }

    fn missed(&self) -> u64 {
        self.status.missed.load(Ordering::Relaxed)
    }

    fn lag(&self) -> u64 {
        self.status.lag.load(Ordering::Relaxed)
    }

    /// Why it waits.
    fn waits(&mut self) -> String {
        assert_eq!(self.read(), "");
        match self.status.standing() {
            Standing::Waiting(reason) => reason.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_source_hands_batches_over_until_it_is_stopped() {
    let lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let cx = SourceContext {
        inbox: Inbox::new(1 << 20),
        checkpoint: Arc::default(),
        board: Board::default(),
        stop: CancellationToken::new(),
        runtime: runtime.handle().clone(),
    };
    let settings = FollowSettings { cluster: Some("prod".to_owned()), ..lab.settings.clone() };
    let (source, given) = (Box::new(Follow::new(settings)), cx.clone());
    let thread = std::thread::spawn(move || source.run(given));
    for expected in ["one\n", "two\n"] {
        let batch = cx.inbox.take(Duration::from_secs(60)).expect("it was written").into_batch();
        assert_eq!(
            (&*batch.feed, batch.cluster.as_deref(), &batch.bytes[..]),
            ("cp", Some("prod"), expected.as_bytes())
        );
        assert!(!batch.ack.is_awaited());
        lab.append("two\n");
    }
    cx.stop.cancel();
    thread.join().expect("no panic").expect("nothing to mend");
}
