//! Rows for a person: columns aligned, the last one as long as it is.

use textwrap::core::display_width;

use super::terminal;
use crate::format::text::page::{PLAIN, Page, STRONG};

/// Between columns.
const GAP: usize = 2;

/// Lays out rows below their heading. Cells must be safe to show.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let style = terminal::style().unwrap_or_default();
    let page = Page::new(style);
    let width = |n: usize| rows.iter().map(|row| display_width(&row[n])).chain([heading[n].len()]).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| {
            let padding = width.saturating_sub(display_width(cell)) + GAP;
            format!("{cell}{}", " ".repeat(padding))
        });
        padded.collect::<String>().trim_end().to_owned()
    };
    let mut lines = vec![page.painted(&line(heading), STRONG)];
    lines.extend(rows.iter().map(|row| page.painted(&line(row.each_ref().map(String::as_str)), PLAIN)));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_on_the_screen() {
        let rows = [["名前", "x"], ["a", "y"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["id", "what"], &rows), "id    what\n名前  x\na     y\n");
    }
}
