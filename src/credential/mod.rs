//! The life of a credential: who it was issued by, and who has used it since, from where.
//!
//! A token is taken by copying it: from then on it is used from two places. Whether that is unusual depends on the
//! cluster (NAT, proxies) and on the account (people roam), so what is unusual is learned from both.

mod end;
mod fade;
mod life;
mod snapshot;
mod teach;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU64;

use hashbrown::HashTable;

use crate::alert::Bits;
use crate::baseline::facet::{Shape, hash};
use crate::baseline::{Facet, Observation};
pub use end::Refusal;
pub use life::{Life, Use};
pub use snapshot::Snapshot;

use crate::event::{Event, PrincipalKind, Span, Timestamp};

/// How long a credential may be silent before its life may leave.
const FORGET_AFTER: Span = Span::days(7);

/// How long an address belongs to the pod that was last seen there.
const HOLD: Span = Span::minutes(5);

/// What kind of credential, as far as its habits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A token bound to a pod: it has one address, for life.
    PodBound,
    /// A token bound to no pod: external jobs, controllers.
    Bare,
    /// A kubelet's certificate: it has its node's address.
    NodeCertificate,
    /// Any other certificate: people and components.
    Certificate,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::PodBound, Self::Bare, Self::NodeCertificate, Self::Certificate];

    /// How it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodBound => "token bound to a pod",
            Self::Bare => "token bound to no pod",
            Self::NodeCertificate => "certificate of a node",
            Self::Certificate => "certificate",
        }
    }

    /// The kind of the credential behind `event`.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        match event.principal().kind() {
            PrincipalKind::ServiceAccount if Shape::of(event) == Shape::PodBound => Self::PodBound,
            PrincipalKind::ServiceAccount => Self::Bare,
            PrincipalKind::Node => Self::NodeCertificate,
            PrincipalKind::User | PrincipalKind::Anonymous => Self::Certificate,
        }
    }
}

/// How long a log must have been read for every token in it to have been issued within it: a kubelet asks for an hour
/// and seven seconds, and replaces a token at four fifths of that.
const COMPLETE_AFTER: Span = Span::minutes(75);

/// How often something is true of credentials of some group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habit {
    /// How many there were.
    pub credentials: u32,
    /// Of how many of them it was true.
    pub exceptions: u32,
}

impl Habit {
    /// How surprising it is of the next one.
    #[must_use]
    pub fn surprise(self) -> Bits {
        #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
        let probability = (self.exceptions as f32 + 0.5) / (self.credentials as f32 + 1.0);
        Bits(-probability.min(1.0).log2())
    }
}

/// The pod that was last seen at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The pod's name.
    pub pod: Box<str>,
    /// The pod's node.
    pub node: Box<str>,
    /// The [`key`] of the credential it used.
    pub credential: u64,
}

/// All credentials of a cluster.
#[derive(Debug)]
pub struct Credentials {
    lives: HashTable<Life>,
    habits: HashMap<Kind, Habit, foldhash::fast::RandomState>,
    accounts: HashMap<u64, Habit, foldhash::fast::RandomState>,
    tenants: HashMap<IpAddr, Tenant, foldhash::fast::RandomState>,
    /// The [`key`] of the credential that came last to an address.
    callers: HashMap<IpAddr, u64, foldhash::fast::RandomState>,
    moves: Habit,
    /// Tokens of each kind that came into use after [`COMPLETE_AFTER`], and how many of them nobody issued.
    issues: HashMap<Kind, Habit, foldhash::fast::FixedState>,
    first: Option<Timestamp>,
    capacity: usize,
    evicted: u64,
}

