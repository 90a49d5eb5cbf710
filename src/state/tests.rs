//! What was learnt survives its file, and a file that cannot be trusted is refused with its reason.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::alert::Feedback;
use crate::engine::{Engine, Feed, Verdict};
use crate::event::{Body, Event, Outcome, Span, Stage, Timestamp, TokenRequest};
use crate::sample::{START, event};

fn bytes(state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    write(&keep::file(&state.cluster, &state.feeds, &state.learned), false, &mut out).expect("memory takes all");
    out
}

fn state(engine: Engine) -> State {
    State { cluster: "test".to_owned(), feeds: vec!["cp-1".to_owned()], learned: engine.into_learned() }
}

fn read(bytes: &[u8], settings: &Settings) -> State {
    parse(bytes, settings).unwrap_or_else(|refusal| panic!("{}", said(refusal)))
}

fn said(refusal: Refusal) -> String {
    match refusal {
        Refusal::Foreign => "foreign".to_owned(),
        Refusal::Newer(version) => format!("newer: {version}"),
        Refusal::Damaged(what) => what,
    }
}

fn refused(text: &str) -> String {
    parse(text.as_bytes(), &Settings::default()).map(drop).map_err(said).expect_err("it is wrong")
}

/// Text that a client chose: plain, or made to be taken for something else.
fn word() -> impl Strategy<Value = String> {
    let plain =
        prop::sample::select(&["shop", "till", "cart", "secrets", "pods", "apps", ""][..]).prop_map(str::to_owned);
    let sly =
        ["a in b", "pods.x/y z", "#0123456789abcdef", "\u{1b}[2J\u{202e}", "…", "get pods", "service accounts named x"];
    let sly = prop::sample::select(sly.to_vec()).prop_map(str::to_owned);
    let long = (200_usize..300).prop_map(|n| "é".repeat(n));
    prop_oneof![6 => plain, 2 => sly, 1 => long]
}

fn username() -> impl Strategy<Value = String> {
    let known = ["", "system:anonymous", "alice", "system:node:node-1", "system:node:node-2", "#0123456789abcdef"];
    let account = (word(), word()).prop_map(|(ns, name)| format!("system:serviceaccount:{ns}:{name}"));
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), account]
}

fn ip() -> impl Strategy<Value = Option<std::net::IpAddr>> {
    prop_oneof![
        Just(None),
        (0_u8..4, 0_u8..9).prop_map(|(c, d)| Some([10, 1, c, d].into())),
        (0_u16..4).prop_map(|h| Some([0xfd00, 0, 0, h, 0, 0, 0, 1].into())),
    ]
}

/// Any event, up to half a year after [`START`].
fn any_event() -> impl Strategy<Value = Event<'static>> {
    let verb = prop::sample::select(&["get", "watch", "create", "patch", "delete", "deletecollection", "odd"][..]);
    let subresource = prop::sample::select(&["", "", "exec", "proxy", "token", "status"][..]);
    let outcome = [Outcome::Allowed, Outcome::Allowed, Outcome::Denied, Outcome::Unauthenticated];
    let who = (username(), ip(), word(), prop::option::of(word()), prop::option::of(word()), any::<[bool; 4]>());
    let what = (verb, word(), subresource, word(), word(), prop::sample::select(outcome.to_vec()));
    let when = (prop_oneof![9 => 0_i64..7_200, 1 => 0_i64..16_000_000], prop::bool::weighted(0.2));
    let token = prop::option::of((600_i64..7_200, prop::option::of(0_i64..16_000_000)));
    (who, what, when, token).prop_map(
        |((username, source_ip, agent, id, issued, flags), what, (second, starts), token)| {
            let (verb, resource, subresource, namespace, name, outcome) = what;
            let mut event = event().after(Span::seconds(second));
            event.uri = format!("/x/{resource}/{namespace}?command={name}&stdin=true").into();
            event.target.resource = resource.into();
            event.target.subresource = subresource.into();
            event.target.namespace = namespace.into();
            event.target.name = name.into();
            event.username = username.into();
            event.user_agent = agent.into();
            event.credential.id = id.map(|id| format!("JTI={id}").into());
            event.facts.issued_credential_id = issued.map(|id| format!("JTI={id}").into());
            [event.facts.stale_token, event.facts.forwarded] = [flags[0], flags[1]];
            event.facts.body = token.map(|(seconds, expires)| {
                let expires = expires.map(|second| Timestamp(START.0 + Span::seconds(second).0));
                Box::new(Body::Token(TokenRequest { seconds, expires, ..TokenRequest::default() }))
            });
            event.impersonated = flags[2].then(|| "boss".into());
            if flags[3] {
                (event.credential.pod_name, event.credential.node_name) = (None, None);
            }
            event.stage = if starts { Stage::ResponseStarted } else { Stage::ResponseComplete };
            Event { verb: verb.into(), source_ip, outcome, ..event }
        },
    )
}

