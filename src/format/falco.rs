//! A Falco alert, as Falcosidekick takes it (<https://falco.org/docs/concepts/outputs/forwarding/>).
//!
//! One alert is about one event there: the fields are those of the incident's lead. Every output field is a string,
//! because Falcosidekick asserts that some are and drops the request when they are not.

use serde::Serialize;

use super::attack;
use crate::alert::{Incident, Severity};
use crate::event::Timestamp;
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct FalcoAlert<'a> {
    output: String,
    priority: &'static str,
    rule: String,
    source: &'static str,
    time: String,
    /// The cluster: an audit event names no host.
    #[serde(skip_serializing_if = "Text::is_empty")]
    hostname: &'a Text,
    tags: Vec<String>,
    output_fields: OutputFields<'a>,
}

/// Falco's own names of the fields of an audit event (`falco --list=k8s_audit`), then ours below `alert`.
#[derive(Serialize)]
struct OutputFields<'a> {
    #[serde(rename = "ka.auditid")]
    audit_id: &'a Text,
    #[serde(rename = "ka.user.name", skip_serializing_if = "Text::is_empty")]
    username: &'a Text,
    #[serde(rename = "ka.impuser.name", skip_serializing_if = "Option::is_none")]
    impersonated: Option<&'a Text>,
    #[serde(rename = "ka.verb")]
    verb: &'a Text,
    #[serde(rename = "ka.uri", skip_serializing_if = "Text::is_empty")]
    path: &'a Text,
    #[serde(rename = "ka.target.namespace", skip_serializing_if = "Text::is_empty")]
    namespace: &'a Text,
    #[serde(rename = "ka.target.resource", skip_serializing_if = "Text::is_empty")]
    resource: &'a Text,
    #[serde(rename = "ka.target.subresource", skip_serializing_if = "Text::is_empty")]
    subresource: &'a Text,
    #[serde(rename = "ka.target.name", skip_serializing_if = "Text::is_empty")]
    name: &'a Text,
    #[serde(rename = "ka.useragent", skip_serializing_if = "Text::is_empty")]
    user_agent: &'a Text,
    #[serde(rename = "ka.sourceips", skip_serializing_if = "Option::is_none")]
    source_ip: Option<String>,
    #[serde(rename = "ka.response.code", skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(rename = "alert.id")]
    id: String,
    #[serde(rename = "alert.risk_score")]
    risk: String,
    #[serde(rename = "alert.severity")]
    severity: &'static str,
    #[serde(rename = "alert.title")]
    title: String,
    #[serde(rename = "alert.detectors")]
    detectors: String,
    #[serde(rename = "alert.cluster", skip_serializing_if = "Text::is_empty")]
    cluster: &'a Text,
    #[serde(rename = "alert.principal")]
    principal: &'a Text,
    #[serde(rename = "alert.credential", skip_serializing_if = "Option::is_none")]
    credential: Option<&'a Text>,
    #[serde(rename = "alert.pod", skip_serializing_if = "Option::is_none")]
    pod: Option<&'a Text>,
    #[serde(rename = "alert.node", skip_serializing_if = "Option::is_none")]
    node: Option<&'a Text>,
    #[serde(rename = "alert.outcome")]
    outcome: &'static str,
    #[serde(rename = "alert.events")]
    events: String,
    #[serde(rename = "alert.first")]
    first: String,
    #[serde(rename = "alert.last")]
    last: String,
}

pub(super) fn alert(incident: &Incident) -> FalcoAlert<'_> {
    let lead = incident.lead();
    let priority = priority(incident.severity);
    FalcoAlert {
        output: format!("{}: {priority} {}", time_of_day(lead.at), incident.message()),
        priority,
        rule: rule(incident),
        source: "k8s_audit",
        time: lead.at.to_string(),
        hostname: &incident.cluster,
        tags: tags(incident),
        output_fields: fields(incident),
    }
}

