//! What each sink still has to take: on disk, in order, bounded.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::incidents::Told;
use super::{Store, StoreError, decoded, encoded, there};
use crate::alert::{Activity, Incident, Notice, Severity};
use crate::event::Timestamp;

/// By sink and number.
const OUTBOX: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("outbox");

/// The number of each sink's next notice. None is used twice: that something was delivered may be said again, after a
/// disk that failed, and must not be true of something else by then.
const NEXT: TableDefinition<'_, &str, u64> = TableDefinition::new("outbox next");

/// What a sink is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The sink's name.
    pub sink: String,
    /// The mildest incident.
    pub least: Severity,
    /// Whether of those too that the day's budget keeps from people.
    pub held_back: bool,
    /// Notices that may wait; later ones are dropped, and counted.
    pub capacity: u64,
}

impl Route {
    /// What a notice is to the sink; none if it is not told.
    fn activity(&self, notice: &Notice) -> Option<Activity> {
        let wanted = notice.incident.notifies || self.held_back;
        notice.activity_from(self.least).filter(|_| wanted)
    }
}

/// One thing that a sink is to take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    /// The whole of the incident by then.
    pub incident: Incident,
    /// What became of it, to this sink.
    pub activity: Activity,
    /// When the record came that made it.
    pub arrived: Timestamp,
}

impl Store {
    /// Notices that wait, by sink.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<String, u64> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().map(|(sink, n)| (sink.clone(), u64::try_from(*n).unwrap_or(0))).collect()
    }

    pub(super) fn count_waiting(&self) -> Result<(), StoreError> {
        let mut waiting: BTreeMap<String, i64> = BTreeMap::new();
        self.read(|tx| {
            let Some(table) = there(tx.open_table(OUTBOX))? else { return Ok(()) };
            for row in table.iter()? {
                *waiting.entry(row?.0.value().0.to_owned()).or_default() += 1;
            }
            Ok(())
        })?;
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
        Ok(())
    }

    /// Counts what was put into outboxes, or taken out of them.
    pub(super) fn count(&self, changes: impl IntoIterator<Item = (String, i64)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (sink, change) in changes {
            *waiting.entry(sink).or_default() += change;
        }
    }

    /// The next `most` things that a sink is to take, with their numbers.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn outbox(&self, sink: &str, most: usize) -> Result<Vec<(u64, Outbox)>, StoreError> {
        self.read(|tx| {
            let Some(table) = there(tx.open_table(OUTBOX))? else { return Ok(Vec::new()) };
            let rows = table.range((sink, 0)..=(sink, u64::MAX))?.take(most);
            rows.map(|row| {
                let (key, value) = row?;
                Ok((key.value().1, decoded(value.value())?))
            })
            .collect()
        })
    }

    /// A sink has taken everything up to and including this number.
    ///
    /// # Errors
    ///
    /// If the disk fails: it will be told again.
    pub fn delivered(&self, sink: &str, through: u64) -> Result<(), StoreError> {
        let mut taken = 0;
        self.write(|tx| {
            tx.open_table(OUTBOX)?.retain_in((sink, 0)..=(sink, through), |_, _| {
                taken += 1;
                false
            })?;
            Ok(())
        })?;
        self.count([(sink.to_owned(), -taken)]);
        Ok(())
    }
}

/// Notices put into outboxes, by sink.
type Added = BTreeMap<String, i64>;

/// Notices that found no room, by sink.
type Dropped = BTreeMap<String, u64>;

/// Puts notices into the outboxes of those who are to be told, of which so many are `waiting`. Returns how many were put
/// into each, and how many found no room.
pub(super) fn fill(
    tx: &WriteTransaction,
    told: &[Told<'_>],
    routes: &[Route],
    waiting: BTreeMap<String, u64>,
) -> Result<(Added, Dropped), StoreError> {
    let (mut added, mut dropped) = (Added::new(), Dropped::new());
    let told: Vec<&Told<'_>> = told.iter().filter(|told| !told.suppressed).collect();
    if told.is_empty() {
        return Ok((added, dropped));
    }
    let (mut table, mut numbers) = (tx.open_table(OUTBOX)?, tx.open_table(NEXT)?);
    for route in routes {
        let sink = route.sink.as_str();
        let mut next = numbers.get(sink)?.map_or(0, |next| next.value());
        let mut room = route.capacity.saturating_sub(waiting.get(sink).copied().unwrap_or(0));
        let added: &mut i64 = added.entry(route.sink.clone()).or_default();
        for Told { notice, arrived, .. } in &told {
            let Some(activity) = route.activity(notice) else { continue };
            if room == 0 {
                *dropped.entry(route.sink.clone()).or_default() += 1;
                continue;
            }
            table.insert(
                (sink, next),
                &*encoded(&Outbox { incident: notice.incident.clone(), activity, arrived: *arrived }),
            )?;
            (next, room, *added) = (next + 1, room - 1, *added + 1);
        }
        numbers.insert(sink, next)?;
    }
    Ok((added, dropped))
}
