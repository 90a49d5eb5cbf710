//! What holds of any input: the order among principals changes nothing, and no event stops the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use sawatch::alert::Activity;
use sawatch::alert::{Incident, Severity};
use sawatch::engine::{Engine, Feed, Settings};
use sawatch::event::{Credential, Event, Facts, Outcome, Stage, Target, Timestamp};
use sawatch::format::{Format, Style};

use crate::data;
use crate::scenarios::events;

/// A few cases, the same in every run: a failure is a change of the code, never of luck.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() }
}

static BASE: LazyLock<Vec<Event<'static>>> = LazyLock::new(|| events(&data("scenarios"), "base"));

/// Attacks by accounts of which none begins what another does: no action, namespace, address or client is new to two.
///
/// What a cluster learns as a whole may legitimately depend on who came first: how many accounts have begun something
/// (peers and waves), which pod was last seen at an address, how often credentials of some kind change theirs. The
/// first two do not arise here, and beside the base these few events do not move the third.
const APART: [&str; 6] = [
    "single-request",
    "stolen-token-same-agent",
    "coredns-tampered",
    "exec-by-monitoring",
    "self-permission-review",
    "evasion-exec-command",
];

/// Each principal's events in their order.
static LANES: LazyLock<Vec<Vec<Event<'static>>>> = LazyLock::new(|| {
    let mut lanes: BTreeMap<String, Vec<Event<'static>>> = BTreeMap::new();
    for event in APART.iter().flat_map(|name| events(&data("scenarios").join(name), "audit")) {
        lanes.entry(event.username.to_string()).or_default().push(event);
    }
    lanes.into_values().collect()
});

/// What is said of each principal at medium and above: the evidence, and who spoke on it.
type Said = BTreeMap<String, BTreeSet<(String, Vec<&'static str>)>>;

fn learnt() -> Engine {
    let mut engine = Engine::new("test", &Settings::default());
    let own = APART.iter().flat_map(|name| events(&data("scenarios").join(name), "learn"));
    for event in BASE.iter().cloned().chain(own) {
        engine.learn(Feed(0), &event);
    }
    engine
}

fn said(incidents: &[Incident]) -> Said {
    let mut said = Said::new();
    for incident in incidents.iter().filter(|incident| incident.severity >= Severity::Medium) {
        let evidence = said.entry(incident.principal.to_string()).or_default();
        evidence.extend(incident.alerts.iter().map(|alert| {
            let mut detectors: Vec<&str> = alert.signals.iter().map(|signal| signal.detector).collect();
            detectors.sort_unstable();
            (alert.audit_id.to_string(), detectors)
        }));
    }
    said
}

/// What is said if the next event is, time and again, the next of the lane that `turns` points at.
fn interleaved(turns: impl IntoIterator<Item = Index>) -> Said {
    let mut engine = learnt();
    let mut lanes: Vec<_> = LANES.iter().map(|lane| lane.iter().peekable()).collect();
    for turn in turns {
        let lane = turn.index(lanes.len());
        lanes[lane].next().map(|event| engine.process(Feed(0), event));
    }
    for event in lanes.into_iter().flatten() {
        engine.process(Feed(0), event);
    }
    said(&engine.finish())
}

static ONE_AFTER_ANOTHER: LazyLock<Said> = LazyLock::new(|| interleaved([]));

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn the_order_among_principals_changes_nothing(turns in prop::collection::vec(any::<Index>(), 0..2_000)) {
        prop_assert_eq!(ONE_AFTER_ANOTHER.len(), APART.len());
        prop_assert_eq!(&interleaved(turns), &*ONE_AFTER_ANOTHER);
    }
}

/// Anything, and what looks like something.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        "system:",
        "system:anonymous",
        "system:node:",
        "system:serviceaccount:",
        "system:serviceaccount:a:b:c",
        "JTI=",
        "X509SHA256=\0",
        "kube-system",
        "secrets",
        "pods",
        "exec",
        "token",
        "proxy",
        "create",
        "get",
        "escalate",
        "/api/v1/nodes/x/proxy/run/..?command=%zz",
        "?&=%",
        "kubectl/",
        "a/b/c/1.2.3 (x; y) z/",
        "\u{202e}\u{1b}[2J\n",
    ]);
    prop_oneof![2 => known.prop_map(str::to_owned), 2 => any::<String>(), 1 => "(?s).{0,40}[/:=?&%(). -].{0,40}",
        1 => "[a-z\u{0}-\u{10ffff}]{600,700}"]
}

