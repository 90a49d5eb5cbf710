//! What is kept of an incident beside what was found: what people did with it.

use serde::{Deserialize, Serialize};

use crate::alert::{Activity, Incident};
use crate::event::Timestamp;
use crate::text::Text;

/// Steps of the trail of one incident, at most.
const MAX_TRAIL: usize = 64;

/// Where an incident stands with the people who look after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has said anything.
    #[default]
    New,
    /// Somebody looks at it.
    Acknowledged,
    /// It is nothing; what was seen is normal.
    Benign,
    /// It is an attack.
    Malicious,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::New, Self::Acknowledged, Self::Benign, Self::Malicious];

    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "acknowledged",
            Self::Benign => "benign",
            Self::Malicious => "malicious",
        }
    }
}

/// An incident as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was found, as it was last told.
    pub incident: Incident,
    /// Whether it may still grow.
    pub activity: Activity,
    /// Where it stands.
    #[serde(default)]
    pub status: Status,
    /// What people did, oldest first; bounded.
    #[serde(default)]
    pub trail: Vec<Deed>,
    /// The suppression that keeps it from sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
}

/// One thing that a person did with an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who, as far as is known.
    pub who: Text,
    /// What it was put to.
    pub status: Status,
    /// Why.
    pub why: Text,
}

impl Record {
    /// A new one.
    #[must_use]
    pub const fn new(incident: Incident, activity: Activity) -> Self {
        Self { incident, activity, status: Status::New, trail: Vec::new(), suppressed: None }
    }

    /// Takes in what a person did.
    pub fn put(&mut self, deed: Deed) {
        self.status = deed.status;
        if self.trail.len() >= MAX_TRAIL {
            self.trail.remove(0);
        }
        self.trail.push(deed);
    }
}
