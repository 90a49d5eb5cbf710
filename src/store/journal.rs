//! What was judged since the last snapshot, in order.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, decoded, encoded, there};

/// By the number of the entry: a header that says how long it is and what follows.
const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");

/// One thing that was done to the engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A batch was judged.
    Batch(Judged),
}

/// A batch that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Its feed.
    pub feed: String,
    /// The cluster it is of.
    pub cluster: String,
    /// How many bytes its records are.
    pub bytes: usize,
    /// Its records, packed.
    #[serde(skip)]
    pub packed: Vec<u8>,
}

impl Entry {
    /// Bytes that it takes, roughly.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.packed.len(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let Self::Batch(batch) = self;
        let header = encoded(batch);
        let length = u32::try_from(header.len()).expect("names are short").to_le_bytes();
        [&length[..], &header, &batch.packed].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let cut = || StoreError::damaged(&"an entry of the journal is cut");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        let (header, packed) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        Ok(Self::Batch(Judged { packed: packed.to_vec(), ..decoded(header)? }))
    }
}

impl Store {
    /// Hands over every entry, oldest first; returns how many there were.
    ///
    /// # Errors
    ///
    /// If the store is damaged, the disk fails, or `each` cannot go on.
    pub fn journal(&self, mut each: impl FnMut(Entry) -> Result<(), StoreError>) -> Result<u64, StoreError> {
        self.read(|tx| {
            let Some(journal) = there(tx.open_table(JOURNAL))? else { return Ok(0) };
            for row in journal.iter()? {
                each(Entry::decode(row?.1.value())?)?;
            }
            Ok(journal.len()?)
        })
    }
}

pub(super) fn append(tx: &WriteTransaction, entries: &[Entry]) -> Result<(), StoreError> {
    let mut journal = tx.open_table(JOURNAL)?;
    let next = journal.last()?.map_or(0, |(n, _)| n.value() + 1);
    for (n, entry) in (next..).zip(entries) {
        journal.insert(n, &*entry.encode())?;
    }
    Ok(())
}

/// A snapshot holds all that was in it.
pub(super) fn truncate(tx: &WriteTransaction) -> Result<(), StoreError> {
    tx.delete_table(JOURNAL)?;
    Ok(())
}

/// Packed bytes in it.
pub(super) fn size(tx: &ReadTransaction) -> Result<u64, StoreError> {
    let Some(journal) = there(tx.open_table(JOURNAL))? else { return Ok(0) };
    Ok(journal.stats()?.stored_bytes())
}
