//! The core's one door: an event goes in, is judged, triaged and learnt; incidents come out.

mod teach;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::alert::{Incident, Notice, Severity, Signal};
use crate::baseline::map::Baselines;
use crate::baseline::{Learning, Observation};
use crate::blind_spot::{BlindSpot, blind_spots};
use crate::cluster::Cluster;
use crate::detector::{self, Context, Detector};
use crate::event::Event;
use crate::requests::{Admission, Requests};
use crate::triage::{self, Triage};

pub use crate::requests::Feed;
pub use teach::Taught;

/// What a user can set of how events are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Principals with a baseline, at most.
    pub max_principals: usize,
    /// Credentials with a life, at most.
    pub max_credentials: usize,
    /// Requests among which a repeat is recognised, at least.
    pub repeat_window: usize,
    /// Incidents that a person is told of in a day, at most; critical ones always are.
    pub notifications_a_day: usize,
    /// Detectors that are not asked, by id.
    pub disabled_detectors: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_principals: 200_000,
            max_credentials: 200_000,
            repeat_window: 65_536,
            notifications_a_day: 5,
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
    /// Events that a detector panicked on, by detector: a defect of Sawatch, which cost its word and nothing else.
    pub failures: BTreeMap<&'static str, u64>,
    /// What the log does not show.
    pub blind_spots: Vec<BlindSpot>,
}

/// All that was learnt: whatever changes a verdict. Open incidents are not part of it, they belong to a run.
#[derive(Debug)]
pub struct Learned {
    /// Recent requests, so that a repeat is recognised.
    pub requests: Requests,
    /// What each principal normally does.
    pub baselines: Baselines,
    /// What principals have in common.
    pub cluster: Cluster,
}

impl Learned {
    /// Nothing yet.
    #[must_use]
    pub fn nothing(settings: &Settings) -> Self {
        Self {
            requests: Requests::new(settings.repeat_window),
            baselines: Baselines::new(settings.max_principals),
            cluster: Cluster::new(settings.max_credentials),
        }
    }
}

/// The engine of one cluster.
pub struct Engine {
    detectors: Vec<&'static dyn Detector>,
    learned: Learned,
    triage: Triage,
    failures: BTreeMap<&'static str, u64>,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(cluster: &str, settings: &Settings) -> Self {
        Self::resume(cluster, settings, Learned::nothing(settings))
    }

    /// An engine that goes on from what another has learnt.
    #[must_use]
    pub fn resume(cluster: &str, settings: &Settings, learned: Learned) -> Self {
        let disabled = &settings.disabled_detectors;
        Self {
            detectors: detector::ALL.iter().copied().filter(|d| !disabled.iter().any(|id| id == d.id())).collect(),
            learned,
            triage: Triage::new(cluster, settings.notifications_a_day),
            failures: BTreeMap::new(),
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
        match self.learned.requests.admit(feed, event) {
            Admission::Judge => {}
            Admission::Repeat => return Verdict::Repeat,
            Admission::Skip => return Verdict::Unjudged,
        }
        let Self { learned: Learned { baselines, cluster, .. }, triage, detectors, failures } = self;
        cluster.clock.see(event.at);
        triage.pass(cluster.clock.now);
        cluster.age(baselines);
        let seen = Observation::of(event);
        let familiar = cluster.touch(event, &seen, declared);
        baselines.with(&event.username, event.at, |baseline| {
            let novel = baseline.touch(&seen, event.at, declared);
            if familiar && novel.is_empty() {
                cluster.credentials.issue(event, false);
                return Verdict::Quiet;
            }
            cluster.count_steps(event, &seen, novel, declared);
            let mut learning = Learning { quarantine: false, declared };
            let mut verdict = Verdict::Quiet;
            if !declared {
                let context = Context::new(event, (&seen, novel), baseline, baselines, cluster);
                let signals = judge(detectors, event, &context, failures);
                let since = baseline.seen().0;
                if let Some(considered) = triage.consider(event, (&seen, novel), signals, (cluster, since)) {
                    learning.quarantine = considered.quarantine;
                    verdict = Verdict::Unusual(considered.severity);
                }
            }
            cluster.learn((event, &seen, novel), baseline, baselines, learning);
            verdict
        })
    }

    /// From now on incidents are told as they grow, as [`Engine::notices`].
    pub fn go_live(&mut self) {
        self.triage.go_live();
    }

    /// What there is to tell of incidents since the last time, in order. It depends on the events alone, not on when this
    /// is asked.
    pub fn notices(&mut self) -> Vec<Notice> {
        self.triage.notices()
    }

    /// Makes [`Engine::notices`] of all that is not due yet: nobody knows when the next event will come.
    pub fn flush(&mut self) {
        self.triage.flush();
    }

    /// What is to be kept of open incidents.
    #[must_use]
    pub fn incidents(&self) -> triage::Snapshot {
        self.triage.snapshot()
    }

    /// Takes up open incidents that were kept.
    pub fn take_up(&mut self, kept: triage::Snapshot) {
        self.triage.restore(kept);
    }

    /// Closes every incident. Unless the engine is live, all are handed over, in order of their first alerts.
    pub fn finish(&mut self) -> Vec<Incident> {
        self.triage.finish()
    }

    /// What is known, in numbers.
    #[must_use]
    pub fn census(&self) -> Census {
        let Learned { requests, baselines, cluster } = &self.learned;
        let evicted = [
            ("principals", baselines.evicted()),
            ("credentials", cluster.credentials.evicted()),
            ("values", baselines.evicted_values()),
            ("peer values", cluster.peers.overflow),
            ("alerts", self.triage.dropped()),
            ("lessons", self.triage.dropped_lessons()),
            ("incidents", self.triage.dropped_incidents()),
        ];
        Census {
            principals: baselines.len(),
            credentials: cluster.credentials.len(),
            evicted: evicted.into_iter().filter(|&(_, n)| n > 0).collect(),
            failures: self.failures.clone(),
            blind_spots: blind_spots(requests, baselines, cluster),
        }
    }

    /// All that was learnt.
    #[must_use]
    pub const fn learned(&self) -> &Learned {
        &self.learned
    }

    /// All that was learnt, to be kept.
    #[must_use]
    pub fn into_learned(self) -> Learned {
        self.learned
    }
}

