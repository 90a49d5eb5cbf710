//! From signals to incidents: how risky an event is, what belongs together, what is a repeat.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use uuid::Uuid;

use crate::alert::{Action, Actor, Alert, Bits, Incident, Severity, Signal};
use crate::baseline::facet::hash;
use crate::baseline::{Facet, Observation};
use crate::event::{Event, PrincipalKind, Span, Timestamp};
use crate::text::Text;

/// How long an incident stays open after its last alert.
const OPEN_FOR: Span = Span::hours(24);

/// Alerts with evidence that one incident keeps; the least risky make room.
const MAX_ALERTS: usize = 96;

/// Incidents that are open at once; the one that was quiet longest is closed for a new one.
const MAX_OPEN: usize = 10_000;

/// Bits at which a signal counts for half of its impact.
const HALF: f32 = 2.5;

/// Risk below which a signal adds nothing to its incident.
const NOISE: f32 = 0.05;

/// Impact from which each object touched is a thing of its own.
const GRAVE: u8 = 50;

/// What makes incidents of the same cluster the same incident in every replay.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1d_7e0a_9c53_5f0e_8a47_2f64_1d3b_90c8);

/// Facets that tell one unusual thing from another within an incident.
const DISTINCT: [Facet; 7] = [
    Facet::ActionInNamespace,
    Facet::Source,
    Facet::Agent,
    Facet::Credential,
    Facet::Name,
    Facet::Reach,
    Facet::Impersonated,
];

/// What triage made of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The event's own severity.
    pub severity: Severity,
    /// Whether what is new about it must not become normal by itself.
    pub quarantine: bool,
}

/// Whose incident it is: a principal, and for nobody in particular the address.
type Key = (Box<str>, Option<IpAddr>);

/// All incidents of one cluster.
#[derive(Debug)]
pub struct Triage {
    cluster: Text,
    open: HashMap<Key, Draft, foldhash::fast::FixedState>,
    closed: Vec<Incident>,
    dropped: u64,
}

/// An incident that may still grow.
#[derive(Debug)]
struct Draft {
    first: Timestamp,
    last: Timestamp,
    events: u64,
    dropped: u64,
    alerts: Vec<(u64, Alert)>,
    risk: f32,
    seed: String,
}

impl Triage {
    /// No incident yet.
    #[must_use]
    pub fn new(cluster: &str) -> Self {
        Self { cluster: Text::new(cluster), open: HashMap::default(), closed: Vec::new(), dropped: 0 }
    }

    /// Makes an alert of an event's signals and puts it into its incident; none without a signal.
    pub fn consider(&mut self, event: &Event<'_>, seen: &Observation, signals: Vec<Signal>) -> Option<Considered> {
        if signals.is_empty() {
            return None;
        }
        let alert = alert(event, signals);
        let nobody = event.principal().kind() == PrincipalKind::Anonymous;
        let key = (Box::from(&*event.username), event.source_ip.filter(|_| nobody));
        if self.open.get(&key).is_some_and(|draft| event.at.since(draft.last) > OPEN_FOR) {
            self.close(&key);
        }
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&key) {
            let quiet = self.open.iter().min_by_key(|(key, draft)| (draft.last, *key)).map(|(key, _)| key.clone());
            quiet.into_iter().for_each(|key| self.close(&key));
        }
        let risk = alert.risk;
        let draft = self.open.entry(key).or_insert_with(|| Draft::new(event));
        draft.add(distinction(&alert, seen), alert);
        let notifying = Severity::of_risk(draft.risk()) >= Severity::Medium && f32::from(risk) >= 10.0;
        Some(Considered {
            severity: Severity::of_risk(risk),
            quarantine: notifying || Severity::of_risk(risk) >= Severity::Medium,
        })
    }

    /// Alerts that had to leave full incidents.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Closes every incident and hands all of them over, in order of their first alert.
    pub fn finish(&mut self) -> Vec<Incident> {
        let keys: Vec<Key> = self.open.keys().cloned().collect();
        keys.iter().for_each(|key| self.close(key));
        let mut all = std::mem::take(&mut self.closed);
        all.sort_by(|a, b| (a.first, &a.principal, a.id).cmp(&(b.first, &b.principal, b.id)));
        all
    }

    fn close(&mut self, key: &Key) {
        if let Some(draft) = self.open.remove(key) {
            self.dropped += draft.dropped;
            self.closed.push(draft.into_incident(&self.cluster, key));
        }
    }
}

impl Draft {
    fn new(event: &Event<'_>) -> Self {
        let seed = format!("{}\0{}\0{}", event.username, event.audit_id, event.received);
        Self { first: event.at, last: event.at, events: 0, dropped: 0, alerts: Vec::new(), risk: 0.0, seed }
    }

