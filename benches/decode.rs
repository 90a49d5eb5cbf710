//! What reading one event costs: the scanner, the full parser, whole blocks, and, for comparison, a bare typed parse of
//! the same fields by the fastest libraries (no rules, no times, no addresses; borrowed where the library can).
//!
//! `SAWATCH_BENCH_LOG=audit.jsonl cargo bench --bench decode` takes another log than the example.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sawatch::decode::{decode_block, parsers};

mod common {
    pub(crate) mod bare;
    pub(crate) mod lab;
}

use common::bare::Bare;

/// Lines that are read: the first of the log, which stay in no cache from one round to the next.
const LINES: usize = 20_000;

fn lines() -> Vec<String> {
    let log = match std::env::var("SAWATCH_BENCH_LOG") {
        Ok(path) => std::fs::read_to_string(&path).expect("SAWATCH_BENCH_LOG names a readable log"),
        Err(_) => common::lab::log("attack"),
    };
    log.lines().take(LINES).map(str::to_owned).collect()
}

fn decode(criterion: &mut Criterion) {
    let lines = lines();
    let block = lines.join("\n");
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20);
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
