//! How a sink stands, for whoever asks: metrics, readiness, a page.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::SinkSettings;
use crate::text::Text;

/// How long a required sink may fail before the daemon counts as not ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Notices that a sink refuses for good, one after the other, before it is the sink that is at fault: its address may
/// be wrong.
const REFUSALS: u64 = 3;

/// A sink that takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since its last success.
    pub since: Instant,
    /// What went wrong last.
    pub why: Text,
}

/// What is counted of one sink.
#[derive(Debug)]
pub struct SinkStatus {
    name: String,
    /// Whether the daemon is not ready while the sink is down.
    pub required: bool,
    /// Notices that may wait for it.
    pub capacity: u64,
    /// Notices that it took.
    pub delivered: AtomicU64,
    /// Deliveries that failed and were, or are to be, tried again.
    pub retries: AtomicU64,
    /// Notices that it refused for good.
    pub dead_letters: AtomicU64,
    /// Of these, those that found no room in the dead-letter file.
    pub lost: AtomicU64,
    /// Notices that found no room in its outbox; counted by whoever commits.
    pub dropped: AtomicU64,
    /// Notices that it refused for good since it last took one.
    refused: AtomicU64,
    failing: Mutex<Option<Failing>>,
}

impl SinkStatus {
    /// A sink that nothing is known of yet.
    #[must_use]
    pub fn new(settings: &SinkSettings) -> Self {
        Self {
            name: settings.name.clone(),
            required: settings.required,
            capacity: settings.capacity,
            delivered: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            dead_letters: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failing: Mutex::default(),
        }
    }

    /// The sink's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Since when it takes nothing, and why; none if it took what it was last given.
    #[must_use]
    pub fn failing(&self) -> Option<Failing> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the daemon is not ready, as far as this sink goes; `waiting` notices stand in its outbox.
    #[must_use]
    pub fn unready(&self, waiting: u64) -> Option<Text> {
        if !self.required {
            return None;
        }
        if let Some(Failing { since, why }) = self.failing().filter(|failing| failing.since.elapsed() > PATIENCE) {
            let seconds = since.elapsed().as_secs();
            return Some(Text::new(&format!("sink {} has failed for {seconds} s: {why}", self.name)));
        }
        let is_filling = waiting.saturating_mul(5) > self.capacity.saturating_mul(4);
        is_filling
            .then(|| Text::new(&format!("{waiting} of at most {} notices wait for sink {}", self.capacity, self.name)))
    }

    /// It did not take what it was given; true if that is news.
    pub(super) fn fail(&self, why: Text) -> bool {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = failing.as_ref().is_none_or(|failing| failing.why != why);
        let since = failing.as_ref().map_or_else(Instant::now, |failing| failing.since);
        *failing = Some(Failing { since, why });
        is_news
    }

    /// It refused a notice for good.
    pub(super) fn refuse(&self, why: Text) {
        self.dead_letters.fetch_add(1, Ordering::Relaxed);
        if self.refused.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS {
            self.fail(why);
        }
    }

    /// It took `n` notices; true if it had been failing.
    pub(super) fn deliver(&self, n: usize) -> bool {
        self.delivered.fetch_add(n as u64, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(required: bool) -> SinkStatus {
        SinkStatus::new(&SinkSettings { name: "soc".to_owned(), required, capacity: 10, ..SinkSettings::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_required_sink_is_missed_after_a_minute_and_an_optional_one_never() {
        let (required, optional) = (status(true), status(false));
        for sink in [&required, &optional] {
            assert!(sink.fail("503".into()) && !sink.fail("503".into()) && sink.fail("500".into()));
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(required.unready(0), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(required.unready(0), Some("sink soc has failed for 61 s: 500".into()));
        assert_eq!(optional.unready(10), None);
        assert!(required.deliver(1) && !required.deliver(1));
        assert_eq!(required.unready(0), None);
    }

    #[tokio::test]
    async fn one_notice_that_is_refused_says_nothing_of_the_sink_and_several_in_a_row_do() {
        let sink = status(true);
        for _ in 0..3 {
            sink.refuse("400".into());
            sink.refuse("400".into());
            assert_eq!(sink.failing(), None);
            sink.deliver(1);
        }
        for _ in 0..3 {
            sink.refuse("404".into());
        }
        assert_eq!(sink.failing().map(|failing| failing.why), Some("404".into()));
        assert_eq!(sink.dead_letters.load(Ordering::Relaxed), 9);
    }

    #[test]
    fn a_required_sink_with_a_full_outbox_is_not_ready() {
        let sink = status(true);
        assert_eq!(sink.unready(8), None);
        assert_eq!(sink.unready(9), Some("9 of at most 10 notices wait for sink soc".into()));
    }
}
