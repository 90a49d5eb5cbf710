//! What others do: how many accounts know a value, how many of those like this one, and how many began only now.
//!
//! Touched only when an account learns something new, which is rare.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;

use super::facet::hash;
use super::map::Baselines;
use super::{FORGET_AFTER, Facet};
use crate::alert::Peers;
use crate::event::{Principal, Span, Timestamp};

/// The most values that are counted, each once for the cluster and once for each pool; past it new ones are not, and
/// are reported.
const MAX_VALUES: usize = 2_000_000;

/// How close together accounts must begin something for it to be one change in the cluster.
const WAVE: Span = Span::hours(1);

/// Accounts that must begin the same thing within [`WAVE`] for it to be a change in the cluster, not in one account.
const WAVE_ACCOUNTS: u32 = 3;

/// Who is compared with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool<'a> {
    /// Every principal.
    Cluster,
    /// Every kubelet.
    Nodes,
    /// Service accounts of one name, in whatever namespace.
    Named(&'a str),
}

const NAMED: &str = "service accounts named ";

impl<'a> Pool<'a> {
    /// Those like this one; people are like nobody.
    #[must_use]
    pub const fn of(principal: Principal<'a>) -> Option<Self> {
        match principal {
            Principal::ServiceAccount { name, .. } => Some(Self::Named(name)),
            Principal::Node(_) => Some(Self::Nodes),
            Principal::User(_) | Principal::Anonymous => None,
        }
    }

    /// The pool that is shown as `text`.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        match text {
            "everybody" => Some(Self::Cluster),
            "nodes" => Some(Self::Nodes),
            _ => text.strip_prefix(NAMED).map(Self::Named),
        }
    }

    /// Its key among the numbers of members.
    #[must_use]
    pub fn key(self) -> u64 {
        hash(|h| self.hash(h))
    }
}

impl fmt::Display for Pool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("everybody"),
            Self::Nodes => f.write_str("nodes"),
            Self::Named(name) => write!(f, "{NAMED}{name}"),
        }
    }
}

/// How a value spread through the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Accounts that know it.
    pub accounts: u32,
    /// When the current wave began.
    pub wave: Timestamp,
    /// How many began in it.
    pub in_wave: u32,
}

/// By the hash of a pool, or by the [`key`] of a value in a pool.
type Table<T> = HashMap<u64, T, foldhash::fast::FixedState>;

/// How widely each value is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerValues {
    /// How each value spread through the cluster.
    pub adoptions: Table<Adoption>,
    /// How many of one's own pool know a value. Apart from `adoptions`: there are many more of them.
    pub known: Table<u32>,
    /// How many are in each pool.
    pub members: Table<u32>,
    /// Values that could not be counted because the tables were full.
    pub overflow: u64,
}

impl PeerValues {
    /// A principal was seen for the first time.
    pub fn join(&mut self, principal: Principal<'_>) {
        for pool in pools(principal) {
            *self.members.entry(pool.key()).or_default() += 1;
        }
    }

    /// A principal learnt a new value; `began` is when, unless in a declared period: what that shows is how things are,
    /// not how they change.
    pub fn learn(&mut self, principal: Principal<'_>, facet: Facet, value: u64, began: Option<Timestamp>) {
        self.adopt(key(Pool::Cluster, facet, value), began);
        let Some(pool) = Pool::of(principal) else { return };
        let full = self.is_full();
        match self.known.entry(key(pool, facet, value)) {
            Entry::Vacant(_) if full => self.overflow += 1,
            entry => *entry.or_default() += 1,
        }
    }

    /// A value is no longer normal for a principal.
    pub fn forget(&mut self, principal: Principal<'_>, facet: Facet, value: u64) {
        let own = Pool::of(principal).map(|pool| self.known.entry(key(pool, facet, value)));
        if let Some(Entry::Occupied(mut known)) = own {
            *known.get_mut() = known.get().saturating_sub(1);
            if *known.get() == 0 {
                known.remove();
            }
        }
        if let Entry::Occupied(mut adoption) = self.adoptions.entry(key(Pool::Cluster, facet, value)) {
            adoption.get_mut().accounts = adoption.get().accounts.saturating_sub(1);
            if adoption.get().accounts == 0 {
                adoption.remove();
            }
        }
    }

    /// Counts anew: whoever was silent for as long as a value is remembered counts no longer, nor what was forgotten or
    /// had to leave.
    pub fn recount(&mut self, baselines: &Baselines, at: Timestamp) {
        let is_remembered = |last: Timestamp| at.since(last) <= FORGET_AFTER;
        let before = std::mem::take(&mut self.adoptions);
        (self.known, self.members) = (Table::default(), Table::default());
        for username in baselines.usernames() {
            baselines.peek(&username, |baseline| {
                if baseline.requests() == 0 || !is_remembered(baseline.seen().1) {
                    return;
                }
                let principal = Principal::parse(&username);
                self.join(principal);
                for (facet, entry) in baseline.entries().filter(|(_, e)| !e.is_quarantined() && is_remembered(e.last()))
                {
                    self.learn(principal, facet, entry.hash(), None);
                }
            });
        }
        for (key, adoption) in &mut self.adoptions {
            let wave = before.get(key).copied().unwrap_or_default();
            (adoption.wave, adoption.in_wave) = (wave.wave, wave.in_wave);
        }
    }