/// Replaces what it is given; leaves it as it is in half of the cases.
fn mutated() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

#[derive(Clone, Debug)]
struct Mutation {
    strings: Vec<Option<String>>,
    optional: Vec<Option<String>>,
    times: [i64; 2],
    source_ip: Option<IpAddr>,
    code: u16,
    outcome: Outcome,
    stage: Stage,
    flags: [bool; 6],
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let outcomes = vec![
        Outcome::Allowed,
        Outcome::Refused,
        Outcome::Denied,
        Outcome::ImpersonationDenied,
        Outcome::Unauthenticated,
        Outcome::Throttled,
    ];
    let stages = vec![Stage::RequestReceived, Stage::ResponseStarted, Stage::ResponseComplete, Stage::Panic];
    let texts = (prop::collection::vec(mutated(), 10), prop::collection::vec(mutated(), 6));
    let words = (prop::sample::select(outcomes), prop::sample::select(stages));
    let rest = (any::<[i64; 2]>(), any::<Option<IpAddr>>(), any::<u16>(), any::<[bool; 6]>());
    (texts, words, rest).prop_map(|((strings, optional), (outcome, stage), (times, source_ip, code, flags))| Mutation {
        strings,
        optional,
        times,
        source_ip,
        code,
        outcome,
        stage,
        flags,
    })
}

impl Mutation {
    /// `event` with whatever is to be replaced.
    fn apply(self, event: &Event<'static>) -> Event<'static> {
        let Self { strings, optional, times: [at, received], source_ip, code, outcome, stage, flags } = self;
        let mut strings = strings.into_iter();
        let mut text = |old: &str| strings.next().flatten().unwrap_or_else(|| old.to_owned()).into();
        let mut optional = optional.into_iter().map(|text| text.map(Into::into));
        let mut maybe = || optional.next().flatten();
        let target = &event.target;
        Event {
            audit_id: text(&event.audit_id),
            at: Timestamp(at),
            received: Timestamp(received),
            stage,
            username: text(&event.username),
            credential: Credential { id: maybe(), pod_name: maybe(), pod_uid: maybe(), node_name: maybe() },
            impersonated: maybe(),
            impersonates_masters: flags[0],
            verb: text(&event.verb),
            target: Target {
                group: text(&target.group),
                resource: text(&target.resource),
                subresource: text(&target.subresource),
                namespace: text(&target.namespace),
                name: text(&target.name),
            },
            uri: text(&event.uri),
            source_ip,
            user_agent: text(&event.user_agent),
            code,
            outcome,
            facts: Facts {
                issued_credential_id: maybe(),
                stale_token: flags[1],
                legacy_token: flags[2],
                revoked_token: flags[5],
                truncated: flags[3],
                forwarded: flags[4],
                body: event.facts.body.clone(),
            },
        }
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn no_event_stops_the_engine_or_a_format(mutations in prop::collection::vec((any::<Index>(), mutation()), 1..24)) {
        let log = &BASE[..500];
        let mut engine = Engine::new("test", &Settings::default());
        for event in log {
            engine.learn(Feed(0), event);
        }
        for (index, mutation) in mutations {
            let event = index.get(log);
            engine.process(Feed(0), &mutation.apply(event));
            engine.process(Feed(0), event);
        }
        let incidents = engine.finish();
        prop_assert_eq!(engine.census().failures, BTreeMap::new());
        for (incident, format) in incidents.iter().flat_map(|i| Format::ALL.map(|format| (i, format))) {
            let mut out = Vec::new();
            format.write(incident, Activity::Opened, Style::PLAIN, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            prop_assert!(!written.contains(|c: char| c.is_control() && c != '\n'), "{:?}", written);
            let lines: Vec<&str> = written.lines().collect();
            prop_assert!(format == Format::Text || lines.len() == 1 && serde_json::from_str::<serde_json::Value>(lines[0]).is_ok());
        }
    }
}
