//! What standard output is, if a person looks at it.

use std::io::{self, IsTerminal};

use crate::format::Style;

/// The terminal that standard output is, if it is one: its width, and colours unless `NO_COLOR` says otherwise
/// (<https://no-color.org>).
pub(super) fn style() -> Option<Style> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let width = terminal_size::terminal_size().map_or(Style::PLAIN.width, |(width, _)| usize::from(width.0));
    Some(Style { color, width })
}
