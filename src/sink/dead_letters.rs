//! What a sink refused for good: a file for each sink, so that a person can find out why and send it by other means.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::append;
use crate::event::Timestamp;
use crate::store::Outbox;
use crate::text::Text;

/// Bytes of one file, at most.
const MAX_BYTES: u64 = 64 << 20;

/// JSON Lines, one for each refused notice, up to a number of bytes.
#[derive(Clone)]
pub(super) struct DeadLetters {
    path: Arc<Path>,
    max_bytes: u64,
}

#[derive(Serialize)]
struct Letter<'a> {
    refused: String,
    why: &'a Text,
    notice: &'a Outbox,
}

impl DeadLetters {
    pub(super) fn new(folder: &Path, sink: &str) -> Self {
        let path: PathBuf = folder.join(format!("dead-letters-{sink}.jsonl"));
        Self { path: path.into(), max_bytes: MAX_BYTES }
    }

    /// Adds one, on disk when this returns; false if there is no room for it.
    pub(super) fn add(&self, notice: &Outbox, why: &Text, at: Timestamp) -> io::Result<bool> {
        let mut line = serde_json::to_vec(&Letter { refused: at.to_string(), why, notice })?;
        line.push(b'\n');
        let mut file = append::open(&self.path)?;
        if file.metadata()?.len() + line.len() as u64 > self.max_bytes {
            return Ok(false);
        }
        file.write_all(&line)?;
        file.sync_data()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::notice;

    #[test]
    fn a_letter_says_why_and_holds_all_of_the_notice_and_the_file_is_bounded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let letters = DeadLetters { max_bytes: 2_500, ..DeadLetters::new(folder.path(), "soc") };
        let added = [1, 2, 3].map(|n| letters.add(&notice(n), &"400".into(), Timestamp(0)).expect("room"));
        assert_eq!(added, [true, true, false]);
        let text = std::fs::read_to_string(folder.path().join("dead-letters-soc.jsonl")).expect("text");
        assert_eq!(text.lines().count(), 2);
        let letter: serde_json::Value = serde_json::from_str(text.lines().next().expect("one")).expect("JSON");
        assert_eq!(letter["why"], "400");
        let kept: Outbox = serde_json::from_value(letter["notice"].clone()).expect("a notice");
        assert_eq!(kept, notice(1));
    }
}
