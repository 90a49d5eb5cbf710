//! Open incidents as plain records, to be kept and taken up again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::{Certificate, Key, Triage};
use crate::event::Timestamp;

/// What is kept of incidents that may still grow.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    open: Vec<(Key, Draft)>,
    suspects: BTreeMap<IpAddr, Key>,
    certificate: Option<Certificate>,
    spent: BTreeMap<i64, usize>,
    now: Timestamp,
    dropped: u64,
    dropped_lessons: u64,
}

impl Triage {
    /// What is to be kept.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut open: Vec<(Key, Draft)> = self.open.iter().map(|(key, draft)| (key.clone(), draft.clone())).collect();
        open.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Snapshot {
            open,
            suspects: self.suspects.iter().map(|(&ip, key)| (ip, key.clone())).collect(),
            certificate: self.certificate.clone(),
            spent: self.budget.spent.clone(),
            now: self.now,
            dropped: self.dropped,
            dropped_lessons: self.dropped_lessons,
        }
    }

    /// Takes up what was kept.
    pub fn restore(&mut self, kept: Snapshot) {
        self.open = kept.open.into_iter().collect();
        self.timers = self.open.iter().map(|(key, draft)| (draft.due(), key.clone())).collect();
        self.suspects = kept.suspects.into_iter().collect();
        self.certificate = kept.certificate;
        self.budget.spent = kept.spent;
        (self.now, self.dropped, self.dropped_lessons) = (kept.now, kept.dropped, kept.dropped_lessons);
    }
}
