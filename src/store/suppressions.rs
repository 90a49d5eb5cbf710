//! What sinks are not told for a while: with a reason, an owner and an end.

use glob::Pattern;
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, decoded, encoded, there};
use crate::alert::Incident;
use crate::event::{Span, Timestamp};
use crate::text::Text;

/// By id.
const SUPPRESSION: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("suppression");

/// How long a suppression may last at most: what was right in spring is looked at again in summer.
pub const LONGEST: Span = Span::days(90);

/// Suppressions that are kept, at most.
pub const MAX_SUPPRESSIONS: u64 = 1_000;

/// Incidents that sinks are not told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// Its name.
    pub id: String,
    /// Whose incidents: a username as the API server writes it, `*` for any text.
    pub principal: String,
    /// Only those in which nothing but this detector spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// Only those of this cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Why.
    pub reason: Text,
    /// Who answers for it.
    pub owner: Text,
    /// When it was made.
    pub since: Timestamp,
    /// Alerts after this are told again.
    pub until: Timestamp,
}

impl Suppression {
    /// Whether it keeps an incident from sinks.
    #[must_use]
    pub fn covers(&self, incident: &Incident) -> bool {
        let speaks_for = |principal: &Text| Pattern::new(&self.principal).is_ok_and(|p| p.matches(principal.as_str()));
        incident.last <= self.until
            && self.cluster.as_ref().is_none_or(|cluster| cluster == incident.cluster.as_str())
            && self.detector.as_ref().is_none_or(|detector| incident.detectors().iter().all(|d| d == detector))
            && speaks_for(&incident.principal)
            && incident.related.iter().all(speaks_for)
    }
}

impl Store {
    /// Every suppression, those that are over too, in order of their ids.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn suppressions(&self) -> Result<Vec<Suppression>, StoreError> {
        self.read(|tx| {
            let Some(table) = there(tx.open_table(SUPPRESSION))? else { return Ok(Vec::new()) };
            table.iter()?.map(|row| decoded(row?.1.value())).collect()
        })
    }

    /// Takes a suppression in; false if there are too many.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn suppress(&self, suppression: &Suppression) -> Result<bool, StoreError> {
        self.write(|tx| {
            let mut table = tx.open_table(SUPPRESSION)?;
            if table.len()? >= MAX_SUPPRESSIONS {
                return Ok(false);
            }
            table.insert(suppression.id.as_str(), &*encoded(suppression))?;
            Ok(true)
        })
    }

    /// Takes a suppression out; false if there is none of this id.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn unsuppress(&self, id: &str) -> Result<bool, StoreError> {
        self.write(|tx| Ok(tx.open_table(SUPPRESSION)?.remove(id)?.is_some()))
    }
}

pub(super) fn all(tx: &WriteTransaction) -> Result<Vec<Suppression>, StoreError> {
    tx.open_table(SUPPRESSION)?.iter()?.map(|row| decoded(row?.1.value())).collect()
}
