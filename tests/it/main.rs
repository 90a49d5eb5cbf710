//! What only the whole can show: the real binary, the library from files to incidents, and the order of the house.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod backtest;
mod cli;
mod config;
#[cfg(target_os = "linux")]
mod daemon;
mod detectors;
mod doctor;
mod kafka;
mod properties;
mod readme;
mod replay;
mod scenarios;
mod state;
#[cfg(unix)]
mod terminal;
mod tidy;

use std::path::{Path, PathBuf};

/// A file below `tests/data`.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
