//! How well a labelled period was judged: what was found of what is known to be an attack, and what else was said.

pub mod labels;
pub mod report;

use std::collections::{HashMap, HashSet};

use crate::alert::{Alert, Incident, Severity};
use crate::event::{Event, Span, Timestamp};
use crate::text::Text;
use labels::{Labels, Scenario};

/// What of the labels was met in the log, while it was judged.
#[derive(Debug)]
pub struct Witness<'l> {
    labels: &'l Labels,
    /// The labelled ids, with the time at which each was first seen.
    first: HashMap<&'l Text, Option<Timestamp>>,
    events: u64,
    labelled: u64,
    period: Option<(Timestamp, Timestamp)>,
}

impl<'l> Witness<'l> {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(labels: &'l Labels) -> Self {
        let ids = labels.scenarios.iter().flat_map(|scenario| &scenario.audit_ids);
        Self { labels, first: ids.map(|id| (id, None)).collect(), events: 0, labelled: 0, period: None }
    }

    /// Takes note of an event, of whatever stage.
    pub fn see(&mut self, event: &Event<'_>) {
        let (first, last) = self.period.unwrap_or((event.at, event.at));
        self.period = Some((first.min(event.at), last.max(event.at)));
        self.events += 1;
        if let Some(first) = self.first.get_mut(&Text::new(&event.audit_id)) {
            self.labelled += 1;
            *first = Some(first.map_or(event.at, |at| at.min(event.at)));
        }
    }

    /// Compares what was found with what there was to find.
    #[must_use]
    pub fn score<'a>(&self, incidents: &'a [Incident], min_severity: Severity) -> Score<'a>
    where
        'l: 'a,
    {
        let (findings, quieter): (Vec<_>, Vec<_>) =
            incidents.iter().partition(|incident| incident.severity >= min_severity);
        let cited: Vec<HashSet<&Text>> = findings.iter().map(|finding| audit_ids(finding)).collect();
        let is_labelled = |id: &&Text| self.first.contains_key(*id);
        let is_false = |ids: &HashSet<&Text>| !ids.iter().any(is_labelled);
        Score {
            min_severity,
            events: self.events,
            labelled: self.labelled,
            without_events: self.labels.without_events,
            period: self.period,
            found: self.labels.scenarios.iter().map(|s| self.found(s, &findings, &quieter)).collect(),
            cited: cited.iter().map(HashSet::len).sum(),
            cited_labelled: cited.iter().flatten().copied().filter(is_labelled).count(),
            false_findings: findings.iter().zip(&cited).filter(|(_, ids)| is_false(ids)).map(|(f, _)| *f).collect(),
            findings: findings.len(),
            quieter: quieter.len(),
        }
    }

    fn found<'a>(&self, scenario: &'a Scenario, findings: &[&'a Incident], quieter: &[&'a Incident]) -> Found<'a> {
        let ids: HashSet<&Text> = scenario.audit_ids.iter().collect();
        let seen: Vec<Timestamp> = ids.iter().filter_map(|id| self.first.get(*id).copied().flatten()).collect();
        let citing = |incidents: &[&'a Incident]| {
            let mut citing: Vec<(&'a Alert, &'a Incident)> =
                incidents.iter().filter_map(|incident| Some((lead(incident, &ids)?, *incident))).collect();
            citing.sort_by_key(|(alert, incident)| (u8::MAX - incident.risk, u8::MAX - alert.risk));
            citing
        };
        let findings = citing(findings);
        let evidence = findings.iter().flat_map(|(_, finding)| &finding.alerts).filter(|a| ids.contains(&a.audit_id));
        let delay = evidence.map(|alert| alert.at).min().zip(seen.iter().min()).map(|(at, first)| at.since(*first));
        Found { scenario, in_log: seen.len(), delay, findings, quieter: citing(quieter).first().copied() }
    }
}

/// The requests that an incident cites.
fn audit_ids(incident: &Incident) -> HashSet<&Text> {
    incident.alerts.iter().map(|alert| &alert.audit_id).collect()
}

/// The most severe of an incident's alerts about one of `ids`: alerts come in that order.
fn lead<'a>(incident: &'a Incident, ids: &HashSet<&Text>) -> Option<&'a Alert> {
    incident.alerts.iter().find(|alert| ids.contains(&alert.audit_id))
}

/// What became of one scenario.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Which.
    pub scenario: &'a Scenario,
    /// How many of its audit ids are in the log.
    pub in_log: usize,
    /// From its first event to the first evidence of a finding; none if it was missed.
    pub delay: Option<Span>,
    /// The findings that cite it, the riskiest first, each with the alert about it that says most; empty if it was missed.
    pub findings: Vec<(&'a Alert, &'a Incident)>,
    /// The riskiest incident that cites it and is too mild to be a finding.
    pub quieter: Option<(&'a Alert, &'a Incident)>,
}

/// How well a labelled period was judged. A finding is an incident of the least severity or above.
#[derive(Clone, Debug)]
pub struct Score<'a> {
    /// The least severity.
    pub min_severity: Severity,
    /// Events of the period.
    pub events: u64,
    /// Those that belong to a scenario.
    pub labelled: u64,
    /// Scenarios without an audit id, which are not counted.
    pub without_events: usize,
    /// The first and the last event.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Every scenario, in the order of the labels.
    pub found: Vec<Found<'a>>,
    /// All findings.
    pub findings: usize,
    /// Those that cite no event of a scenario.
    pub false_findings: Vec<&'a Incident>,
    /// Requests that findings cite, each once for a finding.
    pub cited: usize,
    /// Those that belong to a scenario.
    pub cited_labelled: usize,
    /// Incidents that are no findings.
    pub quieter: usize,
}

#[expect(clippy::cast_precision_loss, reason = "shares and rates")]
impl Score<'_> {
    /// How many of the scenarios were found.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.found.iter().filter(|found| !found.findings.is_empty()).count()
    }

    /// The share of the scenarios that were found.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.hits(), self.found.len())
    }

    /// The share of the findings that are not false.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.findings - self.false_findings.len(), self.findings)
    }

    /// The share of the evidence that belongs to a scenario.
    #[must_use]
    pub fn evidence_true(&self) -> f64 {
        share(self.cited_labelled, self.cited)
    }

    /// True findings for each scenario that was found.
    #[must_use]
    pub fn findings_per_scenario(&self) -> f64 {
        share(self.findings - self.false_findings.len(), self.hits())
    }

    /// False findings for every 100,000 events that belong to no scenario.
    #[must_use]
    pub fn false_per_100k(&self) -> f64 {
        self.false_findings.len() as f64 * 1e5 / ((self.events - self.labelled) as f64).max(1.0)
    }

    /// False findings a day, at the rate of the period; none if it has no length.
    #[must_use]
    pub fn false_per_day(&self) -> Option<f64> {
        let (first, last) = self.period.filter(|(first, last)| first < last)?;
        Some(self.false_findings.len() as f64 * Span::days(1).0 as f64 / last.since(first).0 as f64)
    }
}

/// `part` of `whole`; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests;
