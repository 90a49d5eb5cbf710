//! A score as text for a person, and as JSON for a script.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Found, Score};
use crate::alert::{Alert, Incident, Thousands};
use crate::blind_spot::BlindSpot;
use crate::event::Span;
use crate::format::rows::rows;
use crate::format::time::{moment, period};
use crate::text::Text;

/// The word for a scenario that names no tactic.
const NO_TACTIC: &str = "no tactic";

/// The column in which the figures of a table begin.
const FIGURES: usize = 44;

/// A score in a few lines, every scenario in one, and what went wrong by name.
pub struct Report<'a> {
    /// The score.
    pub score: &'a Score<'a>,
    /// What the log does not show.
    pub blind_spots: &'a [BlindSpot],
    /// The log was not judged to its end.
    pub interrupted: bool,
    /// Columns to wrap at.
    pub width: usize,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score { min_severity, found, .. } = self.score;
        let interrupted = if self.interrupted { ", interrupted: of what was read before" } else { "" };
        writeln!(f, "backtest at {min_severity} and above{interrupted}")?;
        self.log(f)?;
        self.figures(f)?;
        writeln!(f, "\n  {:<FIGURES$}found  detected after", "tactic")?;
        for (tactic, scenarios) in tactics(found) {
            let hits = scenarios.iter().filter(|found| found.delay.is_some()).count();
            let delay = median(scenarios.iter().filter_map(|found| found.delay)).map_or("-".to_owned(), seconds);
            let hits = format!("{hits}/{}", scenarios.len());
            writeln!(f, "  {:<FIGURES$}{hits:>5}  {delay:>14}", format!("  {tactic}"))?;
        }
        writeln!(f, "\n  {:<FIGURES$}found  detected after  findings  severity  detector", "scenario")?;
        found.iter().try_for_each(|found| scenario(f, found))?;
        self.missed(f)?;
        self.false_findings(f)
    }
}

impl Report<'_> {
    fn row(&self, f: &mut fmt::Formatter<'_>, title: &str, what: String) -> fmt::Result {
        rows(f, self.width, title, [what])
    }

    fn log(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score { events, labelled, found, period: span, without_events, .. } = self.score;
        self.row(f, "events", format!("{}, {} of them labelled", Thousands(*events), Thousands(*labelled)))?;
        if let Some((first, last)) = span {
            self.row(f, "time span", format!("{} ({})", period(*first, *last), last.since(*first)))?;
        }
        let absent = found.iter().filter(|found| found.in_log == 0).count();
        if absent > 0 {
            self.row(f, "absent", format!("{absent} of {} scenarios: not in the log, counted as missed", found.len()))?;
        }
        if *without_events > 0 {
            self.row(f, "left out", format!("scenarios without audit ids: {without_events}"))?;
        }
        rows(f, self.width, "blind spots", self.blind_spots.iter().map(ToString::to_string))
    }

    fn figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let score = self.score;
        let (hits, all, false_findings) = (score.hits(), score.found.len(), score.false_findings.len());
        self.row(f, "found", format!("{hits} of {all} scenarios, {:.1}%", 100.0 * score.recall()))?;
        let rate = format!("{:.2} per 100,000 events", score.false_per_100k());
        let daily = score.false_per_day().map_or(String::new(), |rate| format!(", {rate:.1} a day"));
        self.row(f, "false", format!("{false_findings} findings: {rate}{daily}"))?;
        let delays = || score.found.iter().filter_map(|found| found.delay);
        if let (Some(half), Some(all)) = (median(delays()), delays().max()) {
            self.row(f, "detected", format!("after {} at the median, {} at most", seconds(half), seconds(all)))?;
        }
        let each = format!("{:.2} for each scenario found", score.findings_per_scenario());
        let quieter = format!("incidents below {}: {}", score.min_severity, score.quieter);
        self.row(f, "findings", format!("{}, {each}; {quieter}", score.findings))?;
        let share = format!("{:.1}%", 100.0 * score.evidence_true());
        self.row(f, "evidence", format!("{share} labelled, {} of {} requests", score.cited_labelled, score.cited))
    }

    fn missed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut title = "\n  missed\n";
        for found in self.score.found.iter().filter(|found| found.findings.is_empty()) {
            let tactic = found.scenario.tactic.as_ref().map_or(NO_TACTIC, Text::as_str);
            writeln!(f, "{title}    {} ({tactic})", found.scenario.title())?;
            if let Some(description) = &found.scenario.description {
                self.row(f, "", description.to_string())?;
            }
            self.row(f, "", why_missed(found))?;
            title = "";
        }
        Ok(())
    }

    fn false_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut findings = self.score.false_findings.clone();
        findings.sort_by_key(|finding| (u8::MAX - finding.risk, finding.first));
        let mut title = "\n  false findings\n";
        for finding in findings {
            writeln!(f, "{title}    {:<10}{}", finding.severity, moment(finding.first))?;
            self.row(f, "", finding.title())?;
            self.row(f, "", reason(finding.lead()))?;
            title = "";
        }
        Ok(())
    }
}

