//! Lines under construction: labels to the left, what they name in a column of its own.

use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects};
use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::alert::Severity;
use crate::format::Style;

/// The narrowest page that can hold a label and its value.
const MIN_WIDTH: usize = 40;

/// The column of a field's value.
const VALUE: usize = 12;

pub(crate) const PLAIN: anstyle::Style = anstyle::Style::new();
pub(crate) const QUIET: anstyle::Style = anstyle::Style::new().effects(Effects::DIMMED);
pub(crate) const STRONG: anstyle::Style = anstyle::Style::new().effects(Effects::BOLD);
const COMMAND: anstyle::Style = foreground(AnsiColor::Cyan);

const fn foreground(color: AnsiColor) -> anstyle::Style {
    anstyle::Style::new().fg_color(Some(Color::Ansi(color)))
}

pub(super) const fn colored(severity: Severity) -> anstyle::Style {
    foreground(match severity {
        Severity::Informational => AnsiColor::BrightBlack,
        Severity::Low => AnsiColor::Blue,
        Severity::Medium => AnsiColor::Yellow,
        Severity::High => AnsiColor::Red,
        Severity::Critical => AnsiColor::BrightRed,
    })
}

/// Inverted, so that the eye finds where an incident begins.
pub(super) const fn badge(severity: Severity) -> anstyle::Style {
    colored(severity).effects(Effects::BOLD.insert(Effects::INVERT))
}

pub(crate) struct Page {
    out: String,
    style: Style,
}

impl Page {
    pub(crate) const fn new(style: Style) -> Self {
        Self { out: String::new(), style }
    }

    pub(crate) fn into_text(self) -> String {
        self.out
    }

    pub(super) fn width(&self) -> usize {
        self.style.width.max(MIN_WIDTH)
    }

    pub(crate) fn painted(&self, words: &str, style: anstyle::Style) -> String {
        if self.style.color && !words.is_empty() { format!("{style}{words}{style:#}") } else { words.to_owned() }
    }

    pub(crate) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// `words` after `prefix`, and below the end of it where they go on.
    pub(crate) fn wrapped(&mut self, prefix: &str, words: &str, style: anstyle::Style) {
        self.hanging(prefix, display_width(prefix), words, style);
    }

    /// `words` after `prefix`, and from the column `below` on where they go on.
    pub(crate) fn hanging(&mut self, prefix: &str, below: usize, words: &str, style: anstyle::Style) {
        self.lines(prefix, below, (words, WordSeparator::AsciiSpace), style);
    }

    /// Names are not broken at their hyphens.
    fn lines(&mut self, prefix: &str, below: usize, (words, parts): (&str, WordSeparator), style: anstyle::Style) {
        let (beside, below) = (" ".repeat(display_width(prefix)), " ".repeat(below));
        let options = Options::new(self.width().max(below.len() + 1))
            .initial_indent(&beside)
            .subsequent_indent(&below)
            .word_separator(parts)
            .word_splitter(WordSplitter::NoHyphenation);
        for (n, line) in textwrap::wrap(words, options).iter().enumerate() {
            let (start, indent) = if n == 0 { (prefix, &beside) } else { (&*below, &below) };
            let line = self.painted(line.strip_prefix(&**indent).unwrap_or_default(), style);
            self.out.push_str(start);
            self.out.push_str(&line);
            self.blank();
        }
    }

    /// `  who       alice`; an empty label goes on with the field above.
    pub(crate) fn field(&mut self, label: &str, value: &impl Display) {
        let label = self.label(label);
        self.wrapped(&label, &value.to_string(), PLAIN);
    }

    /// A field of which each line holds whole items.
    pub(super) fn list(&mut self, label: &str, items: &str) {
        let label = self.label(label);
        self.items(&label, items);
    }

    /// Items after `prefix`, separated by commas and not broken.
    pub(super) fn items(&mut self, prefix: &str, items: &str) {
        let item = WordSeparator::Custom(|items| Box::new(items.split_inclusive(", ").map(Word::from)));
        self.lines(prefix, display_width(prefix), (items, item), PLAIN);
    }

    fn label(&self, label: &str) -> String {
        format!("  {}", self.painted(&format!("{label:<width$}", width = VALUE - 2), QUIET))
    }

    /// Below a field's value, what is read only on a second look.
    pub(super) fn detail(&mut self, words: &str) {
        self.wrapped(&" ".repeat(VALUE + 2), words, QUIET);
    }

    /// What the lines below are.
    pub(crate) fn heading(&mut self, words: &str) {
        self.blank();
        self.wrapped("  ", words, QUIET);
    }

    pub(crate) fn quiet(&mut self, indent: usize, words: &str) {
        self.wrapped(&" ".repeat(indent), words, QUIET);
    }

    /// A line of its own, never wrapped: it is to be copied.
    pub(super) fn command(&mut self, command: &str) {
        let command = self.painted(command, COMMAND);
        self.out.push_str("      ");
        self.out.push_str(&command);
        self.blank();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::sample;
    use crate::text::Text;

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn no_word_is_lost_however_narrow_the_page(words: String, width in 0_usize..100, prefix in 0_usize..120, below in 0_usize..120) {
            let words = Text::new(&words);
            let mut page = Page::new(Style { color: false, width });
            page.hanging(&" ".repeat(prefix), below, words.as_str(), PLAIN);
            let without_space = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(without_space(&page.into_text()), without_space(words.as_str()));
        }
    }
}
