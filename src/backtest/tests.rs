//! What counts as found, as false, and as in time.

use uuid::Uuid;

use super::*;
use crate::alert::{Action, Actor, Bits, Impact, Reason, Signal};
use crate::event::PrincipalKind;
use crate::impact::USE_TOKEN;
use crate::sample::{START, event};

fn after(span: Span) -> Timestamp {
    Timestamp(START.0 + span.0)
}

fn alert(audit_id: &str, at: Timestamp, risk: u8) -> Alert {
    let none = || Text::new("");
    let reason = Reason {
        parameter: "credential address",
        finding: "one credential from a second address",
        observed: "10.0.0.9".into(),
        expected: Vec::new(),
        count: 1,
        measure: None,
        history: None,
        peers: None,
        grade: None,
    };
    let impact = Impact { weight: 85, what: "use of a pod's token outside of the pod", technique: USE_TOKEN };
    Alert {
        at,
        audit_id: audit_id.into(),
        actor: Actor {
            username: "alice".into(),
            kind: PrincipalKind::User,
            credential: None,
            pod: None,
            node: None,
            impersonated: None,
        },
        action: Action {
            verb: "get".into(),
            group: none(),
            resource: "pods".into(),
            subresource: none(),
            namespace: none(),
            name: none(),
            path: none(),
        },
        outcome: event().outcome,
        code: 200,
        source_ip: None,
        user_agent: none(),
        signals: vec![Signal { detector: "token-shared", surprise: Bits(8.0), impact, reason }],
        risk,
    }
}

fn incident(alerts: Vec<Alert>) -> Incident {
    let (lead, ats) = (&alerts[0], || alerts.iter().map(|alert| alert.at));
    Incident {
        id: Uuid::from_u128(lead.at.0.unsigned_abs().into()),
        cluster: "test".into(),
        principal: "alice".into(),
        kind: PrincipalKind::User,
        related: Vec::new(),
        severity: Severity::of_risk(lead.risk),
        risk: lead.risk,
        first: ats().min().expect("there is an alert"),
        last: ats().max().expect("there is an alert"),
        notifies: true,
        events: alerts.len() as u64,
        alerts,
        lessons: Vec::new(),
    }
}

fn labels(scenarios: &[(&str, &[&str])]) -> Labels {
    let list: Vec<String> =
        scenarios.iter().map(|(id, ids)| format!("{{id: {id}, audit_ids: [{}]}}", ids.join(", "))).collect();
    Labels::parse(&format!("scenarios: [{}]", list.join(", "))).expect("well formed")
}

/// A witness of a day in which one request came a minute after another, each named after its minute.
fn witness(labels: &Labels) -> Witness<'_> {
    let mut witness = Witness::new(labels);
    (0..=1440).for_each(|minute| {
        let mut event = event().after(Span::minutes(minute));
        event.audit_id = format!("m{minute}").into();
        witness.see(&event);
    });
    witness
}

#[test]
fn a_scenario_is_found_when_its_first_evidence_came() {
    let labels = labels(&[("theft", &["m1", "m2", "m3"]), ("other", &["m9"])]);
    let late = incident(vec![alert("m3", after(Span::minutes(3)), 90), alert("m2", after(Span::minutes(2)), 70)]);
    let incidents = [late, incident(vec![alert("m3", after(Span::minutes(3)), 60)])];
    let score = witness(&labels).score(&incidents, Severity::Medium);
    assert_eq!((score.hits(), score.false_findings.len()), (1, 0));
    let theft = &score.found[0];
    assert_eq!((theft.delay, theft.findings.len(), theft.in_log), (Some(Span::minutes(1)), 2, 3));
    assert_eq!(theft.findings[0].1.risk, 90);
    assert_eq!(score.findings_per_scenario(), 2.0);
    // each request counts once for each finding that cites it
    assert_eq!((score.cited, score.cited_labelled), (3, 3));
    assert_eq!((score.found[1].delay, score.found[1].in_log), (None, 1));
}

#[test]
fn too_mild_is_missed_and_told() {
    let labels = labels(&[("theft", &["m1"])]);
    let incidents = [incident(vec![alert("m1", after(Span::minutes(1)), 30)])];
    let score = witness(&labels).score(&incidents, Severity::Medium);
    assert_eq!((score.hits(), score.findings, score.quieter), (0, 0, 1));
    assert_eq!(score.found[0].quieter.map(|(_, incident)| incident.risk), Some(30));
    assert_eq!(witness(&labels).score(&incidents, Severity::Low).recall(), 1.0);
}

#[test]
fn a_finding_without_labelled_evidence_is_false() {
    let labels = labels(&[("theft", &["m1"])]);
    let half = incident(vec![alert("m1", after(Span::minutes(1)), 90), alert("m5", after(Span::minutes(5)), 80)]);
    let incidents = [half, incident(vec![alert("m7", after(Span::minutes(7)), 50)])];
    let score = witness(&labels).score(&incidents, Severity::Medium);
    assert_eq!(score.false_findings.iter().map(|finding| finding.risk).collect::<Vec<_>>(), [50]);
    assert_eq!((score.precision(), score.evidence_true()), (0.5, 1.0 / 3.0));
    assert_eq!(score.false_per_day(), Some(1.0));
    // 1,441 events, of which one is labelled
    assert_eq!(score.false_per_100k(), 1e5 / 1_440.0);
}

#[test]
fn ids_are_compared_as_they_are_shown() {
    let labels = labels(&[("odd", &[r"'\u{1b}[2J'"])]);
    let mut witness = Witness::new(&labels);
    let mut odd = event();
    odd.audit_id = "\u{1b}[2J".into();
    witness.see(&odd);
    let incidents = [incident(vec![alert("\u{1b}[2J", START, 90)])];
    let score = witness.score(&incidents, Severity::Medium);
    assert_eq!((score.hits(), score.labelled), (1, 1));
    assert_eq!(score.false_per_day(), None, "a moment is no period");
}
