//! Elastic Common Schema 9.4 (<https://www.elastic.co/docs/reference/ecs>): the incident's lead in ECS's own fields, the
//! whole of it below `sawatch`, the name of the application as ECS asks for custom fields.

use std::net::IpAddr;

use serde::Serialize;

use super::detail::Detail;
use super::{PRODUCT, VERSION, attack};
use crate::alert::{Action, Activity, Actor, Alert, Incident, Technique};
use crate::event::Outcome;
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Version,
    message: String,
    event: Event<'a>,
    rule: Rule,
    threat: Threat,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<UserAgent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http>,
    orchestrator: Orchestrator<'a>,
    observer: Observer,
    related: Related<'a>,
    sawatch: Sawatch<'a>,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'static str,
    category: [&'static str; 1],
    r#type: [&'static str; 1],
    module: &'static str,
    dataset: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Text::is_empty")]
    action: &'a Text,
    outcome: &'static str,
    severity: u8,
    risk_score: u8,
    start: String,
    end: String,
    reason: String,
}

#[derive(Serialize)]
struct Rule {
    id: &'static str,
    name: &'static str,
}

#[derive(Serialize)]
struct Threat {
    framework: &'static str,
    tactic: Tactic,
    technique: TechniqueSet,
}

#[derive(Serialize)]
struct Tactic {
    id: Vec<&'static str>,
    name: Vec<&'static str>,
}

#[derive(Default, Serialize)]
struct TechniqueSet {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    id: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reference: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtechnique: Option<Box<TechniqueSet>>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<Name<'a>>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a Text,
}

#[derive(Serialize)]
struct Source {
    ip: IpAddr,
}

#[derive(Serialize)]
struct UserAgent<'a> {
    original: &'a Text,
}

#[derive(Serialize)]
struct Url<'a> {
    path: &'a Text,
}

#[derive(Serialize)]
struct Http {
    response: HttpResponse,
}

#[derive(Serialize)]
struct HttpResponse {
    status_code: u16,
}

#[derive(Serialize)]
struct Orchestrator<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Text::is_empty")]
    namespace: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource<'a>>,
}

#[derive(Serialize)]
struct Resource<'a> {
    r#type: &'a Text,
    #[serde(skip_serializing_if = "Text::is_empty")]
    name: &'a Text,
}

#[derive(Serialize)]
struct Observer {
    vendor: &'static str,
    product: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Related<'a> {
    user: Vec<&'a Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip: Vec<IpAddr>,
}

#[derive(Serialize)]
struct Sawatch<'a> {
    activity: &'static str,
    principal: &'a Text,
    principal_kind: &'static str,
    detectors: Vec<&'static str>,
    events: u64,
    alerts: Vec<AlertDocument<'a>>,
}

#[derive(Serialize)]
struct AlertDocument<'a> {
    audit_id: &'a Text,
    user: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated: Option<&'a Text>,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Text::is_empty")]
    user_agent: &'a Text,
    #[serde(flatten)]
    detail: Detail<'a>,
}

pub(super) fn document(incident: &Incident, activity: Activity) -> Document<'_> {
    let lead = incident.lead();
    let filled = |text: &Text| !text.is_empty();
    Document {
        timestamp: incident.last.to_string(),
        ecs: Version { version: "9.4.0" },
        message: incident.message(),
        event: event(incident),
        rule: lead.signals.first().map_or(Rule { id: "unknown", name: "unusual request" }, |signal| Rule {
            id: signal.detector,
            name: signal.reason.finding,
        }),
        threat: threat(&incident.techniques()),
        user: user(&lead.actor),
        source: lead.source_ip.map(|ip| Source { ip }),
        user_agent: filled(&lead.user_agent).then_some(UserAgent { original: &lead.user_agent }),
        url: filled(&lead.action.path).then_some(Url { path: &lead.action.path }),
        http: (lead.code != 0).then_some(Http { response: HttpResponse { status_code: lead.code } }),
        orchestrator: orchestrator(&incident.cluster, &lead.action),
        observer: Observer { vendor: PRODUCT, product: PRODUCT, version: VERSION },
        related: related(incident),
        sawatch: sawatch(incident, activity),
    }
}

fn user(actor: &Actor) -> Option<User<'_>> {
    let effective = actor.impersonated.as_ref().map(|name| Name { name });
    (!actor.username.is_empty()).then_some(User { name: &actor.username, effective })
}

/// `kind` is `alert` (`signal` is reserved by Elastic); `info` is the one type that this category may always have.
fn event(incident: &Incident) -> Event<'_> {
    let lead = incident.lead();
    let reasons: Vec<String> = lead.signals.iter().map(|signal| signal.reason.to_string()).collect();
    Event {
        kind: "alert",
        category: ["intrusion_detection"],
        r#type: ["info"],
        module: "sawatch",
        dataset: "sawatch.alert",
        id: incident.id.to_string(),
        action: &lead.action.verb,
        outcome: outcome(lead),
        severity: incident.severity as u8,
        risk_score: incident.risk,
        start: incident.first.to_string(),
        end: incident.last.to_string(),
        reason: reasons.join("; "),
    }
}

