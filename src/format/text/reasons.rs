//! Why, in short: the strongest things that the detectors said, each once, however many requests it stands for.

use super::page::Page;
use super::quote::quoted;
use super::{ELSEWHERE, joined};
use crate::alert::{Grade, History, Impact, Incident, Peers, Reason, Signal, Thousands};
use crate::format::detail::rounded;
use crate::triage::risk::of_signal;

/// The most findings that are shown with their values; the others are named.
const MAX_FINDINGS: usize = 5;

/// The most values that are shown of one finding.
const MAX_VALUES: usize = 3;

/// A value that a detector found something about, by the strongest signal that says so.
struct Value<'a> {
    signal: &'a Signal,
    requests: u64,
    measure: Option<u64>,
}

pub(super) fn reasons(page: &mut Page, incident: &Incident) {
    page.blank();
    let findings = findings(incident);
    let (strongest, others) = findings.split_at(findings.len().min(MAX_FINDINGS));
    for (n, values) in strongest.iter().enumerate() {
        finding(page, if n == 0 { "why" } else { "" }, values);
    }
    if !others.is_empty() {
        page.field("", &format!("and weaker: {}", joined(others.iter().map(|values| values[0].signal.detector))));
    }
}

/// The values of each finding of each detector, the strongest first.
fn findings(incident: &Incident) -> Vec<Vec<Value<'_>>> {
    let mut signals: Vec<&Signal> = incident.signals().collect();
    signals.sort_by(|a, b| of_signal(b).total_cmp(&of_signal(a)));
    let mut findings: Vec<Vec<Value<'_>>> = Vec::new();
    for signal in signals {
        let kind = |s: &Signal| (s.detector, s.reason.finding);
        let value = Value { signal, requests: signal.reason.count, measure: signal.reason.measure };
        match findings.iter_mut().find(|values| kind(values[0].signal) == kind(signal)) {
            Some(values) => add(values, value),
            None => findings.push(vec![value]),
        }
    }
    findings
}

fn add<'a>(values: &mut Vec<Value<'a>>, other: Value<'a>) {
    let same = |value: &&mut Value<'_>| value.signal.reason.observed == other.signal.reason.observed;
    match values.iter_mut().find(same) {
        Some(value) => {
            value.requests = value.requests.saturating_add(other.requests);
            value.measure = value.measure.max(other.measure);
        }
        None => values.push(other),
    }
}

fn finding(page: &mut Page, label: &str, values: &[Value<'_>]) {
    let [first, others @ ..] = values else { return };
    let reason = &first.signal.reason;
    page.field(label, &format!("{}: {}{}", reason.finding, observed(first), expected(reason)));
    page.detail(&format!("{}: surprise {}{}", first.signal.detector, weight(first.signal), comparison(reason)));
    let (shown, hidden) = others.split_at(others.len().min(MAX_VALUES - 1));
    for value in shown {
        let other = &value.signal.reason;
        let expected = if other.expected == reason.expected { String::new() } else { expected(other) };
        let is_alike = value.signal.impact == first.signal.impact;
        let weight = if is_alike { bits(value.signal) } else { weight(value.signal) };
        page.detail(&format!("also {}{expected}: {weight}", observed(value)));
    }
    if !hidden.is_empty() {
        page.detail(&format!("and {} more: {ELSEWHERE}", hidden.len()));
    }
}

/// `"127.0.9.1" (8 requests)`
fn observed(value: &Value<'_>) -> String {
    let observed = quoted(&value.signal.reason.observed);
    let observed = value.measure.map_or(observed.clone(), |n| format!("{observed}: {}", Thousands(n)));
    if value.requests > 1 { format!("{observed} ({} requests)", Thousands(value.requests)) } else { observed }
}

fn expected(reason: &Reason) -> String {
    let values: Vec<String> = reason.expected.iter().map(quoted).collect();
    if values.is_empty() { String::new() } else { format!(", expected {}", values.join(", ")) }
}

/// `8.3 bits × impact 85 (use of a pod's token outside of the pod), T1550.001`
fn weight(signal: &Signal) -> String {
    let Impact { weight, what, technique } = signal.impact;
    format!("{} × impact {weight} ({what}), {}", bits(signal), technique.id)
}

fn bits(signal: &Signal) -> String {
    rounded(signal.surprise).map_or_else(|| "unknown".to_owned(), |bits| format!("{bits} bits"))
}

fn comparison(reason: &Reason) -> String {
    let mut out = String::new();
    if let Some(History { requests, age, known }) = reason.history {
        out += &format!("; {known} known before, from {} requests in {age}", Thousands(requests));
    }
    if let Some(Peers { doing, of }) = reason.peers {
        out += &format!("; {doing} of {of} peers do this");
    }
    match reason.grade {
        Some(Grade::Address) => out += "; by address alone",
        Some(Grade::Pod) => out += "; by pod and node, without a credential id",
        Some(Grade::Credential) | None => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::sample;

    #[test]
    fn a_number_that_grows_is_said_once_and_last() {
        let mut incident = sample::secrets();
        for (alert, n) in incident.alerts.iter_mut().zip([6, 7]) {
            alert.signals[0].reason.observed = "5 or more in 5 min".into();
            alert.signals[0].reason.measure = Some(n);
        }
        let findings = findings(&incident);
        assert_eq!(findings.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
        assert_eq!(findings[0][0].measure, Some(7));
    }

    #[test]
    fn the_strongest_comes_first_and_many_values_of_one_thing_are_cut_short() {
        let mut incident = sample::secrets();
        let weak = incident.alerts.remove(1);
        incident.alerts.insert(0, weak);
        assert_eq!(findings(&incident)[0][0].signal.impact.weight, 80);
        for n in 0..10 {
            let mut alert = incident.alerts[0].clone();
            alert.signals[0].reason.observed = format!("get thing-{n}").into();
            incident.alerts.push(alert);
        }
        let mut page = Page::new(crate::format::Style::PLAIN);
        reasons(&mut page, &incident);
        let text = page.into_text();
        assert_eq!(text.matches("  also ").count(), MAX_VALUES - 1, "{text}");
        assert!(text.contains("and 9 more: --format ocsf has all"), "{text}");
    }

    #[test]
    fn the_weaker_findings_are_named_and_what_values_share_is_said_once() {
        let mut incident = sample::secrets();
        let first = incident.alerts[0].signals[0].clone();
        let mut like = first.clone();
        like.reason.observed = "list secrets in ci".into();
        let weak = Impact { weight: 1, ..first.impact };
        let others = ["a-0", "a-1", "a-2", "a-3", "weak-4", "weak-5"];
        let others = others.map(|detector| Signal { detector, impact: weak, ..first.clone() });
        incident.alerts[0].signals = [first, like].into_iter().chain(others).collect();
        incident.alerts.truncate(1);
        let mut page = Page::new(crate::format::Style::PLAIN);
        reasons(&mut page, &incident);
        let text = page.into_text();
        assert!(text.ends_with("\n            and weaker: weak-4, weak-5\n"), "{text}");
        assert!(text.contains("              also \"list secrets in ci\": 14.2 bits\n"), "{text}");
    }
}
