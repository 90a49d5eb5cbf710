//! One API server's log, followed for months: through rotations, restarts and whatever else happens to a file.
//!
//! A file is read by its open handle, so that it can be renamed, compressed or deleted meanwhile, and is left only when
//! something that was written after it is there. Where to go on is told by [`FileId`](crate::checkpoint::FileId), not by
//! names.
//!
//! Files are polled. A notification would come a fraction of a second earlier, but not for a network's file system, not
//! across a mount of a container, and not once its queue is full: polling would be there nevertheless, and costs a few
//! system calls a second.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Ack, Batch, Source, SourceContext, SourceError};

mod file;
mod follower;
mod reading;
mod siblings;
#[cfg(test)]
mod tests;

use follower::Follower;

/// How often a file at whose end reading stands is looked at.
const POLL: Duration = Duration::from_millis(250);

/// Where reading begins that was never begun before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest rotated file that is there.
    #[default]
    Beginning,
    /// With what is written from now on.
    End,
}

/// Which log to follow, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowSettings {
    /// The feed's name, which is also the source's.
    pub feed: String,
    /// The cluster that it is of; none leaves it to the configuration.
    pub cluster: Option<String>,
    /// The live file, or a link to it.
    pub path: PathBuf,
    /// Where to begin if nothing is known of the feed.
    pub from: Start,
    /// How often a file at whose end reading stands is looked at.
    pub poll: Duration,
}

impl FollowSettings {
    /// Follows `path` from its beginning.
    #[must_use]
    pub const fn new(feed: String, path: PathBuf) -> Self {
        Self { feed, cluster: None, path, from: Start::Beginning, poll: POLL }
    }
}

/// Follows one log.
pub struct Follow(FollowSettings);

impl Follow {
    /// A source that follows as `settings` say.
    #[must_use]
    pub const fn new(settings: FollowSettings) -> Self {
        Self(settings)
    }
}

impl Source for Follow {
    fn name(&self) -> &str {
        &self.0.feed
    }

    /// Ends only when it is stopped, within one poll; whatever is wrong with the file is waited for.
    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let settings = self.0;
        let feed: Arc<str> = settings.feed.as_str().into();
        let cluster: Option<Arc<str>> = settings.cluster.as_deref().map(Into::into);
        let mut follower = Follower::new(&settings, cx.checkpoint.position(&feed), cx.board.feed(&feed));
        while !cx.stop.is_cancelled() {
            let Some(piece) = follower.step() else {
                std::thread::sleep(settings.poll);
                continue;
            };
            let batch = Batch {
                feed: feed.clone(),
                cluster: cluster.clone(),
                bytes: piece.bytes,
                stretch: piece.stretch,
                arrived: Instant::now(),
                ack: Ack::none(),
            };
            if cx.inbox.put(batch).is_err() {
                break;
            }
        }
        Ok(())
    }
}
