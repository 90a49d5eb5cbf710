//! Standard input as a source: `kubectl logs --follow ... | sawatch run`.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::{Ack, Batch, FeedStatus, Source, SourceContext, SourceError, Standing};
use crate::checkpoint::{Position, Stretch};
use crate::source::records::Records;
use crate::text::Text;

/// How often a source that waits for input looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Reads standard input to its end.
pub struct Stdin {
    feed: Arc<str>,
    cluster: Option<Arc<str>>,
}

impl Stdin {
    /// Reads it as `feed`, of `cluster`, or of the one that the configuration says.
    #[must_use]
    pub fn new(feed: &str, cluster: Option<&str>) -> Self {
        Self { feed: feed.into(), cluster: cluster.map(Into::into) }
    }
}

impl Source for Stdin {
    fn name(&self) -> &str {
        &self.feed
    }

    /// Nothing interrupts reading standard input: when it is stopped, the thread that reads is left behind, and what it
    /// brings later is refused.
    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let stop = cx.stop.clone();
        let name = Text::new(&self.feed);
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || ended.send(Reader::new(*self, cx).read(io::stdin().lock())));
        while !stop.is_cancelled() {
            match end.recv_timeout(LOOK) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(outcome) => return outcome.map_err(|e| unreadable(name, &e.to_string())),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(unreadable(name, "its thread panicked")),
            }
        }
        Ok(())
    }
}

fn unreadable(name: Text, cause: &str) -> SourceError {
    SourceError { name, what: Text::new(&format!("standard input cannot be read: {cause}")) }
}

struct Reader {
    source: Stdin,
    cx: SourceContext,
    status: Arc<FeedStatus>,
    records: Records,
}

impl Reader {
    /// Bytes are counted on from what was read in earlier lives: no position is ever taken twice.
    fn new(source: Stdin, cx: SourceContext) -> Self {
        let offset = cx.checkpoint.position(&source.feed).map_or(0, |position| position.offset);
        let status = cx.board.feed(&source.feed);
        Self { source, cx, status, records: Records::starting_at(offset) }
    }

    /// Hands over whole records as they come, until the end or until nobody takes them.
    fn read(mut self, mut input: impl Read) -> io::Result<()> {
        self.status.stand(Standing::Reading);
        while let Some(bytes) = self.records.read(&mut input)? {
            self.count_oversized();
            if !self.put(bytes) {
                return Ok(());
            }
        }
        self.count_oversized();
        if let Some(rest) = self.records.take_rest() {
            self.put(rest);
        }
        self.status.stand(Standing::Ended);
        Ok(())
    }

    fn put(&self, bytes: Vec<u8>) -> bool {
        self.status.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let to = self.records.offset();
        let batch = Batch {
            feed: self.source.feed.clone(),
            cluster: self.source.cluster.clone(),
            stretch: Stretch { from: Position::at(to - bytes.len() as u64), to: Position::at(to) },
            bytes,
            arrived: Instant::now(),
            ack: Ack::none(),
        };
        self.cx.inbox.put(batch).is_ok()
    }

    fn count_oversized(&mut self) {
        for oversized in self.records.take_oversized() {
            self.status.missed.fetch_add(1, Ordering::Relaxed);
            let excerpt = Text::new(&String::from_utf8_lossy(&oversized.excerpt));
            let (feed, at) = (Text::new(&self.source.feed), oversized.offset);
            warn!("feed {feed}: a record of over 16 MiB at {at} was passed over: {excerpt}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::source::live::{Board, Inbox};

    fn context(runtime: &tokio::runtime::Runtime, checkpoint: Checkpoint) -> SourceContext {
        SourceContext {
            inbox: Inbox::new(1 << 20),
            checkpoint: Arc::new(checkpoint),
            board: Board::default(),
            stop: CancellationToken::new(),
            runtime: runtime.handle().clone(),
        }
    }

    /// Gives one piece a read, as a pipe does.
    struct Pipe(std::vec::IntoIter<&'static str>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.next().unwrap_or_default().as_bytes();
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn records_are_handed_over_as_they_come_and_counted_on_from_earlier_lives() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut checkpoint = Checkpoint::default();
        checkpoint.set("logs", Position::at(100));
        let cx = context(&runtime, checkpoint);
        let pipe = Pipe(vec!["one\ntw", "o\n", "three\nfour"].into_iter());
        Reader::new(Stdin::new("logs", None), cx.clone()).read(pipe).expect("it can be read");
        let taken = std::iter::from_fn(|| cx.inbox.take(Duration::ZERO)).map(|pending| pending.into_batch());
        let taken: Vec<_> = taken
            .map(|b| (b.stretch.from.offset, b.stretch.to.offset, String::from_utf8(b.bytes).expect("text")))
            .collect();
        let expected = [(100, 104, "one\n"), (104, 108, "two\n"), (108, 114, "three\n"), (114, 118, "four")];
        assert_eq!(taken, expected.map(|(from, to, text)| (from, to, text.to_owned())));
        let status = cx.board.feed("logs");
        assert_eq!((status.standing(), status.bytes.load(Ordering::Relaxed)), (Standing::Ended, 18));
    }

    #[test]
    fn nobody_reads_on_when_nobody_takes() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let cx = context(&runtime, Checkpoint::default());
        cx.inbox.close();
        let mut pipe = Pipe(vec!["one\n", "two\n", "three\n"].into_iter());
        Reader::new(Stdin::new("logs", None), cx).read(&mut pipe).expect("it can be read");
        assert_eq!(pipe.0.len(), 2);
    }
}
