//! What happened: the alerts of an incident in the order of the attack.
//!
//! An incident keeps them most severe first, so those that have no room here are never more severe than those that do.

use textwrap::core::display_width;

use super::page::{PLAIN, Page, QUIET, STRONG, colored};
use super::quote::{LONG, agent, cited, credential, cut};
use super::{ELSEWHERE, joined};
use crate::alert::{Alert, Incident, Severity};
use crate::event::{Outcome, PrincipalKind};
use crate::format::time::{date, moment, time_of_day};

/// The most alerts that are shown: more would scroll the headline away.
pub(super) const MAX_ROWS: usize = 20;

/// The column in which rows begin.
const ROW: usize = 6;

/// One alert, cell by cell.
struct Row {
    time: String,
    severity: Severity,
    risk: String,
    outcome: String,
    /// Nothing came of it.
    failed: bool,
    action: String,
    evidence: String,
}

/// Widths of the cells that are padded.
struct Columns {
    time: usize,
    risk: usize,
    outcome: usize,
    /// If every row has room for its evidence beside the action; it stands below elsewhere.
    action: Option<usize>,
}

pub(super) fn timeline(page: &mut Page, incident: &Incident) {
    page.heading("what happened, in order of time");
    let (shown, hidden) = incident.alerts.split_at(incident.alerts.len().min(MAX_ROWS));
    let mut shown: Vec<&Alert> = shown.iter().collect();
    shown.sort_by_key(|alert| alert.at);
    let rows: Vec<Row> = shown.iter().map(|alert| Row::of(alert, incident)).collect();
    let columns = Columns::of(&rows, page.width());
    let mut before = None;
    for (alert, row) in shown.iter().zip(&rows) {
        let client = Some((&alert.actor, alert.source_ip, &alert.user_agent));
        if before != client {
            page.items("    from ", &origin(alert, incident));
            before = client;
        }
        columns.write(page, row);
    }
    if !hidden.is_empty() {
        page.quiet(4, &format!("and {} more, none of them more severe: {ELSEWHERE}", hidden.len()));
    }
}

/// Who if that is another than the incident's principal, where from, with what, by whose credential:
/// `10.1.2.33 with curl/8.5.0, JTI=86ca22bf…, pod api-0 on node-3`
fn origin(alert: &Alert, incident: &Incident) -> String {
    let actor = &alert.actor;
    // of nobody, the incident's principal is the username and the address
    let is_other = actor.username != incident.principal && actor.kind != PrincipalKind::Anonymous;
    let mut out = if is_other { format!("{} at ", cited(&actor.username)) } else { String::new() };
    out += &alert.source_ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
    if !alert.user_agent.is_empty() {
        out += &format!(" with {}", agent(&alert.user_agent));
    }
    if let Some(id) = &actor.credential {
        out += &format!(", {}", credential(id));
    }
    match (&actor.pod, &actor.node) {
        (Some(pod), Some(node)) => out += &format!(", pod {} on {}", cited(pod), cited(node)),
        (Some(pod), None) => out += &format!(", pod {}", cited(pod)),
        (None, Some(node)) => out += &format!(", node {}", cited(node)),
        (None, None) => {}
    }
    if let Some(name) = &actor.impersonated {
        out += &format!(", as {}", cited(name));
    }
    out
}

impl Row {
    fn of(alert: &Alert, incident: &Incident) -> Self {
        let same_day = date(alert.at) == date(incident.first);
        let action = alert.action.to_string();
        let (action, more) = cut(&action, LONG);
        let detectors = joined(alert.signals.iter().map(|signal| signal.detector));
        Self {
            time: if same_day { time_of_day(alert.at) } else { moment(alert.at) },
            severity: Severity::of_risk(alert.risk),
            risk: alert.risk.to_string(),
            outcome: outcome(alert),
            failed: alert.outcome != Outcome::Allowed,
            action: format!("{action}{more}"),
            evidence: format!("{}  {detectors}", cited(&alert.audit_id)),
        }
    }

    /// Whether the action looks like one cell even where another follows it.
    fn is_tabular(&self) -> bool {
        self.action.is_ascii() && !self.action.contains("  ")
    }
}

/// How severe, in the width of a cell.
const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "info",
        Severity::Low => "low ",
        Severity::Medium => "med ",
        Severity::High => "high",
        Severity::Critical => "crit",
    }
}

fn outcome(alert: &Alert) -> String {
    let word = match alert.outcome {
        Outcome::ImpersonationDenied => "impersonation denied",
        other => other.as_str(),
    };
    if alert.code == 0 { word.to_owned() } else { format!("{word} {}", alert.code) }
}

impl Columns {
    fn of(rows: &[Row], width: usize) -> Self {
        let widest = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).len()).max().unwrap_or(0);
        let (time, risk) = (widest(|r| &r.time), widest(|r| &r.risk));
        let (outcome, action) = (widest(|r| &r.outcome), widest(|r| &r.action));
        let line =
            ROW + time + "  crit ".len() + risk + "  ".len() + outcome + "  ".len() + action + "  auditID ".len();
        let beside = rows.iter().all(Row::is_tabular) && line + widest(|r| &r.evidence) <= width;
        Self { time, risk, outcome, action: beside.then_some(action) }
    }

    fn write(&self, page: &mut Page, row: &Row) {
        let risk = format!("{} {:>width$}", mark(row.severity), row.risk, width = self.risk);
        let risk = page.painted(&risk, colored(row.severity));
        let outcome = format!("{:<width$}", row.outcome, width = self.outcome);
        let outcome = page.painted(&outcome, if row.failed { QUIET } else { PLAIN });
        let prefix = format!("{:ROW$}{:<width$}  {risk}  {outcome}  ", "", row.time, width = self.time);
        let label = page.painted("auditID", QUIET);
        if let Some(width) = self.action {
            let action = page.painted(&format!("{:<width$}", row.action), STRONG);
            page.wrapped(&format!("{prefix}{action}  {label} "), &row.evidence, QUIET);
        } else {
            let label = format!("{:1$}{label} ", "", ROW + 2);
            page.hanging(&prefix, display_width(&label), &row.action, STRONG);
            page.wrapped(&label, &row.evidence, QUIET);
        }
    }
}