fn fields(incident: &Incident) -> OutputFields<'_> {
    let lead = incident.lead();
    let (actor, action) = (&lead.actor, &lead.action);
    OutputFields {
        audit_id: &lead.audit_id,
        username: &actor.username,
        impersonated: actor.impersonated.as_ref(),
        verb: &action.verb,
        path: &action.path,
        namespace: &action.namespace,
        resource: &action.resource,
        subresource: &action.subresource,
        name: &action.name,
        user_agent: &lead.user_agent,
        source_ip: lead.source_ip.map(|ip| ip.to_string()),
        code: (lead.code != 0).then(|| lead.code.to_string()),
        id: incident.id.to_string(),
        risk: incident.risk.to_string(),
        severity: incident.severity.as_str(),
        title: incident.title(),
        detectors: incident.detectors().join(","),
        cluster: &incident.cluster,
        principal: &incident.principal,
        credential: actor.credential.as_ref(),
        pod: actor.pod.as_ref(),
        node: actor.node.as_ref(),
        outcome: lead.outcome.as_str(),
        events: incident.events.to_string(),
        first: incident.first.to_string(),
        last: incident.last.to_string(),
    }
}

const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Notice",
        Severity::Medium => "Warning",
        Severity::High => "Error",
        Severity::Critical => "Critical",
    }
}

/// What was found and what it could hurt: both from fixed lists, since receivers use the rule as a label.
fn rule(incident: &Incident) -> String {
    let Some(signal) = incident.lead().signals.first() else { return "unusual request".to_owned() };
    format!("{}: {}", signal.reason.finding, signal.impact.what)
}

/// As in Falco's own rules: `k8s`, the tactics as `mitre_credential_access`, the techniques by id.
fn tags(incident: &Incident) -> Vec<String> {
    let techniques = incident.techniques();
    let tactics =
        attack::tactics(&techniques).into_iter().map(|t| format!("mitre_{}", t.to_lowercase().replace(' ', "_")));
    let mut ids: Vec<&str> = Vec::new();
    for technique in &techniques {
        if !ids.contains(&technique.id) {
            ids.push(technique.id);
        }
    }
    std::iter::once("k8s".to_owned()).chain(tactics).chain(ids.into_iter().map(str::to_owned)).collect()
}

/// `10:15:02.123456000`: Falco opens its output with the time of day in nanoseconds.
fn time_of_day(at: Timestamp) -> String {
    let (_, _, _, hour, minute, second, micros) = at.civil();
    format!("{hour:02}:{minute:02}:{second:02}.{micros:06}000")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::format::{Format, sample};

    fn written(incident: &Incident) -> Value {
        serde_json::from_str(&sample::written(Format::Falco, incident)).expect("one JSON value")
    }

    #[test]
    fn output_opens_with_time_and_priority() {
        let value = written(&sample::secrets());
        let output = value["output"].as_str().expect("a string");
        assert!(
            output.starts_with("10:15:02.123456000: Error system:serviceaccount:payments:api did list"),
            "{output}"
        );
        assert_eq!(value["time"], json!("2026-11-24T10:15:02.123456Z"));
    }

    #[test]
    fn severity_maps_onto_priority_in_order() {
        let priorities = Severity::ALL.map(priority);
        assert_eq!(priorities, ["Informational", "Notice", "Warning", "Error", "Critical"]);
    }

    #[test]
    fn the_rule_holds_nothing_an_event_says() {
        let rule = written(&sample::hostile())["rule"].to_string();
        assert_eq!(rule, r#""second address for one token: read one secret""#);
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn every_output_field_is_a_string(incident in sample::any_incident()) {
            let value = written(&incident);
            let fields = value["output_fields"].as_object().expect("an object");
            prop_assert!(!fields.is_empty());
            prop_assert!(fields.values().all(Value::is_string), "{fields:?}");
            for required in ["priority", "rule", "time", "output", "source"] {
                prop_assert!(value[required].as_str().is_some_and(|s| !s.is_empty()), "{required}");
            }
        }
    }
}
