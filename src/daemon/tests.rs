use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;
use crate::checkpoint::{Position, Stretch};
use crate::source::live::{Ack, Batch, SourceError};

/// Brings one event, and ends.
struct OneEvent;

impl Source for OneEvent {
    fn name(&self) -> &str {
        "one"
    }

    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let bytes = include_bytes!("../../tests/data/replay/excerpt.jsonl").split_inclusive(|&b| b == b'\n').next();
        let batch = Batch {
            feed: "one".into(),
            cluster: None,
            bytes: bytes.expect("an event").to_vec(),
            stretch: Stretch { from: Position::at(0), to: Position::at(1) },
            arrived: Instant::now(),
            ack: Ack::none(),
        };
        cx.inbox.put(batch).map_err(|_| SourceError { name: "one".into(), what: "closed".into() })
    }
}

/// How many events a daemon judged and how many snapshots it made until its sources ended.
fn ran(folder: &Path, sources: Vec<Box<dyn Source>>) -> (u64, u64) {
    let plan = Plan {
        cluster: "test".to_owned(),
        detection: Settings::default(),
        folder: folder.to_owned(),
        sources,
        sinks: Vec::new(),
        queue: 1 << 20,
        grace: Duration::from_secs(1),
        webhooks: Vec::new(),
        rejects: (folder.join("rejects.jsonl"), 1 << 20),
    };
    let daemon = Daemon::prepare(plan, Context::new().expect("threads")).expect("a daemon");
    let telemetry = daemon.handle().telemetry;
    daemon.run().expect("it ends well");
    (telemetry.judged.load(Ordering::Relaxed), telemetry.snapshots.load(Ordering::Relaxed))
}

#[test]
fn an_end_makes_a_snapshot_only_of_news_and_what_was_read_is_known_the_next_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(ran(folder.path(), Vec::new()), (0, 0));
    assert_eq!(ran(folder.path(), vec![Box::new(OneEvent)]), (1, 1));
    assert_eq!(ran(folder.path(), vec![Box::new(OneEvent)]), (0, 0), "it comes again, and is passed over");
}
