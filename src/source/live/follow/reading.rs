//! A file that is being read, and what was read of it and not yet given away.

use std::io;
use std::path::Path;

use super::file::LogFile;
use super::siblings::{Sibling, siblings};
use crate::checkpoint::{FileId, Position, Stretch};
use crate::source::records::{Oversized, Records};

/// Whole records with where they stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) stretch: Stretch,
}

pub(super) struct Reading {
    pub(super) file: LogFile,
    records: Records,
    /// Something comes after this file: nobody writes to it any more.
    pub(super) is_superseded: bool,
}

impl Reading {
    /// From the file's beginning.
    pub(super) fn start(sibling: &Sibling) -> io::Result<Self> {
        Ok(Self { file: LogFile::open(sibling)?, records: Records::starting_at(0), is_superseded: false })
    }

    /// From the first record that begins behind what is there now.
    pub(super) fn end(sibling: &Sibling) -> io::Result<Self> {
        let mut reading = Self::start(sibling)?;
        // one byte earlier: if it is a newline, what comes behind it is wanted
        if let Some(last) = sibling.size.checked_sub(1) {
            reading.records = Records::inside_of_one(reading.file.skip_to(last)?);
        }
        Ok(reading)
    }

    /// From where reading ended in an earlier life; none if that is nowhere. A copy may end before: what it lacks was read.
    pub(super) fn resume(files: &[Sibling], id: &FileId, offset: u64) -> io::Result<Option<Self>> {
        let Some(index) = locate(files, id)? else { return Ok(None) };
        let mut reading = Self::start(&files[index])?;
        reading.records = Records::starting_at(reading.file.skip_to(offset)?);
        Ok(Some(reading))
    }

    /// From the beginning of the same file, which was truncated. What was read and not given away is dropped.
    pub(super) fn begin_again(&mut self) -> io::Result<()> {
        self.file.begin_again()?;
        self.records = Records::starting_at(0);
        Ok(())
    }

    /// The next whole records; none if there are none now.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        let bytes = self.records.read(&mut self.file)?;
        Ok(bytes.map(|bytes| self.piece(bytes)))
    }

    /// What stands at the file's end without a newline. The API server writes no record across files: this one is torn, or
    /// whole but for its newline, and the decoder tells which.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        self.records.take_rest().map(|bytes| self.piece(bytes))
    }

    fn piece(&self, bytes: Vec<u8>) -> Piece {
        let position = |offset| Position { file: Some(self.file.id().clone()), offset };
        let to = self.offset();
        Piece { stretch: Stretch { from: position(to - bytes.len() as u64), to: position(to) }, bytes }
    }

    /// Where the first record stands that was not given away.
    pub(super) const fn offset(&self) -> u64 {
        self.records.offset()
    }

    pub(super) fn take_oversized(&mut self) -> Vec<Oversized> {
        self.records.take_oversized()
    }

    /// Bytes that were not given away.
    pub(super) fn left(&self) -> io::Result<u64> {
        Ok(self.file.left()? + self.records.bytes().len() as u64)
    }

    /// The files that were written after this one and have something in them, oldest first, and whether that is certain.
    pub(super) fn successors(&self, path: &Path) -> io::Result<(Vec<Sibling>, bool)> {
        let mut files = siblings(path)?;
        let own = locate(&files, self.file.id())?;
        if let Some(own) = own {
            files.drain(..=own);
        } else {
            let modified = self.file.modified()?;
            files.retain(|sibling| sibling.modified >= modified);
        }
        files.retain(|sibling| sibling.size > 0);
        // of a file that was empty to its end, nothing tells what became of it, and nothing needs to
        Ok((files, own.is_some() || self.file.id().head_bytes == 0))
    }
}

/// The file of `id`: the same one under whatever name, else one that begins as it did (it was compressed, or copied before
/// it was truncated).
fn locate(files: &[Sibling], id: &FileId) -> io::Result<Option<usize>> {
    let is_same = |sibling: &Sibling| (sibling.key.device, sibling.key.inode) == (id.device, id.inode);
    let (same, others): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(|&index| is_same(&files[index]));
    // nothing tells an empty file from another
    let others = others.into_iter().filter(|_| id.head_bytes > 0);
    for index in same.into_iter().chain(others) {
        if LogFile::open(&files[index])?.begins_as(id) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
