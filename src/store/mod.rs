//! What a daemon must not forget, in one file and one transaction at a time.
//!
//! What was learnt is a function of the events in their order. So a transaction keeps the *events* that were judged since
//! the last [snapshot](Store::keep) in a **journal**, together with the positions they were read up to, the incidents
//! they made and what each sink still has to take. Starting again is loading the snapshot and judging the journal again:
//! the same state, with the same incidents, and nothing is told twice. It costs a few compressed bytes an event instead of
//! every baseline that changed, and a source need not be able to go back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::{fs, io};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use crate::alert::Notice;
use crate::checkpoint::{Checkpoint, Position};
use crate::event::Timestamp;
use crate::text::Text;

mod incidents;
mod journal;
mod outbox;
mod record;
mod snapshot;
mod suppressions;

pub use journal::{Entry, Judged, Said, Word};
pub use outbox::{Outbox, Route};
pub use record::{Deed, Record, Status};
pub use snapshot::{Kept, Known};
pub use suppressions::{LONGEST, MAX_SUPPRESSIONS, Suppression};

/// The version that is written, and the newest that is read.
const VERSION: u64 = 1;

/// The name of the file in the state folder.
const FILE: &str = "sawatch.redb";

/// Memory for pages: what is written is hardly ever read again.
const CACHE: usize = 16 << 20;

/// The key of the number of the last commit.
const COMMIT: &str = "commit";

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const POSITION: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("position");

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{0} is in use by another sawatch; talk to that one, or stop it first")]
    InUse(Text),
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
    /// What is in it is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The disk does not do what it should: it may be full.
    #[error("the store cannot be read or written: {0}")]
    Disk(String),
}

impl StoreError {
    /// Whether waiting may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    fn damaged(what: &impl ToString) -> Self {
        Self::Damaged(what.to_string())
    }
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Corrupted(what) => Self::Damaged(what),
            other => Self::Disk(other.to_string()),
        }
    }
}

/// How a store was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// There was none: everything begins.
    Nothing,
    /// It is whole.
    Whole,
    /// It was damaged, and was put aside under this name: everything begins again.
    Damaged {
        /// Where it is now.
        aside: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Everything that one transaction keeps.
#[derive(Default)]
pub struct Commit {
    /// Its number, from 1: one that was kept although the disk said that it failed is not kept twice.
    pub number: u64,
    /// What was judged, in order.
    pub journal: Vec<Entry>,
    /// Up to where feeds were read.
    pub positions: BTreeMap<String, Position>,
    /// What there is to tell, in order, with when the record came that made it.
    pub notices: Vec<(Notice, Timestamp)>,
}

impl Commit {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.journal.is_empty() && self.positions.is_empty() && self.notices.is_empty()
    }
}

/// The store of one daemon.
pub struct Store {
    path: PathBuf,
    /// None while the disk does not let us.
    database: RwLock<Option<Database>>,
    /// Notices that wait, by sink: a sum of what was put in and taken out, in whichever order that is heard of, so that it
    /// may be below zero for a moment.
    waiting: Mutex<BTreeMap<String, i64>>,
}

impl Store {
    /// Opens the store in a folder, or makes one. A damaged one is put aside.
    ///
    /// # Errors
    ///
    /// If another process has it, a later version wrote it, or the disk does not let us.
    pub fn open(folder: &Path) -> Result<(Self, Found), StoreError> {
        let path = folder.join(FILE);
        let existed = path.exists();
        match Self::open_file(&path) {
            Ok(store) => Ok((store, if existed { Found::Whole } else { Found::Nothing })),
            Err(StoreError::Damaged(why)) => {
                let aside = put_aside(&path).map_err(|e| StoreError::Disk(e.to_string()))?;
                Ok((Self::open_file(&path)?, Found::Damaged { aside, why }))
            }
            Err(other) => Err(other),
        }
    }

    /// Whether there is a store in a folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Puts the store of a folder aside, for what is in it cannot be used; returns its new name.
    ///
    /// # Errors
    ///
    /// If it cannot be renamed.
    pub fn put_aside(folder: &Path) -> Result<PathBuf, StoreError> {
        put_aside(&folder.join(FILE)).map_err(|e| StoreError::Disk(e.to_string()))
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        let store = Self { path: path.to_owned(), database: RwLock::new(Some(open(path)?)), waiting: Mutex::default() };
        store.check_version()?;
        store.count_waiting()?;
        Ok(store)
    }

