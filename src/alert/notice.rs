//! What is to be told of an incident while it grows.

use super::{Incident, Severity};

/// What became of an incident: OCSF's activities of a finding, whose numbers are `activity_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Activity {
    /// It is told for the first time; in a replay, whole.
    #[default]
    Opened = 1,
    /// More was found of one that is known.
    Updated = 2,
    /// Nothing will be added to it.
    Closed = 3,
}

/// An incident as it stands, to be told to whoever listens.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Notice {
    /// The whole of it.
    pub incident: Incident,
    /// What became of it.
    pub activity: Activity,
    /// How bad it was when it was last told; none if it never was.
    pub before: Option<Severity>,
}

impl Notice {
    /// What this is to one who hears of incidents of `least` severity and above only; none if nothing.
    #[must_use]
    pub fn activity_from(&self, least: Severity) -> Option<Activity> {
        let is_known = self.before.is_some_and(|before| before >= least);
        (self.incident.severity >= least).then_some(if is_known { self.activity } else { Activity::Opened })
    }
}
