use std::net::IpAddr;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::event::{Outcome, Stage, Target, Timestamp};

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn reasons(decoded: &Decoded<'_>) -> Vec<RejectReason> {
    decoded.rejects.iter().map(|r| r.reason).collect()
}

/// The least that an event must say.
const MINIMAL: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x","stageTimestamp":"2026-11-24T10:15:02.123456Z"}"#;

fn minimal(field: &str) -> String {
    MINIMAL.replacen('{', &format!("{{{field},"), 1)
}

fn one(record: &str) -> Result<Event<'static>, RejectReason> {
    let decoded = decode_block(record.as_bytes());
    match (&*decoded.events, &*decoded.rejects) {
        ([event], []) => Ok(event.clone().into_owned()),
        ([], [reject]) => Err(reject.reason),
        _ => panic!("neither one event nor one reject: {decoded:?}"),
    }
}

#[test]
fn every_field_lands_in_its_place() {
    let block = data("native/audit.jsonl");
    let decoded = decode_block(&block);
    let exec = decoded.events.iter().find(|e| e.target.subresource == "exec").unwrap();
    assert_eq!(exec.stage, Stage::ResponseStarted);
    assert!(exec.uri.contains("&command=") && !exec.path().contains('?'), "{}", exec.uri);
    let token = decoded.events.iter().find(|e| e.facts.issued_credential_id.is_some()).unwrap();
    assert_eq!(
        (&*token.verb, &*token.target.resource, &*token.target.subresource),
        ("create", "serviceaccounts", "token")
    );
    assert!(token.facts.issued_credential_id.as_deref().unwrap().starts_with("JTI="));
    let bound = decoded.events.iter().find(|e| e.credential.pod_name.is_some()).unwrap();
    assert!(
        bound.credential.id.is_some() && bound.credential.pod_uid.is_some() && bound.credential.node_name.is_some()
    );
    assert!(bound.source_ip.is_some() && !bound.user_agent.is_empty() && !bound.audit_id.is_empty());
    assert!(decoded.events.iter().all(|e| e.at >= e.received && e.at.to_string().starts_with("2026-11-24T2")));
    assert!(
        decoded
            .events
            .iter()
            .any(|e| e.impersonates_masters && e.impersonated.as_deref() == Some("alice@corp.example"))
    );
    assert!(decoded.events.iter().any(|e| e.facts.truncated));
}

#[test]
fn recorded_events_show_every_outcome_but_throttling() {
    let block = data("native/audit.jsonl");
    let events = decode_block(&block).events;
    for outcome in
        [Outcome::Allowed, Outcome::Refused, Outcome::Denied, Outcome::ImpersonationDenied, Outcome::Unauthenticated]
    {
        assert!(events.iter().any(|e| e.outcome == outcome), "{outcome:?}");
    }
    let nobody = events.iter().find(|e| e.outcome == Outcome::Unauthenticated).unwrap();
    assert_eq!((&*nobody.username, nobody.code), ("", 401));
}

#[test]
fn the_scanner_takes_all_that_the_api_server_writes_and_agrees_with_the_parser() {
    let block = String::from_utf8([data("native/audit.jsonl"), data("bodies/audit.jsonl")].concat()).unwrap();
    assert!(block.lines().count() > 60);
    for line in block.lines() {
        assert_eq!(parsers::scanned(line).as_ref(), parsers::parsed(line).ok().as_ref(), "{line}");
        assert!(parsers::scanned(line).is_some(), "{line}");
    }
}

#[test]
fn every_envelope_holds_the_same_events() {
    let native = data("wrappers/native.jsonl");
    let expected = decode_block(&native).events;
    assert_eq!(expected.len(), 3);
    for name in [
        "aks-eventhub-object.json",
        "aks-eventhub-string.json",
        "cri-stdout.log",
        "eks-cloudwatch-message.jsonl",
        "eks-cloudwatch-subscription.json",
        "elastic-agent.jsonl",
        "filebeat.jsonl",
        "fluent-bit.jsonl",
        "logstash.jsonl",
        "openshift-logging.jsonl",
        "vector.jsonl",
        "webhook-eventlist.json",
    ] {
        let block = data(&format!("wrappers/{name}"));
        let decoded = decode_block(&block);
        assert_eq!((&decoded.events, &*decoded.rejects), (&expected, &[][..]), "{name}");
    }
}

