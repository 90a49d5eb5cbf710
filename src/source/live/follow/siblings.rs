//! A log and what was rotated away from it, in the order in which they were written.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::source::rotation::{Rotation, is_compressed, rotation};

/// How often a folder is listed until two listings agree; a rotation takes a few renames.
const LISTINGS: usize = 8;

/// One file of a log.
#[derive(Clone, Debug)]
pub(super) struct Sibling {
    pub(super) path: PathBuf,
    pub(super) key: Key,
    /// Bytes on disk.
    pub(super) size: u64,
    /// When it was last written.
    pub(super) modified: SystemTime,
    /// When it was rotated away; none for the live file.
    pub(super) rotated: Option<Rotation>,
}

/// What the file system tells files apart by, as long as they are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Key {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// What is at `path`, if it is a file.
pub(super) fn look_at(path: &Path) -> io::Result<Metadata> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::other("is a folder; the log's file is wanted"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    Ok(metadata)
}

/// Every file of the log at `path`, oldest first, the live one last. If `path` is a link, they are where it points to.
///
/// A rotation renames one file after the other. What is found in the middle of it may lack a file, so a listing is believed
/// only when the next one is the same.
pub(super) fn siblings(path: &Path) -> io::Result<Vec<Sibling>> {
    let mut before = list(path)?;
    for _ in 1..LISTINGS {
        let now = list(path)?;
        if before.iter().map(|s| (&s.path, s.key)).eq(now.iter().map(|s| (&s.path, s.key))) {
            return Ok(now);
        }
        before = now;
    }
    Err(io::Error::other("its files are renamed faster than they can be listed"))
}

fn list(path: &Path) -> io::Result<Vec<Sibling>> {
    let live = Sibling::at(path.canonicalize()?, None)?;
    let mut found = Vec::new();
    if let (Some(folder), Some(name)) = (live.path.parent(), live.path.file_name().and_then(|n| n.to_str())) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match rotation(&path) {
                (set, Some(rotated)) if set == name => found.extend(Sibling::at(path, Some(rotated)).ok()),
                _ => {}
            }
        }
    }
    found.push(live);
    // While a rotated file is compressed, both forms are there and the compressed one is not whole.
    found.sort_by_cached_key(|s| (s.rotated.is_none(), s.rotated.clone(), is_compressed(&s.path)));
    found.dedup_by(|later, earlier| later.rotated == earlier.rotated);
    Ok(found)
}

impl Sibling {
    fn at(path: PathBuf, rotated: Option<Rotation>) -> io::Result<Self> {
        let metadata = look_at(&path)?;
        let modified = metadata.modified()?;
        Ok(Self { path, key: Key::of(&metadata), size: metadata.len(), modified, rotated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let name = |s: Sibling| s.path.file_name().expect("a name").to_string_lossy().into_owned();
        siblings(path).expect("it is there").into_iter().map(name).collect()
    }

    #[test]
    fn a_log_is_listed_oldest_first_also_through_a_link() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let old = ["audit-2026-11-24T09-00-00.000.log.gz", "audit-2026-11-24T10-00-00.000.log"];
        for name in [old[1], old[0], "audit.log", "audit-2026-11-24T10-00-00.000.log.gz", "other.log", "audit.log.tmp"]
        {
            fs::write(dir.path().join(name), "").expect("a file");
        }
        fs::create_dir(dir.path().join("audit.log.7")).expect("a folder");
        assert_eq!(names(&dir.path().join("audit.log")), [old[0], old[1], "audit.log"]);

        let links = tempfile::tempdir().expect("a temporary folder");
        let link = links.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("audit.log"), &link).expect("a link");
        assert_eq!(names(&link), [old[0], old[1], "audit.log"]);
    }

    #[test]
    fn what_is_no_file_is_said() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let said = siblings(dir.path()).expect_err("a folder").to_string();
        assert!(said.contains("is a folder"), "{said}");
        let missing = siblings(&dir.path().join("audit.log")).expect_err("nothing");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