impl Credentials {
    /// None known yet; at most `capacity` credentials, accounts and addresses each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            lives: HashTable::new(),
            habits: HashMap::default(),
            accounts: HashMap::default(),
            tenants: HashMap::default(),
            callers: HashMap::default(),
            moves: Habit::default(),
            issues: HashMap::default(),
            first: None,
            capacity: capacity.max(1),
            evicted: 0,
        }
    }

    /// What is known of the credential with this id.
    #[must_use]
    pub fn life(&self, id: &str) -> Option<&Life> {
        self.by_key(key(id))
    }

    /// The pod that was last seen at `ip`.
    #[must_use]
    pub fn tenant(&self, ip: IpAddr) -> Option<&Tenant> {
        self.tenants.get(&ip)
    }

    /// Every life, in no order.
    pub fn lives(&self) -> impl Iterator<Item = &Life> {
        self.lives.iter()
    }

    /// How surprising it is that a credential like this one, of this account, comes from a second address.
    ///
    /// An account whose credentials do share addresses is judged by its own habit, any other by its kind's.
    #[must_use]
    pub fn surprise_of_sharing(&self, kind: Kind, username: &str) -> Bits {
        self.sharing(kind, key(username)).surprise()
    }

    /// How many credentials like one of this kind, of the account with this [`key`], there were, and how many of them
    /// came from a second address: of the account if any of its own did, else of the kind.
    #[must_use]
    pub fn sharing(&self, kind: Kind, account: u64) -> Habit {
        let own = self.accounts.get(&account).copied().unwrap_or_default();
        if own.exceptions > 0 { own } else { self.habit(kind) }
    }

    /// How many credentials of this kind there were, and how many of them came from a second address.
    #[must_use]
    pub fn habit(&self, kind: Kind) -> Habit {
        self.habits.get(&kind).copied().unwrap_or_default()
    }

    /// How many addresses came to a pod, and how many of them from a pod of another node.
    #[must_use]
    pub const fn moves(&self) -> Habit {
        self.moves
    }

    /// How surprising it is that nobody was seen to issue a token that is used for the first time; none if somebody was,
    /// or if it was used before, or if its issue may lie before the log.
    #[must_use]
    pub fn surprise_of_unissued(&self, kind: Kind, id: &str, at: Timestamp) -> Option<Bits> {
        let complete = self.first.is_some_and(|first| at.since(first) >= COMPLETE_AFTER);
        let known = self.life(id).is_some_and(|life| life.issued.is_some() || !life.uses.is_empty());
        (complete && !known).then(|| self.issues.get(&kind).copied().unwrap_or_default().surprise())
    }

    /// The pod that holds `ip` now, if its node is another than `node`.
    #[must_use]
    pub fn other_tenant(&self, ip: IpAddr, node: &str, at: Timestamp) -> Option<&Tenant> {
        let tenant = self.tenants.get(&ip).filter(|t| *t.node != *node)?;
        self.holds(tenant, at).then_some(tenant)
    }

    fn by_key(&self, id: u64) -> Option<&Life> {
        self.lives.find(id, |life| life.key == id)
    }

    fn holds(&self, tenant: &Tenant, at: Timestamp) -> bool {
        self.by_key(tenant.credential).is_some_and(|life| at.since(life.last) <= HOLD)
    }

    /// How surprising it is that an address passes to a pod on another node.
    #[must_use]
    pub fn surprise_of_moving(&self) -> Bits {
        self.moves.surprise()
    }

    /// Counts one use of a credential where, and with the client with which, it is normally used; false if it is not
    /// such a use. Without a credential id there is nothing to tell.
    pub fn touch(&mut self, event: &Event<'_>, seen: &Observation) -> bool {
        let Some(id) = event.credential.id.as_deref().map(key) else { return true };
        let Some(life) = self.lives.find_mut(id, |life| life.key == id) else { return false };
        let Some(known) = life.uses.iter_mut().find(|u| Some(u.ip) == event.source_ip && !u.quarantined) else {
            return event.source_ip.is_none();
        };
        life.last = life.last.max(event.at);
        known.see(event.at);
        !life.is_suspect
            && life.ended(event).is_none()
            && seen.value(Facet::Agent).is_none_or(|agent| life.clients.contains(&agent))
    }

    /// Learns a use that [`Credentials::touch`] did not know. A quarantined one makes neither address nor client
    /// normal, and one that an API server relayed says nothing of where a credential in use is.
    pub fn learn(&mut self, event: &Event<'_>, seen: &Observation, quarantine: bool, relayed: bool) {
        let (Some(id), Some(ip)) = (event.credential.id.as_deref(), event.source_ip) else { return };
        if !quarantine {
            self.learn_issue(event, key(id));
        }
        let life = self.life_mut(id);
        if life.uses.is_empty() {
            life.first = event.at;
            life.kind = Some(Kind::of(event));
            life.account = NonZeroU64::new(key(&event.username));
        }
        life.last = life.last.max(event.at);
        if let Some(client) = seen.value(Facet::Agent).filter(|_| !quarantine) {
            life.add_client(client);
        }
        let before = life.elsewhere(ip).len();
        let is_normal_now = match life.uses.iter_mut().find(|u| u.ip == ip) {
            Some(known) => known.quarantined && known.see(event.at),
            None if relayed && before > 0 => false,
            None => {
                life.add_use(Use::new(ip, event.at, quarantine));
                self.call(ip, key(id), event.at);
                !quarantine
            }
        };
        if is_normal_now {
            self.learn_address(event, key(id), ip, before);
        }
    }

    fn life_mut(&mut self, id: &str) -> &mut Life {
        let key = key(id);
        if self.lives.len() >= self.capacity && self.by_key(key).is_none() {
            self.evict();
        }
        self.lives.entry(key, |l| l.key == key, |l| l.key).or_insert_with(|| Life::new(id)).into_mut()
    }

    /// Learns whether a token that comes into use had been issued.
    fn learn_issue(&mut self, event: &Event<'_>, id: u64) {
        let first = *self.first.get_or_insert(event.at);
        let life = self.by_key(id);
        if event.at.since(first) < COMPLETE_AFTER || life.is_some_and(|life| !life.uses.is_empty()) {
            return;
        }
        let unissued = life.is_none_or(|life| life.issued.is_none());
        let habit = self.issues.entry(Kind::of(event)).or_default();
        habit.credentials += 1;
        habit.exceptions += u32::from(unissued);
    }

    /// Learns what a normal new address says of habits; `before` is how many the credential had.
    fn learn_address(&mut self, event: &Event<'_>, id: u64, ip: IpAddr, before: usize) {
        self.count_address(Kind::of(event), key(&event.username), before);
        self.settle(event, id, ip);
    }

    fn count_address(&mut self, kind: Kind, account: u64, before: usize) {
        let has_room = self.accounts.len() < self.capacity || self.accounts.contains_key(&account);
        let account = has_room.then(|| self.accounts.entry(account).or_default());
        for habit in [Some(self.habits.entry(kind).or_default()), account].into_iter().flatten() {
            habit.credentials += u32::from(before == 0);
            habit.exceptions += u32::from(before == 1);
        }
    }

    /// Notes which pod holds an address.
    fn settle(&mut self, event: &Event<'_>, id: u64, ip: IpAddr) {
        let (Some(pod), Some(node)) = (&event.credential.pod_name, &event.credential.node_name) else { return };
        if self.tenants.len() >= self.capacity {
            let lives = &self.lives;
            let holds = |t: &Tenant| lives.find(t.credential, |l| l.key == t.credential);
            self.tenants.retain(|_, t| holds(t).is_some_and(|l| event.at.since(l.last) <= HOLD));
            if self.tenants.len() >= self.capacity {
                return;
            }
        }
        self.moves.credentials += 1;
        let tenant = Tenant { pod: (&**pod).into(), node: (&**node).into(), credential: id };
        if let Some(old) = self.tenants.insert(ip, tenant) {
            self.moves.exceptions += u32::from(*old.node != **node);
        }
    }

    /// Learns that a request issued a token; `suspect` if the request came with an alert.
    pub fn issue(&mut self, event: &Event<'_>, suspect: bool) {
        let Some(id) = event.facts.issued_credential_id.as_deref() else { return };
        let life = self.life_mut(id);
        life.last = life.last.max(event.at);
        life.is_suspect |= suspect;
        life.issued.get_or_insert_with(|| ((&*event.username).into(), event.at));
        life.expires = life.expires.or_else(|| end::expiry(event));
    }

    /// Makes room: whatever has been silent for long leaves, else the sixteenth that has been silent longest.
    fn evict(&mut self) {
        let before = self.lives.len();
        let now = self.lives.iter().map(|l| l.last).max().unwrap_or_default();
        self.lives.retain(|life| now.since(life.last) < FORGET_AFTER);
        if self.lives.len() >= self.capacity {
            let mut last: Vec<Timestamp> = self.lives.iter().map(|l| l.last).collect();
            let leaving = last.len().div_ceil(16);
            let (_, &mut limit, _) = last.select_nth_unstable(leaving - 1);
            self.lives.retain(|life| life.last > limit);
        }
        self.evicted += (before - self.lives.len()) as u64;
    }

    /// How many credentials are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lives.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    /// How many had to leave because the table was full.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// The key of a credential by its id, and of an account by its username.
#[must_use]
pub fn key(text: &str) -> u64 {
    hash(|h| text.hash(h))
}

#[cfg(test)]
mod tests;
