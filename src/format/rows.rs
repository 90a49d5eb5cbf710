//! Titles with what they stand for beside them: how a run's end is told.

use std::fmt;

use textwrap::{Options, WordSplitter};

/// The column in which what a row says begins.
const VALUE: usize = 16;

/// `  title         what it stands for`, wrapped at `width`; the title beside the first line alone.
pub(crate) fn rows(
    f: &mut fmt::Formatter<'_>,
    width: usize,
    mut title: &str,
    rows: impl IntoIterator<Item = String>,
) -> fmt::Result {
    let columns = width.saturating_sub(VALUE).max(VALUE);
    for row in rows {
        for line in textwrap::wrap(&row, Options::new(columns).word_splitter(WordSplitter::NoHyphenation)) {
            writeln!(f, "  {title:<width$}{line}", width = VALUE - 2)?;
            title = "";
        }
    }
    Ok(())
}
