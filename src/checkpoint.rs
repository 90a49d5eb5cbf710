//! How far each feed was read: pure algebra over positions, so that nothing is learnt twice and what is missing is known.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The next record of a feed: where reading goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file that `offset` counts in; none for a feed that is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Bytes of a file, a Kafka offset, or how many batches there were.
    pub offset: u64,
}

impl Position {
    /// A position in a feed that is no file.
    #[must_use]
    pub const fn at(offset: u64) -> Self {
        Self { file: None, offset }
    }
}

/// What makes a file the same file after a rename: inode numbers are used again, and so are names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    /// Of the file system.
    pub device: u64,
    /// Within it.
    pub inode: u64,
    /// A hash of the file's first bytes.
    pub head: u64,
    /// How many bytes that is of: a young file is short.
    pub head_bytes: u32,
}

/// A stretch of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first record.
    pub from: Position,
    /// The record after its last.
    pub to: Position,
}

/// How a stretch stands to what was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes on where reading ended, or begins the feed, or a file of it.
    Next,
    /// So much is missing before it.
    Gap(u64),
    /// It begins before the end of what was read: taking it would teach something twice.
    Overlap,
}

/// The positions of all feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint(BTreeMap<String, Position>);

impl Checkpoint {
    /// Where reading of a feed goes on; none if it was never read.
    #[must_use]
    pub fn position(&self, feed: &str) -> Option<&Position> {
        self.0.get(feed)
    }

    /// Every feed with its position, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Position)> {
        self.0.iter().map(|(feed, position)| (feed.as_str(), position))
    }

    /// How `stretch` of `feed` stands to what was read before.
    #[must_use]
    pub fn step(&self, feed: &str, stretch: &Stretch) -> Step {
        let Some(read) = self.0.get(feed).filter(|read| is_same_file(read, &stretch.from)) else { return Step::Next };
        match stretch.from.offset.checked_sub(read.offset) {
            None => Step::Overlap,
            Some(0) => Step::Next,
            Some(missing) => Step::Gap(missing),
        }
    }

    /// Puts a feed to a position.
    pub fn set(&mut self, feed: &str, position: Position) {
        self.0.insert(feed.to_owned(), position);
    }
}

/// Whether `from` is of the file that was read: one whose head is longer by now may have grown since, and none shrinks.
fn is_same_file(read: &Position, from: &Position) -> bool {
    match (&read.file, &from.file) {
        (None, None) => true,
        (Some(read), Some(from)) if (read.device, read.inode) == (from.device, from.inode) => {
            match from.head_bytes.cmp(&read.head_bytes) {
                Ordering::Less => false,
                Ordering::Equal => read.head == from.head,
                Ordering::Greater => true,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: u64, to: u64) -> Stretch {
        Stretch { from: Position::at(from), to: Position::at(to) }
    }

    fn file(inode: u64, head: u64) -> Option<FileId> {
        Some(FileId { device: 1, inode, head, head_bytes: 64 })
    }

    #[test]
    fn what_goes_on_is_told_from_what_is_missing_and_what_was_there() {
        let mut checkpoint = Checkpoint::default();
        assert_eq!(checkpoint.step("a", &stretch(40, 50)), Step::Next);
        checkpoint.set("a", Position::at(50));
        assert_eq!(checkpoint.step("a", &stretch(50, 60)), Step::Next);
        assert_eq!(checkpoint.step("a", &stretch(57, 60)), Step::Gap(7));
        assert_eq!(checkpoint.step("a", &stretch(49, 60)), Step::Overlap);
        assert_eq!(checkpoint.step("b", &stretch(0, 60)), Step::Next);
    }

    #[test]
    fn another_file_begins_anew_even_with_an_inode_that_was_used_before() {
        let mut checkpoint = Checkpoint::default();
        checkpoint.set("a", Position { file: file(7, 1), offset: 50 });
        let of = |file: Option<FileId>| Stretch {
            from: Position { file: file.clone(), offset: 0 },
            to: Position { file, offset: 9 },
        };
        assert_eq!(checkpoint.step("a", &of(file(7, 1))), Step::Overlap);
        assert_eq!(checkpoint.step("a", &of(file(8, 1))), Step::Next);
        assert_eq!(checkpoint.step("a", &of(file(7, 2))), Step::Next);
        let young = file(7, 1).map(|id| FileId { head_bytes: 9, ..id });
        assert_eq!(checkpoint.step("a", &of(young)), Step::Next, "it was truncated");
    }
}
