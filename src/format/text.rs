//! An incident as a block for a person on a terminal.
//!
//! What an event says is [`Text`] and thus inert, and it stands in the value column only: a continuation line is
//! indented below its value, so that no user agent can pass for a label or a command, however it is padded.

use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects};
use textwrap::{Options, WordSplitter};

use super::Style;
use super::detail::rounded;
use super::hint::{Hint, hints};
use crate::alert::{Actor, Alert, Incident, Severity, Signal, Technique, Thousands};
use crate::event::{Outcome, Timestamp};
use crate::text::Text;

/// The most alerts that are shown: more would scroll the headline away.
const MAX_ALERTS: usize = 12;

/// The narrowest page that can hold a label and its value.
const MIN_WIDTH: usize = 40;

/// Columns of a label, its indent included.
const LABEL: usize = 12;

const QUIET: anstyle::Style = anstyle::Style::new().effects(Effects::DIMMED);
const STRONG: anstyle::Style = anstyle::Style::new().effects(Effects::BOLD);
const COMMAND: anstyle::Style = foreground(AnsiColor::Cyan);

pub(super) fn render(incident: &Incident, style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    headline(&mut page, incident);
    summary(&mut page, incident);
    for alert in incident.alerts.iter().take(MAX_ALERTS) {
        page.blank();
        evidence(&mut page, incident, alert);
    }
    if let Some(more) = incident.alerts.len().checked_sub(MAX_ALERTS).filter(|more| *more > 0) {
        page.blank();
        page.paragraph(2, &format!("and {more} more, all in --format ocsf"));
    }
    look_next(&mut page, incident);
    page.blank();
    page.out
}

fn headline(page: &mut Page, incident: &Incident) {
    let severity = incident.severity;
    let badge = page.painted(&format!(" {} ", severity.as_str().to_uppercase()), badge(severity));
    let risk = page.painted(&format!("risk {:>3}", incident.risk), colored(severity));
    page.wrapped(&format!("{badge} {risk}  "), &incident.title(), STRONG);
}

fn summary(page: &mut Page, incident: &Incident) {
    page.field("who", &format!("{} ({})", incident.principal, incident.kind.as_str()));
    if !incident.related.is_empty() {
        page.field("with", &joined(&incident.related));
    }
    if !incident.cluster.is_empty() {
        page.field("cluster", &incident.cluster);
    }
    page.field("when", &span(incident));
    page.field("ATT&CK", &joined(incident.techniques().into_iter().map(named)));
    page.field("incident", &incident.id);
}

fn span(incident: &Incident) -> String {
    let (first, events) = (incident.first, incident.events);
    let many =
        if events == 1 { "1 unusual request".to_owned() } else { format!("{} unusual requests", Thousands(events)) };
    match incident.last.since(first).0 {
        0 => format!("{}: {many}", moment(first)),
        _ => format!("{} to {}: {many} in {}", moment(first), moment(incident.last), incident.last.since(first)),
    }
}

fn evidence(page: &mut Page, incident: &Incident, alert: &Alert) {
    let severity = colored(Severity::of_risk(alert.risk));
    let at = page.painted(&moment(alert.at), severity);
    let outcome = page.painted(&outcome(alert), QUIET);
    page.wrapped(&format!("  {at}  {outcome}  "), &alert.action.to_string(), STRONG);
    if alert.actor.username != incident.principal && !alert.actor.username.is_empty() {
        page.field("by", &alert.actor.username);
    }
    if let Some(name) = &alert.actor.impersonated {
        page.field("as", name);
    }
    page.field("from", &origin(alert));
    if let Some(token) = credential(&alert.actor) {
        page.field("token", &token);
    }
    for signal in &alert.signals {
        page.field("why", &signal.reason);
        page.quiet(&weight(signal));
    }
    page.field("audit id", &alert.audit_id);
}

fn outcome(alert: &Alert) -> String {
    let word = match alert.outcome {
        Outcome::ImpersonationDenied => "impersonation denied",
        other => other.as_str(),
    };
    if alert.code == 0 { word.to_owned() } else { format!("{word} {}", alert.code) }
}

fn origin(alert: &Alert) -> String {
    let address = alert.source_ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
    if alert.user_agent.is_empty() { address } else { format!("{address} with {}", alert.user_agent) }
}

