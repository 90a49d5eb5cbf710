//! From signals to incidents: how risky an event is, what belongs together, what is a repeat.

mod budget;
mod draft;
mod lessons;
pub mod risk;
mod snapshot;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::alert::{Activity, Incident, Notice, Severity, Signal};
use crate::baseline::{Novel, Observation};
use crate::cluster::Cluster;
use crate::event::{Body, Event, PrincipalKind, Span, Timestamp};
use crate::impact::Deed;
use crate::text::Text;
use budget::Budget;
use draft::{Draft, alert};
pub use snapshot::Snapshot;

/// How long an incident stays open after its last alert.
const OPEN_FOR: Span = Span::hours(24);

/// How long after an incident was told more of the same is told, at the earliest; that it became worse is told at once.
const UPDATE_EVERY: Span = Span::minutes(15);

/// Incidents that are open at once; those that were quiet longest are closed for new ones.
const MAX_OPEN: usize = 10_000;

/// Closed incidents that are held until all is told, at least; a log can have more trifles than memory.
const MAX_HELD: usize = 50_000;

/// Risk from which a part of a notifying incident is quarantined with it, and from which it is a lesson.
const QUARANTINED: u8 = 10;

/// How long after a certificate was asked for or approved in an incident a user whom nobody knew is its holder.
const HOLDER: Span = Span::hours(1);

/// Detectors that say of an address that it is not where the account belongs.
const OUT_OF_PLACE: [&str; 4] = ["token-shared", "token-elsewhere", "new-source", "forwarded"];

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

type Table<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// All incidents of one cluster.
#[derive(Debug)]
pub struct Triage {
    cluster: Text,
    open: Table<Key, Draft>,
    /// When there is something to be done with each open one.
    timers: BTreeSet<(Timestamp, Key)>,
    /// Addresses from which an account was used that does not belong there, with the incident that this is part of.
    suspects: Table<IpAddr, Key>,
    budget: Budget,
    /// Never goes back: an incident that is over stays over.
    now: Timestamp,
    /// The certificate that was last asked for or approved in an incident.
    certificate: Option<Certificate>,
    dropped: u64,
    dropped_lessons: u64,
    dropped_incidents: u64,
    told: Told,
}

/// Where what there is to tell goes.
#[derive(Debug)]
enum Told {
    /// Each incident once, when it is over.
    Whole(Vec<Incident>),
    /// Each as it grows.
    Live(Vec<Notice>),
}

/// A certificate asked for or approved in an incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Certificate {
    incident: Key,
    at: Timestamp,
    /// The user it makes; none if no body tells.
    user: Option<Box<str>>,
}

impl Certificate {
    /// The certificate that `event` asks for or approves; none if it does something else, or in vain.
    fn of(event: &Event<'_>, incident: &Key) -> Option<Self> {
        let signs = event.target.resource == "certificatesigningrequests" && event.code < 300;
        let writes = matches!(Deed::of(event), Deed::Create | Deed::Change);
        let user = match event.facts.body.as_deref() {
            Some(Body::Certificate(asked)) if !asked.common_name.is_empty() => Some(asked.common_name.as_str().into()),
            _ => None,
        };
        (signs && writes).then(|| Self { incident: incident.clone(), at: event.at, user })
    }

    /// Whether `event` is by the user it makes: the one whom its body names, else one with a certificate who was first
    /// seen at `since`, soon after.
    fn makes(&self, event: &Event<'_>, since: Timestamp) -> bool {
        let certified = event.credential.id.as_deref().is_some_and(|id| id.starts_with("X509SHA256="));
        let named = self.user.as_deref().map(|user| *user == *event.username);
        let is_user = named.unwrap_or(event.principal().kind() == PrincipalKind::User);
        certified && is_user && since >= self.at && since.since(self.at) <= HOLDER
    }
}

