//! What judging and learning one event costs, decoding aside: a new engine that learns a period, and one that judges
//! the period after it. On the example's logs and on a generated log of 2,000 service accounts.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sawatch::decode::decode_block;
use sawatch::engine::{Engine, Feed, Settings};
use sawatch::event::Event;

mod common {
    pub(crate) mod generator;
    pub(crate) mod lab;
}

use common::generator::Generator;

/// Events in each of the generated periods.
const GENERATED: u64 = 50_000;

fn learned(period: &[Event<'_>]) -> Engine {
    let mut engine = Engine::new("bench", &Settings::default());
    for event in period {
        black_box(engine.learn(Feed(0), event));
    }
    engine
}

fn generated() -> (String, String) {
    let mut generator = Generator::new(1, 2_000);
    let mut period = || {
        let mut text = Vec::new();
        generator.write(GENERATED, &mut text).expect("memory takes everything");
        String::from_utf8(text).expect("the generator writes text")
    };
    (period(), period())
}

fn engine(criterion: &mut Criterion) {
    let lab = (common::lab::log("train"), common::lab::log("attack"));
    for (name, (before, after)) in [("lab", lab), ("generated", generated())] {
        let (before, after) = (decode_block(before.as_bytes()).events, decode_block(after.as_bytes()).events);
        let mut group = criterion.benchmark_group(format!("engine/{name}"));
        group.sample_size(20);
        group.throughput(Throughput::Elements(before.len() as u64));
        group.bench_function("learn", |b| b.iter_with_large_drop(|| learned(&before)));
        group.throughput(Throughput::Elements(after.len() as u64));
        group.bench_function("process", |b| {
            let judge = |mut engine: Engine| {
                for event in &after {
                    black_box(engine.process(Feed(0), event));
                }
                engine
            };
            b.iter_batched(|| learned(&before), judge, BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