    fn check_version(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut meta = tx.open_table(META)?;
            let version = meta.get("version")?.map(|v| v.value());
            match version {
                Some(VERSION) => Ok(()),
                Some(version) => Err(StoreError::Newer { path: Text::from(self.path.as_path()), version }),
                None => {
                    meta.insert("version", VERSION)?;
                    Ok(())
                }
            }
        })
    }

    /// Opens the file again after the disk failed, which is the only way on.
    ///
    /// # Errors
    ///
    /// If it still does not let us.
    pub fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        *database = Some(open(&self.path)?);
        drop(database);
        self.count_waiting()
    }

    /// The number of the last commit; 0 before the first.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn commits(&self) -> Result<u64, StoreError> {
        self.read(|tx| Ok(tx.open_table(META)?.get(COMMIT)?.map_or(0, |number| number.value())))
    }

    /// Up to where each feed was read.
    ///
    /// # Errors
    ///
    /// If the store is damaged or the disk fails.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.read(|tx| {
            let mut checkpoint = Checkpoint::default();
            let Some(positions) = there(tx.open_table(POSITION))? else { return Ok(checkpoint) };
            for row in positions.iter()? {
                let (feed, position) = row?;
                checkpoint.set(feed.value(), decoded(position.value())?);
            }
            Ok(checkpoint)
        })
    }

    /// Keeps everything of `commit`, or nothing; `routes` says which sinks are to be told. How many notices found no room
    /// is returned by sink.
    ///
    /// # Errors
    ///
    /// If the disk fails: the same commit can be tried again after [`Store::reopen`].
    pub fn commit(&self, commit: &Commit, routes: &[Route]) -> Result<BTreeMap<String, u64>, StoreError> {
        let (added, dropped) = self.write(|tx| {
            let mut meta = tx.open_table(META)?;
            if meta.get(COMMIT)?.is_some_and(|last| last.value() >= commit.number) {
                return Ok((BTreeMap::new(), BTreeMap::new()));
            }
            meta.insert(COMMIT, commit.number)?;
            journal::append(tx, &commit.journal)?;
            let mut positions = tx.open_table(POSITION)?;
            for (feed, position) in &commit.positions {
                positions.insert(feed.as_str(), &*encoded(position))?;
            }
            let told = incidents::record(tx, &commit.notices)?;
            outbox::fill(tx, &told, routes, self.waiting())
        })?;
        self.count(added);
        Ok(dropped)
    }

    /// Bytes that the file takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn read<R>(&self, f: impl FnOnce(&redb::ReadTransaction) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        f(&database.as_ref().ok_or_else(closed)?.begin_read()?)
    }

    fn write<R>(&self, f: impl FnOnce(&redb::WriteTransaction) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let tx = database.as_ref().ok_or_else(closed)?.begin_write()?;
        let done = f(&tx)?;
        tx.commit()?;
        Ok(done)
    }
}

fn closed() -> StoreError {
    StoreError::Disk("it could not be opened again yet".to_owned())
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let shown = || Text::from(path);
    private(path).map_err(|e| StoreError::Disk(format!("{}: {e}", shown())))?;
    let opened = Builder::new().set_cache_size(CACHE).set_check_integrity_on_open(true).create(path);
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(shown()),
        // a file that is no store of ours is told by its first bytes, and by nothing else
        DatabaseError::Storage(StorageError::Io(e)) if e.kind() == io::ErrorKind::InvalidData => {
            StoreError::damaged(&e)
        }
        DatabaseError::UpgradeRequired(version) => StoreError::Damaged(format!("file format {version}")),
        other => other.into(),
    })
}

/// Only the owner reads what is kept: it has names of accounts, addresses and objects.
#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Renames a damaged file to a name that is free.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let free = (1..).map(|n| path.with_extension(format!("redb.damaged-{n}"))).find(|aside| !aside.exists());
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// A table, or none if nothing was ever put into it.
fn there<T>(table: Result<T, redb::TableError>) -> Result<Option<T>, StoreError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("what is kept has string keys and no failing parts")
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::damaged(&e))
}

#[cfg(test)]
mod tests;