#[test]
fn an_odd_item_costs_a_list_nothing_else() {
    let list = String::from_utf8(data("wrappers/webhook-eventlist.json")).unwrap();
    let expected = decode_block(list.as_bytes());
    let odd = list.replacen("\"items\":[", "\"items\":[{\"level\": \"None\"},", 1).replace("}}]}", "}},7]}");
    let decoded = decode_block(odd.as_bytes());
    assert_eq!(decoded.events, expected.events);
    assert_eq!(reasons(&decoded), [RejectReason::NotAudit, RejectReason::Malformed]);
}

#[test]
fn envelopes_nest() {
    let quote = |text: &str| serde_json::to_string(text).unwrap();
    let cri = format!("2026-11-24T22:00:00.1Z stdout F {MINIMAL}\n");
    let fluent_bit = format!("{{\"log\":{}}}", quote(&cri));
    assert!(one(&fluent_bit).is_ok());
    assert!(one(&format!("{{\"schema\":null,\"payload\":{}}}", quote(&fluent_bit))).is_ok());
    assert!(one(&format!("[{fluent_bit}]")).is_ok());
    let abyss = (0..9).fold(MINIMAL.to_owned(), |inner, _| format!("{{\"payload\":{inner}}}"));
    assert_eq!(one(&abyss), Err(RejectReason::TooDeep));
}

#[test]
fn an_envelope_lends_its_time_to_an_event_without_one() {
    let timeless = r#"{"verb":"get","requestURI":"/x"}"#;
    assert_eq!(one(timeless), Err(RejectReason::MissingField));
    let at = |envelope: &str| one(envelope).map(|e| e.at);
    let expected = Ok(Timestamp(1_795_557_000_000_000));
    assert_eq!(at(&format!("{{\"timestamp\":1795557000000,\"message\":{timeless}}}")), expected);
    assert_eq!(at(&format!("{{\"@timestamp\":1795557000.0,\"log\":{timeless}}}")), expected);
}

#[test]
fn a_log_entry_of_gke_is_read_as_an_event() {
    let block = data("wrappers/gke-logentry.jsonl");
    let decoded = decode_block(&block);
    assert_eq!(reasons(&decoded), [RejectReason::NotAudit]);
    let [exec, list] = &*decoded.events else { panic!("two events") };
    let target = |group: &'static str,
                  resource: &'static str,
                  subresource: &'static str,
                  namespace: &'static str,
                  name: &'static str| Target {
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    assert_eq!(exec.target, target("", "pods", "exec", "shop", "web-0"));
    assert_eq!((&*exec.verb, &*exec.uri), ("create", "/api/v1/namespaces/shop/pods/web-0/exec"));
    assert_eq!((&*exec.username, exec.stage, exec.code), ("alice@corp.example", Stage::ResponseStarted, 200));
    assert_eq!(exec.source_ip, "203.0.113.7".parse::<IpAddr>().ok());
    assert_eq!(list.target, target("rbac.authorization.k8s.io", "clusterroles", "", "", ""));
    assert_eq!((list.outcome, list.code, list.source_ip), (Outcome::Denied, 403, None));
}

#[test]
fn wreckage_costs_only_itself() {
    let block = data("wrappers/torn-line.log");
    let decoded = decode_block(&block);
    assert_eq!((decoded.events.len(), reasons(&decoded)), (2, vec![RejectReason::Torn]));
    let reject = decoded.rejects[0];
    assert_eq!(&block[reject.offset..][..reject.record.len()], reject.record);
    assert!(reject.record.ends_with(b"],"), "the reject ends where the next event begins");
    assert_eq!(one(&MINIMAL[..60]), Err(RejectReason::Torn));
    assert_eq!(one(&"\0".repeat(100)), Err(RejectReason::Torn));
    let decoded = format!("{}{MINIMAL}", &MINIMAL[..90]);
    assert_eq!(decode_block(decoded.as_bytes()).events.len(), 1);
}

