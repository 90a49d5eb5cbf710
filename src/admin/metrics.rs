//! What is counted, as metrics. `docs/OPERATIONS.md` has the same table for people; a test compares the two.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use super::exposition::{Exposition, Kind, Metric};
use crate::alert::Severity;
use crate::daemon::Handle;
use crate::daemon::telemetry::Telemetry;
use crate::engine::Census;
use crate::event::Timestamp;
use crate::sink::{SinkStatus, wall_clock};
use crate::source::live::webhook::{Refusal, WebhookStats};
use crate::source::live::{FeedStatus, Standing};
use crate::text::{MAX_CHARS, Text};

/// The quantiles of the latency.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

/// A count and where it stands.
type Count = (Metric, fn(&Telemetry) -> &AtomicU64);

const COUNTS: [Count; 9] = [
    (counter("sawatch_events_judged_total", "Events judged and learnt."), |t| &t.judged),
    (counter("sawatch_events_unusual_total", "Events judged unusual."), |t| &t.unusual),
    (counter("sawatch_events_repeated_total", "Events that were there before."), |t| &t.repeats),
    (counter("sawatch_events_unjudged_total", "Events of a stage that is not judged."), |t| &t.unjudged),
    (counter("sawatch_batches_overlapping_total", "Batches that had been read before."), |t| &t.overlaps),
    (counter("sawatch_batches_crowded_total", "Batches of more clusters or feeds than there is room for."), |t| {
        &t.crowded
    }),
    (counter("sawatch_store_commits_total", "Transactions written."), |t| &t.commits),
    (counter("sawatch_store_failed_commits_total", "Transactions that failed and were tried again."), |t| {
        &t.failed_commits
    }),
    (counter("sawatch_store_snapshots_total", "Snapshots written."), |t| &t.snapshots),
];

/// A number of a feed.
type FeedNumber = (Metric, fn(&FeedStatus) -> u64);

const FEEDS: [FeedNumber; 5] = [
    (counter("sawatch_feed_events_total", "Events decoded."), |f| f.events.load(Ordering::Relaxed)),
    (counter("sawatch_feed_bytes_total", "Bytes taken."), |f| f.bytes.load(Ordering::Relaxed)),
    (counter("sawatch_feed_missed_total", "Bytes or records that were missed, as far as that can be told."), |f| {
        f.missed.load(Ordering::Relaxed)
    }),
    (
        counter(
            "sawatch_feed_late_events_total",
            "Events more than five minutes older than one of the feed before them.",
        ),
        |f| f.late.load(Ordering::Relaxed),
    ),
    (gauge("sawatch_feed_lag", "Records (of a file: bytes) that are there and not yet taken."), |f| {
        f.lag.load(Ordering::Relaxed)
    }),
];

const FEED_LATEST: Metric =
    gauge("sawatch_feed_latest_event_timestamp_seconds", "Time of the latest event judged, since the Unix epoch.");
const FEED_DELAY: Metric =
    gauge("sawatch_feed_delay_seconds", "How far the latest event judged is behind the clock of this machine.");
const FEED_STANDING: Metric =
    gauge("sawatch_feed_standing", "1 for how the feed stands: opening, reading, waiting or ended.");

/// A number of a sink.
type SinkNumber = (Metric, fn(&SinkStatus) -> u64);

const SINKS: [SinkNumber; 6] = [
    (counter("sawatch_sink_delivered_total", "Notices that the sink took."), |s| s.delivered.load(Ordering::Relaxed)),
    (counter("sawatch_sink_retries_total", "Deliveries that failed and are tried again."), |s| {
        s.retries.load(Ordering::Relaxed)
    }),
    (counter("sawatch_sink_dead_letters_total", "Notices that the sink refused for good."), |s| {
        s.dead_letters.load(Ordering::Relaxed)
    }),
    (counter("sawatch_sink_lost_total", "Refused notices that found no room in the dead-letter file."), |s| {
        s.lost.load(Ordering::Relaxed)
    }),
    (counter("sawatch_sink_dropped_total", "Notices that found no room in the outbox."), |s| {
        s.dropped.load(Ordering::Relaxed)
    }),
    (gauge("sawatch_sink_failing", "1 while the sink takes nothing."), |s| u64::from(s.failing().is_some())),
];

const SINK_WAITING: Metric = gauge("sawatch_sink_waiting", "Notices that wait for the sink.");
const REJECTS: Metric = counter("sawatch_records_rejected_total", "Records that could not be read, by reason.");
const INCIDENTS: Metric = counter("sawatch_incidents_opened_total", "Incidents, by the severity they opened with.");
const STORE: Metric = gauge("sawatch_store_bytes", "Bytes that the store takes on disk.");
const JOURNAL: Metric = gauge("sawatch_store_journal_bytes", "Packed bytes to be judged again after a restart.");
const PRINCIPALS: Metric = gauge("sawatch_principals", "Principals with a baseline, by cluster.");
const CREDENTIALS: Metric = gauge("sawatch_credentials", "Credentials known, by cluster.");
const BLIND_SPOTS: Metric = gauge("sawatch_blind_spots", "What detectors need and the log does not show, by cluster.");
const EVICTIONS: Metric = gauge(
    "sawatch_evictions",
    "What had to leave because a bound was reached, of what is still known, by cluster and bound.",
);
const FAILURES: Metric =
    counter("sawatch_detector_failures_total", "Events that a detector failed on (a defect), by cluster and detector.");
