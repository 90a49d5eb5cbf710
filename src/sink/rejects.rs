//! Rejected records to a bounded file, so that somebody can find out what they are.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::SinkError;
use crate::text::Text;

/// JSON Lines, one for each rejected record, up to a number of bytes.
pub struct Rejects {
    name: Text,
    out: BufWriter<File>,
    left: u64,
    left_out: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    reason: &'a str,
    feed: Text,
    offset: u64,
    excerpt: Text,
}

/// The last line of a file that became full.
#[derive(Serialize)]
struct Full {
    left_out: u64,
}

impl Rejects {
    /// A file, which is made or emptied, and takes at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(path: &Path, max_bytes: u64) -> Result<Self, SinkError> {
        let name = Text::from(path);
        let mut options = File::options();
        options.create(true).write(true).truncate(true);
        // it has excerpts of audit events
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(file) => Ok(Self { name, out: BufWriter::new(file), left: max_bytes, left_out: 0 }),
            Err(cause) => Err(SinkError { to: name, cause }),
        }
    }

    /// The same, with what was in the file kept beside it as `….1`.
    ///
    /// # Errors
    ///
    /// If it cannot be renamed or made.
    pub fn renew(path: &Path, max_bytes: u64) -> Result<Self, SinkError> {
        let mut before = path.as_os_str().to_owned();
        before.push(".1");
        if path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            let renamed = fs::rename(path, before);
            renamed.map_err(|cause| SinkError { to: Text::from(path), cause })?;
        }
        Self::create(path, max_bytes)
    }

    /// Writes one, or counts it if the file is full. `offset` counts uncompressed bytes from the feed's beginning.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&mut self, reason: &str, feed: &str, offset: u64, record: &[u8]) -> Result<(), SinkError> {
        // one more than a `Text` shows, so that it says that something was cut
        let head = &record[..record.len().min(4 * (crate::text::MAX_CHARS + 1))];
        let excerpt = Text::new(&String::from_utf8_lossy(head));
        let mut line = json(&Line { reason, feed: Text::new(feed), offset, excerpt });
        line.push(b'\n');
        if line.len() as u64 > self.left {
            self.left = 0;
            self.left_out += 1;
            return Ok(());
        }
        self.left -= line.len() as u64;
        self.out.write_all(&line).map_err(|cause| SinkError { to: self.name.clone(), cause })
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|cause| SinkError { to: self.name.clone(), cause })
    }

    /// Writes what is still held back, and how many found no room; returns that number.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<u64, SinkError> {
        let mut end = Vec::new();
        if self.left_out > 0 {
            end = json(&Full { left_out: self.left_out });
            end.push(b'\n');
        }
        let done = self.out.write_all(&end).and_then(|()| self.out.flush());
        done.map(|()| self.left_out).map_err(|cause| SinkError { to: self.name, cause })
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_escaped_and_bounded_and_the_file_says_what_is_missing() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("rejects.jsonl");
        let mut rejects = Rejects::create(&path, 200).expect("a file");
        for offset in 0..5 {
            rejects.write("malformed", "cp-1", offset, b"\x1b[2J\xff").expect("room");
        }
        assert_eq!(rejects.finish().expect("room"), 3);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&path.metadata().expect("there")) & 0o777, 0o600);
        let text = std::fs::read_to_string(path).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let expected = r#"{"reason":"malformed","feed":"cp-1","offset":0,"excerpt":"\\u{1b}[2J�"}"#;
        assert_eq!((lines[0], lines[2], lines.len()), (expected, r#"{"left_out":3}"#, 3));
    }
}
