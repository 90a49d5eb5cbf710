//! How far a replay is, on a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::alert::Thousands;
use crate::pipeline::tally::Tally;

/// A bar on standard error, if that is a terminal; nothing elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    bytes: Arc<AtomicU64>,
}

impl Progress {
    /// A bar for `size` bytes on disk, of which `bytes` were taken so far; without an end if the size is not known.
    pub(super) fn new(size: Option<u64>, bytes: Arc<AtomicU64>) -> Self {
        let (bar, template) = match size {
            Some(size) => (
                ProgressBar::new(size),
                "{bar:30} {percent}%  {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {bytes_per_sec}  {msg}"),
        };
        let style = ProgressStyle::with_template(template).expect("the template is well formed");
        Self { bar: bar.with_style(style), bytes }
    }

    /// Shows how far it is by now.
    pub(super) fn show(&self, tally: &Tally) {
        if !self.bar.is_hidden() {
            self.bar.set_position(self.bytes.load(Ordering::Relaxed));
            self.bar.set_message(format!("{} events", Thousands(tally.events())));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
