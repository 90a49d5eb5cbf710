//! No bytes make decoding panic, and every reject points at its own bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sawatch::decode::decode_block;

fuzz_target!(|block: &[u8]| {
    for reject in decode_block(block).rejects {
        assert_eq!(&block[reject.offset..reject.offset + reject.record.len()], reject.record);
    }
});
