//! The core's one door: an event goes in, is judged, triaged and learnt; incidents come out.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crate::address::Addresses;
use crate::alert::{Incident, Severity, Signal};
use crate::baseline::map::Baselines;
use crate::baseline::peers::PeerValues;
use crate::baseline::{Baseline, Facet, Learning, Observation, facet};
use crate::credential::Credentials;
use crate::detector::{self, Context, window::Bursts};
use crate::event::{Event, Principal, PrincipalKind, Span, Timestamp};
use crate::impact;
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
    /// Events among which a repeat is recognised, at least.
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
    detectors: Vec<&'static dyn detector::Detector>,
    requests: Requests,
    baselines: Baselines,
    peers: PeerValues,
    credentials: Credentials,
    addresses: Addresses,
    bursts: Bursts,
    triage: Triage,
    control_plane: HashSet<IpAddr>,
    declared: bool,
    first: Option<Timestamp>,
}

/// Age at which an undeclared cluster counts as known.
const KNOWN_AFTER: Span = Span::days(7);

/// Addresses of the control plane that are remembered, at most.
const MAX_CONTROL_PLANE: usize = 64;

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(cluster: &str, settings: &Settings) -> Self {
        let disabled = &settings.disabled_detectors;
        Self {
            detectors: detector::ALL.iter().copied().filter(|d| !disabled.iter().any(|id| id == d.id())).collect(),
            requests: Requests::new(settings.repeat_window),
            baselines: Baselines::new(settings.max_principals),
            peers: PeerValues::default(),
            credentials: Credentials::new(settings.max_credentials),
            addresses: Addresses::default(),
            bursts: Bursts::default(),
            triage: Triage::new(cluster),
            control_plane: HashSet::new(),
            declared: false,
            first: None,
        }
    }

    /// Learns an event of a period that is declared normal and complete.
    pub fn learn(&mut self, feed: Feed, event: &Event<'_>) -> Verdict {
        self.declared = true;
        self.admit(feed, event, |engine, event| {
            let seen = Observation::of(event);
            engine.bursts.count(event, &seen);
            engine.observe(event, &seen, Learning { quarantine: false, declared: true });
            Verdict::Quiet
        })
    }

    /// Judges an event against what was before it, then learns it.
    pub fn process(&mut self, feed: Feed, event: &Event<'_>) -> Verdict {
        self.admit(feed, event, |engine, event| {
            let seen = Observation::of(event);
            let signals = engine.judge(event, &seen);
            let considered = (!signals.is_empty()).then(|| engine.triage.consider(event, &seen, signals));
            let quarantine = considered.is_some_and(|c| c.quarantine);
            engine.observe(event, &seen, Learning { quarantine, declared: false });
            considered.map_or(Verdict::Quiet, |c| Verdict::Unusual(c.severity))
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
            ("credentials", self.credentials.evicted()),
            ("peer values", self.peers.overflow()),
        ];
        Census {
            principals: self.baselines.len(),
            credentials: self.credentials.len(),
            evicted: evicted.into_iter().filter(|&(_, n)| n > 0).collect(),
        }
    }

    /// The baselines, for readers.
    #[must_use]
    pub const fn baselines(&self) -> &Baselines {
        &self.baselines
    }

    fn admit(&mut self, feed: Feed, event: &Event<'_>, f: impl FnOnce(&mut Self, &Event<'_>) -> Verdict) -> Verdict {
        self.first.get_or_insert(event.at);
        match self.requests.admit(feed, event) {
            Admission::Judge => f(self, event),
            Admission::Repeat => Verdict::Repeat,
            Admission::Skip => Verdict::Unjudged,
        }
    }

    /// Whether a pod's token comes from where an API server is.
    fn is_relayed(&self, event: &Event<'_>) -> bool {
        event.credential.pod_name.is_some() && event.source_ip.is_some_and(|ip| self.control_plane.contains(&ip))
    }

    fn judge(&mut self, event: &Event<'_>, seen: &Observation) -> Vec<Signal> {
        let relayed = self.is_relayed(event);
        let burst = self.bursts.count(event, seen);
        let cluster_maturity = cluster_maturity(self.declared, self.first, event.at);
        self.baselines.with(&event.username, event.at, |baseline| {
            let context = Context {
                baseline,
                seen,
                peers: &self.peers,
                credentials: &self.credentials,
                addresses: &self.addresses,
                baselines: &self.baselines,
                impact: impact::of(event),
                burst,
                routine_carrier: is_routine_carrier(event, seen, baseline, &self.control_plane),
                person_at_home: is_person_at_home(event, seen, baseline),
                relayed: relayed && is_familiar(baseline, seen, event.at, &[Facet::Agent]),
                cluster_maturity,
            };
            self.detectors.iter().filter_map(|d| d.inspect(event, &context)).collect()
        })
    }

    fn observe(&mut self, event: &Event<'_>, seen: &Observation, learning: Learning) {
        let quarantine = learning.quarantine;
        self.credentials.observe(event, quarantine, self.is_relayed(event));
        let (baselines, peers, addresses) = (&self.baselines, &mut self.peers, &mut self.addresses);
        let principal = event.principal();
        baselines.with(&event.username, event.at, |baseline| {
            if baseline.requests() == 0 {
                peers.join(principal);
                if principal.kind() == PrincipalKind::Node {
                    addresses.join(event.at);
                }
            }
            baseline.count(event.at, learning.declared);
            for (facet, value) in seen.iter() {
                let symbol = || baselines.intern(&facet.describe(event));
                if baseline.observe((facet, value), event.at, learning, symbol) && !quarantine {
                    peers.learn(principal, facet, value, event.at);
                    if facet == Facet::Source {
                        addresses.arrive(event);
                    }
                }
            }
        });
        if let (Principal::User("system:kube-controller-manager" | "system:apiserver"), Some(ip), false) =
            (principal, event.source_ip, quarantine)
            && self.control_plane.len() < MAX_CONTROL_PLANE
        {
            self.control_plane.insert(ip);
        }
    }
}