    fn adopt(&mut self, key: u64, began: Option<Timestamp>) {
        let full = self.is_full();
        let adoption = match self.adoptions.entry(key) {
            Entry::Vacant(_) if full => {
                self.overflow += 1;
                return;
            }
            entry => entry.or_default(),
        };
        adoption.accounts += 1;
        let Some(at) = began else { return };
        if at.since(adoption.wave) > WAVE {
            (adoption.wave, adoption.in_wave) = (at, 0);
        }
        adoption.in_wave += 1;
    }

    fn is_full(&self) -> bool {
        self.adoptions.len() + self.known.len() >= MAX_VALUES
    }

    /// How many of those like `principal` know the value; none if nobody is like it.
    #[must_use]
    pub fn like(&self, principal: Principal<'_>, facet: Facet, value: u64) -> Option<Peers> {
        let pool = Pool::of(principal)?;
        let others = self.members(pool).saturating_sub(1);
        let doing = self.known.get(&key(pool, facet, value)).map_or(0, |&n| n.min(others));
        (others > 0).then_some(Peers { doing, of: others })
    }

    /// How many of all principals know the value.
    #[must_use]
    pub fn in_cluster(&self, facet: Facet, value: u64) -> Peers {
        let doing = self.adoption(facet, value).accounts;
        Peers { doing, of: self.members(Pool::Cluster) }
    }

    /// Whether several accounts have begun this together: an upgrade, a new resource, a new namespace.
    #[must_use]
    pub fn is_wave(&self, facet: Facet, value: u64, at: Timestamp) -> bool {
        let adoption = self.adoption(facet, value);
        adoption.in_wave >= WAVE_ACCOUNTS && at.since(adoption.wave) <= WAVE
    }

    fn members(&self, pool: Pool<'_>) -> u32 {
        self.members.get(&pool.key()).copied().unwrap_or(0)
    }

    fn adoption(&self, facet: Facet, value: u64) -> Adoption {
        self.adoptions.get(&key(Pool::Cluster, facet, value)).copied().unwrap_or_default()
    }
}

/// The key of a value among those that the members of a pool know.
#[must_use]
pub fn key(pool: Pool<'_>, facet: Facet, value: u64) -> u64 {
    hash(|h| (pool, facet, value).hash(h))
}

/// The pools a principal belongs to: everybody's, and its own kind's.
fn pools(principal: Principal<'_>) -> impl Iterator<Item = Pool<'_>> {
    [Some(Pool::Cluster), Pool::of(principal)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Learning, Observation};
    use crate::sample::{START, event};

    const APP: [Principal<'static>; 4] = [
        Principal::ServiceAccount { namespace: "a", name: "app" },
        Principal::ServiceAccount { namespace: "b", name: "app" },
        Principal::ServiceAccount { namespace: "c", name: "other" },
        Principal::User("alice"),
    ];

    #[test]
    fn accounts_of_one_name_are_peers_and_people_have_none() {
        let mut peers = PeerValues::default();
        APP.iter().for_each(|&p| peers.join(p));
        peers.learn(APP[0], Facet::Action, 7, Some(START));
        assert_eq!(peers.like(APP[1], Facet::Action, 7), Some(Peers { doing: 1, of: 1 }));
        assert_eq!(peers.like(APP[2], Facet::Action, 7), None);
        assert_eq!(peers.like(APP[3], Facet::Action, 7), None);
        assert_eq!(peers.in_cluster(Facet::Action, 7), Peers { doing: 1, of: 4 });
    }

    #[test]
    fn who_was_silent_for_long_is_no_peer_any_more_nor_is_what_had_to_leave() {
        let (baselines, mut peers) = (Baselines::new(9), PeerValues::default());
        let later = Timestamp(START.0 + Span::days(100).0);
        for (username, at) in [("system:serviceaccount:a:app", START), ("system:serviceaccount:b:app", later)] {
            baselines.with(username, at, |baseline| {
                let seen = Observation::of(&event());
                baseline.touch(&seen, at, false);
                let learning = Learning { quarantine: false, declared: false };
                seen.iter().for_each(|value| _ = baseline.learn(value, at, learning, || baselines.intern("x")));
            });
        }
        APP.iter().for_each(|&p| peers.join(p));
        peers.learn(APP[0], Facet::Action, 7, Some(START));
        peers.recount(&baselines, later);
        let action = Observation::of(&event()).value(Facet::Action).unwrap();
        assert_eq!(peers.in_cluster(Facet::Action, action), Peers { doing: 1, of: 1 });
        assert_eq!(peers.in_cluster(Facet::Action, 7), Peers { doing: 0, of: 1 });
        assert_eq!(peers.like(APP[1], Facet::Action, action), None);
    }

    #[test]
    fn three_accounts_within_an_hour_are_a_wave() {
        let mut peers = PeerValues::default();
        let at = |minutes| Timestamp(START.0 + Span::minutes(minutes).0);
        peers.learn(APP[0], Facet::Namespace, 9, Some(at(0)));
        peers.learn(APP[2], Facet::Namespace, 9, Some(at(20)));
        assert!(!peers.is_wave(Facet::Namespace, 9, at(21)));
        peers.learn(APP[3], Facet::Namespace, 9, Some(at(40)));
        assert!(peers.is_wave(Facet::Namespace, 9, at(41)));
        assert!(!peers.is_wave(Facet::Namespace, 9, at(61)));
    }
}
