//! Names for hashes. The core compares hashes and keeps no text twice; a file that a person reads has names instead,
//! wherever an account that is still known has them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::baseline::Facet;
use crate::baseline::peers::{self, Pool};
use crate::burst::key_of_address;
use crate::credential;
use crate::engine::Learned;
use crate::event::{Principal, PrincipalKind};

/// The names that the accounts of a cluster have for what they know.
pub(crate) struct Names {
    accounts: HashMap<u64, Arc<str>>,
    values: HashMap<(Facet, u64), Box<str>>,
    /// Where nobody in particular came from, by the keys of their windows.
    addresses: HashMap<u64, IpAddr>,
    pools: HashMap<u64, Arc<str>>,
    /// Values in the whole cluster, and in the pools of those alike.
    adoptions: HashMap<u64, (Facet, u64)>,
    known: HashMap<u64, (Arc<str>, Facet, u64)>,
}

impl Names {
    pub(crate) fn of(learned: &Learned) -> Self {
        let everybody = Pool::Cluster;
        let mut names = Self {
            accounts: HashMap::new(),
            values: HashMap::new(),
            addresses: HashMap::new(),
            pools: HashMap::from([(everybody.key(), everybody.to_string().into())]),
            adoptions: HashMap::new(),
            known: HashMap::new(),
        };
        for username in learned.baselines.usernames() {
            names.accounts.insert(credential::key(&username), Arc::clone(&username));
            names.add_values(learned, &username);
        }
        names.adoptions = names.values.keys().map(|&(f, hash)| (peers::key(everybody, f, hash), (f, hash))).collect();
        names
    }

    /// Only what stands for its hash is a name.
    fn add_values(&mut self, learned: &Learned, username: &str) {
        let principal = Principal::parse(username);
        let pool = Pool::of(principal).map(|pool| (pool, self.pool_named(pool)));
        let entries = learned.baselines.peek(username, |b| b.entries().map(|(f, e)| (f, e.hash(), e.symbol)).collect());
        let entries: Vec<_> = entries.unwrap_or_default();
        let symbols: Vec<_> = entries.iter().map(|&(.., symbol)| symbol).collect();
        for ((facet, hash, _), text) in entries.into_iter().zip(learned.baselines.texts(&symbols)) {
            if facet.parse(&text) != Some(hash) {
                continue;
            }
            if let Some((pool, name)) = &pool {
                self.known.insert(peers::key(*pool, facet, hash), (Arc::clone(name), facet, hash));
            }
            if let (PrincipalKind::Anonymous, Facet::Source, Ok(ip)) = (principal.kind(), facet, text.parse()) {
                self.addresses.insert(key_of_address(Some(ip)), ip);
            }
            self.values.insert((facet, hash), text);
        }
    }

    fn pool_named(&mut self, pool: Pool<'_>) -> Arc<str> {
        Arc::clone(self.pools.entry(pool.key()).or_insert_with(|| pool.to_string().into()))
    }

    /// The account with this [`credential::key`].
    pub(crate) fn account(&self, key: u64) -> Option<&str> {
        self.accounts.get(&key).map(|name| &**name)
    }

    /// The value of a facet.
    pub(crate) fn value(&self, facet: Facet, hash: u64) -> Option<&str> {
        self.values.get(&(facet, hash)).map(|text| &**text)
    }

    pub(super) fn address(&self, key: u64) -> Option<IpAddr> {
        self.addresses.get(&key).copied()
    }

    pub(super) fn pool(&self, key: u64) -> Option<&str> {
        self.pools.get(&key).map(|name| &**name)
    }

    /// Facet and value.
    pub(super) fn adoption(&self, key: u64) -> Option<(Facet, &str)> {
        let &(facet, hash) = self.adoptions.get(&key)?;
        Some((facet, self.value(facet, hash)?))
    }

    /// Pool, facet and value.
    pub(super) fn known(&self, key: u64) -> Option<(&str, Facet, &str)> {
        let (pool, facet, hash) = self.known.get(&key)?;
        Some((pool, *facet, self.value(*facet, *hash)?))
    }
}