/// Small enough for everything to be full now and then.
fn any_settings() -> impl Strategy<Value = Settings> {
    (4_usize..40, 4_usize..40, 4_usize..80).prop_map(|(max_principals, max_credentials, repeat_window)| Settings {
        max_principals,
        max_credentials,
        repeat_window,
        ..Settings::default()
    })
}

fn verdicts(engine: &mut Engine, events: &[Event<'static>]) -> Vec<Verdict> {
    events.iter().map(|event| engine.process(Feed(0), event)).collect()
}

/// Events, some of them many times over: an account that asks for more than ever.
fn any_events(most: usize) -> impl Strategy<Value = Vec<Event<'static>>> {
    let burst = (any_event(), prop_oneof![30 => Just(1_usize), 1 => 250..600_usize]);
    let repeated = |(event, times): (Event<'static>, usize)| {
        let nth = move |n| Event { audit_id: format!("{}-{n}", event.audit_id).into(), ..event.clone() };
        (0..times).map(nth).collect::<Vec<_>>()
    };
    prop::collection::vec(burst.prop_map(repeated), 0..most).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_was_learnt_is_read_as_it_was_and_judges_alike(
        settings in any_settings(),
        declared in prop::collection::vec(any_event(), 0..80),
        judged in any_events(40),
        later in any_events(40),
        said in prop::sample::select(vec![None, Some(Feedback::Benign), Some(Feedback::Malicious)]),
    ) {
        let mut engine = Engine::new("test", &settings);
        declared.iter().for_each(|event| _ = engine.learn(Feed(0), event));
        verdicts(&mut engine, &judged);
        for incident in engine.finish() {
            said.inspect(|&said| _ = engine.teach(said, &incident.lessons, incident.last));
        }
        let whole = state(engine);
        let kept = bytes(&whole);
        let read = read(&kept, &settings);
        prop_assert_eq!(String::from_utf8(bytes(&read)), String::from_utf8(kept));
        prop_assert_eq!((&read.cluster, &read.feeds), (&whole.cluster, &whole.feeds));
        let [mut resumed, mut engine] = [read, whole].map(|s| Engine::resume("test", &settings, s.learned));
        prop_assert_eq!(verdicts(&mut resumed, &later), verdicts(&mut engine, &later));
        prop_assert_eq!(resumed.finish(), engine.finish());
        prop_assert_eq!(resumed.census(), engine.census());
        let [resumed, engine] = [resumed, engine].map(|e| String::from_utf8_lossy(&bytes(&state(e))).into_owned());
        let differing = resumed.lines().zip(engine.lines()).find(|(a, b)| a != b);
        prop_assert_eq!(differing, None);
        prop_assert_eq!(resumed.len(), engine.len());
    }
}

/// A file with one account, which a test may spoil.
fn sample() -> String {
    let mut engine = Engine::new("test", &Settings::default());
    for minute in 0..9 {
        engine.learn(Feed(0), &event().after(Span::minutes(minute)));
    }
    engine.learn(Feed(0), &event().doing("get", "secrets").denied().after(Span::minutes(9)));
    String::from_utf8(bytes(&state(engine))).expect("text")
}

/// The sample with `from` replaced.
fn spoilt(from: &str, to: &str) -> String {
    let text = sample();
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}

