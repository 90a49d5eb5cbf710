//! Sawatch's own words in what it says: names of detectors, findings, rows of the impact table.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::de::{Deserializer, Error, Visitor};

/// A string that stands in the program. An alias, for `serde` takes a plain reference for one into what it reads.
pub type Literal = &'static str;

/// Words that were read back and are kept for good, at most: there are a few hundred in the program.
const MAX_WORDS: usize = 4_096;

/// The longest of them.
const MAX_BYTES: usize = 256;

static WORDS: Mutex<Option<HashSet<Literal>>> = Mutex::new(None);

/// Reads a word back that an earlier run wrote. Each is kept once, for as long as the program runs.
pub(super) fn literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Literal, D::Error> {
    deserializer.deserialize_str(Word)
}

struct Word;

impl Visitor<'_> for Word {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word of this program")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Literal, E> {
        kept(text).ok_or_else(|| E::custom("not a word of this program, or too many of them"))
    }
}

fn kept(text: &str) -> Option<Literal> {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let words = words.get_or_insert_default();
    if let Some(&word) = words.get(text) {
        return Some(word);
    }
    if text.len() > MAX_BYTES || words.len() >= MAX_WORDS {
        return None;
    }
    let word: Literal = Box::leak(text.into());
    words.insert(word);
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_nothing_long_is_kept() {
        let (one, two) = (kept("token-shared"), kept("token-shared"));
        assert!(one.zip(two).is_some_and(|(one, two)| std::ptr::eq(one, two)));
        assert_eq!(kept(&"x".repeat(MAX_BYTES + 1)), None);
    }
}