    fn add(&mut self, distinction: u64, alert: Alert) {
        self.first = self.first.min(alert.at);
        self.last = self.last.max(alert.at);
        self.events += 1;
        if let Some((_, known)) = self.alerts.iter_mut().find(|(d, _)| *d == distinction) {
            known.signals.iter_mut().for_each(|s| s.reason.count += 1);
            return;
        }
        self.alerts.push((distinction, alert));
        if self.alerts.len() > MAX_ALERTS {
            self.make_room();
        }
        self.risk = self.risk.max(add_up(&self.alerts));
    }

    /// The least risky alert of the largest group leaves: a flood of one thing does not push out the only trace of
    /// another.
    fn make_room(&mut self) {
        let mut groups: HashMap<u64, usize> = HashMap::new();
        let group = |a: &Alert| hash(|h| (&a.action.verb, &a.action.resource, a.source_ip, &a.user_agent).hash(h));
        self.alerts.iter().for_each(|(_, a)| *groups.entry(group(a)).or_default() += 1);
        let leaving =
            self.alerts.iter().enumerate().max_by_key(|(n, (_, a))| (groups[&group(a)], u8::MAX - a.risk, *n));
        if let Some((n, _)) = leaving {
            self.alerts.remove(n);
            self.dropped += 1;
        }
    }

    fn risk(&self) -> u8 {
        percent(self.risk)
    }

    fn into_incident(mut self, cluster: &Text, (username, ip): &Key) -> Incident {
        self.alerts.sort_by_key(|(_, a)| (u8::MAX - a.risk, a.at));
        let floor = evidence_floor(&self.alerts);
        let alerts: Vec<Alert> = self.alerts.into_iter().map(|(_, a)| a).filter(|a| a.risk >= floor).collect();
        let name = format!("{}\0{}", cluster.as_str(), self.seed);
        let (principal, kind) = alerts.first().map_or_else(
            || (Text::new(username), PrincipalKind::Anonymous),
            |a| (a.actor.username.clone(), a.actor.kind),
        );
        let principal = ip.map_or(principal.clone(), |ip| Text::from(format!("{principal} at {ip}")));
        Incident {
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            cluster: cluster.clone(),
            principal,
            kind,
            related: Vec::new(),
            severity: Severity::of_risk(percent(self.risk)),
            risk: percent(self.risk),
            first: self.first,
            last: self.last,
            events: self.events,
            alerts,
        }
    }
}

/// Risk below which an alert is left out of the evidence: beside something serious, trifles only waste a reader's time.
fn evidence_floor(alerts: &[(u64, Alert)]) -> u8 {
    let most = alerts.iter().map(|(_, a)| a.risk).max().unwrap_or(0);
    most / 3
}

/// The risk of alerts together: each distinct thing that was said adds its part of what is left, the n-th of one
/// detector at 1/n². The same thing said again adds nothing.
fn add_up(alerts: &[(u64, Alert)]) -> f32 {
    let mut said: HashMap<(&str, &Text), f32> = HashMap::new();
    for signal in alerts.iter().flat_map(|(_, alert)| &alert.signals) {
        let risk = said.entry((signal.detector, &signal.reason.observed)).or_default();
        *risk = risk.max(risk_of(signal));
    }
    let mut risks: Vec<(&str, f32)> = said.into_iter().map(|((detector, _), risk)| (detector, risk)).collect();
    risks.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let mut counts: HashMap<&str, f32> = HashMap::new();
    let mut left = 1.0;
    for (detector, risk) in risks.into_iter().take_while(|&(_, risk)| risk >= NOISE) {
        let n = counts.entry(detector).and_modify(|n| *n += 1.0).or_insert(1.0);
        left *= 1.0 - risk / (*n * *n);
    }
    1.0 - left
}

/// The risk of one signal, 0 to 1: its impact, discounted by how unsurprising it is.
#[must_use]
pub fn risk_of(signal: &Signal) -> f32 {
    let Bits(bits) = signal.surprise;
    f32::from(signal.impact.weight) / 100.0 * (1.0 - (-bits.max(0.0) / HALF).exp2())
}

/// The alert that an event's signals make: the most risky first, each adding its part of what is left.
fn alert(event: &Event<'_>, mut signals: Vec<Signal>) -> Alert {
    signals.sort_by(|a, b| risk_of(b).total_cmp(&risk_of(a)));
    let left: f32 = signals.iter().map(|s| 1.0 - risk_of(s)).product();
    Alert {
        at: event.at,
        audit_id: Text::new(&event.audit_id),
        actor: actor(event),
        action: action(event),
        outcome: event.outcome,
        code: event.code,
        source_ip: event.source_ip,
        user_agent: Text::new(&event.user_agent),
        signals,
        risk: percent(1.0 - left),
    }
}

fn actor(event: &Event<'_>) -> Actor {
    let text = |t: &Option<std::borrow::Cow<'_, str>>| t.as_deref().map(Text::new);
    let username = if event.username.is_empty() { "unauthenticated" } else { &event.username };
    Actor {
        username: Text::new(username),
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}
