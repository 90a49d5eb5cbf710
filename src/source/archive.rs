//! One log as blocks of whole records, whatever its files are compressed with and wherever they were cut.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Input;
use super::compression::open;
pub use super::records::Oversized;
use super::records::{BLOCK, Records};
use crate::text::Text;

/// Whole records of one log, in its order, with what went wrong before their end.
#[derive(Debug, Default)]
pub struct Block {
    buffer: Vec<u8>,
    len: usize,
    /// Where it begins in the log, counted in uncompressed bytes over all files.
    pub offset: u64,
    /// Records longer than [`MAX_RECORD`](crate::decode::MAX_RECORD), passed over.
    pub oversized: Vec<Oversized>,
    /// Files that could not be read, or not to their end.
    pub faults: Vec<Fault>,
}

impl Block {
    /// The records, each ended by a newline except perhaps the last.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// The room it takes, to be used for a later block; `None` if it grew past what is worth keeping.
    #[must_use]
    pub fn into_buffer(self) -> Option<Vec<u8>> {
        (self.buffer.len() <= 2 * BLOCK).then_some(self.buffer)
    }
}

/// A file that could not be read, or not to its end. What came before the fault is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub input: Text,
    /// What the system or the decompressor says.
    pub cause: Text,
    /// Whether nothing of it could be read.
    pub wholly: bool,
}

/// Reads one log.
pub struct Archive {
    inputs: std::vec::IntoIter<Input>,
    current: Option<Open>,
    /// The block that is being filled.
    records: Records,
    faults: Vec<Fault>,
    progress: Arc<AtomicU64>,
}

struct Open {
    name: Text,
    bytes: Box<dyn Read + Send>,
    empty: bool,
}

/// What ended a stretch of reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The buffer is full.
    Full,
    /// What comes next does not continue the last record.
    Break,
    /// Every file was read.
    End,
}

impl Archive {
    /// Reads `inputs` one after the other, adding what it takes from disk to `progress`.
    #[must_use]
    pub fn new(inputs: Vec<Input>, progress: Arc<AtomicU64>) -> Self {
        Self {
            inputs: inputs.into_iter(),
            current: None,
            records: Records::starting_at(0),
            faults: Vec::new(),
            progress,
        }
    }

    /// The next block; `None` at the end. `spare` is the room of an earlier block, or empty.
    pub fn next_block(&mut self, spare: Vec<u8>) -> Option<Block> {
        loop {
            let stop = self.fill();
            if self.records.is_skipping() {
                self.records.skip(stop == Stop::Break);
            }
            let filled = self.records.bytes().len();
            match (stop, self.records.end()) {
                (Stop::Full, Some(end)) => return Some(self.take(end, spare)),
                (Stop::Full, None) => self.records.make_room(),
                (Stop::Break, _) if filled > 0 => return Some(self.take(filled, spare)),
                (Stop::Break, _) => {}
                (Stop::End, _) => {
                    let news = filled > 0 || self.records.has_oversized() || !self.faults.is_empty();
                    return news.then(|| self.take(filled, spare));
                }
            }
        }
    }

    /// Reads until the buffer is full, or no further.
    fn fill(&mut self) -> Stop {
        while !self.records.room().is_empty() {
            let Some(open) = &mut self.current else {
                match self.open_next() {
                    None => continue,
                    Some(stop) => return stop,
                }
            };
            match open.bytes.read(self.records.room()) {
                Ok(0) => {
                    self.current = None;
                    if !self.records.is_skipping() && is_complete(self.records.last_line()) {
                        return Stop::Break;
                    }
                }
                Ok(n) => {
                    open.empty = false;
                    self.records.add(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let (input, cause) = (open.name.clone(), Text::new(&e.to_string()));
                    self.faults.push(Fault { input, cause, wholly: open.empty });
                    self.current = None;
                    return Stop::Break;
                }
            }
        }
        Stop::Full
    }

    /// Opens the next file, or says why there is nothing to go on with.
    fn open_next(&mut self) -> Option<Stop> {
        let Some(input) = self.inputs.next() else { return Some(Stop::End) };
        let name = Text::new(&input.to_string());
        match open(&input, &self.progress) {
            Ok(bytes) => {
                self.current = Some(Open { name, bytes, empty: true });
                None
            }
            Err(e) => {
                self.faults.push(Fault { input: name, cause: Text::new(&e.to_string()), wholly: true });
                Some(Stop::Break)
            }
        }
    }

    /// Gives the first `end` bytes away and goes on with the rest in the room of `spare`.
    fn take(&mut self, end: usize, spare: Vec<u8>) -> Block {
        Block {
            offset: self.records.offset(),
            len: end,
            oversized: self.records.take_oversized(),
            faults: std::mem::take(&mut self.faults),
            buffer: self.records.replace(end, spare),
        }
    }
}

/// Whether a file that ends like this ends with its record, though without a newline (a body of the audit webhook, a
/// file made by hand): a whole JSON document cannot go on in the next file, and anything else must.
fn is_complete(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"}") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::records::EXCERPT;
    use super::*;
    use crate::decode::MAX_RECORD;

