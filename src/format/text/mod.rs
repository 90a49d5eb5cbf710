//! An incident as a block for a person on a terminal, which fits on a screen: everything is said once.
//!
//! What an event says is [`Text`](crate::text::Text) and thus inert, and it stands in the value column only: a
//! continuation line is indented below its value, so that no user agent can pass for a label or a command, however it is
//! padded. Where other words follow it, it is one word or quoted.

pub(crate) mod page;
mod quote;
mod reasons;
mod timeline;

use std::fmt::Display;

use page::{Page, STRONG, badge, colored};

use super::Style;
use super::hint::{Hint, hints};
use super::time::{moment, period};
use crate::alert::{Incident, Technique, Thousands};

/// Where what an incident has beyond what fits on a screen is.
const ELSEWHERE: &str = "--format ocsf has all";

pub(super) fn render(incident: &Incident, style: Style) -> String {
    let mut page = Page::new(style);
    headline(&mut page, incident);
    summary(&mut page, incident);
    reasons::reasons(&mut page, incident);
    timeline::timeline(&mut page, incident);
    look_next(&mut page, incident);
    page.blank();
    page.blank();
    page.into_text()
}

fn headline(page: &mut Page, incident: &Incident) {
    let (severity, lead) = (incident.severity, incident.lead());
    let badge = page.painted(&format!(" {} ", severity.as_str().to_uppercase()), badge(severity));
    let risk = page.painted(&format!("risk {}", incident.risk), colored(severity));
    let finding = lead.signals.first().map_or("unusual request", |signal| signal.reason.finding);
    page.wrapped(&format!("{badge} {risk}  "), &format!("{finding}: {}", lead.action), STRONG);
}

fn summary(page: &mut Page, incident: &Incident) {
    page.field("who", &format!("{} ({})", incident.principal, incident.kind.as_str()));
    if !incident.related.is_empty() {
        page.field("with", &joined(&incident.related));
    }
    if !incident.cluster.is_empty() {
        page.field("cluster", &incident.cluster);
    }
    page.field("when", &when(incident));
    let named = |Technique { id, name, .. }: Technique| format!("{id} {name}");
    page.list("ATT&CK", &joined(incident.techniques().into_iter().map(named)));
    page.field("id", &incident.id);
}

fn when(incident: &Incident) -> String {
    let Incident { first, last, events, .. } = *incident;
    match (last.since(first).0, events) {
        (0, 1) => format!("{}, 1 unusual request", moment(first)),
        (0, n) => format!("{}, {} unusual requests", moment(first), Thousands(n)),
        (_, n) => format!("{}, {} unusual requests in {}", period(first, last), Thousands(n), last.since(first)),
    }
}

