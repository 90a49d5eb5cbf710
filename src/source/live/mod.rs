//! Sources that do not end: each reads on a thread of its own and puts batches into one bounded [`Inbox`].
//!
//! A batch carries an [`Ack`], which fires when everything that came of it is on disk. A batch whose ack was dropped was
//! not taken, and is to come again.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::{Checkpoint, Stretch};
use crate::text::Text;

mod board;
pub mod follow;
mod inbox;
pub mod kafka;
pub mod pack;
pub mod stdin;
pub mod webhook;

pub use board::{Board, FeedStatus, Standing};
pub use inbox::{Inbox, Pending, Refused};

/// Whole records of one feed, as they came.
pub struct Batch {
    /// The feed: one API server's log, one partition.
    pub feed: Arc<str>,
    /// The cluster that the records are of; none leaves it to the configuration.
    pub cluster: Option<Arc<str>>,
    /// The records, each ended by a newline except perhaps the last; a record may hold newlines inside of its JSON only if
    /// it stands alone in its batch.
    pub bytes: Vec<u8>,
    /// Where they stand in their feed.
    pub stretch: Stretch,
    /// When they came: the latency of an alert counts from here.
    pub arrived: Instant,
    /// Told when they are safe.
    pub ack: Ack,
}

/// Told once when all that came of a batch is on disk; dropped untold if it never will be.
#[must_use]
pub struct Ack(Option<Box<dyn FnOnce() + Send>>);

impl Ack {
    /// Calls `done` when the time has come, on the judge's thread: it must not block.
    pub fn new(done: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(done)))
    }

    /// For a source that finds its place again by its [`Checkpoint`] alone.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether somebody waits.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        self.0.is_some()
    }

    /// It is on disk.
    pub fn fire(self) {
        if let Some(done) = self.0 {
            done();
        }
    }
}

/// Why a source cannot go on: something that only a person can mend. Whatever may pass is waited for and said on the
/// [`Board`].
#[derive(Debug, thiserror::Error)]
#[error("source {name}: {what}")]
pub struct SourceError {
    /// Which.
    pub name: Text,
    /// What is wrong, and what to do.
    pub what: Text,
}

/// What a source is given.
#[derive(Clone)]
pub struct SourceContext {
    /// Where batches go.
    pub inbox: Inbox,
    /// How far each feed was read in earlier lives.
    pub checkpoint: Arc<Checkpoint>,
    /// Where it says how it stands.
    pub board: Board,
    /// Set when reading is to end.
    pub stop: CancellationToken,
    /// For sources that are async.
    pub runtime: tokio::runtime::Handle,
}

/// Something that brings batches until it is stopped, or until its input ends.
pub trait Source: Send {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Reads until `cx.stop`, or until the input ends. Runs on a thread of its own.
    ///
    /// # Errors
    ///
    /// If only a person can mend what is wrong.
    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError>;
}
