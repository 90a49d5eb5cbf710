//! What was judged since the last snapshot, in order.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::alert::{Feedback, Lesson};
use crate::event::Timestamp;

use super::{Store, StoreError, decoded, encoded, there};

/// By the number of the entry: a header that says how long it is and what follows.
const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");

/// One thing that was done to the engines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A batch was judged.
    Batch(Judged),
    /// Somebody said something.
    Word(Word),
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

/// What somebody said of what is normal in a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The cluster.
    pub cluster: String,
    /// What was said.
    pub said: Said,
}

/// What changes what is known, beside events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// An incident is benign or malicious.
    Teach {
        /// Which of the two.
        feedback: Feedback,
        /// What was new in it.
        lessons: Vec<Lesson>,
        /// When that was said.
        at: Timestamp,
    },
    /// What is known of a principal is to be forgotten.
    Forget {
        /// Its username.
        principal: String,
    },
}

impl Entry {
    /// Bytes that it takes, roughly.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.packed.len(),
            Self::Word(_) => 0,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let header = encoded(self);
        let length = u32::try_from(header.len()).expect("names and lessons are bounded").to_le_bytes();
        let packed = if let Self::Batch(batch) = self { &batch.packed[..] } else { &[] };
        [&length[..], &header, packed].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let cut = || StoreError::damaged(&"an entry of the journal is cut");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        let (header, packed) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        let mut entry = decoded(header)?;
        if let Self::Batch(batch) = &mut entry {
            batch.packed = packed.to_vec();
        }
        Ok(entry)
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