#[test]
fn a_person_can_read_it_and_compare_it_line_by_line() {
    let text = sample();
    let value = r#"
      {"value": "get configmaps in shop", "count": 9, "days": 1, "first": "2026-11-24T10:00:00Z", "last": "2026-11-24T10:08:00Z", "declared": true},
"#;
    assert!(
        text.starts_with("{\n \"sawatch\": \"learned state\",\n \"version\": 1,\n \"cluster\": \"test\",\n"),
        "{text}"
    );
    assert!(text.contains(value), "{text}");
    assert!(text.contains(r#""credential": "JTI=cart""#) && text.contains(r#""clients": ["cart"]"#), "{text}");
}

#[test]
fn how_a_token_ended_is_kept_and_is_not_missed_in_an_older_file() {
    let mut engine = Engine::new("test", &Settings::default());
    let request = TokenRequest { seconds: 600, ..TokenRequest::default() };
    let mut issue = event().by("system:node:node-1").bare("X509SHA256=0f").asking(Body::Token(request));
    issue.facts.issued_credential_id = Some("JTI=cart".into());
    engine.learn(Feed(0), &issue);
    engine.learn(Feed(0), &event().after(Span::minutes(1)));
    let refused = event().by("").bare("").after(Span::minutes(2));
    engine.learn(Feed(0), &Event { outcome: Outcome::Unauthenticated, ..refused });
    let text = String::from_utf8(bytes(&state(engine))).expect("text");
    let end = r#""expires": "2026-11-24T10:10:00Z", "refused": {"at": "2026-11-24T10:02:00Z", "ip": "10.1.0.5"}, "#;
    assert!(text.contains(end), "{text}");
    let of = |text: &str| {
        let state = read(text.as_bytes(), &Settings::default());
        let life = state.learned.cluster.credentials.life("JTI=cart").expect("it is known").clone();
        (life.expires.is_some(), life.final_refusal().is_some())
    };
    assert_eq!((of(&text), of(&text.replace(end, ""))), ((true, true), (false, false)));
    let (before, callers) = text.split_once(",\n  \"callers\": [").expect("it is there");
    let (_, after) = callers.split_once("\n  ]").expect("it ends");
    assert_eq!(of(&format!("{before}{after}")), (true, true));
}

#[test]
fn a_person_can_change_it() {
    let text = spoilt(r#"{"value": "cart", "count": 10"#, r#"{"value": "helm", "count": 10"#);
    let state = read(text.as_bytes(), &Settings::default());
    let known = |agent: &'static str| {
        let seen = crate::baseline::Observation::of(&event().with(agent));
        let hash = seen.value(crate::baseline::Facet::Agent).expect("it has one");
        let account = &event().username;
        state.learned.baselines.peek(account, |b| b.entry(crate::baseline::Facet::Agent, hash).is_some())
    };
    assert_eq!((known("helm/v3"), known("cart/1.0")), (Some(true), Some(false)));
}

#[test]
fn what_cannot_be_trusted_is_refused_with_its_place() {
    for (from, to, reason) in [
        (r#""version": 1"#, r#""version": 2"#, "newer: 2"),
        (r#""version": 1"#, r#""version": -1"#, "invalid value: integer `-1`, expected u64 at line 3"),
        ("learned state", "shopping list", "foreign"),
        (
            r#" "declared": true,"#,
            r#" "declared": true, "colour": 1,"#,
            "unknown field `colour`, expected one of `sawatch`",
        ),
        (r#""count": 9"#, r#""count": "many""#, "invalid type: string \"many\", expected u32 at line "),
        (r#"10:00:00Z""#, r#"25:00:00Z""#, "expected a time such as 2026-11-24T10:15:02Z at line "),
        (r#""action": {"#, r#""auction": {"#, "unknown facet \"auction\", known are: action, namespace"),
        (
            r#""value": "get configmaps""#,
            r#""value": "steal configmaps""#,
            "account \"system:serviceaccount:shop:cart\", action \"steal configmaps\": is no action",
        ),
        (
            r#""value": "get configmaps""#,
            r#""value": "get secrets""#,
            "account \"system:serviceaccount:shop:cart\", action \"get secrets\": stands there twice",
        ),
        (r#""value": "cart", "#, r##""value": "cart", "hash": "#12", "##, "expected # and sixteen hexadecimal digits"),
        (
            r#""slots": [0,0,1]"#,
            r#""slots": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"#,
            "account \"system:serviceaccount:shop:cart\": 21 powers of two in its volume, at most 20",
        ),
        (
            r#""of": "token bound to a pod""#,
            r#""of": "token""#,
            "credentials: unknown kind \"token\", known are: token bound",
        ),
        (r#""seen": []"#, r#""seen": ["nap"]"#, "requests, starts: unknown kind of request in [\"nap\"]"),
        (r#""network": "10.1.0.0/24""#, r#""network": "10.1""#, "addresses, networks: \"10.1\" is no network"),
        (r#""pool": "everybody""#, r#""pool": "some""#, "peers, members: unknown pool \"some\""),
    ] {
        let said = refused(&spoilt(from, to));
        assert!(said.contains(reason), "{to}: {said}");
    }
}

#[test]
fn what_is_torn_or_something_else_is_refused() {
    let whole = sample();
    for end in [1, whole.len() / 3, whole.len() / 2, whole.len() - 3] {
        let said = refused(&whole[..end]);
        assert!(said.contains("EOF while parsing") && said.contains(" at line "), "{said}");
    }
    assert!(refused("").contains("EOF while parsing a value"));
    assert!(refused(&(whole + "}")).contains("trailing characters"));
    let audit_log = "{\"kind\":\"Event\",\"auditID\":\"1\"}\n{\"kind\":\"Event\",\"auditID\":\"2\"}\n";
    assert_eq!(refused(audit_log), "foreign");
}

#[test]
fn a_file_is_compressed_by_its_name_and_read_by_its_content() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let state = read(sample().as_bytes(), &Settings::default());
    for name in ["learned.json", "learned.json.zst"] {
        let path = dir.path().join(name);
        fs::write(&path, "older").expect("room");
        let pending = Pending::create(&path).expect("a file");
        assert_eq!(fs::read(&path).expect("a file"), b"older", "nothing is replaced before there is something");
        pending.write(&state).expect("room");
        let written = fs::read(&path).expect("a file");
        assert_eq!(written.starts_with(&ZSTD), name == "learned.json.zst");
        let misleading = dir.path().join("misleading.gz");
        fs::write(&misleading, &written).expect("room");
        let again = State::load(&misleading, &Settings::default()).expect("it is whole");
        assert_eq!(bytes(&again), bytes(&state));
    }
    let mut torn = fs::read(dir.path().join("learned.json.zst")).expect("a file");
    torn.truncate(torn.len() / 2);
    assert!(parse(&torn, &Settings::default()).is_err());
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 3, "nothing temporary is left");
}

#[test]
fn where_nothing_can_be_written_is_known_at_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let error = |path: &Path| Pending::create(path).map(drop).expect_err("no file").to_string();
    assert!(error(dir.path()).ends_with("is a directory"), "{}", error(dir.path()));
    assert!(error(&dir.path().join("nowhere/x.json")).starts_with("cannot write "));
}

#[test]
fn what_is_kept_fades_as_if_it_had_not_been() {
    let mut engine = Engine::new("test", &Settings::default());
    for minute in 0..100 {
        engine.learn(Feed(0), &event().after(Span::minutes(minute)));
    }
    let (settings, whole) = (Settings::default(), state(engine));
    let read = read(&bytes(&whole), &settings);
    let [mut resumed, mut engine] = [read, whole].map(|s| Engine::resume("test", &settings, s.learned));
    let later = [event().after(Span::days(61)), event().doing("list", "secrets").after(Span::days(200))];
    assert_eq!(verdicts(&mut resumed, &later), verdicts(&mut engine, &later));
    assert_eq!(bytes(&state(resumed)), bytes(&state(engine)));
}

#[test]
fn what_an_analyst_called_malicious_stays_so() {
    let mut engine = Engine::new("test", &Settings::default());
    (0..100).for_each(|minute| _ = engine.learn(Feed(0), &event().after(Span::minutes(minute))));
    let theft = |day| event().doing("list", "secrets").from("203.0.113.7").after(Span::days(day));
    engine.process(Feed(0), &theft(1));
    for incident in engine.finish() {
        engine.teach(Feedback::Malicious, &incident.lessons, incident.last);
    }
    let kept = String::from_utf8(bytes(&state(engine))).expect("text");
    let of_values = |mark| kept.lines().any(|line| line.contains("\"value\"") && line.contains(mark));
    assert!(of_values("\"blocked\": true") && !of_values("\"quarantined\": true"), "{kept}");
    let mut resumed = Engine::resume("test", &Settings::default(), read(kept.as_bytes(), &Settings::default()).learned);
    let told = (2..9).filter(|&day| matches!(resumed.process(Feed(0), &theft(day)), Verdict::Unusual(_)));
    assert_eq!(told.count(), 7);
}

#[test]
fn a_file_of_before_volumes_is_read() {
    let text = sample();
    let (before, after) = text.split_once("\"volume\": {").expect("it has one");
    let (_, after) = after.split_once('}').expect("it ends");
    let state = read((before.to_owned() + after.trim_start_matches([',', '\n', ' '])).as_bytes(), &Settings::default());
    let volume = state.learned.baselines.peek(&event().username, |baseline| *baseline.volume());
    assert_eq!(volume, Some(crate::baseline::Volume::default()));
}