const fn outcome(alert: &Alert) -> &'static str {
    match (alert.outcome, alert.code) {
        (Outcome::Allowed, 0) => "unknown",
        (Outcome::Allowed, ..400) => "success",
        _ => "failure",
    }
}

/// A parent is listed by its id alone: its name is not in the alert.
fn threat(techniques: &[Technique]) -> Threat {
    let name = attack::tactics(techniques);
    let id = name.iter().filter_map(|tactic| attack::tactic_id(tactic)).collect();
    let (whole, sub): (Vec<Technique>, Vec<Technique>) = techniques.iter().partition(|t| attack::parent(**t).is_none());
    let mut technique = technique_set(&whole);
    for parent in sub.iter().filter_map(|t| attack::parent(*t)) {
        if !technique.id.contains(&parent) {
            technique.id.push(parent);
        }
    }
    technique.subtechnique = (!sub.is_empty()).then(|| Box::new(technique_set(&sub)));
    Threat { framework: "MITRE ATT&CK", tactic: Tactic { id, name }, technique }
}

fn technique_set(techniques: &[Technique]) -> TechniqueSet {
    let mut out = TechniqueSet::default();
    for technique in techniques {
        if !out.id.contains(&technique.id) {
            out.id.push(technique.id);
            out.name.push(technique.name);
            out.reference.push(attack::reference(*technique));
        }
    }
    out
}

fn orchestrator<'a>(cluster: &'a Text, action: &'a Action) -> Orchestrator<'a> {
    Orchestrator {
        r#type: "kubernetes",
        cluster: (!cluster.is_empty()).then_some(Name { name: cluster }),
        namespace: &action.namespace,
        resource: (!action.resource.is_empty()).then_some(Resource { r#type: &action.resource, name: &action.name }),
    }
}

fn related(incident: &Incident) -> Related<'_> {
    let actors = incident.alerts.iter().flat_map(|a| std::iter::once(&a.actor.username).chain(&a.actor.impersonated));
    let mut user: Vec<&Text> =
        std::iter::once(&incident.principal).chain(&incident.related).chain(actors).filter(|t| !t.is_empty()).collect();
    let mut ip: Vec<IpAddr> = incident.alerts.iter().filter_map(|a| a.source_ip).collect();
    user.sort_unstable();
    user.dedup();
    ip.sort_unstable();
    ip.dedup();
    Related { user, ip }
}

fn sawatch(incident: &Incident, activity: Activity) -> Sawatch<'_> {
    Sawatch {
        activity: match activity {
            Activity::Opened => "opened",
            Activity::Updated => "updated",
            Activity::Closed => "closed",
        },
        principal: &incident.principal,
        principal_kind: incident.kind.as_str(),
        detectors: incident.detectors(),
        events: incident.events,
        alerts: incident.alerts.iter().map(AlertDocument::from).collect(),
    }
}

impl<'a> From<&'a Alert> for AlertDocument<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            audit_id: &alert.audit_id,
            user: &alert.actor.username,
            credential: alert.actor.credential.as_ref(),
            pod: alert.actor.pod.as_ref(),
            node: alert.actor.node.as_ref(),
            impersonated: alert.actor.impersonated.as_ref(),
            action: alert.action.to_string(),
            source_ip: alert.source_ip,
            user_agent: &alert.user_agent,
            detail: Detail::from(alert),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::{Format, sample};

    fn written(incident: &Incident) -> Value {
        serde_json::from_str(&sample::written(Format::Ecs, incident)).expect("one JSON value")
    }

    #[test]
    fn it_is_an_alert_of_intrusion_detection() {
        let event = &written(&sample::secrets())["event"];
        assert_eq!(event["kind"], json!("alert"));
        assert_eq!(event["category"], json!(["intrusion_detection"]));
        assert_eq!(event["type"], json!(["info"]));
        assert_eq!(event["outcome"], json!("success"));
    }

    #[test]
    fn sub_techniques_stand_below_their_technique() {
        let technique = &written(&sample::secrets())["threat"]["technique"];
        assert_eq!(technique["id"], json!(["T1613", "T1552"]));
        assert_eq!(technique["subtechnique"]["id"], json!(["T1552.007"]));
    }

    #[test]
    fn everyone_and_every_address_is_related_once() {
        let related = &written(&sample::hostile())["related"];
        assert_eq!(related["ip"], json!(["203.0.113.7"]));
        let users = related["user"].as_array().expect("a list");
        assert_eq!(users.len(), 2, "{users:?}");
    }

    #[test]
    fn nobody_and_no_answer_are_left_out() {
        let value = written(&sample::anonymous());
        assert_eq!((value.get("http"), value.get("user")), (None, None));
    }

    #[test]
    fn the_outcome_is_a_success_only_when_it_was() {
        let mut alert = sample::secrets().alerts.remove(0);
        for (how, code, expected) in [
            (Outcome::Allowed, 201, "success"),
            (Outcome::Allowed, 404, "failure"),
            (Outcome::Allowed, 0, "unknown"),
            (Outcome::Unauthenticated, 0, "failure"),
            (Outcome::Denied, 403, "failure"),
        ] {
            (alert.outcome, alert.code) = (how, code);
            assert_eq!(outcome(&alert), expected, "{how:?} {code}");
        }
    }
}
