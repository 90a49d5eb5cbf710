//! A file that grows, a line for each notice, on disk before it counts as delivered.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Trouble, append, blocking, lines};
use crate::format::Format;
use crate::store::Outbox;
use crate::text::Text;

/// Asks all files to be opened again by their names, after something renamed them. Shared by its clones.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicU64>);

impl Reopen {
    /// Asks for it: it is done before the next line is written.
    pub fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn asked(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file that grows.
pub struct AppendedFile {
    path: PathBuf,
    format: Format,
    reopen: Reopen,
    /// With how often opening had been asked for by then; none before the first line and after a failure, so that a
    /// line that was cut short is ended when it is opened again.
    file: Option<(File, u64)>,
}

impl AppendedFile {
    pub(super) const fn new(path: PathBuf, format: Format, reopen: Reopen) -> Self {
        Self { path, format, reopen, file: None }
    }

    pub(super) async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        let lines = lines(self.format, notices);
        let asked = self.reopen.asked();
        let open = self.file.take().filter(|(_, opened)| *opened == asked).map(|(file, _)| file);
        let path = self.path.clone();
        let written = blocking(move || write(open, &path, &lines)).await?;
        let file = written.map_err(|e| {
            let shown = Text::from(self.path.as_path());
            Trouble::transient(format!("cannot write {shown}: {e}"))
        })?;
        self.file = Some((file, asked));
        Ok(())
    }
}

fn write(open: Option<File>, path: &std::path::Path, lines: &[u8]) -> io::Result<File> {
    let mut file = open.map_or_else(|| append::open(path), Ok)?;
    file.write_all(lines)?;
    if file.metadata()?.is_file() {
        file.sync_data()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sink::tests::notice;

    async fn deliver(file: &mut AppendedFile, n: u128) -> Result<(), Trouble> {
        file.deliver(&[notice(n)]).await
    }

    #[tokio::test]
    async fn a_torn_last_line_is_ended_and_lines_follow() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("alerts.jsonl");
        fs::write(&path, "{\"torn").expect("room");
        let mut file = AppendedFile::new(path.clone(), Format::Ocsf, Reopen::default());
        deliver(&mut file, 1).await.expect("room");
        deliver(&mut file, 2).await.expect("room");
        let text = fs::read_to_string(path).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), ("{\"torn", 3));
        let uids = lines[1..].iter().map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("one JSON value");
            value["finding_info"]["uid"].as_str().expect("a string").to_owned()
        });
        assert_eq!(uids.collect::<Vec<_>>(), [1, 2].map(|n| uuid::Uuid::from_u128(n).to_string()));
    }

    #[tokio::test]
    async fn a_renamed_file_is_left_when_it_is_asked_for_and_not_before() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, old) = (folder.path().join("alerts.jsonl"), folder.path().join("alerts.jsonl.1"));
        let reopen = Reopen::default();
        let mut file = AppendedFile::new(path.clone(), Format::Ocsf, reopen.clone());
        deliver(&mut file, 1).await.expect("room");
        fs::rename(&path, &old).expect("renamed");
        deliver(&mut file, 2).await.expect("room");
        reopen.ask();
        deliver(&mut file, 3).await.expect("room");
        let lines = |path| fs::read_to_string(path).expect("text").lines().count();
        assert_eq!((lines(&old), lines(&path)), (2, 1));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("alerts.jsonl");
        let mut file = AppendedFile::new(path.clone(), Format::Text, Reopen::default());
        deliver(&mut file, 1).await.expect("room");
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_is_tried_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let below = folder.path().join("below");
        let mut file = AppendedFile::new(below.join("alerts.jsonl"), Format::Ocsf, Reopen::default());
        assert!(matches!(deliver(&mut file, 1).await, Err(Trouble::Transient { .. })));
        fs::create_dir(below).expect("room");
        assert_eq!(deliver(&mut file, 1).await, Ok(()));
    }
}
