//! How bad something is.

use std::fmt;

/// How bad: OCSF's scale, whose numbers are `severity_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Severity {
    /// Listed on request; never notifies.
    Informational = 1,
    /// Worth a look beside other evidence.
    Low = 2,
    /// Worth a look today. The lowest that notifies.
    Medium = 3,
    /// Worth a look now.
    High = 4,
    /// Wake somebody.
    Critical = 5,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The severity of a risk score (0 to 100).
    #[must_use]
    pub const fn of_risk(risk: u8) -> Self {
        match risk {
            0..20 => Self::Informational,
            20..40 => Self::Low,
            40..60 => Self::Medium,
            60..85 => Self::High,
            _ => Self::Critical,
        }
    }

    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
