//! What is counted while the daemon runs, for metrics, readiness and pages.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::engines::Outcome;
use crate::alert::{Activity, Notice, Severity};
use crate::engine::Census;
use crate::event::Timestamp;
use crate::sink::{SinkStatus, wall_clock};
use crate::source::live::Board;
use crate::source::live::webhook::WebhookStats;
use crate::text::Text;

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// Shared counts; all of them only grow, except for what says how things stand now.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// How feeds stand.
    pub board: Board,
    /// How sinks stand.
    pub sinks: RwLock<Vec<Arc<SinkStatus>>>,
    /// What webhooks took and refused, by the source's name.
    pub webhooks: RwLock<Vec<(String, Arc<WebhookStats>)>>,
    /// Events judged.
    pub judged: AtomicU64,
    /// Of these, unusual ones.
    pub unusual: AtomicU64,
    /// Events that were there before.
    pub repeats: AtomicU64,
    /// Events of a stage that is not judged.
    pub unjudged: AtomicU64,
    /// Batches that began before the end of what was read, and were passed over.
    pub overlaps: AtomicU64,
    /// Batches of more clusters or feeds than there is room for.
    pub crowded: AtomicU64,
    /// Transactions.
    pub commits: AtomicU64,
    /// Transactions that failed and were tried again.
    pub failed_commits: AtomicU64,
    /// Snapshots.
    pub snapshots: AtomicU64,
    /// Packed bytes in the journal.
    pub journal_bytes: AtomicU64,
    rejects: Mutex<BTreeMap<&'static str, u64>>,
    opened: Mutex<BTreeMap<Severity, u64>>,
    latency: Mutex<Option<Histogram<u64>>>,
    census: Mutex<BTreeMap<String, Census>>,
    /// Why the daemon cannot do its work now, by what it is.
    troubles: Mutex<BTreeMap<&'static str, Text>>,
    /// When the judge last came by; none before it began.
    beat: Mutex<Option<Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Telemetry {
    /// Counts what became of a batch.
    pub fn count(&self, outcome: Outcome) {
        for (counter, n) in [
            (&self.judged, outcome.judged),
            (&self.unusual, outcome.unusual),
            (&self.repeats, outcome.repeats),
            (&self.unjudged, outcome.unjudged),
        ] {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// The judge goes on: it has judged something, or looked for something to judge, or waits for a disk.
    pub fn beat(&self) {
        *lock(&self.beat) = Some(Instant::now());
    }

    /// How long nothing was heard of the judge; zero before it began.
    #[must_use]
    pub fn silence(&self) -> Duration {
        lock(&self.beat).map_or(Duration::ZERO, |beat| beat.elapsed())
    }

    /// A record was rejected.
    pub fn reject(&self, reason: &'static str) {
        *lock(&self.rejects).entry(reason).or_default() += 1;
    }

    /// Rejects by reason.
    #[must_use]
    pub fn rejects(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.rejects).clone()
    }

    /// Incidents are told.
    pub fn tell(&self, notices: &[Notice]) {
        let mut opened = lock(&self.opened);
        for notice in notices.iter().filter(|notice| notice.activity == Activity::Opened) {
            *opened.entry(notice.incident.severity).or_default() += 1;
        }
    }

    /// Incidents opened, by the severity they opened with.
    #[must_use]
    pub fn opened(&self) -> BTreeMap<Severity, u64> {
        lock(&self.opened).clone()
    }

    /// A notice was delivered whose record came at `arrived`.
    pub fn deliver(&self, arrived: Timestamp) {
        let micros = u64::try_from(wall_clock().since(arrived).0).unwrap_or(0).clamp(1, LONGEST);
        let mut latency = lock(&self.latency);
        let histogram = latency
            .get_or_insert_with(|| Histogram::new_with_max(LONGEST, 2).expect("two digits up to an hour are possible"));
        histogram.saturating_record(micros);
    }

    /// How long it took from a record's arrival to the delivery of what it made, in microseconds, at these quantiles
    /// (0 to 1), and of how many deliveries.
    #[must_use]
    pub fn latency(&self, quantiles: &[f64]) -> (Vec<u64>, u64) {
        let latency = lock(&self.latency);
        let Some(histogram) = &*latency else { return (vec![0; quantiles.len()], 0) };
        (quantiles.iter().map(|&q| histogram.value_at_quantile(q)).collect(), histogram.len())
    }

    /// What each engine knows, as it was last counted.
    #[must_use]
    pub fn census(&self) -> BTreeMap<String, Census> {
        lock(&self.census).clone()
    }

    /// Takes what engines know.
    pub fn set_census(&self, census: BTreeMap<String, Census>) {
        *lock(&self.census) = census;
    }

    /// Something keeps the daemon from its work, or no longer does; true if that is news.
    pub fn trouble(&self, what: &'static str, why: Option<Text>) -> bool {
        let mut troubles = lock(&self.troubles);
        let before = match why.clone() {
            Some(why) => troubles.insert(what, why),
            None => troubles.remove(what),
        };
        before != why
    }

    /// Everything that keeps the daemon from its work; empty if it is ready. `waiting` are the notices that wait for each
    /// sink.
    #[must_use]
    pub fn unready(&self, waiting: &BTreeMap<String, u64>) -> Vec<String> {
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
        let of_sinks = sinks.iter().filter_map(|sink| {
            let waiting = waiting.get(sink.name()).copied().unwrap_or(0);
            Some(format!("sink {}: {}", sink.name(), sink.unready(waiting)?))
        });
        lock(&self.troubles).iter().map(|(what, why)| format!("{what}: {why}")).chain(of_sinks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_has_reasons_and_news_is_told_once() {
        let telemetry = Telemetry::default();
        assert!(telemetry.trouble("store", Some("disk full".into())));
        assert!(!telemetry.trouble("store", Some("disk full".into())));
        assert_eq!(telemetry.unready(&BTreeMap::new()), ["store: disk full"]);
        assert!(telemetry.trouble("store", None) && !telemetry.trouble("store", None));
        assert_eq!(telemetry.unready(&BTreeMap::new()), Vec::<String>::new());
    }

    #[test]
    fn silence_counts_from_the_last_beat_and_not_before_the_first() {
        let telemetry = Telemetry::default();
        assert_eq!(telemetry.silence(), Duration::ZERO);
        telemetry.beat();
        std::thread::sleep(Duration::from_millis(20));
        assert!(telemetry.silence() >= Duration::from_millis(20));
        let before = Instant::now();
        telemetry.beat();
        assert!(telemetry.silence() <= before.elapsed());
    }

    #[test]
    fn latencies_are_told_as_quantiles() {
        let telemetry = Telemetry::default();
        assert_eq!(telemetry.latency(&[0.5]), (vec![0], 0));
        let now = wall_clock();
        (0..10).for_each(|_| telemetry.deliver(Timestamp(now.0 - 1_000_000)));
        let (quantiles, count) = telemetry.latency(&[0.5, 0.999]);
        assert!(count == 10 && quantiles.iter().all(|&micros| micros >= 990_000), "{quantiles:?}");
    }
}
