//! The baselines of all principals of a cluster, in a concurrent map: the engine writes while readers look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;

use super::{Baseline, Symbol, Symbols};
use crate::event::Timestamp;

/// All baselines of one cluster, by username.
///
/// Reached by closure only: no guard of the map ever leaves it.
#[derive(Debug)]
pub struct Baselines {
    map: DashMap<Arc<str>, Baseline, foldhash::fast::RandomState>,
    symbols: RwLock<Symbols>,
    capacity: usize,
    evicted: AtomicU64,
}

impl Baselines {
    /// An empty map for at most `capacity` principals.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            map: DashMap::default(),
            symbols: RwLock::default(),
            capacity: capacity.max(1),
            evicted: AtomicU64::new(0),
        }
    }

    /// Lends the baseline of `username`, a new one if it has none yet.
    pub fn with<R>(&self, username: &str, at: Timestamp, f: impl FnOnce(&mut Baseline) -> R) -> R {
        if let Some(mut baseline) = self.map.get_mut(username) {
            return f(&mut baseline);
        }
        self.make_room();
        f(&mut self.map.entry(username.into()).or_insert_with(|| Baseline::new(at)))
    }

    /// Takes a baseline that was kept, in place of any that `username` has.
    pub fn insert(&self, username: &str, baseline: Baseline) {
        self.make_room();
        self.map.insert(username.into(), baseline);
    }

    /// Forgets the baseline of `username`; false if it has none.
    pub fn remove(&self, username: &str) -> bool {
        self.map.remove(username).is_some()
    }

    /// Lends the baseline of `username` for reading; none if it has none.
    pub fn peek<R>(&self, username: &str, f: impl FnOnce(&Baseline) -> R) -> Option<R> {
        self.map.get(username).map(|baseline| f(&baseline))
    }

    /// Every principal with a baseline, in order of their names.
    #[must_use]
    pub fn usernames(&self) -> Vec<Arc<str>> {
        let mut all: Vec<Arc<str>> = self.map.iter().map(|entry| entry.key().clone()).collect();
        all.sort_unstable();
        all
    }

    /// The number of `text` among the strings that baselines show.
    pub fn intern(&self, text: &str) -> Symbol {
        self.symbols.write().unwrap_or_else(PoisonError::into_inner).intern(text)
    }

    /// The strings of `symbols`.
    #[must_use]
    pub fn texts(&self, symbols: &[Symbol]) -> Vec<Box<str>> {
        let all = self.symbols.read().unwrap_or_else(PoisonError::into_inner);
        symbols.iter().map(|&s| all.text(s).into()).collect()
    }

    /// How many principals are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// How many principals had to leave because the map was full.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// How many values had to leave baselines because their facet was full.
    #[must_use]
    pub fn evicted_values(&self) -> u64 {
        self.map.iter().map(|baseline| baseline.evicted()).sum()
    }

    /// Counts principals that had to leave before this map was filled with what was kept of another.
    pub fn count_evicted(&self, n: u64) {
        self.evicted.fetch_add(n, Ordering::Relaxed);
    }

    /// Makes room in a full map: the sixteenth that has been silent longest leaves, so that the search for it is paid
    /// for rarely.
    fn make_room(&self) {
        if self.map.len() < self.capacity {
            return;
        }
        let mut silent: Vec<(Timestamp, Arc<str>)> =
            self.map.iter().map(|e| (e.value().seen().1, e.key().clone())).collect();
        let leaving = silent.len().div_ceil(16);
        silent.select_nth_unstable(leaving - 1);
        for (_, username) in silent.drain(..leaving) {
            self.map.remove(&username);
        }
        self.evicted.fetch_add(leaving as u64, Ordering::Relaxed);
    }
}