#[test]
fn a_line_may_have_a_header() {
    let native = String::from_utf8(data("wrappers/native.jsonl")).unwrap();
    let syslog: String = native.lines().map(|l| format!("<134>Nov 24 10:00:00 cp-1 kube-apiserver: {l}\n")).collect();
    let decoded = decode_block(syslog.as_bytes());
    assert_eq!((decoded.events, decoded.rejects), (decode_block(native.as_bytes()).events, vec![]));
    let header = "Nov 24 10:00:00 cp-1 kube-apiserver: ";
    let torn = format!("{header}{}{MINIMAL}", &MINIMAL[..90]);
    let decoded = decode_block(torn.as_bytes());
    assert_eq!((decoded.events.len(), reasons(&decoded)), (1, vec![RejectReason::Torn]));
    assert_eq!(decoded.rejects[0].offset, header.len());
    let rest = format!("{}{MINIMAL}", &MINIMAL[40..]);
    assert_eq!(reasons(&decode_block(rest.as_bytes())), [RejectReason::Torn], "the rest of an event is no header");
}

#[test]
fn wreckage_without_end_is_given_up() {
    let line = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","a":"#.repeat(20_000);
    assert!(decode_block(line.as_bytes()).rejects.len() < 20);
}

#[test]
fn what_is_no_event_says_why() {
    let file = |name: &str| one(std::str::from_utf8(&data(name)).unwrap());
    assert_eq!(file("wrappers/legacy-text.log"), Err(RejectReason::LegacyText));
    assert_eq!(file("wrappers/eks-truncated-message.jsonl"), Err(RejectReason::TruncatedByProducer));
    assert_eq!(one("I1124 10:15:02 server.go:42] hello"), Err(RejectReason::NotAudit));
    assert_eq!(one("{}"), Err(RejectReason::NotAudit));
    assert_eq!(one(r#"{"kind":"Event","apiVersion":"v1","involvedObject":{}}"#), Err(RejectReason::NotAudit));
    assert_eq!(one(r#"{"kind":"Pod","apiVersion":"v1"}"#), Err(RejectReason::NotAudit));
    assert_eq!(one("\u{3000}"), Err(RejectReason::NotAudit), "blank to Unicode only");
    assert_eq!(one(r#"{"message":"a sentence"}"#), Err(RejectReason::NotAudit));
    assert_eq!(one(r#"{"kind":"Event",}"#), Err(RejectReason::Malformed));
    assert_eq!(one(&minimal(r#""verb":7"#)), Err(RejectReason::Malformed));
    assert_eq!(one(&minimal(r#""requestReceivedTimestamp":"yesterday""#)), Err(RejectReason::BadTimestamp));
    assert_eq!(one(&" ".repeat(MAX_RECORD).replacen(' ', MINIMAL, 1).replace(' ', "x")), Err(RejectReason::TooLong));
}

#[test]
fn a_line_that_is_not_utf8_costs_only_itself() {
    let mut block = format!("{MINIMAL}\n{MINIMAL}\n{MINIMAL}\n").into_bytes();
    block[MINIMAL.len() + 30] = 0xff;
    let decoded = decode_block(&block);
    assert_eq!((decoded.events.len(), reasons(&decoded)), (2, vec![RejectReason::InvalidUtf8]));
    assert_eq!(decoded.rejects[0].offset, MINIMAL.len() + 1);
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for field in [
        r#""verb":"get","verb":"delete""#,
        r#""user":{"username":"a","username":"b"}"#,
        r#""annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/decision":"forbid"}"#,
        r#""user":{"username":"a","extra":{"authentication.kubernetes.io/pod-name":["a"],"authentication.kubernetes.io/pod-name":["b"]}}"#,
    ] {
        assert_eq!(one(&minimal(field)), Err(RejectReason::Malformed), "{field}");
    }
    assert!(one(&minimal(r#""level":"a","level":"b""#)).is_ok(), "nobody reads it");
}

#[test]
fn layout_and_version_do_not_matter() {
    let value: serde_json::Value = serde_json::from_str(MINIMAL).unwrap();
    let mut out = Decoded::default();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    decode_record(pretty.as_bytes(), 0, &mut out);
    assert_eq!((out.events.len(), out.rejects.len()), (1, 0));
    assert_eq!(decode_block(format!("{MINIMAL}{MINIMAL} {MINIMAL}\r\n\r\n \n").as_bytes()).events.len(), 3);
    assert!(one(&MINIMAL.replace("k8s.io/v1", "k8s.io/v1beta1")).is_ok());
}

#[test]
fn only_the_last_address_counts() {
    let event = one(&minimal(r#""sourceIPs":["6.6.6.6","::ffff:10.0.0.1"]"#)).unwrap();
    assert_eq!(event.source_ip, "10.0.0.1".parse().ok());
    assert!(event.facts.forwarded);
    assert!(!one(&minimal(r#""sourceIPs":["::1"]"#)).unwrap().facts.forwarded);
}

#[test]
fn bodies_may_nest_as_deep_as_they_like() {
    let body = format!(r#""requestObject":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(one(&minimal(&body)).is_ok());
}

#[test]
fn parts_of_two_streams_are_not_joined() {
    let (head, tail) = MINIMAL.split_at(50);
    let cri = |stream: &str, tag: &str, text: &str| format!("2026-11-24T22:00:00.1Z {stream} {tag} {text}\n");
    let joined = cri("stdout", "P", head) + &cri("stdout", "F", tail);
    assert_eq!(decode_block(joined.as_bytes()).events.len(), 1);
    let torn = cri("stdout", "P", head) + &cri("stderr", "F", "hello") + &cri("stdout", "F", MINIMAL);
    let decoded = decode_block(torn.as_bytes());
    assert_eq!((decoded.events.len(), reasons(&decoded)), (1, vec![RejectReason::Torn, RejectReason::NotAudit]));
}

/// A recorded line with some bytes changed, dropped or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let lines = [data("native/audit.jsonl"), data("bodies/audit.jsonl")].concat();
    let lines: Vec<Vec<u8>> = lines.split(|&b| b == b'\n').map(<[u8]>::to_vec).filter(|l| !l.is_empty()).collect();
    let edit =
        (any::<prop::sample::Index>(), 0..4u8, prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[],:0u e"[..])]);
    (prop::sample::select(lines), prop::collection::vec(edit, 0..4)).prop_map(|(mut line, edits)| {
        for (at, kind, byte) in edits {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => drop(line.remove(at)),
                2 => line.insert(at, byte),
                _ => line.extend_from_within(at..),
            }
        }
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_scanner_accepts_the_parser_reads_the_same(line in mutated()) {
        if let Ok(line) = std::str::from_utf8(&line) && let Some(event) = parsers::scanned(line) {
            prop_assert_eq!(Ok(event), parsers::parsed(line), "{}", line);
        }
    }

    #[test]
    fn no_line_is_dropped_and_no_bytes_panic(mut lines in prop::collection::vec(prop_oneof![mutated(), prop::collection::vec(any::<u8>(), 0..200)], 0..4)) {
        for line in &mut lines {
            line.retain(|&b| b != b'\n');
        }
        let block = lines.join(&b'\n');
        let decoded = decode_block(&block);
        let records = lines.iter().filter(|l| !l.trim_ascii().is_empty() && !is_cri_partial(l)).count();
        prop_assert!(decoded.events.len() + decoded.rejects.len() >= records);
        for reject in &decoded.rejects {
            prop_assert_eq!(&block[reject.offset..reject.offset + reject.record.len()], reject.record);
        }
    }
}
