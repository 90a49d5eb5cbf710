//! The logs of the example.

use std::fs::File;

/// The text of `examples/lab/<name>.jsonl.zst`.
pub(crate) fn log(name: &str) -> String {
    let path = format!("{}/examples/lab/{name}.jsonl.zst", env!("CARGO_MANIFEST_DIR"));
    let file = File::open(&path).expect("the example is part of the sources");
    let bytes = zstd::decode_all(file).expect("the example is a zstd file");
    String::from_utf8(bytes).expect("an audit log is UTF-8")
}
