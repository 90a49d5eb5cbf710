//! An OCSF 1.6 Detection Finding (<https://schema.ocsf.io/1.6.0/classes/detection_finding>).
//!
//! Attributes are named and ordered as there; what is absent is left out, never null; times are milliseconds.
//! `anomaly_analyses` and `evidences` go together, most severe first: a consumer that cuts lists keeps what says most.
//! Their order in time is in `evidences[].data.time`.

mod analysis;
mod attack;
mod evidence;
mod resource;
#[cfg(test)]
pub(crate) mod rules;

use serde::Serialize;

use self::analysis::AnomalyAnalysis;
use self::attack::Attack;
use self::evidence::Evidence;
use self::resource::Resource;
use super::{PRODUCT, VERSION};
use crate::alert::{Activity, Grade, Incident, Severity, Signal};

#[derive(Serialize)]
pub(super) struct Finding<'a> {
    metadata: Metadata,
    category_uid: u8,
    class_uid: u32,
    class_name: &'static str,
    activity_id: u8,
    activity_name: &'static str,
    type_uid: u32,
    time: i64,
    start_time: i64,
    end_time: i64,
    count: i32,
    severity_id: u8,
    severity: &'static str,
    status_id: u8,
    confidence_id: u8,
    impact_score: u8,
    risk_level_id: u8,
    risk_score: u8,
    is_alert: bool,
    message: String,
    finding_info: FindingInfo,
    anomaly_analyses: Vec<AnomalyAnalysis<'a>>,
    evidences: Vec<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Metadata {
    version: &'static str,
    product: Product,
    log_name: &'static str,
    log_provider: &'static str,
}

#[derive(Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct FindingInfo {
    uid: String,
    title: String,
    types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analytic: Option<Analytic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_analytics: Vec<Analytic>,
    attacks: Vec<Attack>,
    data_sources: [&'static str; 1],
    first_seen_time: i64,
    last_seen_time: i64,
}

#[derive(PartialEq, Eq, Serialize)]
struct Analytic {
    uid: &'static str,
    name: &'static str,
    type_id: u8,
}

const CATEGORY: u8 = 2;
const CLASS: u32 = 2004;

/// Nobody has looked at it yet, as far as Sawatch knows: what people make of it is kept where they work.
const STATUS_NEW: u8 = 1;

pub(super) fn finding(incident: &Incident, activity: Activity) -> Finding<'_> {
    Finding {
        metadata: Metadata {
            version: "1.6.0",
            product: Product { name: PRODUCT, vendor_name: PRODUCT, version: VERSION },
            log_name: "audit",
            log_provider: "kube-apiserver",
        },
        category_uid: CATEGORY,
        class_uid: CLASS,
        class_name: "Detection Finding",
        activity_id: activity as u8,
        activity_name: activity_name(activity),
        type_uid: CLASS * 100 + activity as u32,
        time: incident.last.millis(),
        start_time: incident.first.millis(),
        end_time: incident.last.millis(),
        count: integer(incident.events),
        severity_id: incident.severity as u8,
        severity: caption(incident.severity),
        status_id: STATUS_NEW,
        confidence_id: confidence(incident),
        impact_score: incident.signals().map(|signal| signal.impact.weight).max().unwrap_or(0),
        risk_level_id: incident.severity as u8 - 1,
        risk_score: incident.risk,
        is_alert: incident.notifies,
        message: incident.message(),
        finding_info: finding_info(incident),
        anomaly_analyses: incident.alerts.iter().map(AnomalyAnalysis::from).collect(),
        evidences: incident.alerts.iter().map(Evidence::from).collect(),
        resources: resource::affected(incident),
    }
}

fn finding_info(incident: &Incident) -> FindingInfo {
    let techniques = incident.techniques();
    let mut analytics = analytics(incident);
    let related_analytics = analytics.split_off(analytics.len().min(1));
    FindingInfo {
        uid: incident.id.to_string(),
        title: incident.title(),
        types: super::attack::tactics(&techniques).into_iter().map(finding_type).collect(),
        analytic: analytics.pop(),
        related_analytics,
        attacks: techniques.into_iter().map(Attack::from).collect(),
        data_sources: ["Kubernetes audit log"],
        first_seen_time: incident.first.millis(),
        last_seen_time: incident.last.millis(),
    }
}

/// As GuardDuty names its own: `CredentialAccess:Kubernetes/AnomalousBehavior`.
fn finding_type(tactic: &str) -> String {
    format!("{}:Kubernetes/AnomalousBehavior", tactic.replace(' ', ""))
}