/// One scenario in a line: when it was found, and what spoke first.
fn scenario(f: &mut fmt::Formatter<'_>, found: &Found<'_>) -> fmt::Result {
    let title = format!("  {}", found.scenario.title());
    let Some((alert, finding)) = found.findings.first() else { return writeln!(f, "  {title:<FIGURES$}   no") };
    let (delay, count) = (found.delay.map_or(String::new(), seconds), found.findings.len());
    let detector = alert.signals.first().map_or("", |signal| signal.detector);
    writeln!(f, "  {title:<FIGURES$}  yes  {delay:>14}  {count:>8}  {:<8}  {detector}", finding.severity)
}

/// What there was of a scenario that was missed.
fn why_missed(found: &Found<'_>) -> String {
    match found.quieter {
        Some((alert, incident)) => format!("{} only: {}", incident.severity, reason(alert)),
        None if found.in_log == 0 => "no request of it is in the log".to_owned(),
        None => format!("nothing was said of its {} requests", found.in_log),
    }
}

/// What says most in an alert.
fn reason(alert: &Alert) -> String {
    alert.signals.first().map_or_else(String::new, |signal| format!("{}: {}", signal.detector, signal.reason))
}

fn tactics<'f, 'a>(found: &'f [Found<'a>]) -> BTreeMap<&'f str, Vec<&'f Found<'a>>> {
    let mut tactics: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for found in found {
        let tactic = found.scenario.tactic.as_ref().map_or(NO_TACTIC, Text::as_str);
        tactics.entry(tactic).or_default().push(found);
    }
    tactics
}

/// The lower of the two in the middle, if there are two.
fn median(spans: impl Iterator<Item = Span>) -> Option<Span> {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_unstable();
    spans.get(spans.len().saturating_sub(1) / 2).copied()
}

/// `0.4 s`, and from a minute on as all spans are written.
fn seconds(span: Span) -> String {
    if span < Span::minutes(1) { format!("{:.1} s", in_seconds(span)) } else { span.to_string() }
}

#[expect(clippy::cast_precision_loss, reason = "a time to be read")]
fn in_seconds(span: Span) -> f64 {
    span.0 as f64 / 1e6
}

/// A score as JSON: every figure of the text, and the ids to look things up by.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    min_severity: &'static str,
    interrupted: bool,
    events: u64,
    labelled_events: u64,
    first: Option<String>,
    last: Option<String>,
    scenarios: usize,
    scenarios_without_events: usize,
    found: usize,
    recall: f64,
    findings: usize,
    false_findings: usize,
    precision: f64,
    false_per_100k: f64,
    false_per_day: Option<f64>,
    findings_per_found_scenario: f64,
    evidence_true: f64,
    quieter_incidents: usize,
    by_scenario: Vec<ByScenario<'a>>,
    false_by_name: Vec<ByFinding>,
}

#[derive(Debug, Serialize)]
struct ByScenario<'a> {
    id: &'a str,
    name: Option<&'a str>,
    tactic: Option<&'a str>,
    technique: Option<&'a str>,
    audit_ids: usize,
    in_log: usize,
    found: bool,
    seconds_to_detection: Option<f64>,
    findings: Vec<ByFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<String>,
}

#[derive(Debug, Serialize)]
struct ByFinding {
    uid: String,
    severity: &'static str,
    first: String,
    title: String,
    reason: String,
}

impl ByFinding {
    fn of(incident: &Incident, alert: &Alert) -> Self {
        Self {
            uid: incident.id.to_string(),
            severity: incident.severity.as_str(),
            first: incident.first.to_string(),
            title: incident.title(),
            reason: reason(alert),
        }
    }
}

impl<'a> ByScenario<'a> {
    fn of(found: &Found<'a>) -> Self {
        let scenario = found.scenario;
        let (hit, text) = (!found.findings.is_empty(), |text: &'a Option<Text>| text.as_ref().map(Text::as_str));
        Self {
            id: scenario.id.as_str(),
            name: text(&scenario.name),
            tactic: text(&scenario.tactic),
            technique: text(&scenario.technique),
            audit_ids: scenario.audit_ids.len(),
            in_log: found.in_log,
            found: hit,
            seconds_to_detection: found.delay.map(in_seconds),
            findings: found.findings.iter().map(|(alert, finding)| ByFinding::of(finding, alert)).collect(),
            missed: (!hit).then(|| why_missed(found)),
        }
    }
}

impl<'a> Document<'a> {
    /// All that a score says.
    #[must_use]
    pub fn of(score: &Score<'a>, interrupted: bool) -> Self {
        Self {
            min_severity: score.min_severity.as_str(),
            interrupted,
            events: score.events,
            labelled_events: score.labelled,
            first: score.period.map(|(first, _)| first.to_string()),
            last: score.period.map(|(_, last)| last.to_string()),
            scenarios: score.found.len(),
            scenarios_without_events: score.without_events,
            found: score.hits(),
            recall: score.recall(),
            findings: score.findings,
            false_findings: score.false_findings.len(),
            precision: score.precision(),
            false_per_100k: score.false_per_100k(),
            false_per_day: score.false_per_day(),
            findings_per_found_scenario: score.findings_per_scenario(),
            evidence_true: score.evidence_true(),
            quieter_incidents: score.quieter,
            by_scenario: score.found.iter().map(ByScenario::of).collect(),
            false_by_name: score.false_findings.iter().map(|f| ByFinding::of(f, f.lead())).collect(),
        }
    }
}
