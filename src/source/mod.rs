//! Where bytes come from: paths to ordered feeds, and a feed to blocks of whole records.
//!
//! A feed is one API server's log: the bytes of its files, one after the other. Where one file ends and the next begins
//! means nothing, so a record that a rotation cut in two is whole again.

use std::fmt;
use std::path::{Path, PathBuf};

pub mod archive;
mod compression;
pub mod discover;
pub mod kafka;
pub mod live;
mod records;
mod rotation;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, written `-`.
    Stdin,
    /// A file: plain, gzip or zstd.
    File(PathBuf),
    /// A partition of a Kafka topic.
    Kafka(kafka::TopicPart),
}

impl Input {
    /// What a path argument names.
    fn named(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path.to_owned()) }
    }

    /// Its size on disk, if that can be known beforehand.
    fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin | Self::Kafka(_) => None,
            Self::File(path) => path.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len()),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::Kafka(part) => fmt::Display::fmt(part, f),
            Self::File(path) => fmt::Display::fmt(&crate::text::Text::from(path.as_path()), f),
        }
    }
}

/// One API server's log, in the order of its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The feed's name; empty for the one that nobody named.
    pub name: String,
    /// Its files, oldest first.
    pub inputs: Vec<Input>,
}

impl Log {
    /// Bytes on disk, or `None` if that cannot be known beforehand.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.inputs.iter().map(Input::size).sum()
    }
}
