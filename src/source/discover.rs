//! Paths, folders, globs and `-` to logs in the order of their time.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::rotation::{Rotation, is_compressed, rotation, uncompressed};
use super::{Input, Log};
use crate::text::Text;

/// The most feeds of one run: each has a thread and a few megabytes of its own.
pub const MAX_FEEDS: usize = 256;

/// Endings of files that a folder is searched for, before `.gz`, `.zst` and the like.
const ENDINGS: [&str; 4] = ["log", "json", "jsonl", "ndjson"];

/// Why a path names nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// There is nothing of that name, or it cannot be looked at.
    #[error("{path}: {cause}")]
    Unreachable {
        /// As given.
        path: Text,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder without a log in it or in its subfolders.
    #[error(
        "{0}: no log in this folder; wanted are files ending in .log, .json, .jsonl or .ndjson, plain, .gz or .zst"
    )]
    EmptyFolder(Text),
    /// A pattern that matches no file, or is none.
    #[error("{0}: {1}")]
    Pattern(Text, String),
    /// `-` more than once.
    #[error("-: standard input can be read only once")]
    StdinTwice,
    /// Too many feeds.
    #[error("{0} feeds, and at most {MAX_FEEDS} can be merged; replay them in parts")]
    TooManyFeeds(usize),
}

/// Finds the logs that `paths` and `feeds` (name and path) name.
///
/// Files and folders of files are one unnamed feed, in the order given; a folder whose subfolders hold logs is one feed
/// for each of them; a named feed takes all that its paths name. Members of one rotated set are put in the order of
/// their time. A file that is named twice in a feed is read once.
///
/// # Errors
///
/// Every path that names nothing, all at once.
pub fn discover(paths: &[PathBuf], feeds: &[(String, PathBuf)]) -> Result<Vec<Log>, Vec<DiscoverError>> {
    let mut found = Found::default();
    for path in paths {
        found.expand(path, |found, path| found.add_path(path));
    }
    for (name, path) in feeds {
        found.expand(path, |found, path| found.add_named(name, path));
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    logs: Vec<Log>,
    errors: Vec<DiscoverError>,
}

impl Found {
    /// Calls `add` for a path that is there, or for each that it matches as a pattern.
    fn expand(&mut self, path: &Path, add: impl Fn(&mut Self, &Path) -> Result<(), DiscoverError>) {
        let outcome = match path.to_str() {
            Some(pattern) if is_pattern(pattern) && !path.exists() => {
                matches(pattern).and_then(|paths| paths.iter().try_for_each(|path| add(self, path)))
            }
            _ => add(self, path),
        };
        self.errors.extend(outcome.err());
    }

    fn add_path(&mut self, path: &Path) -> Result<(), DiscoverError> {
        if !is_folder(path)? {
            self.log("").push(Input::named(path));
            return Ok(());
        }
        let files = logs_in(path)?;
        let mut empty = files.is_empty();
        self.log("").extend(files);
        for folder in subfolders(path)? {
            let files = logs_in(&folder)?;
            if let (false, Some(name)) = (files.is_empty(), folder.file_name()) {
                empty = false;
                self.log(&name.to_string_lossy()).extend(files);
            }
        }
        if empty { Err(DiscoverError::EmptyFolder(Text::from(path))) } else { Ok(()) }
    }

    fn add_named(&mut self, name: &str, path: &Path) -> Result<(), DiscoverError> {
        let files = if is_folder(path)? { logs_in(path)? } else { vec![Input::named(path)] };
        if files.is_empty() {
            return Err(DiscoverError::EmptyFolder(Text::from(path)));
        }
        self.log(name).extend(files);
        Ok(())
    }

    fn log(&mut self, name: &str) -> &mut Vec<Input> {
        let index = self.logs.iter().position(|log| log.name == name).unwrap_or_else(|| {
            self.logs.push(Log { name: name.to_owned(), inputs: Vec::new() });
            self.logs.len() - 1
        });
        &mut self.logs[index].inputs
    }

    fn finish(mut self) -> Result<Vec<Log>, Vec<DiscoverError>> {
        self.logs.retain(|log| !log.inputs.is_empty());
        for log in &mut self.logs {
            log.inputs = in_order(std::mem::take(&mut log.inputs));
        }
        if self.logs.iter().flat_map(|log| &log.inputs).filter(|i| **i == Input::Stdin).count() > 1 {
            self.errors.push(DiscoverError::StdinTwice);
        }
        if self.logs.len() > MAX_FEEDS {
            self.errors.push(DiscoverError::TooManyFeeds(self.logs.len()));
        }
        if self.errors.is_empty() { Ok(self.logs) } else { Err(self.errors) }
    }
}

fn unreachable(path: &Path) -> impl FnOnce(io::Error) -> DiscoverError + '_ {
    move |cause| DiscoverError::Unreachable { path: Text::from(path), cause }
}

