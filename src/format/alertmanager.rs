//! Alerts as Alertmanager's API takes them
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).
//!
//! Labels say which alert it is: what changes from one telling to the next, and what is different for each incident,
//! are annotations. An incident that becomes worse is another alert there, which routes by severity; the milder one
//! ends by itself.

use serde::Serialize;

use crate::alert::{Activity, Incident};
use crate::event::{PrincipalKind, Timestamp};
use crate::text::Text;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: Labels<'a>,
    annotations: Annotations<'a>,
    starts_at: String,
    ends_at: String,
}

#[derive(Serialize)]
struct Labels<'a> {
    alertname: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detector: &'static str,
    #[serde(skip_serializing_if = "Text::is_empty")]
    cluster: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    serviceaccount_namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serviceaccount: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    summary: String,
    description: String,
    alert_id: String,
    audit_id: &'a Text,
    risk_score: String,
    events: String,
    techniques: String,
    first: String,
    last: String,
}

/// All of them as the body of one request; `end` is when those that are not closed count as resolved.
pub(crate) fn write<'a>(incidents: impl Iterator<Item = (&'a Incident, Activity)>, end: Timestamp) -> Vec<u8> {
    let alerts: Vec<Alert<'_>> = incidents.map(|(incident, activity)| alert(incident, activity, end)).collect();
    serde_json::to_vec(&alerts).expect("strings are always JSON")
}

fn alert(incident: &Incident, activity: Activity, end: Timestamp) -> Alert<'_> {
    let lead = incident.lead();
    let ids: Vec<&str> = incident.techniques().iter().map(|technique| technique.id).collect();
    let end = if activity == Activity::Closed { incident.last } else { end };
    Alert {
        labels: labels(incident),
        annotations: Annotations {
            summary: incident.title(),
            description: incident.message(),
            alert_id: incident.id.to_string(),
            audit_id: &lead.audit_id,
            risk_score: incident.risk.to_string(),
            events: incident.events.to_string(),
            techniques: ids.join(","),
            first: incident.first.to_string(),
            last: incident.last.to_string(),
        },
        starts_at: incident.first.to_string(),
        // the other way round is refused
        ends_at: end.max(incident.first).to_string(),
    }
}

fn labels(incident: &Incident) -> Labels<'_> {
    let lead = incident.lead().signals.first();
    let principal = incident.principal.as_str();
    let account = principal.strip_prefix("system:serviceaccount:").and_then(|name| name.split_once(':'));
    let node = principal.strip_prefix("system:node:").filter(|_| incident.kind == PrincipalKind::Node);
    Labels {
        alertname: lead.map_or_else(|| "UnusualRequest".to_owned(), |signal| camel_case(signal.reason.finding)),
        severity: incident.severity.as_str(),
        detector: lead.map_or("", |signal| signal.detector),
        cluster: &incident.cluster,
        serviceaccount_namespace: account.map(|(namespace, _)| namespace),
        serviceaccount: account.map(|(_, name)| name),
        node,
        username: Some(principal).filter(|name| account.is_none() && node.is_none() && !name.is_empty()),
    }
}

/// `new action in this namespace` is `NewActionInThisNamespace`: by a fixed list, since routes match on it.
fn camel_case(finding: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    finding.split(|c: char| !c.is_ascii_alphanumeric()).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::alert::Severity;
    use crate::format::sample;

    fn written(incident: &Incident, activity: Activity, end: Timestamp) -> Value {
        let body = write(std::iter::once((incident, activity)), end);
        let mut alerts: Vec<Value> = serde_json::from_slice(&body).expect("a list");
        alerts.pop().expect("one alert")
    }

    fn later(incident: &Incident) -> Timestamp {
        Timestamp(incident.last.0 + 3_600_000_000)
    }

    #[test]
    fn labels_name_the_alert_and_annotations_tell_of_it() {
        let incident = sample::secrets();
        let alert = written(&incident, Activity::Opened, later(&incident));
        assert_eq!(
            alert["labels"],
            json!({
                "alertname": "NewAction", "severity": "high", "detector": "new-action", "cluster": "prod",
                "serviceaccount_namespace": "payments", "serviceaccount": "api",
            })
        );
        let annotations = &alert["annotations"];
        assert_eq!((&annotations["risk_score"], &annotations["events"]), (&json!("73"), &json!("4")));
        assert_eq!(annotations["alert_id"], json!(incident.id.to_string()));
        assert_eq!(alert["startsAt"], json!("2026-11-24T10:15:02.123456Z"));
        assert_eq!(alert["endsAt"], json!("2026-11-24T11:17:43.123456Z"));
    }

    #[test]
    fn an_incident_that_grows_stays_the_same_alert_until_it_becomes_worse() {
        let incident = sample::secrets();
        let grown = Incident { risk: 84, events: 99, last: later(&incident), ..incident.clone() };
        let labels = |incident: &Incident, activity| written(incident, activity, later(incident))["labels"].clone();
        assert_eq!(labels(&incident, Activity::Opened), labels(&grown, Activity::Updated));
        let worse = Incident { severity: Severity::Critical, ..grown };
        assert_ne!(labels(&incident, Activity::Opened), labels(&worse, Activity::Updated));
    }

    #[test]
    fn what_is_closed_is_resolved() {
        let incident = sample::secrets();
        let alert = written(&incident, Activity::Closed, later(&incident));
        assert_eq!(alert["endsAt"], json!(incident.last.to_string()));
    }

    #[test]
    fn those_who_are_no_service_account_go_by_their_username() {
        let labels = |principal: &str, kind| {
            let incident = Incident { principal: principal.into(), kind, ..sample::secrets() };
            written(&incident, Activity::Opened, incident.last)["labels"].clone()
        };
        assert_eq!(labels("system:node:node-3", PrincipalKind::Node)["node"], json!("node-3"));
        let user = labels("alice", PrincipalKind::User);
        assert_eq!((&user["username"], &user["serviceaccount"]), (&json!("alice"), &Value::Null));
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn whatever_an_event_says_every_label_and_annotation_is_a_string_and_the_end_is_not_before_the_start(
            incident in sample::any_incident(),
            end in any::<i64>(),
        ) {
            let end = Timestamp(end % 4_000_000_000_000_000);
            let alert = written(&incident, Activity::Updated, end);
            for part in ["labels", "annotations"] {
                let values = alert[part].as_object().expect("an object");
                prop_assert!(values.values().all(Value::is_string), "{values:?}");
            }
            prop_assert!(alert["labels"].as_object().expect("an object").values().all(|v| v != ""));
            prop_assert!(alert["startsAt"].as_str() <= alert["endsAt"].as_str());
        }
    }
}