fn look_next(page: &mut Page, incident: &Incident) {
    let hints = hints(incident);
    if hints.is_empty() {
        return;
    }
    page.heading("next");
    for Hint { why, command } in hints {
        page.quiet(4, &format!("{why}:"));
        page.command(&command);
    }
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use textwrap::core::display_width;

    use super::timeline::MAX_ROWS;
    use super::*;
    use crate::alert::Severity;
    use crate::event::Outcome;
    use crate::format::sample;

    fn rendered(incident: &Incident, width: usize) -> String {
        render(incident, Style { color: false, width })
    }

    fn is_command(line: &str) -> bool {
        line.starts_with("      jq ") || line.starts_with("      kubectl ")
    }

    #[test]
    fn lines_keep_to_the_width_and_commands_are_left_whole() {
        for (name, incident) in sample::all() {
            for width in [60, 80, 100, 160] {
                for line in rendered(&incident, width).lines() {
                    assert!(is_command(line) || display_width(line) <= width, "{name}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn every_alert_can_be_told_by_who_what_where_from_why_and_its_audit_id() {
        let incident = sample::secrets();
        let text = rendered(&incident, 100);
        for alert in &incident.alerts {
            let (action, id) = (alert.action.to_string(), alert.audit_id.as_str());
            let row = text
                .lines()
                .skip_while(|line| !(line.contains("  allowed 200  ") && line.ends_with(&action)))
                .nth(1)
                .expect("a second line");
            assert!(row.contains(id) && row.contains(alert.signals[0].detector), "{row}");
            for said in
                [alert.user_agent.as_str(), alert.signals[0].impact.technique.id, &incident.principal.to_string()]
            {
                assert!(text.contains(said), "{said}: {text}");
            }
        }
    }

    #[test]
    fn a_thing_is_said_once_with_the_number_of_its_requests() {
        let mut incident = sample::secrets();
        let mut again = incident.alerts[0].clone();
        again.audit_id = "another".into();
        again.signals[0].reason.count = 2;
        incident.alerts.push(again);
        let text = rendered(&incident, 100);
        assert_eq!(text.matches(r#"new action: "list secrets in kube-system""#).count(), 1, "{text}");
        assert!(text.contains(r#""list secrets in kube-system" (3 requests)"#), "{text}");
        assert!(text.contains(r#"also "list pods cluster-wide" (3 requests): 14.2 bits × impact 30"#), "{text}");
    }

    #[test]
    fn the_client_is_said_again_only_where_it_changes() {
        let mut incident = sample::secrets();
        assert_eq!(rendered(&incident, 100).matches("\n    from ").count(), 1);
        incident.alerts[1].actor.impersonated = Some("admin, by nobody".into());
        let text = rendered(&incident, 120);
        assert_eq!(text.matches("\n    from ").count(), 2);
        assert!(text.contains(r#", as "admin, by nobody""#), "{text}");
    }

    #[test]
    fn a_wide_page_has_a_row_for_each_alert() {
        let mut incident = sample::secrets();
        let rows = |incident: &Incident| rendered(incident, 160).matches("auditID 3f1d7b52").count();
        let beside = |incident: &Incident| rendered(incident, 160).contains("kube-system  auditID 3f1d7b52");
        assert!(beside(&incident) && rows(&incident) == 1);
        incident.alerts[1].action.name = "x  auditID 3f1d7b52".into();
        assert!(!beside(&incident), "a name that looks like another cell has no cell beside it");
    }

    #[test]
    fn what_an_event_says_never_stands_where_a_label_does() {
        let mut incident = sample::secrets();
        incident.alerts[0].action.name = format!("next: {} ", "x".repeat(80)).repeat(2).into();
        let text = rendered(&incident, 100);
        assert!(text.lines().any(|line| line.trim_start().starts_with("next:")), "it does wrap there: {text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("  next")).count(), 1);
    }

    /// Whether a line begins as this module lets lines begin, left of what events say.
    fn begins_as_ours(line: &str) -> bool {
        const VALUE: &str = "         ";
        const LABELS: [&str; 10] = ["who", "with", "cluster", "when", "ATT&CK", "id", "why", "what", "next", "  from "];
        let is_label = |line: &str| LABELS.iter().any(|label| line.starts_with(&format!("  {label}")));
        let is_row = |line: &str| line.starts_with("      ") && line[6..].starts_with(|c: char| c.is_ascii_digit());
        let is_headline = |line: &str| Severity::ALL.iter().any(|s| line[1..].starts_with(&s.as_str().to_uppercase()));
        line.is_empty()
            || line.starts_with(VALUE)
            || is_label(line)
            || is_row(line)
            || is_command(line)
            || is_headline(line)
            || line.starts_with("        auditID ")
            || line.starts_with("    and ")
            || (line.starts_with("    ") && line.ends_with(':'))
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn whatever_an_event_says_the_left_edge_is_ours(incident in sample::any_incident(), width in 0_usize..200) {
            for line in rendered(&incident, width).lines() {
                prop_assert!(begins_as_ours(line), "{line:?}");
            }
        }
    }

    #[test]
    fn what_happened_is_told_in_its_order_by_whoever_did_it() {
        let mut incident = sample::secrets();
        let mut earlier = incident.alerts[1].clone();
        earlier.at.0 -= 600_000_000;
        (earlier.actor.username, earlier.risk) = ("system:serviceaccount:ci:runner".into(), 5);
        incident.alerts.push(earlier);
        let text = rendered(&incident, 100);
        let rows: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("      10:")).map(|row| &row[..18]).collect();
        assert_eq!(rows, ["07:43.123  info  5", "15:02.123  high 73", "17:43.123  low  38"], "{text}");
        assert!(text.contains("    from system:serviceaccount:ci:runner at 10.1.2.33 with "), "{text}");
        assert_eq!(text.matches("    from 10.1.2.33 with ").count(), 1, "{text}");
    }

    #[test]
    fn the_least_severe_are_left_out_of_the_order_of_time() {
        let mut incident = sample::secrets();
        let mut early = incident.alerts.pop().expect("two");
        early.at.0 -= 600_000_000;
        incident.alerts = vec![incident.lead().clone(); MAX_ROWS - 1];
        incident.alerts.push(early.clone());
        let is_shown = |incident: &Incident| rendered(incident, 100).contains("  low  38  ");
        assert!(is_shown(&incident));
        incident.alerts.insert(0, incident.lead().clone());
        assert!(!is_shown(&incident), "it is the first in time, and the least");
    }

    #[test]
    fn colour_is_a_choice_and_changes_no_word() {
        let mut incident = sample::secrets();
        incident.alerts[1].outcome = Outcome::Denied;
        for width in [100, 160] {
            let colored = render(&incident, Style { color: true, width });
            let plain = rendered(&incident, width);
            assert!(!plain.contains('\u{1b}') && colored.contains('\u{1b}'));
            let mut bare = String::new();
            for part in colored.split('\u{1b}') {
                bare.push_str(part.strip_prefix('[').and_then(|p| p.split_once('m')).map_or(part, |(_, rest)| rest));
            }
            assert_eq!(bare, plain);
        }
    }

    #[test]
    fn a_long_incident_says_how_much_is_left_out() {
        let mut incident = sample::secrets();
        incident.alerts = vec![incident.lead().clone(); MAX_ROWS];
        assert!(!rendered(&incident, 100).contains(" more, none"));
        incident.alerts.extend(vec![incident.lead().clone(); 3]);
        let text = rendered(&incident, 100);
        assert!(text.contains("    and 3 more, none of them more severe: --format ocsf has all\n"));
        assert_eq!(text.matches("  auditID ").count(), MAX_ROWS);
    }
}