const LATENCY: Metric = Metric {
    name: "sawatch_delivery_latency_seconds",
    kind: Kind::Summary,
    help: "From a record's arrival to the delivery of what it made.",
};
const BUILD: Metric = gauge("sawatch_build_info", "1, with the version.");

const WEBHOOK_ACCEPTED: Metric = counter("sawatch_webhook_accepted_total", "Requests that were answered with 200.");
const WEBHOOK_REFUSED: Metric =
    counter("sawatch_webhook_refused_total", "Connections and requests that were refused, by source and reason.");

/// Everything that is counted.
pub(super) fn exposition(handle: &Handle) -> String {
    let (telemetry, mut page) = (&*handle.telemetry, Exposition::default());
    page.family(BUILD);
    page.sample(BUILD.name, "", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    for (metric, count) in COUNTS {
        page.single(metric, count(telemetry).load(Ordering::Relaxed));
    }
    page.each(REJECTS, "reason", telemetry.rejects());
    let opened = telemetry.opened();
    let by_severity = |severity: Severity| (severity.as_str(), opened.get(&severity).copied().unwrap_or(0));
    page.each(INCIDENTS, "severity", Severity::ALL.map(by_severity));
    feeds(&mut page, &telemetry.board.feeds());
    webhooks(&mut page, &telemetry.webhooks.read().unwrap_or_else(PoisonError::into_inner));
    let sinks = telemetry.sinks.read().unwrap_or_else(PoisonError::into_inner).clone();
    sinks_of(&mut page, &sinks, &handle.store.waiting());
    page.single(STORE, handle.store.bytes());
    page.single(JOURNAL, telemetry.journal_bytes.load(Ordering::Relaxed));
    engines(&mut page, &telemetry.census());
    latency(&mut page, telemetry);
    page.into_text()
}

fn feeds(page: &mut Exposition, feeds: &[(Arc<str>, Arc<FeedStatus>)]) {
    for (metric, number) in FEEDS {
        page.each(metric, "feed", feeds.iter().map(|(name, feed)| (shown(name), number(feed))));
    }
    let latest: Vec<(String, Timestamp)> =
        feeds.iter().filter_map(|(name, feed)| Some((shown(name), feed.latest()?))).collect();
    page.each(FEED_LATEST, "feed", latest.iter().map(|(name, at)| (name, seconds(at.0))));
    let now = wall_clock();
    page.each(FEED_DELAY, "feed", latest.iter().map(|(name, at)| (name, seconds(now.since(*at).0))));
    page.family(FEED_STANDING);
    for (name, feed) in feeds {
        page.sample(FEED_STANDING.name, "", &[("feed", &shown(name)), ("standing", word(&feed.standing()))], 1);
    }
}

fn webhooks(page: &mut Exposition, webhooks: &[(String, Arc<WebhookStats>)]) {
    let accepted = |(name, stats): &(String, Arc<WebhookStats>)| (shown(name), stats.accepted.load(Ordering::Relaxed));
    page.each(WEBHOOK_ACCEPTED, "source", webhooks.iter().map(accepted));
    page.family(WEBHOOK_REFUSED);
    for (name, stats) in webhooks {
        for reason in Refusal::ALL {
            let labels = [("source", &*shown(name)), ("reason", reason.as_str())];
            page.sample(WEBHOOK_REFUSED.name, "", &labels, stats.refused(reason));
        }
    }
}

const fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Opening => "opening",
        Standing::Reading => "reading",
        Standing::Waiting(_) => "waiting",
        Standing::Ended => "ended",
    }
}

fn sinks_of(page: &mut Exposition, sinks: &[Arc<SinkStatus>], waiting: &BTreeMap<String, u64>) {
    for (metric, number) in SINKS {
        page.each(metric, "sink", sinks.iter().map(|sink| (sink.name(), number(sink))));
    }
    let waits = |sink: &Arc<SinkStatus>| waiting.get(sink.name()).copied().unwrap_or(0);
    page.each(SINK_WAITING, "sink", sinks.iter().map(|sink| (sink.name(), waits(sink))));
}

fn engines(page: &mut Exposition, census: &BTreeMap<String, Census>) {
    for (metric, number) in [
        (PRINCIPALS, (|c| c.principals) as fn(&Census) -> usize),
        (CREDENTIALS, |c| c.credentials),
        (BLIND_SPOTS, |c| c.blind_spots.len()),
    ] {
        page.each(metric, "cluster", census.iter().map(|(name, census)| (shown(name), number(census))));
    }
    for (metric, label, counts) in [
        (EVICTIONS, "bound", (|c| &c.evicted) as fn(&Census) -> &BTreeMap<&'static str, u64>),
        (FAILURES, "detector", |c| &c.failures),
    ] {
        page.family(metric);
        for (name, census) in census {
            for (what, n) in counts(census) {
                page.sample(metric.name, "", &[("cluster", &shown(name)), (label, what)], n);
            }
        }
    }
}

fn latency(page: &mut Exposition, telemetry: &Telemetry) {
    let (quantiles, count) = telemetry.latency(&QUANTILES);
    page.family(LATENCY);
    for (quantile, micros) in QUANTILES.into_iter().zip(quantiles) {
        let value = i64::try_from(micros).unwrap_or(i64::MAX);
        page.sample(LATENCY.name, "", &[("quantile", &quantile.to_string())], seconds(value));
    }
    page.sample(LATENCY.name, "_count", &[], count);
}

/// A name that came with records, made safe. It is not cut: two that begin alike would be one series, which no scraper
/// takes.
fn shown(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    characters.chunks(MAX_CHARS).map(|part| Text::from(String::from_iter(part)).to_string()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "exact for microseconds of two centuries")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
