//! What the scanner accepts, the full parser reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sawatch::decode::parsers;

fuzz_target!(|record: &str| {
    if let Some(event) = parsers::scanned(record) {
        assert_eq!(Ok(event), parsers::parsed(record));
    }
});
