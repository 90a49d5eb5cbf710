//! An incident that may still grow, and the alerts it is made of.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lessons::Lessons;
use super::risk::{of_alerts, of_signal, of_signals, percent};
use super::{Key, OPEN_FOR, UPDATE_EVERY};
use crate::alert::{Action, Actor, Alert, Incident, Severity, Signal};
use crate::baseline::facet::hash;
use crate::baseline::{Facet, Observation};
use crate::event::{Event, Principal, Span, Timestamp};
use crate::text::Text;

/// Alerts with evidence that one incident keeps; the least risky of the largest group make room.
const MAX_ALERTS: usize = 96;

/// Other principals that one incident names.
const MAX_RELATED: usize = 16;

/// Impact from which each object touched is a thing of its own.
const GRAVE: u8 = 50;

/// What makes incidents of the same cluster the same incident in every replay.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1d_7e0a_9c53_5f0e_8a47_2f64_1d3b_90c8);

/// Facets that tell one unusual thing from another within an incident.
const DISTINCT: [Facet; 8] = [
    Facet::ActionInNamespace,
    Facet::Source,
    Facet::Agent,
    Facet::Credential,
    Facet::Name,
    Facet::Reach,
    Facet::Impersonated,
    Facet::Body,
];

/// An incident that may still grow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    events: u64,
    pub(super) dropped: u64,
    alerts: Vec<(u64, Alert)>,
    pub(super) lessons: Lessons,
    related: BTreeSet<Text>,
    risk: f32,
    seed: String,
    /// Whether a person is told of it.
    pub(super) notifies: bool,
    told: Option<Told>,
}

/// What was last told of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Told {
    severity: Severity,
    at: Timestamp,
    events: u64,
}

impl Draft {
    pub(super) fn new(event: &Event<'_>) -> Self {
        Self {
            first: event.at,
            last: event.at,
            events: 0,
            dropped: 0,
            alerts: Vec::new(),
            lessons: Lessons::default(),
            related: BTreeSet::new(),
            risk: 0.0,
            notifies: false,
            told: None,
            seed: format!("{}\0{}\0{}", event.username, event.audit_id, event.received),
        }
    }

    /// Takes an alert in; the same unusual thing again is counted only.
    pub(super) fn add(&mut self, alert: Alert, seen: &Observation) {
        self.first = self.first.min(alert.at);
        self.last = self.last.max(alert.at);
        self.events += 1;
        self.relate(&alert.actor);
        let distinction = distinction(&alert, seen);
        match self.alerts.iter_mut().find(|(d, _)| *d == distinction) {
            Some((_, known)) => repeat(known, alert),
            None => self.alerts.push((distinction, alert)),
        }
        if self.alerts.len() > MAX_ALERTS {
            self.make_room();
        }
        self.risk = self.risk.max(of_alerts(self.alerts.iter().map(|(_, alert)| alert)));
    }

    fn relate(&mut self, actor: &Actor) {
        for name in [Some(&actor.username), actor.impersonated.as_ref()].into_iter().flatten() {
            if self.related.len() < MAX_RELATED && !self.related.contains(name) {
                self.related.insert(name.clone());
            }
        }
    }

    /// The least risky alert of the largest group leaves: a flood of one thing does not push out the only trace of
    /// another. Alike are alerts with the same action from the same place, and those with the same action for the same
    /// reasons.
    fn make_room(&mut self) {
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        for group in self.alerts.iter().flat_map(|(_, alert)| groups(alert)) {
            *sizes.entry(group).or_default() += 1;
        }
        let size = |alert: &Alert| groups(alert).iter().map(|group| sizes[group]).max();
        let leaving = self.alerts.iter().enumerate().max_by_key(|(n, (_, a))| (size(a), u8::MAX - a.risk, *n));
        if let Some((n, _)) = leaving {
            self.alerts.remove(n);
            self.dropped += 1;
        }
    }

    pub(super) fn severity(&self) -> Severity {
        Severity::of_risk(percent(self.risk))
    }

    /// How bad it was when it was last told; none if it never was.
    pub(super) fn told(&self) -> Option<Severity> {
        self.told.map(|told| told.severity)
    }

    /// It is told as it stands.
    pub(super) fn tell(&mut self, now: Timestamp) {
        self.told = Some(Told { severity: self.severity(), at: now, events: self.events });
    }

    /// Whether something was added since it was last told.
    pub(super) fn has_news(&self) -> bool {
        self.told.is_none_or(|told| told.events < self.events)
    }

