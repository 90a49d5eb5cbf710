//! A batch's bytes as they are kept on disk: audit events repeat themselves, and a recorded log in
//! batches of 256 KiB packs to a twelfth (`zstd -1`).

use std::io;

/// The fastest level: it is done for every batch.
const LEVEL: i32 = 1;

/// Packs bytes.
#[must_use]
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("memory takes all")
}

/// Unpacks what was packed of at most `most` bytes.
///
/// # Errors
///
/// If it is damaged, or more.
pub fn unpack(packed: &[u8], most: usize) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(packed, most)
}