fn credential(actor: &Actor) -> Option<String> {
    let parts = [
        actor.credential.as_ref().map(Text::to_string),
        actor.pod.as_ref().map(|pod| format!("of pod {pod}")),
        actor.node.as_ref().map(|node| format!("on node {node}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn weight(signal: &Signal) -> String {
    let surprise = rounded(signal.surprise).map_or_else(String::new, |bits| format!("surprise {bits} bits, "));
    let impact = signal.impact;
    format!("{}: {surprise}impact {} ({}), {}", signal.detector, impact.weight, impact.what, named(impact.technique))
}

fn look_next(page: &mut Page, incident: &Incident) {
    let hints = hints(incident);
    if hints.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(2, "look next");
    for Hint { why, command } in hints {
        page.paragraph(4, &format!("{why}:"));
        page.command(&command);
    }
}

fn named(technique: Technique) -> String {
    format!("{} {} ({})", technique.id, technique.name, technique.tactic)
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// `2026-11-24 10:15:02.123Z`
fn moment(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second, micros) = at.civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}Z", micros / 1_000)
}

const fn foreground(color: AnsiColor) -> anstyle::Style {
    anstyle::Style::new().fg_color(Some(Color::Ansi(color)))
}

const fn colored(severity: Severity) -> anstyle::Style {
    foreground(match severity {
        Severity::Informational => AnsiColor::BrightBlack,
        Severity::Low => AnsiColor::Blue,
        Severity::Medium => AnsiColor::Yellow,
        Severity::High => AnsiColor::Red,
        Severity::Critical => AnsiColor::BrightRed,
    })
}

/// Inverted, so that the eye finds where an incident begins.
const fn badge(severity: Severity) -> anstyle::Style {
    colored(severity).effects(Effects::BOLD.insert(Effects::INVERT))
}

/// Lines under construction.
struct Page {
    out: String,
    style: Style,
}

impl Page {
    fn painted(&self, words: &str, style: anstyle::Style) -> String {
        if self.style.color { format!("{style}{words}{style:#}") } else { words.to_owned() }
    }

    fn blank(&mut self) {
        self.out.push('\n');
    }

    /// `words` after `prefix`, and below the end of it where they go on. Names are not broken at their hyphens.
    fn wrapped(&mut self, prefix: &str, words: &str, style: anstyle::Style) {
        let indent = textwrap::core::display_width(prefix);
        let columns = self.style.width.max(MIN_WIDTH).saturating_sub(indent).max(1);
        let lines = textwrap::wrap(words, Options::new(columns).word_splitter(WordSplitter::NoHyphenation));
        for (n, line) in lines.iter().enumerate() {
            if n == 0 {
                self.out.push_str(prefix)
            } else {
                self.out.extend(std::iter::repeat_n(' ', indent))
            }
            let line = self.painted(line, style);
            self.out.push_str(&line);
            self.blank();
        }
    }

    fn field(&mut self, label: &str, value: &impl Display) {
        let label = self.painted(&format!("    {label:<width$}", width = LABEL - 4), QUIET);
        self.wrapped(&format!("{label}  "), &value.to_string(), anstyle::Style::new());
    }

    fn quiet(&mut self, words: &str) {
        self.wrapped(&" ".repeat(LABEL + 2), words, QUIET);
    }

    fn paragraph(&mut self, indent: usize, words: &str) {
        self.wrapped(&" ".repeat(indent), words, QUIET);
    }

    /// A line of its own, never wrapped: it is to be copied.
    fn command(&mut self, command: &str) {
        let command = self.painted(command, COMMAND);
        self.out.push_str("      ");
        self.out.push_str(&command);
        self.blank();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::sample;

    fn narrow(incident: &Incident) -> String {
        render(incident, Style { color: false, width: 60 })
    }

    #[test]
    fn lines_keep_to_the_width_and_commands_are_left_whole() {
        for (name, incident) in sample::all() {
            for line in narrow(&incident).lines() {
                let command = line.starts_with("      jq ") || line.starts_with("      kubectl ");
                assert!(command || textwrap::core::display_width(line) <= 60, "{name}: {line:?}");
            }
        }
    }

    #[test]
    fn what_an_event_says_never_stands_where_a_label_does() {
        let mut incident = sample::secrets();
        incident.alerts[0].user_agent = format!("look next: {} ", "x".repeat(46)).repeat(5).into();
        let text = narrow(&incident);
        let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert!(lines("              look next:") > 1, "it does wrap there: {text}");
        assert_eq!(lines("  look next"), 1);
    }

    #[test]
    fn colour_is_a_choice_and_changes_no_word() {
        let incident = sample::secrets();
        let plain = render(&incident, Style { color: false, width: 100 });
        let colored = render(&incident, Style { color: true, width: 100 });
        assert!(!plain.contains('\u{1b}') && colored.contains('\u{1b}'));
        let mut bare = String::new();
        for part in colored.split('\u{1b}') {
            bare.push_str(part.strip_prefix('[').and_then(|p| p.split_once('m')).map_or(part, |(_, rest)| rest));
        }
        assert_eq!(bare, plain);
    }

    #[test]
    fn a_long_incident_says_how_much_is_left_out() {
        let mut incident = sample::secrets();
        incident.alerts = vec![incident.lead().clone(); MAX_ALERTS];
        assert!(!narrow(&incident).contains("more, all in"));
        incident.alerts.extend(vec![incident.lead().clone(); 3]);
        let text = narrow(&incident);
        assert!(text.contains("and 3 more, all in --format ocsf"));
        assert_eq!(text.matches("audit id").count(), MAX_ALERTS);
    }
}