    /// When there is something to be done with it: an update that is due, or its end.
    pub(super) fn due(&self) -> Timestamp {
        let end = after(self.last, OPEN_FOR);
        self.told.filter(|_| self.has_news()).map_or(end, |told| end.min(after(told.at, UPDATE_EVERY)))
    }

    /// Whether nothing is added any more at `now`.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.last) > OPEN_FOR
    }

    /// The incident as it stands.
    pub(super) fn incident(&self, cluster: &Text, (username, ip): &Key) -> Incident {
        let mut alerts: Vec<&Alert> = self.alerts.iter().map(|(_, alert)| alert).collect();
        alerts.sort_by_key(|a| (u8::MAX - a.risk, a.at));
        let floor = evidence_floor(&alerts);
        let name = format!("{}\0{}", cluster.as_str(), self.seed);
        let own = name_of(username);
        Incident {
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            cluster: cluster.clone(),
            principal: ip.map_or(own.clone(), |ip| Text::from(format!("{own} at {ip}"))),
            kind: Principal::parse(username).kind(),
            related: self.related.iter().filter(|&name| *name != own).cloned().collect(),
            severity: self.severity(),
            risk: percent(self.risk),
            first: self.first,
            last: self.last,
            notifies: self.notifies,
            events: self.events,
            alerts: alerts.into_iter().filter(|a| a.risk >= floor).cloned().collect(),
            lessons: self.lessons.all(),
        }
    }
}

fn after(at: Timestamp, span: Span) -> Timestamp {
    Timestamp(at.0.saturating_add(span.0))
}

/// Counts the same unusual thing again, and keeps the worse of the two as its evidence.
fn repeat(known: &mut Alert, mut again: Alert) {
    if again.risk > known.risk {
        std::mem::swap(known, &mut again);
    }
    for (kept, other) in known.signals.iter_mut().zip(&again.signals) {
        kept.reason.count += other.reason.count;
        kept.reason.measure = kept.reason.measure.max(other.reason.measure);
    }
}

fn groups(alert: &Alert) -> [u64; 2] {
    let action = (&alert.action.verb, &alert.action.resource);
    let place = hash(|h| (action, alert.source_ip, &alert.user_agent).hash(h));
    let reasons = hash(|h| {
        action.hash(h);
        alert.signals.iter().for_each(|s| s.detector.hash(h));
    });
    [place, reasons]
}

/// How a username is shown: a 401 has none.
fn name_of(username: &str) -> Text {
    Text::new(if username.is_empty() { "unauthenticated" } else { username })
}

/// Risk below which an alert is left out of the evidence: beside something serious, trifles only waste a reader's time.
fn evidence_floor(alerts: &[&Alert]) -> u8 {
    let most = alerts.iter().map(|a| a.risk).max().unwrap_or(0);
    most / 3
}

/// The alert that an event's signals make: the most risky first.
pub(super) fn alert(event: &Event<'_>, mut signals: Vec<Signal>) -> Alert {
    signals.sort_by(|a, b| of_signal(b).total_cmp(&of_signal(a)));
    Alert {
        at: event.at,
        audit_id: Text::new(&event.audit_id),
        actor: actor(event),
        action: action(event),
        outcome: event.outcome,
        code: event.code,
        source_ip: event.source_ip,
        user_agent: Text::new(&event.user_agent),
        risk: percent(of_signals(&signals)),
        signals,
    }
}

fn actor(event: &Event<'_>) -> Actor {
    let text = |t: &Option<Cow<'_, str>>| t.as_deref().map(Text::new);
    Actor {
        username: name_of(&event.username),
        kind: event.principal().kind(),
        credential: text(&event.credential.id),
        pod: text(&event.credential.pod_name),
        node: text(&event.credential.node_name),
        impersonated: text(&event.impersonated),
    }
}

fn action(event: &Event<'_>) -> Action {
    let target = &event.target;
    Action {
        verb: Text::new(&event.verb),
        group: Text::new(&target.group),
        resource: Text::new(&target.resource),
        subresource: Text::new(&target.subresource),
        namespace: Text::new(&target.namespace),
        name: Text::new(&target.name),
        path: Text::new(event.path()),
    }
}

/// What makes an alert another unusual thing than one that its incident has already.
fn distinction(alert: &Alert, seen: &Observation) -> u64 {
    hash(|h| {
        alert.signals.iter().for_each(|s| s.detector.hash(h));
        DISTINCT.iter().for_each(|&facet| seen.value(facet).hash(h));
        if alert.signals.iter().any(|s| s.impact.weight >= GRAVE) {
            alert.action.name.hash(h);
        }
    })
}
