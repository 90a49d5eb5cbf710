//! What happened: the alerts of an incident in its own order, the most severe first.

use textwrap::core::display_width;

use super::page::{PLAIN, Page, QUIET, STRONG, colored};
use super::quote::{LONG, agent, cited, credential, cut};
use super::{ELSEWHERE, joined};
use crate::alert::{Alert, Incident, Severity};
use crate::event::{Outcome, PrincipalKind};
use crate::format::time::{date, moment, time_of_day};

/// The most alerts that are shown: more would scroll the headline away.
pub(super) const MAX_ROWS: usize = 10;

/// The column in which rows begin.
const ROW: usize = 6;

/// One alert, cell by cell.
struct Row {
    time: String,
    risk: u8,
    outcome: String,
    /// Nothing came of it.
    failed: bool,
    action: String,
    evidence: String,
}

/// Widths of the cells that are padded.
struct Columns {
    time: usize,
    outcome: usize,
    /// If every row has room for its evidence beside the action; it stands below elsewhere.
    action: Option<usize>,
}

pub(super) fn timeline(page: &mut Page, incident: &Incident) {
    page.heading("what happened, most severe first");
    let shown = &incident.alerts[..incident.alerts.len().min(MAX_ROWS)];
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
    let hidden = incident.alerts.len() - shown.len();
    if hidden > 0 {
        page.quiet(4, &format!("and {hidden} more: {ELSEWHERE}"));
    }
}

/// Where from, with what, by whose credential: `10.1.2.33 with curl/8.5.0, JTI=86ca22bf…, pod api-0 on node-3`
fn origin(alert: &Alert, incident: &Incident) -> String {
    let actor = &alert.actor;
    let mut out = alert.source_ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
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
    // of nobody, the incident's principal is the username and the address
    if actor.username != incident.principal && actor.kind != PrincipalKind::Anonymous {
        out += &format!(", by {}", cited(&actor.username));
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
            risk: alert.risk,
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
        let (time, outcome, action) = (widest(|r| &r.time), widest(|r| &r.outcome), widest(|r| &r.action));
        let line = ROW + time + "  risk 100  ".len() + outcome + "  ".len() + action + "  auditID ".len();
        let beside = rows.iter().all(Row::is_tabular) && line + widest(|r| &r.evidence) <= width;
        Self { time, outcome, action: beside.then_some(action) }
    }

    fn write(&self, page: &mut Page, row: &Row) {
        let risk = page.painted(&format!("risk {:>2}", row.risk), colored(Severity::of_risk(row.risk)));
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
