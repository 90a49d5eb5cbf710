//! Incidents as they were last told, and what people did with them.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use uuid::Uuid;

use super::record::Record;
use super::suppressions::{self, Suppression};
use super::{Store, StoreError, decoded, encoded, there};
use crate::alert::Notice;
use crate::event::Timestamp;

/// By id.
const INCIDENT: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("incident");

/// Every incident by the time of its first alert, in microseconds, and its id.
const BY_TIME: TableDefinition<'_, (i64, u128), ()> = TableDefinition::new("incident by time");

/// Incidents that are kept, at most; the oldest leave.
const MAX_INCIDENTS: u64 = 100_000;

/// A notice, and the suppression that keeps it from sinks.
pub(super) struct Told<'n> {
    pub(super) notice: &'n Notice,
    pub(super) arrived: Timestamp,
    pub(super) suppressed: bool,
}

impl Store {
    /// One incident.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn incident(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        self.read(|tx| {
            let Some(table) = there(tx.open_table(INCIDENT))? else { return Ok(None) };
            table.get(id.as_u128())?.map(|record| decoded(record.value())).transpose()
        })
    }

    /// The `most` latest incidents that `matches`, the latest first.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn incidents(&self, most: usize, matches: impl Fn(&Record) -> bool) -> Result<Vec<Record>, StoreError> {
        self.read(|tx| {
            let (Some(by_time), Some(table)) = (there(tx.open_table(BY_TIME))?, there(tx.open_table(INCIDENT))?) else {
                return Ok(Vec::new());
            };
            let mut found = Vec::new();
            for row in by_time.iter()?.rev() {
                let (_, id) = row?.0.value();
                let Some(record) = table.get(id)? else { continue };
                let record = decoded(record.value())?;
                if matches(&record) {
                    found.push(record);
                }
                if found.len() >= most {
                    break;
                }
            }
            Ok(found)
        })
    }

    /// Changes one incident's record; none if there is none.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn change(&self, id: Uuid, change: impl FnOnce(&mut Record)) -> Result<Option<Record>, StoreError> {
        self.write(|tx| {
            let mut table = tx.open_table(INCIDENT)?;
            let found = table.get(id.as_u128())?.map(|record| decoded::<Record>(record.value())).transpose()?;
            let Some(mut record) = found else { return Ok(None) };
            change(&mut record);
            table.insert(id.as_u128(), &*encoded(&record))?;
            Ok(Some(record))
        })
    }
}

/// Takes notices into the records of their incidents.
pub(super) fn record<'n>(
    tx: &WriteTransaction,
    notices: &'n [(Notice, Timestamp)],
) -> Result<Vec<Told<'n>>, StoreError> {
    if notices.is_empty() {
        return Ok(Vec::new());
    }
    let suppressions = suppressions::all(tx)?;
    let (mut table, mut by_time) = (tx.open_table(INCIDENT)?, tx.open_table(BY_TIME)?);
    let mut told = Vec::new();
    for (notice, arrived) in notices {
        let incident = &notice.incident;
        let id = incident.id.as_u128();
        let before = table.get(id)?.map(|record| decoded::<Record>(record.value())).transpose()?;
        if let Some(before) = &before {
            by_time.remove((before.incident.first.0, id))?;
        }
        let suppressed = suppressions.iter().find(|s| s.covers(incident)).map(|s: &Suppression| s.id.clone());
        let mut record = before.unwrap_or_else(|| Record::new(incident.clone(), notice.activity));
        (record.incident, record.activity) = (incident.clone(), notice.activity);
        record.suppressed.clone_from(&suppressed);
        table.insert(id, &*encoded(&record))?;
        by_time.insert((incident.first.0, id), ())?;
        told.push(Told { notice, arrived: *arrived, suppressed: suppressed.is_some() });
    }
    while by_time.len()? > MAX_INCIDENTS {
        let Some((_, oldest)) = by_time.pop_first()?.map(|(key, _)| key.value()) else { break };
        table.remove(oldest)?;
    }
    Ok(told)
}
