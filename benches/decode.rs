//! What reading one event costs: the scanner, the full parser, whole blocks, and, for comparison, a bare typed parse of
//! the same fields by the fastest libraries (no rules, no times, no addresses; borrowed where the library can).
//!
//! `SAWATCH_BENCH_LOG=audit.jsonl cargo bench --bench decode` takes another log than the excerpt of the tests.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sawatch::decode::{decode_block, parsers};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Bare<'a> {
    #[serde(borrow, rename = "auditID")]
    audit_id: Cow<'a, str>,
    #[serde(borrow)]
    stage: Cow<'a, str>,
    #[serde(borrow, rename = "requestURI")]
    request_uri: Cow<'a, str>,
    #[serde(borrow)]
    verb: Cow<'a, str>,
    #[serde(borrow)]
    user: User<'a>,
    #[serde(borrow)]
    impersonated_user: Option<User<'a>>,
    #[serde(borrow, default, rename = "sourceIPs")]
    source_ips: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_agent: Cow<'a, str>,
    #[serde(borrow)]
    object_ref: Option<ObjectRef<'a>>,
    response_status: Option<Status>,
    #[serde(borrow)]
    request_received_timestamp: Cow<'a, str>,
    #[serde(borrow)]
    stage_timestamp: Cow<'a, str>,
    #[serde(borrow)]
    annotations: Option<Annotations<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct User<'a> {
    #[serde(borrow, default)]
    username: Cow<'a, str>,
    #[serde(borrow)]
    extra: Option<Extra<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Extra<'a> {
    #[serde(borrow, default, rename = "authentication.kubernetes.io/credential-id")]
    id: Vec<Cow<'a, str>>,
    #[serde(borrow, default, rename = "authentication.kubernetes.io/pod-name")]
    pod_name: Vec<Cow<'a, str>>,
    #[serde(borrow, default, rename = "authentication.kubernetes.io/pod-uid")]
    pod_uid: Vec<Cow<'a, str>>,
    #[serde(borrow, default, rename = "authentication.kubernetes.io/node-name")]
    node_name: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsing is what is measured")]
struct ObjectRef<'a> {
    #[serde(borrow, default)]
    resource: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    api_group: Cow<'a, str>,
    #[serde(borrow, default)]
    subresource: Cow<'a, str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Status {
    code: u16,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Annotations<'a> {
    #[serde(borrow, default, rename = "authorization.k8s.io/decision")]
    decision: Cow<'a, str>,
    #[serde(borrow, default, rename = "authentication.kubernetes.io/issued-credential-id")]
    issued: Cow<'a, str>,
    #[serde(rename = "authentication.k8s.io/stale-token")]
    stale: Option<IgnoredAny>,
    #[serde(rename = "authentication.k8s.io/legacy-token")]
    legacy: Option<IgnoredAny>,
    #[serde(rename = "audit.k8s.io/truncated")]
    truncated: Option<IgnoredAny>,
}

/// About 2,000 lines: the log's own, over and over if it has fewer.
fn lines() -> Vec<String> {
    let path = std::env::var("SAWATCH_BENCH_LOG")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/native/audit.jsonl").to_owned());
    let log = std::fs::read_to_string(&path).expect("SAWATCH_BENCH_LOG names a readable log");
    log.lines().cycle().take(2_000).map(str::to_owned).collect()
}

fn decode(criterion: &mut Criterion) {
    let lines = lines();
    let block = lines.join("\n");
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("block", |b| b.iter(|| black_box(decode_block(block.as_bytes()).events.len())));
    let mut each = |name: &str, parse: &dyn Fn(&str) -> bool| {
        assert!(lines.iter().all(|line| parse(line)), "{name} reads every line");
        group.bench_function(name, |b| b.iter(|| lines.iter().filter(|line| parse(line)).count()));
    };
    each("scanner", &|line| black_box(parsers::scanned(line)).is_some());
    each("full-parser", &|line| black_box(parsers::parsed(line)).is_ok());
    each("bare-serde-json", &|line| black_box(serde_json::from_str::<Bare<'_>>(line)).is_ok());
    each("bare-sonic-rs", &|line| black_box(sonic_rs::from_str::<Bare<'_>>(line)).is_ok());
    // simd-json parses in place, and so has to be given a copy.
    let mut buffers = simd_json::Buffers::default();
    group.bench_function("bare-simd-json", |b| {
        let mut copy = Vec::new();
        b.iter(|| {
            let parsed = lines.iter().filter(|line| {
                copy.clear();
                copy.extend_from_slice(line.as_bytes());
                black_box(simd_json::serde::from_slice_with_buffers::<Bare<'_>>(&mut copy, &mut buffers)).is_ok()
            });
            assert_eq!(parsed.count(), lines.len(), "simd-json reads every line");
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