/// Whether an event carries out somebody else's orders (`Context::routine_carrier`).
///
/// Kubelets, and the controllers that run in the control plane: these are known by where they run and by the program
/// they run in, never by name alone, so that a controller's token in other hands gets no such excuse.
fn is_routine_carrier(
    event: &Event<'_>,
    seen: &Observation,
    baseline: &Baseline,
    control_plane: &HashSet<IpAddr>,
) -> bool {
    let familiar = is_familiar(baseline, seen, event.at, &IDENTITY);
    match event.principal() {
        Principal::Node(_) => familiar,
        Principal::User(name) => name.starts_with("system:") && familiar,
        Principal::ServiceAccount { namespace: "kube-system", .. } => {
            event.source_ip.is_some_and(|ip| control_plane.contains(&ip))
                && facet::agent_family(&event.user_agent) == "kube-controller-manager"
        }
        Principal::ServiceAccount { .. } | Principal::Anonymous => false,
    }
}

/// Facets that say who is at work.
const IDENTITY: [Facet; 3] = [Facet::Source, Facet::Agent, Facet::Credential];

/// Whether it is a person with the address and agent they always have (`Context::person_at_home`).
fn is_person_at_home(event: &Event<'_>, seen: &Observation, baseline: &Baseline) -> bool {
    event.principal().kind() == PrincipalKind::User && is_familiar(baseline, seen, event.at, &IDENTITY)
}

fn is_familiar(baseline: &Baseline, seen: &Observation, at: Timestamp, facets: &[Facet]) -> bool {
    facets.iter().all(|&f| seen.value(f).is_none_or(|value| baseline.knows(f, value, at)))
}

fn cluster_maturity(declared: bool, first: Option<Timestamp>, at: Timestamp) -> f32 {
    if declared {
        return 1.0;
    }
    let age = first.map_or(Span::default(), |first| at.since(first));
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = age.0 as f32 / KNOWN_AFTER.0 as f32;
    share.min(1.0)
}
