//! Whether sinks take what they are given: an incident that says of itself that it is a test.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Reopen, Sink, SinkSettings, Trouble, wall_clock};
use crate::alert::{Action, Activity, Actor, Alert, Bits, Impact, Incident, Reason, Severity, Signal, Technique};
use crate::event::{Outcome, PrincipalKind, Timestamp};
use crate::store::Outbox;
use crate::text::Text;

const PRINCIPAL: &str = "sawatch:test";

/// The technique of requests on paths: an incident has one.
const DISCOVERY: Technique = Technique { id: "T1613", name: "Container and Resource Discovery", tactic: "Discovery" };

/// Hands a test to each sink, past its outbox, with what came of it.
pub async fn check(sinks: &[SinkSettings]) -> Vec<(String, Result<(), Text>)> {
    let mut outcomes = Vec::new();
    for settings in sinks {
        outcomes.push((settings.name.clone(), deliver(settings).await));
    }
    outcomes
}

async fn deliver(settings: &SinkSettings) -> Result<(), Text> {
    let mut sink = Sink::open(settings, &Reopen::default()).map_err(|unusable| unusable.what)?;
    sink.deliver(&[test_notice(settings.least, wall_clock())]).await.map_err(Trouble::what)
}

/// An incident of `severity` that is a test, and says so wherever it is shown; each moment's is another.
#[must_use]
pub fn test_notice(severity: Severity, at: Timestamp) -> Outbox {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{PRINCIPAL} {at}").as_bytes());
    let incident = Incident {
        id,
        cluster: "sawatch-test".into(),
        principal: PRINCIPAL.into(),
        kind: PrincipalKind::User,
        related: Vec::new(),
        severity,
        risk: risk(severity),
        first: at,
        last: at,
        notifies: severity >= Severity::Medium,
        lessons: Vec::new(),
        events: 1,
        alerts: vec![alert(id, risk(severity), at)],
    };
    Outbox { incident, activity: Activity::Opened, arrived: at }
}

fn alert(id: Uuid, risk: u8, at: Timestamp) -> Alert {
    let path = "/sawatch-test";
    let impact = Impact { weight: 0, what: "nothing", technique: DISCOVERY };
    let reason = Reason::new("test", "test of a sink, nothing happened", path.into());
    Alert {
        at,
        audit_id: id.to_string().into(),
        actor: Actor {
            username: PRINCIPAL.into(),
            kind: PrincipalKind::User,
            credential: None,
            pod: None,
            node: None,
            impersonated: None,
        },
        action: Action {
            verb: "get".into(),
            group: "".into(),
            resource: "".into(),
            subresource: "".into(),
            namespace: "".into(),
            name: "".into(),
            path: path.into(),
        },
        outcome: Outcome::Allowed,
        code: 200,
        source_ip: Some(IpAddr::from([127, 0, 0, 1])),
        user_agent: concat!("sawatch/", env!("CARGO_PKG_VERSION")).into(),
        signals: vec![Signal { detector: "test", surprise: Bits(0.0), impact, reason }],
        risk,
    }
}

/// The lowest risk of a severity.
fn risk(severity: Severity) -> u8 {
    (0..=100).find(|&risk| Severity::of_risk(risk) == severity).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::{Format, ocsf_rules};
    use crate::sink::{Kind, line};

    #[test]
    fn a_test_says_that_it_is_one_in_every_format_and_is_valid() {
        for severity in Severity::ALL {
            let notice = test_notice(severity, Timestamp(1_795_515_302_123_456));
            assert_eq!(Severity::of_risk(notice.incident.risk), severity);
            for format in Format::ALL {
                let text = String::from_utf8(line(format, &notice)).expect("text");
                assert!(text.contains(PRINCIPAL) && text.contains("nothing happened"), "{format}: {text}");
            }
            let finding: Value = serde_json::from_slice(&line(Format::Ocsf, &notice)).expect("JSON");
            assert_eq!(ocsf_rules::broken(&finding), Vec::<String>::new());
            assert_eq!(finding["severity_id"], json!(severity as u8));
        }
    }

    #[test]
    fn two_tests_are_two_incidents() {
        let [one, two] = [1, 2].map(|at| test_notice(Severity::Low, Timestamp(at)).incident.id);
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn every_sink_is_tried_and_says_for_itself_how_it_went() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, path| SinkSettings {
            name: name.to_owned(),
            kind: Kind::File { path, format: Format::Ocsf },
            ..SinkSettings::default()
        };
        let path = folder.path().join("alerts.jsonl");
        let sinks = [file("lost", folder.path().join("no/alerts.jsonl")), file("../x", path.clone()), file("ok", path)];
        let outcomes = check(&sinks).await;
        let went: Vec<(&str, bool)> = outcomes.iter().map(|(name, outcome)| (name.as_str(), outcome.is_ok())).collect();
        assert_eq!(went, [("lost", false), ("../x", false), ("ok", true)]);
    }
}