/// What spoke, each once, the lead's first.
fn analytics(incident: &Incident) -> Vec<Analytic> {
    let mut out: Vec<Analytic> = Vec::new();
    for signal in incident.signals() {
        if !out.iter().any(|analytic| analytic.uid == signal.detector) {
            out.push(Analytic { uid: signal.detector, name: signal.reason.finding, type_id: analytic_type(signal) });
        }
    }
    out
}

/// 3 (statistical) when it compares with a past or with peers, 1 (rule) when a fact is wrong by itself.
fn analytic_type(signal: &Signal) -> u8 {
    if signal.reason.history.is_some() || signal.reason.peers.is_some() { 3 } else { 1 }
}

/// By what the lead's evidence rests on, the best of it: 3 (high) the credential itself, 2 (medium) the pod, 1 (low)
/// an address. Findings that are not about a credential rest on who the API server authenticated: high when it
/// named the credential too.
fn confidence(incident: &Incident) -> u8 {
    let lead = incident.lead();
    match lead.signals.iter().filter_map(|signal| signal.reason.grade).max() {
        Some(Grade::Credential) => 3,
        Some(Grade::Pod) => 2,
        Some(Grade::Address) => 1,
        None if lead.actor.credential.is_some() => 3,
        None => 2,
    }
}

const fn activity_name(activity: Activity) -> &'static str {
    match activity {
        Activity::Opened => "Create",
        Activity::Updated => "Update",
        Activity::Closed => "Close",
    }
}

const fn caption(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// OCSF's integers have 32 bits in the column stores that take it; a count beyond is "at least".
fn integer(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::format::{Format, Style, sample};

    fn written(incident: &Incident) -> Value {
        serde_json::from_str(&sample::written(Format::Ocsf, incident)).expect("one JSON value")
    }

    #[test]
    fn every_sample_holds_to_the_schema() {
        for (name, incident) in sample::all() {
            assert_eq!(rules::broken(&written(&incident)), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn the_type_follows_the_activity() {
        for (activity, id) in [(Activity::Opened, 1), (Activity::Updated, 2), (Activity::Closed, 3)] {
            let mut line = Vec::new();
            Format::Ocsf.write(&sample::secrets(), activity, Style::PLAIN, &mut line).expect("a vector takes it");
            let value: Value = serde_json::from_slice(&line).expect("one JSON value");
            assert_eq!(value["activity_id"], json!(id));
            assert_eq!(value["type_uid"], json!(200_400 + id));
            assert_eq!(rules::broken(&value), Vec::<String>::new());
        }
    }

    #[test]
    fn every_alert_is_cited_by_its_audit_id() {
        let incident = sample::secrets();
        let value = written(&incident);
        let cited: Vec<&Value> =
            value["evidences"].as_array().expect("a list").iter().map(|e| &e["api"]["request"]["uid"]).collect();
        let expected: Vec<&str> = incident.alerts.iter().map(|a| a.audit_id.as_str()).collect();
        assert_eq!(cited, expected);
    }

    #[test]
    fn only_what_notifies_is_an_alert() {
        for (severity, notifies) in Severity::ALL.into_iter().zip([false, true].into_iter().cycle()) {
            let value = written(&Incident { severity, notifies, ..sample::secrets() });
            assert_eq!(value["severity_id"], json!(severity as u8));
            assert_eq!(value["is_alert"], json!(notifies));
        }
    }

    #[test]
    fn confidence_is_that_of_the_best_evidence() {
        let of = |grade, credential: Option<&str>| {
            let mut incident = sample::secrets();
            incident.alerts[0].actor.credential = credential.map(Into::into);
            incident.alerts[0].signals.iter_mut().for_each(|s| s.reason.grade = grade);
            confidence(&incident)
        };
        assert_eq!(of(Some(Grade::Address), Some("JTI=1")), 1);
        assert_eq!(of(Some(Grade::Pod), Some("JTI=1")), 2);
        assert_eq!(of(Some(Grade::Credential), None), 3);
        assert_eq!((of(None, Some("JTI=1")), of(None, None)), (3, 2));
    }

    #[test]
    fn counts_beyond_32_bits_are_capped() {
        assert_eq!(integer(u64::MAX), i32::MAX);
        assert_eq!(integer(7_u64), 7);
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn whatever_an_event_says_the_finding_holds_to_the_schema(incident in sample::any_incident()) {
            prop_assert_eq!(rules::broken(&written(&incident)), Vec::<String>::new());
        }
    }
}
