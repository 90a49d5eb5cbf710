//! Bytes as they come, cut into whole records.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use crate::decode::{MAX_RECORD, is_cri_partial};

/// The usual size of a block: large enough that handing it over costs nothing, small enough that what one thread wrote is
/// still in a cache when the next reads it (1 MiB took a tenth more CPU).
pub(super) const BLOCK: usize = 256 << 10;

/// What is kept of a record too long to be read.
pub(super) const EXCERPT: usize = 256;

/// A record that was passed over for its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversized {
    /// Where it begins in the log.
    pub offset: u64,
    /// Its first bytes.
    pub excerpt: Vec<u8>,
}

/// What was read and not yet given away: it begins with a record, unless that is passed over for its length.
pub(super) struct Records {
    /// Filled up to `filled`.
    buffer: Vec<u8>,
    filled: usize,
    offset: u64,
    /// Inside a record that is passed over.
    skipping: bool,
    oversized: Vec<Oversized>,
}

impl Records {
    /// For reading from `offset`, where a record begins.
    pub(super) fn starting_at(offset: u64) -> Self {
        Self { buffer: vec![0; BLOCK], filled: 0, offset, skipping: false, oversized: Vec::new() }
    }

    /// For reading from `offset`, which is inside of a record that is not wanted.
    pub(super) fn inside_of_one(offset: u64) -> Self {
        Self { skipping: true, ..Self::starting_at(offset) }
    }

    /// Where its first byte stands in what is read.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// What was read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Whether what comes next belongs to a record that is passed over.
    pub(super) const fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Where to read to; to be told of what was read by [`Self::add`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled..]
    }

    /// So many bytes of [`Self::room`] were read.
    pub(super) const fn add(&mut self, n: usize) {
        self.filled += n;
    }

    /// Where the last whole record ends; none if there is none.
    pub(super) fn end(&self) -> Option<usize> {
        last_record_end(self.bytes())
    }

    /// What stands behind the last newline.
    pub(super) fn last_line(&self) -> &[u8] {
        last_line(self.bytes())
    }

    /// The records that were passed over since this was last asked.
    pub(super) fn take_oversized(&mut self) -> Vec<Oversized> {
        std::mem::take(&mut self.oversized)
    }

    /// Whether there are records that were passed over and not yet told of.
    pub(super) const fn has_oversized(&self) -> bool {
        !self.oversized.is_empty()
    }

    /// Gives the room of the first `end` bytes away and goes on with the rest in that of `spare`.
    pub(super) fn replace(&mut self, end: usize, mut spare: Vec<u8>) -> Vec<u8> {
        let rest = &self.buffer[end..self.filled];
        spare.resize(spare.len().max(BLOCK).max(rest.len()), 0);
        spare[..rest.len()].copy_from_slice(rest);
        self.filled -= end;
        self.offset += end as u64;
        std::mem::replace(&mut self.buffer, spare)
    }

    /// Reads on until there are whole records, and takes them; none if nothing more can be read now.
    pub(super) fn read(&mut self, input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
        loop {
            match input.read(self.room()) {
                Ok(0) => return Ok(None),
                Ok(n) => self.add(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            if self.skipping {
                self.skip(false);
            }
            if let Some(end) = self.end() {
                return Ok(Some(self.take(end)));
            }
            self.make_room();
        }
    }

    /// What is left at the end of the input: a record without a newline, or a part of one; none if there is nothing.
    pub(super) fn take_rest(&mut self) -> Option<Vec<u8>> {
        let rest = self.take(self.filled);
        (!rest.is_empty()).then_some(rest)
    }

    /// A copy of the first `end` bytes, no larger than they are; goes on with the rest.
    fn take(&mut self, end: usize) -> Vec<u8> {
        let taken = self.buffer[..end].to_vec();
        self.drop_front(end);
        if self.buffer.len() > 2 * BLOCK && self.filled < BLOCK {
            self.buffer.truncate(BLOCK);
            self.buffer.shrink_to_fit();
        }
        taken
    }

    /// After reading did not bring a whole record: makes room for a longer one, no more than shows that it is too long,
    /// or begins to pass it over.
    pub(super) fn make_room(&mut self) {
        if self.filled > MAX_RECORD {
            let excerpt = self.buffer[..EXCERPT].to_vec();
            self.oversized.push(Oversized { offset: self.offset, excerpt });
            self.skipping = true;
            self.drop_front(self.filled);
        } else if self.filled == self.buffer.len() {
            self.buffer.resize((self.filled * 2).min(MAX_RECORD + 1), 0);
        }
    }

    /// Drops what belongs to the record that is passed over, and goes on behind it. What is there is the last of it if
    /// `is_cut`, even without a newline.
    pub(super) fn skip(&mut self, is_cut: bool) {
        let newline = memchr(b'\n', self.bytes());
        self.skipping = newline.is_none() && !is_cut;
        self.drop_front(newline.map_or(self.filled, |at| at + 1));
    }

    fn drop_front(&mut self, n: usize) {
        self.buffer.copy_within(n..self.filled, 0);
        self.filled -= n;
        self.offset += n as u64;
    }
}

/// Where a block can be cut: behind the last newline that does not stand between the parts of one record (CRI cuts
/// records at 8 or 16 KiB). A record whose parts alone are over [`MAX_RECORD`] is cut between them.
fn last_record_end(bytes: &[u8]) -> Option<usize> {
    let last = memrchr(b'\n', bytes)? + 1;
    let mut end = last;
    while end > 0 {
        let start = end - 1 - last_line(&bytes[..end - 1]).len();
        if !is_cri_partial(&bytes[start..end - 1]) {
            return Some(end);
        }
        end = start;
    }
    (bytes.len() > MAX_RECORD).then_some(last)
}

fn last_line(bytes: &[u8]) -> &[u8] {
    &bytes[memrchr(b'\n', bytes).map_or(0, |at| at + 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is read when bytes come in `pieces`, with where each stretch begins.
    fn read(pieces: &[&[u8]]) -> Vec<(u64, String)> {
        let mut records = Records::starting_at(0);
        let mut found = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(bytes) = records.read(&mut input).expect("memory can be read") {
                found.push((records.offset() - bytes.len() as u64, String::from_utf8(bytes).expect("text")));
            }
        }
        found
    }

    #[test]
    fn what_is_not_ended_waits_for_its_end() {
        let expected = [(0, "one\ntwo\n".to_owned()), (8, "three\n".to_owned())];
        assert_eq!(read(&[b"one\ntwo\nth", b"", b"re", b"e\nfou"]), expected);
    }

    #[test]
    fn a_record_over_the_limit_is_passed_over_and_its_room_is_given_back() {
        let mut records = Records::starting_at(0);
        let mut input: &[u8] = &[vec![b'x'; MAX_RECORD + 1], b"yz\nnext\n".to_vec()].concat();
        assert_eq!(records.read(&mut input).expect("memory can be read").as_deref(), Some(&b"next\n"[..]));
        assert_eq!(records.take_oversized(), [Oversized { offset: 0, excerpt: vec![b'x'; EXCERPT] }]);
        assert_eq!((records.offset(), records.buffer.len()), (MAX_RECORD as u64 + 9, BLOCK));
    }

    #[test]
    fn who_begins_inside_of_a_record_gets_the_next() {
        let mut records = Records::inside_of_one(3);
        assert_eq!(records.read(&mut &b"rest"[..]).expect("memory can be read"), None);
        assert_eq!(records.read(&mut &b"\nnext\n"[..]).expect("memory can be read").as_deref(), Some(&b"next\n"[..]));
        assert_eq!(records.offset(), 3 + 10);
    }
}
