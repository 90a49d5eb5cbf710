//! All that is known of credentials as plain records, in an order of their own.

use std::net::IpAddr;

use super::{Credentials, Habit, Kind, Life, Tenant};
use crate::event::Timestamp;

/// What is kept of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Lives, by id.
    pub lives: Vec<Life>,
    /// How many credentials of each kind came from a second address.
    pub sharing: Vec<(Kind, Habit)>,
    /// The same of each account, by its [`key`](super::key).
    pub sharing_of_accounts: Vec<(u64, Habit)>,
    /// How many tokens of each kind were used that nobody was seen to issue.
    pub unissued: Vec<(Kind, Habit)>,
    /// How many addresses passed to a pod on another node.
    pub moves: Habit,
    /// Who was last seen at an address.
    pub tenants: Vec<(IpAddr, Tenant)>,
    /// The credential that came last to an address, by its [`key`](super::key).
    pub callers: Vec<(IpAddr, u64)>,
    /// When the first credential was learnt.
    pub first: Option<Timestamp>,
    /// How many had to leave.
    pub evicted: u64,
}

impl Credentials {
    /// What is to be kept.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut lives: Vec<Life> = self.lives.iter().cloned().collect();
        lives.sort_unstable_by(|a, b| (&a.id, a.key).cmp(&(&b.id, b.key)));
        Snapshot {
            lives,
            sharing: sorted(self.habits.iter().map(|(&kind, &habit)| (kind, habit))),
            sharing_of_accounts: sorted(self.accounts.iter().map(|(&account, &habit)| (account, habit))),
            unissued: sorted(self.issues.iter().map(|(&kind, &habit)| (kind, habit))),
            moves: self.moves,
            tenants: sorted(self.tenants.iter().map(|(&ip, tenant)| (ip, tenant.clone()))),
            callers: sorted(self.callers.iter().map(|(&ip, &id)| (ip, id))),
            first: self.first,
            evicted: self.evicted,
        }
    }

    /// What `kept` was taken of, which from now on holds `capacity`.
    #[must_use]
    pub fn restore(capacity: usize, kept: Snapshot) -> Self {
        let mut credentials = Self {
            habits: kept.sharing.into_iter().collect(),
            accounts: kept.sharing_of_accounts.into_iter().collect(),
            issues: kept.unissued.into_iter().collect(),
            moves: kept.moves,
            tenants: kept.tenants.into_iter().collect(),
            callers: kept.callers.into_iter().collect(),
            first: kept.first,
            evicted: kept.evicted,
            ..Self::new(capacity)
        };
        for life in kept.lives {
            let key = life.key;
            credentials.lives.entry(key, |l| l.key == key, |l| l.key).insert(life);
        }
        credentials
    }
}

fn sorted<K: Ord + Copy, V>(pairs: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut all: Vec<(K, V)> = pairs.collect();
    all.sort_unstable_by_key(|&(key, _)| key);
    all
}
