//! One feed for each API server, by the last part of the path that it posts to.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::super::{Ack, Batch, Board, FeedStatus, Inbox, Refused, SourceContext, Standing};
use super::WebhookSettings;
use super::body::Records;
use super::stats::Refusal;
use crate::checkpoint::{Checkpoint, Position, Stretch};
use crate::text::Text;

/// Feeds without a list of them, at most.
pub(super) const MAX_FEEDS: usize = 64;

/// Characters of a feed's name, at most.
const MAX_NAME: usize = 63;

/// Whether a feed can have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_legal)
}

/// The feeds of one webhook.
pub(super) struct Feeds {
    source: String,
    cluster: Option<Arc<str>>,
    /// Whether a name that is not there yet is a new feed.
    is_open: bool,
    checkpoint: Arc<Checkpoint>,
    board: Board,
    inbox: Inbox,
    feeds: Mutex<BTreeMap<String, Arc<Feed>>>,
}

impl Feeds {
    pub(super) fn new(source: &str, settings: &WebhookSettings, cx: &SourceContext) -> Self {
        let feeds = Self {
            source: source.to_owned(),
            cluster: settings.cluster.as_deref().map(Arc::from),
            is_open: settings.feeds.is_empty(),
            checkpoint: cx.checkpoint.clone(),
            board: cx.board.clone(),
            inbox: cx.inbox.clone(),
            feeds: Mutex::default(),
        };
        // on the board from the start: an API server that never posts is to be seen there
        let listed = settings.feeds.iter().map(|name| (name.clone(), feeds.feed(name))).collect();
        *feeds.feeds.lock().unwrap_or_else(PoisonError::into_inner) = listed;
        feeds
    }

    /// The feed of a name, if it is one of ours.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Feed>> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(name) {
            return Some(feed.clone());
        }
        (self.is_open && feeds.len() < MAX_FEEDS && is_name(name))
            .then(|| feeds.entry(name.to_owned()).or_insert_with(|| self.feed(name)).clone())
    }

    fn feed(&self, name: &str) -> Arc<Feed> {
        let name: Arc<str> = format!("{}/{name}", self.source).into();
        let next = self.checkpoint.position(&name).map_or(0, |position| position.offset);
        let (status, inbox) = (self.board.feed(&name), self.inbox.clone());
        Arc::new(Feed { cluster: self.cluster.clone(), status, inbox, next: Arc::new(next.into()), name })
    }
}

/// What one API server posts.
pub(super) struct Feed {
    name: Arc<str>,
    cluster: Option<Arc<str>>,
    status: Arc<FeedStatus>,
    inbox: Inbox,
    /// The position of the next batch. Held while a batch is put into the queue: there, positions are in order.
    next: Arc<tokio::sync::Mutex<u64>>,
}

impl Feed {
    /// Puts a batch into the queue. It goes on if the caller goes away: a position is used if and only if its batch is in.
    pub(super) async fn offer(&self, records: Records, ack: Ack) -> Result<(), Refusal> {
        let Records { bytes, held } = records;
        let (arrived, size) = (Instant::now(), bytes.len() as u64);
        let mut next = self.next.clone().lock_owned().await;
        let (feed, cluster, inbox) = (self.name.clone(), self.cluster.clone(), self.inbox.clone());
        let stretch = Stretch { from: Position::at(*next), to: Position::at(*next + 1) };
        let batch = Batch { feed, cluster, bytes, stretch, arrived, ack };
        // decodes, which may take some milliseconds
        let offered = tokio::task::spawn_blocking(move || {
            let offered = inbox.offer(batch);
            *next += u64::from(offered.is_ok());
            drop(held);
            offered
        });
        match offered.await {
            Ok(Ok(())) => _ = self.status.bytes.fetch_add(size, Ordering::Relaxed),
            Ok(Err(Refused::Full)) => return Err(Refusal::Full),
            Ok(Err(Refused::Closed)) => return Err(Refusal::Stopping),
            Err(_) => return Err(Refusal::Unsafe),
        }
        self.status.stand(Standing::Reading);
        Ok(())
    }

    /// Says on the board and in the log why a batch was not taken.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let standing = Standing::Waiting(Text::new(refusal.explain()));
        if self.status.stand(standing) {
            tracing::warn!(feed = %self.name, reason = refusal.as_str(), "batch refused: {}", refusal.explain());
        }
    }

    /// Counts bytes that will never come.
    pub(super) fn miss(&self, bytes: u64) {
        self.status.missed.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        assert!(is_name("cp-1.example_org") && is_name(&"a".repeat(63)));
        for wrong in ["", "a/b", "a b", "ü", "%2e", &"a".repeat(64)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