    fn write(dir: &Path, parts: &[&[u8]]) -> Vec<Input> {
        let path = |n: usize| dir.join(format!("{n}.log"));
        for (n, part) in parts.iter().enumerate() {
            std::fs::write(path(n), part).expect("a file");
        }
        (0..parts.len()).map(|n| Input::File(path(n))).collect()
    }

    fn blocks(inputs: Vec<Input>) -> Vec<Block> {
        let mut archive = Archive::new(inputs, Arc::default());
        std::iter::from_fn(|| archive.next_block(Vec::new())).collect()
    }

    fn read(parts: &[&[u8]]) -> Vec<Block> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        blocks(write(dir.path(), parts))
    }

    /// Every record with its offset.
    fn records(blocks: &[Block]) -> Vec<(u64, Vec<u8>)> {
        let mut out = Vec::new();
        for block in blocks {
            let mut offset = block.offset;
            for line in block.bytes().split_inclusive(|&b| b == b'\n') {
                let record = line.strip_suffix(b"\n").unwrap_or(line);
                if !record.is_empty() {
                    out.push((offset, record.to_vec()));
                }
                offset += line.len() as u64;
            }
        }
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    #[test]
    fn a_file_without_a_last_newline_ends_with_its_record() {
        let found = records(&read(&[b"{\"a\":1}", b"{\"b\":2}\n", b"{\"c\":", b"3}"]));
        assert_eq!(found, [(0, b"{\"a\":1}".to_vec()), (7, b"{\"b\":2}".to_vec()), (15, b"{\"c\":3}".to_vec())]);
    }

    #[test]
    fn the_parts_of_a_cri_record_stay_in_one_block() {
        let part = |tag: char| format!("2026-11-24T21:47:55.1Z stdout {tag} {}\n", "x".repeat(16 << 10));
        let record = part('P').repeat(40) + &part('F');
        let blocks = read(&[record.repeat(5).as_bytes()]);
        assert!(blocks.len() > 1);
        for block in &blocks {
            assert_eq!(block.bytes().len() % record.len(), 0);
        }
    }

    #[test]
    fn a_record_over_the_limit_is_passed_over_and_the_next_one_is_whole() {
        let mut log = b"before\n".to_vec();
        log.extend(std::iter::repeat_n(b'x', MAX_RECORD));
        log.extend_from_slice(b"\n");
        log.extend(std::iter::repeat_n(b'y', MAX_RECORD + 1));
        log.extend_from_slice(b"\nafter\n");
        for cut in [0, 20 << 20, (32 << 20) + 10] {
            let blocks = read(&[&log[..cut], &log[cut..]]);
            let found = records(&blocks);
            let lengths: Vec<usize> = found.iter().map(|(_, r)| r.len()).collect();
            assert_eq!(lengths, ["before".len(), MAX_RECORD, "after".len()]);
            let oversized: Vec<&Oversized> = blocks.iter().flat_map(|b| &b.oversized).collect();
            assert_eq!(oversized, [&Oversized { offset: 8 + MAX_RECORD as u64, excerpt: vec![b'y'; EXCERPT] }]);
            assert_eq!(found[2].0, log.len() as u64 - "after\n".len() as u64);
        }
    }

    #[test]
    fn what_comes_before_a_fault_is_used_and_the_next_file_is_not_glued_to_it() {
        let lines: String = (0..200_000).map(|n| format!("{n}\n")).collect();
        let whole = gzip(lines.as_bytes());
        let blocks = read(&[&whole[..whole.len() / 2], b"next\n"]);
        let faults: Vec<&Fault> = blocks.iter().flat_map(|b| &b.faults).collect();
        assert!(matches!(faults[..], [Fault { wholly: false, .. }]), "{faults:?}");
        let found = records(&blocks);
        assert!(found.len() > 1_000);
        assert_eq!(found.last().map(|(_, r)| &r[..]), Some(&b"next"[..]));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named_and_the_others_are_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut inputs = write(dir.path(), &[b"one\n", b"two\n"]);
        inputs.insert(1, Input::File(dir.path().join("nowhere.log")));
        let blocks = blocks(inputs);
        assert_eq!(records(&blocks).len(), 2);
        let faults: Vec<&Fault> = blocks.iter().flat_map(|b| &b.faults).collect();
        assert!(matches!(faults[..], [Fault { wholly: true, .. }]), "{faults:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn files_cut_anywhere_hold_the_same_records(
            lines in prop::collection::vec("[a-z{}\"]{0,40}", 1..60), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let log = lines.iter().map(|l| format!("x{l}\n")).collect::<String>().into_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(log.len())).collect();
            cuts.extend([0, log.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &log[w[0]..w[1]]).collect();
            prop_assert_eq!(records(&read(&parts)), records(&read(&[&log])));
        }
    }
}