impl Triage {
    /// No incident yet; `notifications_a_day` for a person, critical ones not counted out.
    #[must_use]
    pub fn new(cluster: &str, notifications_a_day: usize) -> Self {
        Self {
            cluster: Text::new(cluster),
            open: Table::default(),
            timers: BTreeSet::new(),
            suspects: Table::default(),
            budget: Budget::new(notifications_a_day),
            now: Timestamp::default(),
            certificate: None,
            dropped: 0,
            dropped_lessons: 0,
            dropped_incidents: 0,
            told: Told::Whole(Vec::new()),
        }
    }

    /// From now on incidents are told as they grow, as [`Triage::notices`].
    pub fn go_live(&mut self) {
        self.told = Told::Live(Vec::new());
    }

    /// What there is to tell since the last time, in order.
    pub fn notices(&mut self) -> Vec<Notice> {
        match &mut self.told {
            Told::Live(notices) => std::mem::take(notices),
            Told::Whole(_) => Vec::new(),
        }
    }

    /// Time goes on: what is due is told, what is over is closed.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while self.timers.first().is_some_and(|(due, _)| *due < self.now) {
            let Some((_, key)) = self.timers.pop_first() else { return };
            let Some(draft) = self.open.get(&key) else { continue };
            if draft.is_over(self.now) {
                self.close(&key);
            } else {
                self.tell(&key, Activity::Updated);
            }
        }
    }

    /// Makes an alert of an event's signals and puts it into its incident, with what it would teach; none without a
    /// signal. `since` is when its principal was first seen.
    pub fn consider(
        &mut self,
        event: &Event<'_>,
        (seen, novel): (&Observation, Novel),
        signals: Vec<Signal>,
        (cluster, since): (&Cluster, Timestamp),
    ) -> Option<Considered> {
        if signals.is_empty() {
            return None;
        }
        let alert = alert(event, signals);
        let (risk, severity) = (alert.risk, Severity::of_risk(alert.risk));
        let out_of_place = alert.signals.iter().any(|s| OUT_OF_PLACE.contains(&s.detector));
        let key = self.home(event, cluster.issuer(event), since);
        self.make_room(&key);
        let draft = self.open.entry(key.clone()).or_insert_with(|| Draft::new(event));
        self.timers.remove(&(draft.due(), key.clone()));
        draft.add(alert, seen);
        if risk >= QUARANTINED {
            draft.lessons.collect(event, (seen, novel), cluster, risk);
        }
        let total = draft.severity();
        if !draft.notifies {
            draft.notifies = self.budget.allows(draft.told(), total, draft.first);
        }
        let notifying = total >= Severity::Medium && risk >= QUARANTINED;
        let quarantine = notifying || severity >= Severity::Medium;
        match draft.told() {
            None => self.tell(&key, Activity::Opened),
            Some(before) if total > before => self.tell(&key, Activity::Updated),
            Some(_) => self.set_timer(&key),
        }
        if let Some(certificate) = Certificate::of(event, &key).filter(|_| quarantine) {
            self.certificate = Some(certificate);
        }
        if let (true, true, Some(ip)) = (quarantine, out_of_place, event.source_ip) {
            self.suspect(ip, key);
        }
        Some(Considered { severity, quarantine })
    }

    /// The incident that an event belongs to: its principal's own if there is one, else that of whoever issued its
    /// token or certificate, else that of the address it comes from, if those are under suspicion.
    fn home(&self, event: &Event<'_>, issuer: Option<&str>, since: Timestamp) -> Key {
        let nobody = event.principal().kind() == PrincipalKind::Anonymous;
        let own = (Box::from(&*event.username), event.source_ip.filter(|_| nobody));
        if self.open.contains_key(&own) {
            return own;
        }
        let issuers = issuer.map(|name| (Box::from(name), None));
        let neighbours = event.source_ip.and_then(|ip| self.suspects.get(&ip).cloned());
        let certificate = self.certificate.as_ref().filter(|certificate| certificate.makes(event, since));
        let certifiers = certificate.map(|certificate| certificate.incident.clone());
        issuers.into_iter().chain(certifiers).chain(neighbours).find(|key| self.is_notifying(key)).unwrap_or(own)
    }

    fn is_notifying(&self, key: &Key) -> bool {
        self.open.get(key).is_some_and(|draft| draft.severity() >= Severity::Medium)
    }

    fn suspect(&mut self, ip: IpAddr, key: Key) {
        if self.suspects.len() >= MAX_OPEN {
            self.suspects.clear();
        }
        self.suspects.insert(ip, key);
    }

    /// Closes the sixteenth that was quiet longest if there are too many for one more, of `key`: the search for it is
    /// paid for rarely.
    fn make_room(&mut self, key: &Key) {
        if self.open.len() < MAX_OPEN || self.open.contains_key(key) {
            return;
        }
        let mut quiet: Vec<(Timestamp, Key)> = self.open.iter().map(|(key, draft)| (draft.last, key.clone())).collect();
        quiet.sort_unstable();
        quiet.iter().take(MAX_OPEN.div_ceil(16)).for_each(|(_, key)| self.close(key));
    }

    fn set_timer(&mut self, key: &Key) {
        if let Some(draft) = self.open.get(key) {
            self.timers.insert((draft.due(), key.clone()));
        }
    }

    /// Tells an open incident as it stands, if anybody listens.
    fn tell(&mut self, key: &Key, activity: Activity) {
        if let Some(draft) = self.open.get_mut(key) {
            if let Told::Live(notices) = &mut self.told {
                let incident = draft.incident(&self.cluster, key);
                notices.push(Notice { incident, activity, before: draft.told() });
            }
            draft.tell(self.now);
        }
        self.set_timer(key);
    }

    fn close(&mut self, key: &Key) {
        let Some(draft) = self.open.remove(key) else { return };
        self.timers.remove(&(draft.due(), key.clone()));
        self.dropped += draft.dropped;
        self.dropped_lessons += draft.lessons.dropped;
        let (incident, before) = (draft.incident(&self.cluster, key), draft.told());
        match &mut self.told {
            Told::Whole(incidents) => {
                incidents.push(incident);
                self.dropped_incidents += bound(incidents);
            }
            Told::Live(notices) => notices.push(Notice { incident, activity: Activity::Closed, before }),
        }
    }

    /// Alerts that had to leave full incidents.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Incidents that were not grave enough to be held until all is told.
    #[must_use]
    pub const fn dropped_incidents(&self) -> u64 {
        self.dropped_incidents
    }

    /// Lessons that found no room in incidents that are closed.
    #[must_use]
    pub const fn dropped_lessons(&self) -> u64 {
        self.dropped_lessons
    }

    /// Tells every update that is not due yet, in order of the incidents' first alerts: reading ends here, for now.
    pub fn flush(&mut self) {
        let mut news: Vec<(Timestamp, Key)> = self
            .open
            .iter()
            .filter(|(_, draft)| draft.has_news())
            .map(|(key, draft)| (draft.first, key.clone()))
            .collect();
        news.sort_unstable();
        for (_, key) in news {
            if let Some(draft) = self.open.get(&key) {
                self.timers.remove(&(draft.due(), key.clone()));
            }
            self.tell(&key, Activity::Updated);
        }
    }

    /// Closes every incident. Unless they were told as they grew, all are handed over, in order of their first alert.
    pub fn finish(&mut self) -> Vec<Incident> {
        let mut keys: Vec<(Timestamp, Key)> = self.open.iter().map(|(key, draft)| (draft.first, key.clone())).collect();
        keys.sort_unstable();
        keys.iter().for_each(|(_, key)| self.close(key));
        let Told::Whole(incidents) = &mut self.told else { return Vec::new() };
        let mut all = std::mem::take(incidents);
        all.sort_by(Incident::by_beginning);
        all
    }
}

/// Once twice as many are held as may be, the graver half stays; returns how many had to leave.
fn bound(incidents: &mut Vec<Incident>) -> u64 {
    if incidents.len() < 2 * MAX_HELD {
        return 0;
    }
    incidents.sort_by(|a, b| (b.risk, a.first, a.id).cmp(&(a.risk, b.first, b.id)));
    (incidents.drain(MAX_HELD..).count()) as u64
}

#[cfg(test)]
mod tests;
