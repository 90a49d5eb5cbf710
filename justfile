# Shortcuts; each is what CONTRIBUTING.md spells out.

# the sample: a recorded cluster and six attacks on it
demo:
    cargo run --release -- replay --learn examples/lab/train.jsonl.zst examples/lab/attack.jsonl.zst

test:
    cargo test

lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

bench:
    cargo bench

# rewrite expected outputs after a change that is meant to change them
bless:
    BLESS=1 cargo test

ci:
    .ci/run