fn is_folder(path: &Path) -> Result<bool, DiscoverError> {
    Ok(path.as_os_str() != "-" && fs::metadata(path).map_err(unreachable(path))?.is_dir())
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The paths that a pattern matches, by name.
fn matches(pattern: &str) -> Result<Vec<PathBuf>, DiscoverError> {
    let refused = |why: String| DiscoverError::Pattern(Text::new(pattern), why);
    let paths = glob::glob(pattern).map_err(|e| refused(e.to_string()))?;
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(|e| refused(e.to_string()))?;
    if paths.is_empty() { Err(refused("matches no file".to_owned())) } else { Ok(paths) }
}

/// What stands in a folder, by name, hidden things apart.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DiscoverError> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<io::Result<Vec<_>>>());
    let mut paths = read.map_err(unreachable(folder))?;
    paths.retain(|p| p.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    paths.sort_unstable();
    Ok(paths)
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, DiscoverError> {
    Ok(entries(folder)?.into_iter().filter(|p| p.is_dir()).collect())
}

fn logs_in(folder: &Path) -> Result<Vec<Input>, DiscoverError> {
    let is_log = |p: &PathBuf| p.is_file() && extension(uncompressed(p)).is_some_and(|e| ENDINGS.contains(&e));
    Ok(entries(folder)?.into_iter().filter(is_log).map(Input::File).collect())
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// Puts each rotated set in the order of its time, at the place of its first member.
///
/// While the API server compresses a rotated file, both forms are there and the compressed one is not whole: the plain
/// one is read.
fn in_order(inputs: Vec<Input>) -> Vec<Input> {
    type Set = Option<(PathBuf, String)>;
    let mut sets: Vec<(Set, Vec<Input>)> = Vec::new();
    let mut seen = HashSet::new();
    for input in inputs {
        let set = match &input {
            Input::Stdin | Input::Kafka(_) => None,
            Input::File(path) if !seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())) => continue,
            Input::File(path) => Some((path.parent().unwrap_or(Path::new("")).to_owned(), rotation(path).0)),
        };
        match sets.iter_mut().find(|(known, _)| set.is_some() && *known == set) {
            Some((_, members)) => members.push(input),
            None => sets.push((set, vec![input])),
        }
    }
    sets.into_iter().flat_map(|(_, members)| oldest_first(members)).collect()
}

fn oldest_first(mut members: Vec<Input>) -> Vec<Input> {
    fn key(input: &Input) -> (bool, Option<Rotation>, bool) {
        let Input::File(path) = input else { return (true, None, false) };
        let rotated = rotation(path).1;
        (rotated.is_none(), rotated, is_compressed(path))
    }
    members.sort_by_cached_key(key);
    members.dedup_by(|later, earlier| {
        let ((_, rotated, is_compressed), (_, same, _)) = (key(later), key(earlier));
        is_compressed && rotated.is_some() && rotated == same
    });
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        dir
    }

    /// `name: files` for each feed, without the temporary folder.
    fn found(dir: &tempfile::TempDir, paths: &[&str], feeds: &[(&str, &str)]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(|p| dir.path().join(p)).collect();
        let feeds: Vec<_> = feeds.iter().map(|(n, p)| ((*n).to_owned(), dir.path().join(p))).collect();
        let logs = discover(&paths, &feeds).expect("all there");
        let short = |i: &Input| i.to_string().trim_start_matches(&*dir.path().to_string_lossy()).to_owned();
        logs.iter()
            .map(|l| format!("{}:{}", l.name, l.inputs.iter().map(short).collect::<Vec<_>>().join(" ")))
            .collect()
    }

    const OLD: &str = "audit-2026-11-24T21-47-55.380.log.gz";
    const NEW: &str = "audit-2026-11-24T21-49-04.190.log";

    #[test]
    fn a_rotated_set_is_read_oldest_first_and_the_live_file_last() {
        let dir = folder(&["audit.log", NEW, OLD, "README.md", ".hidden.log"]);
        let expected = [format!(":/{OLD} /{NEW} /audit.log")];
        assert_eq!(found(&dir, &[""], &[]), expected);
        assert_eq!(found(&dir, &["audit.log", NEW, OLD], &[]), expected, "whatever the order given");
        assert_eq!(found(&dir, &["audit*.log*", "audit.log"], &[]), expected, "and nothing twice");
    }

    #[test]
    fn what_logrotate_counts_is_read_oldest_first() {
        let dir = folder(&["audit.log", "audit.log.1", "audit.log.2.gz", "audit.log.10.gz"]);
        let expected = [":/audit.log.10.gz /audit.log.2.gz /audit.log.1 /audit.log"];
        assert_eq!(found(&dir, &["audit.log*"], &[]), expected);
    }

    #[test]
    fn files_of_no_set_are_read_in_the_order_given() {
        let dir = folder(&["a.log", "b.log"]);
        assert_eq!(found(&dir, &["b.log", "a.log"], &[]), [":/b.log /a.log"]);
    }

    #[test]
    fn a_file_that_is_being_compressed_is_read_plain() {
        let dir = folder(&[NEW, &format!("{NEW}.gz"), OLD]);
        assert_eq!(found(&dir, &[""], &[]), [format!(":/{OLD} /{NEW}")]);
    }

    #[test]
    fn each_subfolder_with_logs_is_a_feed() {
        let dir = folder(&["cp-1/audit.log", "cp-2/audit.log.gz", "docs/notes.txt"]);
        assert_eq!(found(&dir, &[""], &[]), ["cp-1:/cp-1/audit.log", "cp-2:/cp-2/audit.log.gz"]);
    }

    #[test]
    fn named_feeds_gather_their_paths() {
        let dir = folder(&["a/x.log", "b.log", "c.log"]);
        assert_eq!(
            found(&dir, &[], &[("cp", "a"), ("other", "b.log"), ("cp", "c.log")]),
            ["cp:/a/x.log /c.log", "other:/b.log"]
        );
    }

    #[test]
    fn every_wrong_path_is_named() {
        let dir = folder(&["empty/notes.txt"]);
        let paths = ["nowhere.log", "empty", "*.gz"].map(|p| dir.path().join(p));
        let errors = discover(&paths, &[]).expect_err("nothing is right");
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(said[0].contains("nowhere.log") && said[0].contains("No such file"), "{said:?}");
        assert!(said[1].contains("no log in this folder"), "{said:?}");
        assert!(said[2].contains("matches no file"), "{said:?}");
    }

    #[test]
    fn standard_input_is_read_only_once() {
        let dash = PathBuf::from("-");
        assert!(discover(std::slice::from_ref(&dash), &[]).is_ok());
        let errors = discover(std::slice::from_ref(&dash), &[("x".into(), dash.clone())]).expect_err("twice");
        assert!(matches!(errors[..], [DiscoverError::StdinTwice]));
    }
}
