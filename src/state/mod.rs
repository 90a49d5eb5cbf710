//! What was learnt as a file: JSON that a person can read, compare and change, and that takes up where it was left.
//!
//! Everything that changes a verdict is in it: baselines, peers, credentials, addresses, windows, recent requests. Open
//! incidents are not, they belong to a run. The same state is always the same bytes.
//!
//! The core compares hashes. The file has the names that they are made of, and a hash (`#` and sixteen digits) only where
//! no name is known, or where a name can be read in two ways.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::engine::{Learned, Settings};
use crate::text::Text;

mod keep;
mod layout;
mod names;
mod restore;
mod scalar;
mod wire;

pub(crate) use names::Names;

/// What every file calls itself.
const KIND: &str = "learned state";

/// The version that is written, and the newest that is read.
const VERSION: u64 = 1;

/// Names of feeds that are kept, at most.
const MAX_FEEDS: usize = 4_096;

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a state cannot be used, or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// Which.
        path: Text,
        /// What the system says.
        cause: io::Error,
    },
    /// It is something else.
    #[error("{path} is no learned state; sawatch replay --save FILE makes one")]
    Foreign {
        /// Which.
        path: Text,
    },
    /// It was written by a later version of Sawatch.
    #[error(
        "{path} is of version {version}, and this sawatch reads up to {VERSION}: use the sawatch that made it, or a later one"
    )]
    Newer {
        /// Which.
        path: Text,
        /// Its version.
        version: u64,
    },
    /// It is damaged, or changed to something that is not understood.
    #[error("{path} is damaged: {what}; take an older copy, or learn again with sawatch replay --save FILE")]
    Damaged {
        /// Which.
        path: Text,
        /// What is wrong, and where.
        what: Text,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {cause}")]
    Unwritable {
        /// Which.
        path: Text,
        /// What the system says.
        cause: io::Error,
    },
}

/// What a file holds.
#[derive(Debug)]
pub struct State {
    /// The name of the cluster that it was learnt of.
    pub cluster: String,
    /// The names of feeds, in the order of their numbers.
    pub feeds: Vec<String>,
    /// What was learnt.
    pub learned: Learned,
}

impl State {
    /// Reads a file, compressed by zstd or not, into what `settings` have room for.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not what this version writes.
    pub fn load(path: &Path, settings: &Settings) -> Result<Self, StateError> {
        let shown = || Text::from(path);
        let bytes = fs::read(path).map_err(|cause| StateError::Unreadable { path: shown(), cause })?;
        parse(&bytes, settings).map_err(|refusal| match refusal {
            Refusal::Foreign => StateError::Foreign { path: shown() },
            Refusal::Newer(version) => StateError::Newer { path: shown(), version },
            Refusal::Damaged(what) => StateError::Damaged { path: shown(), what: Text::from(what) },
        })
    }

    /// Reads what [`pack`] made.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn unpack(bytes: &[u8], settings: &Settings) -> Result<Self, String> {
        parse(bytes, settings).map_err(|refusal| match refusal {
            Refusal::Foreign => "this is no learned state".to_owned(),
            Refusal::Newer(version) => format!("the learned state is of version {version}"),
            Refusal::Damaged(what) => what,
        })
    }
}

/// What was learnt of a cluster, as the bytes of a compressed file; `feeds` are their names in the order of their numbers.
#[must_use]
pub fn pack(cluster: &str, feeds: &[String], learned: &Learned) -> Vec<u8> {
    let mut out = Vec::new();
    write(&keep::file(cluster, feeds, learned), true, &mut out).expect("memory takes all");
    out
}

enum Refusal {
    Foreign,
    Newer(u64),
    Damaged(String),
}

fn parse(bytes: &[u8], settings: &Settings) -> Result<State, Refusal> {
    let damaged = |error: &dyn ToString| Refusal::Damaged(error.to_string());
    let plain = if bytes.starts_with(&ZSTD) { zstd::decode_all(bytes).map_err(|e| damaged(&e))? } else { Vec::new() };
    let json = if plain.is_empty() { bytes } else { &plain };
    // an audit log that was given by mistake is JSON too, and is told so by its first line
    let head = wire::Head::deserialize(&mut serde_json::Deserializer::from_slice(json)).map_err(|e| damaged(&e))?;
    match (head.sawatch.as_deref(), head.version) {
        (Some(KIND), Some(VERSION)) => {}
        (Some(KIND), Some(version)) if version > VERSION => return Err(Refusal::Newer(version)),
        _ => return Err(Refusal::Foreign),
    }
    let mut file: wire::File = serde_json::from_slice(json).map_err(|e| damaged(&e))?;
    let (cluster, feeds) = (std::mem::take(&mut file.cluster), std::mem::take(&mut file.feeds));
    if feeds.len() > MAX_FEEDS {
        return Err(Refusal::Damaged(format!("feeds: {} of at most {MAX_FEEDS}", feeds.len())));
    }
    let learned = restore::learned(file, settings).map_err(|e| damaged(&e))?;
    Ok(State { cluster, feeds, learned })
}

/// A file to be written: whole, or not at all.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    temporary: NamedTempFile,
}

impl Pending {
    /// Makes sure that `path` can be written, which is better known before a long run than after it. Until
    /// [`Pending::write`] has ended, whatever is there stays there.
    ///
    /// # Errors
    ///
    /// If nothing can be written where it is to be.
    pub fn create(path: &Path) -> Result<Self, StateError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unwritable = |cause| StateError::Unwritable { path: Text::from(path), cause };
        if path.is_dir() {
            return Err(unwritable(io::ErrorKind::IsADirectory.into()));
        }
        let temporary = NamedTempFile::new_in(folder).map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), temporary })
    }

    /// Writes `state`; compressed, if the name ends in `.zst`. Only the owner of the file can read it.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(self, state: &State) -> Result<(), StateError> {
        let Self { path, temporary } = self;
        let compressed = path.extension().is_some_and(|extension| extension == "zst");
        let file = keep::file(&state.cluster, &state.feeds, &state.learned);
        let written = write(&file, compressed, temporary.as_file())
            .and_then(|()| temporary.as_file().sync_all())
            .and_then(|()| temporary.persist(&path).map_err(io::Error::from));
        written.map(drop).map_err(|cause| StateError::Unwritable { path: Text::from(path.as_path()), cause })
    }
}

fn write(file: &wire::File, compressed: bool, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    if compressed {
        let mut encoder = zstd::Encoder::new(&mut out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        encoder.include_checksum(true)?;
        write_json(file, &mut encoder)?;
        encoder.finish()?;
    } else {
        write_json(file, &mut out)?;
    }
    out.flush()
}

fn write_json(file: &wire::File, out: &mut impl Write) -> io::Result<()> {
    file.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, layout::Layout::default()))?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests;
