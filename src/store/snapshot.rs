//! All that engines know, whole: what the journal goes on from.

use redb::{ReadableTable, TableDefinition};

use super::{Store, StoreError, encoded, journal, there};
use crate::engine::Settings;
use crate::state::State;
use crate::triage;

/// By cluster and number of the part: a cluster's learned state and open incidents, each in parts.
const SNAPSHOT: TableDefinition<'_, (&str, &str, u32), &[u8]> = TableDefinition::new("snapshot");

/// What of a cluster stands in the table.
const LEARNED: &str = "learned";
const INCIDENTS: &str = "incidents";

/// The size of a part: a value is held in memory whole.
const PART: usize = 1 << 20;

/// What is known of one cluster, to be kept.
pub struct Known {
    /// Its name.
    pub cluster: String,
    /// What was learnt, as [`pack`](crate::state::pack) made it.
    pub learned: Vec<u8>,
    /// Incidents that may still grow.
    pub incidents: triage::Snapshot,
}

/// What was kept of one cluster.
pub struct Kept {
    /// What was learnt.
    pub state: State,
    /// Incidents that may still grow.
    pub incidents: triage::Snapshot,
}

impl Store {
    /// What was kept of every cluster.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn kept(&self, settings: &Settings) -> Result<Vec<Kept>, StoreError> {
        self.read(|tx| {
            let Some(table) = there(tx.open_table(SNAPSHOT))? else { return Ok(Vec::new()) };
            let mut parts: Vec<(String, String, Vec<u8>)> = Vec::new();
            for row in table.iter()? {
                let (key, part) = row?;
                let (cluster, what, _) = key.value();
                match parts.last_mut() {
                    Some((c, w, bytes)) if c == cluster && w == what => bytes.extend_from_slice(part.value()),
                    _ => parts.push((cluster.to_owned(), what.to_owned(), part.value().to_vec())),
                }
            }
            // of each cluster `incidents` stand before `learned`
            parts.chunks(2).map(|pair| kept(pair, settings)).collect()
        })
    }

    /// Keeps all that `clusters` know, in place of what was kept before and of the journal: everything in it must have
    /// been judged by them.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn keep(&self, clusters: &[Known]) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.delete_table(SNAPSHOT)?;
            let mut table = tx.open_table(SNAPSHOT)?;
            for Known { cluster, learned, incidents } in clusters {
                for (what, bytes) in [(LEARNED, learned), (INCIDENTS, &encoded(incidents))] {
                    for (n, part) in (0..).zip(bytes.chunks(PART)) {
                        table.insert((cluster.as_str(), what, n), part)?;
                    }
                }
            }
            journal::truncate(tx)
        })
    }

    /// Packed bytes in the journal.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn journal_bytes(&self) -> Result<u64, StoreError> {
        self.read(journal::size)
    }
}

/// The parts of one cluster, in the order of the table.
fn kept(parts: &[(String, String, Vec<u8>)], settings: &Settings) -> Result<Kept, StoreError> {
    match parts {
        [(_, first, incidents), (_, second, learned)] if first == INCIDENTS && second == LEARNED => Ok(Kept {
            state: State::unpack(learned, settings).map_err(StoreError::Damaged)?,
            incidents: super::decoded(incidents)?,
        }),
        _ => Err(StoreError::damaged(&"a snapshot is not whole")),
    }
}