/// What the detectors say. One that panics has no say on this event, is counted, and is asked again on the next.
fn judge(
    detectors: &[&dyn Detector],
    event: &Event<'_>,
    context: &Context<'_>,
    failures: &mut BTreeMap<&'static str, u64>,
) -> Vec<Signal> {
    let ask = |detector: &&dyn Detector| {
        // A detector has no state and only reads its context: a panic leaves nothing half done.
        catch_unwind(AssertUnwindSafe(|| detector.inspect(event, context))).unwrap_or_else(|_| {
            *failures.entry(detector.id()).or_default() += 1;
            None
        })
    };
    detectors.iter().filter_map(ask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Facet;
    use crate::event::Span;
    use crate::sample::event;

    struct Panicking;

    impl Detector for Panicking {
        fn id(&self) -> &'static str {
            "panicking"
        }

        fn about(&self) -> &'static str {
            "a defect"
        }

        fn inspect(&self, _: &Event<'_>, _: &Context<'_>) -> Option<Signal> {
            panic!("a defect");
        }
    }

    /// The incidents of thefts after a quiet period, as `detectors` see it, and what they failed at.
    fn found(detectors: Vec<&'static dyn Detector>) -> (Vec<Incident>, BTreeMap<&'static str, u64>) {
        let mut engine = Engine { detectors, ..Engine::new("test", &Settings::default()) };
        for minute in 0..100 {
            engine.learn(Feed(0), &event().after(Span::minutes(minute)));
        }
        for minute in 100..103 {
            engine.process(Feed(0), &event().from(&format!("203.0.113.{minute}")).after(Span::minutes(minute)));
        }
        (engine.finish(), engine.census().failures)
    }

    #[test]
    fn who_left_is_compared_with_nobody_after_a_while() {
        let mut engine = Engine::new("test", &Settings::default());
        let of_all = |engine: &Engine| engine.learned.cluster.peers.in_cluster(Facet::Action, 0).of;
        engine.process(Feed(0), &event().by("alice"));
        engine.process(Feed(0), &event().by("bob").after(Span::days(60)));
        assert_eq!(of_all(&engine), 2);
        for hour in [80 * 24, 100 * 24, 121 * 24, 121 * 24 + 1, 121 * 24 + 2] {
            engine.process(Feed(0), &event().by("bob").after(Span::hours(hour)));
        }
        assert_eq!(of_all(&engine), 1);
    }

    #[test]
    fn a_detector_that_panics_is_counted_and_silences_no_other() {
        let (sound, none) = found(detector::ALL.to_vec());
        let mut detectors = detector::ALL.to_vec();
        detectors.insert(0, &Panicking);
        assert!(!sound.is_empty() && none.is_empty());
        assert_eq!(found(detectors), (sound, BTreeMap::from([("panicking", 3)])));
    }
}
