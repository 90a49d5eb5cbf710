//! The core's one door: an event goes in, is judged, triaged and learnt; incidents come out.

use std::collections::BTreeMap;

use crate::alert::{Incident, Severity, Signal};
use crate::baseline::map::Baselines;
use crate::baseline::{Learning, Observation};
use crate::cluster::Cluster;
use crate::detector::{self, Context, Detector};
use crate::event::Event;
use crate::requests::{Admission, Requests};
use crate::triage::Triage;

pub use crate::requests::Feed;

/// What a user can set of how events are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Principals with a baseline, at most.
    pub max_principals: usize,
    /// Credentials with a life, at most.
    pub max_credentials: usize,
    /// Requests among which a repeat is recognised, at least.
    pub repeat_window: usize,
    /// Detectors that are not asked, by id.
    pub disabled_detectors: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_principals: 200_000,
            max_credentials: 200_000,
            repeat_window: 65_536,
            disabled_detectors: Vec::new(),
        }
    }
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Judged, and nothing is unusual.
    Quiet,
    /// Judged, and unusual: the severity is the event's own, its incident's may be higher.
    Unusual(Severity),
    /// The same event was there before.
    Repeat,
    /// `RequestReceived`, or the end of a long-running request that was judged when it started.
    Unjudged,
}

/// What the engine knows, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Principals with a baseline.
    pub principals: usize,
    /// Credentials known.
    pub credentials: usize,
    /// What had to leave because a bound was reached, by bound.
    pub evicted: BTreeMap<&'static str, u64>,
}

/// The engine of one cluster.
pub struct Engine {
    detectors: Vec<&'static dyn Detector>,
    requests: Requests,
    baselines: Baselines,
    cluster: Cluster,
    triage: Triage,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(cluster: &str, settings: &Settings) -> Self {
        let disabled = &settings.disabled_detectors;
        Self {
            detectors: detector::ALL.iter().copied().filter(|d| !disabled.iter().any(|id| id == d.id())).collect(),
            requests: Requests::new(settings.repeat_window),
            baselines: Baselines::new(settings.max_principals),
            cluster: Cluster::new(settings.max_credentials),
            triage: Triage::new(cluster),
        }
    }

    /// Learns an event of a period that is declared normal and complete.
    pub fn learn(&mut self, feed: Feed, event: &Event<'_>) -> Verdict {
        self.pass(feed, event, true)
    }

    /// Judges an event against what was before it, then learns it.
    pub fn process(&mut self, feed: Feed, event: &Event<'_>) -> Verdict {
        self.pass(feed, event, false)
    }

    /// An event's way: admitted once, compared with what is known, judged if anything is new, learnt.
    fn pass(&mut self, feed: Feed, event: &Event<'_>, declared: bool) -> Verdict {
        match self.requests.admit(feed, event) {
            Admission::Judge => {}
            Admission::Repeat => return Verdict::Repeat,
            Admission::Skip => return Verdict::Unjudged,
        }
        let Self { baselines, cluster, triage, detectors, .. } = self;
        let seen = Observation::of(event);
        let familiar = cluster.touch(event, &seen);
        baselines.with(&event.username, event.at, |baseline| {
            let novel = baseline.touch(&seen, event.at, declared);
            if familiar && novel.is_empty() {
                cluster.credentials.issue(event);
                return Verdict::Quiet;
            }
            cluster.count_steps(event, &seen, novel);
            let mut learning = Learning { quarantine: false, declared };
            let mut verdict = Verdict::Quiet;
            if !declared {
                let signals =
                    judge(detectors, event, &Context::new(event, (&seen, novel), baseline, baselines, cluster));
                if let Some(considered) = triage.consider(event, &seen, signals, cluster.issuer(event)) {
                    learning.quarantine = considered.quarantine;
                    verdict = Verdict::Unusual(considered.severity);
                }
            }
            cluster.learn((event, &seen, novel), baseline, baselines, learning);
            verdict
        })
    }

    /// Ends all windows and hands over every incident, in the order of their first alerts.
    pub fn finish(&mut self) -> Vec<Incident> {
        self.triage.finish()
    }

    /// What is known, in numbers.
    #[must_use]
    pub fn census(&self) -> Census {
        let evicted = [
            ("principals", self.baselines.evicted()),
            ("credentials", self.cluster.credentials.evicted()),
            ("peer values", self.cluster.peers.overflow()),
            ("alerts", self.triage.dropped()),
        ];
        Census {
            principals: self.baselines.len(),
            credentials: self.cluster.credentials.len(),
            evicted: evicted.into_iter().filter(|&(_, n)| n > 0).collect(),
        }
    }

    /// The baselines, for readers.
    #[must_use]
    pub const fn baselines(&self) -> &Baselines {
        &self.baselines
    }
}

fn judge(detectors: &[&dyn Detector], event: &Event<'_>, context: &Context<'_>) -> Vec<Signal> {
    detectors.iter().filter_map(|detector| detector.inspect(event, context)).collect()
}
