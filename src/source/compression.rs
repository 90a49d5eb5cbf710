//! Inputs as the bytes that were logged, whatever they are compressed with.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::Input;

/// How much of a compressed file is read at a time.
const COMPRESSED: usize = 128 << 10;

/// How bytes are compressed, which is told by the first of them: names lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// How many bytes tell.
    pub(super) const MAGIC: usize = 4;

    pub(super) const fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // a frame (RFC 8878, 3.1.1), or a skippable one (3.1.2), with which pzstd begins
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The bytes that were compressed.
    pub(super) fn undo(self, raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::None => Box::new(raw),
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED, raw))),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(COMPRESSED, raw))?),
        })
    }
}

/// Opens an input and undoes its compression.
pub(super) fn open(input: &Input, progress: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    let raw: Box<dyn Read + Send> = match input {
        Input::Stdin => Box::new(io::stdin()),
        Input::File(path) => Box::new(File::open(path)?),
        // Kafka's client undoes its compression
        Input::Kafka(part) => {
            return Ok(Box::new(Counted::new(Box::new(part.open()?), Arc::clone(progress))));
        }
    };
    let mut counted = Counted::new(raw, Arc::clone(progress));
    let mut magic = Vec::with_capacity(Compression::MAGIC);
    counted.by_ref().take(Compression::MAGIC as u64).read_to_end(&mut magic)?;
    Compression::of(&magic).undo(Cursor::new(magic).chain(counted))
}

/// Adds what is read to a count that others look at.
pub(super) struct Counted<R> {
    raw: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) const fn new(raw: R, count: Arc<AtomicU64>) -> Self {
        Self { raw, count }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("misleading.zst.gz");
        std::fs::write(&path, bytes).expect("a file");
        let count = Arc::default();
        let mut out = String::new();
        open(&Input::File(path), &count).expect("it is there").read_to_string(&mut out).expect("it is whole");
        assert_eq!(count.load(Ordering::Relaxed), bytes.len() as u64, "what is taken from disk is counted");
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).expect("memory takes all")
    }

    #[test]
    fn compression_is_told_by_content_member_by_member() {
        let (a, b): (&[u8], &[u8]) = (b"one\ntw", b"o\nthree\n");
        let expected = "one\ntwo\nthree\n";
        assert_eq!(read(&[a, b].concat()), expected);
        assert_eq!(read(&[gzip(a), gzip(b)].concat()), expected);
        assert_eq!(read(&[zstd(a), zstd(b)].concat()), expected);
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        assert_eq!(read(&[&skippable[..], &zstd(a), &zstd(b)].concat()), expected);
        assert_eq!((read(b""), read(b"x")), (String::new(), "x".to_owned()), "shorter than what tells");
    }
}
