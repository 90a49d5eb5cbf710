//! The names that rotated logs have, and the order that they tell.

use std::cmp::Reverse;
use std::path::Path;

/// When a file was rotated away; what is less is older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rotation {
    /// logrotate's count, which grows with age.
    Number(Reverse<u32>),
    /// A time or a date, as it stands in the name.
    Time(String),
}

/// A file's name without a compressor's ending.
pub(super) fn uncompressed(path: &Path) -> &str {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Whether a file's name says that it is compressed.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.file_name().and_then(|n| n.to_str()).is_some_and(|name| name != uncompressed(path))
}

/// The rotated set that a file belongs to, by the name of its live file, and when it was rotated away. The live file,
/// which is the newest, was not.
pub(super) fn rotation(path: &Path) -> (String, Option<Rotation>) {
    let name = uncompressed(path);
    let found = timed(name).or_else(|| numbered(name)).or_else(|| dated(name));
    found.map_or_else(|| (name.to_owned(), None), |(set, rotation)| (set, Some(rotation)))
}

/// `audit-2006-01-02T15-04-05.000.log`, as the API server names it.
fn timed(name: &str) -> Option<(String, Rotation)> {
    let (base, ending) = name.rsplit_once('.')?;
    let (stem, time) = base.split_at_checked(base.len().checked_sub("-2006-01-02T15-04-05.000".len())?)?;
    let shape = time.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b });
    let is_time = shape.eq(b"-0000-00-00T00-00-00.000".iter().copied());
    is_time.then(|| (format!("{stem}.{ending}"), Rotation::Time(time.to_owned())))
}

/// `audit.log.1`, as logrotate names it.
fn numbered(name: &str) -> Option<(String, Rotation)> {
    let (set, number) = name.rsplit_once('.')?;
    let is_count = number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_count)?;
    Some((set.to_owned(), Rotation::Number(Reverse(number))))
}

/// `audit.log-20060102` (logrotate with `dateext`), `0.log.20060102-150405` (the kubelet).
fn dated(name: &str) -> Option<(String, Rotation)> {
    let set = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    let date = name[set.len()..].trim_start_matches('-');
    let is_date = date.len() >= "20060102".len() && date.bytes().take(8).all(|b| b.is_ascii_digit());
    let set = set.strip_suffix('.').unwrap_or(set);
    (is_date && !set.is_empty()).then(|| (set.to_owned(), Rotation::Time(date.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> (String, Option<Rotation>) {
        rotation(Path::new("/var/log").join(name).as_path())
    }

    #[test]
    fn the_set_and_the_order_are_told_by_the_name() {
        for (set, oldest_first) in [
            ("audit.log", ["audit-2026-11-24T09-00-00.000.log.gz", "audit-2026-11-24T10-00-00.000.log"]),
            ("audit.log", ["audit.log.10.gz", "audit.log.9"]),
            ("audit.log", ["audit.log-20261123.gz", "audit.log-20261124"]),
            ("audit.log", ["audit.log-20261124-1764000000", "audit.log-20261124-1764003600.zst"]),
            ("0.log", ["0.log.20261124-100000.gz", "0.log.20261124-100001"]),
        ] {
            let [older, newer] = oldest_first.map(told);
            assert_eq!((older.0.as_str(), newer.0.as_str()), (set, set));
            assert!(older.1.is_some() && older.1 < newer.1, "{older:?} {newer:?}");
        }
    }

    #[test]
    fn other_names_are_live_files_of_their_own() {
        for name in ["audit.log", "0.log", "kube-apiserver", "audit.2026-11-24.log", "20261124", "audit.log.20261.tmp"]
        {
            assert_eq!(told(name), (name.to_owned(), None));
        }
    }
}
