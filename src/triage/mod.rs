//! From signals to incidents: how risky an event is, what belongs together, what is a repeat.

mod draft;
pub mod risk;

use std::collections::HashMap;
use std::net::IpAddr;

use crate::alert::{Incident, Severity, Signal};
use crate::baseline::Observation;
use crate::event::{Body, Event, PrincipalKind, Span, Timestamp};
use crate::impact::Deed;
use crate::text::Text;
use draft::{Draft, alert};

/// How long an incident stays open after its last alert.
const OPEN_FOR: Span = Span::hours(24);

/// Incidents that are open at once; the one that was quiet longest is closed for a new one.
const MAX_OPEN: usize = 10_000;

/// Risk from which a part of a notifying incident is quarantined with it.
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

/// All incidents of one cluster.
#[derive(Debug)]
pub struct Triage {
    cluster: Text,
    open: HashMap<Key, Draft, foldhash::fast::FixedState>,
    /// Addresses from which an account was used that does not belong there, with the incident that this is part of.
    suspects: HashMap<IpAddr, Key, foldhash::fast::FixedState>,
    /// The certificate that was last asked for or approved in an incident.
    certificate: Option<Certificate>,
    closed: Vec<Incident>,
    dropped: u64,
    notifications_a_day: usize,
}

/// A certificate asked for or approved in an incident.
#[derive(Debug)]
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
            open: HashMap::default(),
            suspects: HashMap::default(),
            certificate: None,
            closed: Vec::new(),
            dropped: 0,
            notifications_a_day,
        }
    }

    /// Makes an alert of an event's signals and puts it into its incident; none without a signal. `issuer` is who asked
    /// for the event's token, `since` is when its principal was first seen.
    pub fn consider(
        &mut self,
        event: &Event<'_>,
        seen: &Observation,
        signals: Vec<Signal>,
        (issuer, since): (Option<&str>, Timestamp),
    ) -> Option<Considered> {
        if signals.is_empty() {
            return None;
        }
        let alert = alert(event, signals);
        let (risk, severity) = (alert.risk, Severity::of_risk(alert.risk));
        let out_of_place = alert.signals.iter().any(|s| OUT_OF_PLACE.contains(&s.detector));
        let key = self.home(event, issuer, since);
        self.make_room(&key, event);
        let draft = self.open.entry(key.clone()).or_insert_with(|| Draft::new(event));
        draft.add(alert, seen);
        let notifying = draft.severity() >= Severity::Medium && risk >= QUARANTINED;
        let quarantine = notifying || severity >= Severity::Medium;
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
        issuers.into_iter().chain(certifiers).chain(neighbours).find(|key| self.is_notifying(key, event)).unwrap_or(own)
    }

    fn is_notifying(&self, key: &Key, event: &Event<'_>) -> bool {
        let open = self.open.get(key).filter(|draft| event.at.since(draft.last) <= OPEN_FOR);
        open.is_some_and(|draft| draft.severity() >= Severity::Medium)
    }

    fn suspect(&mut self, ip: IpAddr, key: Key) {
        if self.suspects.len() >= MAX_OPEN {
            self.suspects.clear();
        }
        self.suspects.insert(ip, key);
    }

    /// Closes the incident of `key` if it was quiet for too long, and the quietest one if there are too many.
    fn make_room(&mut self, key: &Key, event: &Event<'_>) {
        if self.open.get(key).is_some_and(|draft| event.at.since(draft.last) > OPEN_FOR) {
            self.close(key);
        }
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(key) {
            let quiet = self.open.iter().min_by_key(|(key, draft)| (draft.last, *key)).map(|(key, _)| key.clone());
            quiet.into_iter().for_each(|key| self.close(&key));
        }
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
        self.budget(&mut all);
        all
    }

    /// Says which incidents notify: a day's first few, and whatever is critical. What is held back keeps its severity and
    /// is written all the same.
    fn budget(&self, incidents: &mut [Incident]) {
        let mut spent: HashMap<i64, usize> = HashMap::new();
        for incident in incidents.iter_mut().filter(|incident| incident.severity >= Severity::Medium) {
            let spent = spent.entry(incident.first.0.div_euclid(Span::days(1).0)).or_default();
            incident.notifies = *spent < self.notifications_a_day || incident.severity == Severity::Critical;
            *spent += usize::from(incident.notifies);
        }
    }

    fn close(&mut self, key: &Key) {
        if let Some(draft) = self.open.remove(key) {
            self.dropped += draft.dropped;
            self.closed.push(draft.into_incident(&self.cluster, key));
        }
    }
}
