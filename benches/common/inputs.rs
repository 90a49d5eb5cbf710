//! The logs that whole runs are measured on.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::generator::Generator;

/// A period to learn from, if there is one, and one to judge.
pub(crate) struct Logs {
    pub(crate) title: String,
    pub(crate) learn: Option<PathBuf>,
    pub(crate) judge: PathBuf,
}

impl Logs {
    /// The files, in the order of their time.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.learn.iter().chain([&self.judge]).map(PathBuf::as_path)
    }

    /// The same logs, compressed.
    pub(crate) fn zstd(&self) -> io::Result<Self> {
        let title = format!("{}, zstd", self.title);
        Ok(Self { title, learn: self.learn.as_deref().map(zstd).transpose()?, judge: zstd(&self.judge)? })
    }
}

/// What the environment names: `SAWATCH_BENCH_LOG`, an uncompressed log to judge, with `SAWATCH_BENCH_LEARN` before it.
/// Otherwise a generated log of 2,000 service accounts and `SAWATCH_BENCH_EVENTS` events (default 1,000,000).
pub(crate) fn logs() -> io::Result<Logs> {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    if let Some(judge) = path("SAWATCH_BENCH_LOG") {
        return Ok(Logs { title: "recorded log".to_owned(), learn: path("SAWATCH_BENCH_LEARN"), judge });
    }
    let events = number("SAWATCH_BENCH_EVENTS", 1_000_000);
    let title = "generated log of 2,000 service accounts".to_owned();
    Ok(Logs { title, learn: None, judge: generated(2_000, events)? })
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A generated log, kept from one run to the next.
fn generated(accounts: usize, events: u64) -> io::Result<PathBuf> {
    made(&PathBuf::from(format!("generated-{accounts}-{events}.jsonl")), |out| {
        Generator::new(1, accounts).write(events, out)
    })
}

fn zstd(log: &Path) -> io::Result<PathBuf> {
    let name = PathBuf::from(log.file_name().unwrap_or_default()).with_extension("jsonl.zst");
    made(&name, |out| zstd::stream::copy_encode(File::open(log)?, out, 3))
}

/// The file of this name in the target folder, made if it is not there.
fn made(name: &Path, make: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !path.exists() {
        let unfinished = path.with_extension("part");
        let mut out = BufWriter::new(File::create(&unfinished)?);
        make(&mut out)?;
        out.flush()?;
        fs::rename(unfinished, &path)?;
    }
    Ok(path)
}
