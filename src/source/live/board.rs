//! How each feed stands, for whoever asks: metrics, readiness, a page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Timestamp;
use crate::text::Text;

/// How a feed stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was opened and has not said anything.
    #[default]
    Opening,
    /// It is read.
    Reading,
    /// It cannot be read now, and is tried again.
    Waiting(Text),
    /// Its input came to an end.
    Ended,
}

/// What is counted of one feed. All of it is written by its source, except for events and rejects, which are counted where
/// records are decoded.
#[derive(Debug, Default)]
pub struct FeedStatus {
    standing: Mutex<Standing>,
    /// Bytes taken.
    pub bytes: AtomicU64,
    /// Events decoded.
    pub events: AtomicU64,
    /// Records that are there and not yet taken; bytes, for a file.
    pub lag: AtomicU64,
    /// The time of the latest event judged, in microseconds since the Unix epoch; 0 before the first.
    latest: AtomicI64,
    /// Events that came long after later ones.
    pub late: AtomicU64,
    /// Bytes or records that were missed, as far as that can be told.
    pub missed: AtomicU64,
}

impl FeedStatus {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how it stands; true if that is news, and worth a line in the log.
    pub fn stand(&self, standing: Standing) -> bool {
        let mut now = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *now != standing;
        *now = standing;
        is_news
    }

    /// The time of the latest event judged.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        let latest = self.latest.load(Ordering::Relaxed);
        (latest != 0).then_some(Timestamp(latest))
    }

    /// An event of this time was judged.
    pub fn see(&self, at: Timestamp) {
        self.latest.fetch_max(at.0, Ordering::Relaxed);
    }
}

/// All feeds by name, shared.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<Arc<str>, Arc<FeedStatus>>>>);

impl Board {
    /// The feed of a name, a new one if it was not there.
    #[must_use]
    pub fn feed(&self, name: &str) -> Arc<FeedStatus> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(name) {
            return feed.clone();
        }
        feeds.entry(name.into()).or_default().clone()
    }

    /// Every feed, in order of their names.
    #[must_use]
    pub fn feeds(&self) -> Vec<(Arc<str>, Arc<FeedStatus>)> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.iter().map(|(name, feed)| (name.clone(), feed.clone())).collect()
    }

    /// A feed is no longer ours: another member of the group reads it.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
