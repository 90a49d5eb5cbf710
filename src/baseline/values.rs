//! The values of one baseline, in little more room than they take: there are many baselines, and most are small.

use super::entry::Entry;
use super::facet::Facet;

/// Entries in the order of their keys.
///
/// A hash table is as fast, but doubles when it is seven eighths full, and so is half empty too often.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Vec<Entry>);

impl Values {
    pub(super) fn find(&self, facet: Facet, hash: u64) -> Option<&Entry> {
        self.place(facet, hash).ok().map(|at| &self.0[at])
    }

    pub(super) fn find_mut(&mut self, facet: Facet, hash: u64) -> Option<&mut Entry> {
        self.place(facet, hash).ok().map(|at| &mut self.0[at])
    }

    /// Adds an entry, in place of one of the same value.
    pub(super) fn insert(&mut self, entry: Entry) {
        match self.place(entry.facet, entry.hash()) {
            Ok(at) => self.0[at] = entry,
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact((self.0.len() / 8).max(4));
                }
                self.0.insert(at, entry);
            }
        }
    }

    pub(super) fn remove(&mut self, facet: Facet, hash: u64) {
        if let Ok(at) = self.place(facet, hash) {
            self.0.remove(at);
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        self.0.retain_mut(keep);
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.0.iter()
    }

    /// Where an entry is, or would have to be. Hashes are spread evenly, so it is close to where its share of the range
    /// is: of forty, about three steps away, which a binary search takes six to find.
    fn place(&self, facet: Facet, hash: u64) -> Result<usize, usize> {
        let (entries, wanted) = (&self.0[..], key(facet, hash));
        let share = u128::from(wanted) * entries.len() as u128;
        #[expect(clippy::cast_possible_truncation, reason = "it is less than the number of entries")]
        let mut at = (share >> 64) as usize;
        let key_at = |at: usize| entries.get(at).map(|e| key(e.facet, e.hash()));
        while at > 0 && key_at(at - 1) >= Some(wanted) {
            at -= 1;
        }
        loop {
            match key_at(at) {
                Some(key) if key < wanted => at += 1,
                Some(key) if key == wanted => return Ok(at),
                _ => return Err(at),
            }
        }
    }
}

/// One number to compare: the same hash may be a value of several facets.
const fn key(facet: Facet, hash: u64) -> u64 {
    const { assert!(Facet::COUNT <= 16) };
    hash ^ (facet as u64) << 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Learning, Symbols};
    use crate::sample::START;

    fn entry(facet: Facet, hash: u64) -> Entry {
        let learning = Learning { quarantine: false, declared: false };
        Entry::new((facet, hash), Symbols::default().intern("x"), START, learning)
    }

    #[test]
    fn one_hash_may_be_a_value_of_several_facets() {
        let mut values = Values::default();
        values.insert(entry(Facet::ActionInNamespace, 7));
        assert!(values.find(Facet::Action, 7).is_none());
        values.insert(entry(Facet::Action, 7));
        values.remove(Facet::ActionInNamespace, 7);
        assert!(values.find(Facet::Action, 7).is_some() && values.find(Facet::ActionInNamespace, 7).is_none());
    }

    #[test]
    fn values_are_found_in_whatever_order_they_came_and_take_little_room() {
        let mut values = Values::default();
        let hashes = (0..1_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        hashes.clone().for_each(|hash| values.insert(entry(Facet::Source, hash)));
        assert!(hashes.into_iter().all(|hash| values.find(Facet::Source, hash).is_some_and(|e| e.hash() == hash)));
        assert!(values.0.capacity() < 1_130, "{}", values.0.capacity());
        assert_eq!(size_of::<Entry>(), 28);
    }
}
