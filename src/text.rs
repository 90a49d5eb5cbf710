//! Text that came from an event, made safe to show.
//!
//! Usernames, namespaces, user agents and paths are written by whoever sends a request, the attacker included.
//! [`Text`] is the one door through which such a string may leave the core.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most characters a [`Text`] holds; what is longer ends in `…`.
pub const MAX_CHARS: usize = 512;

/// An event's string, escaped and capped: no control, bidirectional or invisible character, at most [`MAX_CHARS`].
///
/// Cheap to clone. Escapes are Rust's (`\u{202e}`), so that what was there can still be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Escapes and caps `raw`.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        let short = raw.len() <= MAX_CHARS;
        if short && raw.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Self(raw.into());
        }
        let mut out = String::with_capacity(raw.len().min(MAX_CHARS) + 8);
        for (n, c) in raw.chars().enumerate() {
            if n == MAX_CHARS {
                out.push('…');
                break;
            }
            if is_deceptive(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
        }
        Self(out.into())
    }

    /// The safe string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Characters that move a cursor, reorder or hide their neighbours: C0, C1, line and paragraph separators,
/// zero-width and bidirectional controls (Unicode UAX #9), variation selectors, tags, and the byte order mark.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<&String> for Text {
    fn from(raw: &String) -> Self {
        Self::new(raw)
    }
}

/// A path as it can be shown; what in it is no Unicode is replaced.
impl From<&Path> for Text {
    fn from(path: &Path) -> Self {
        Self::new(&path.to_string_lossy())
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What is read back is made safe again: a file may have been changed.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(Text::new("system:serviceaccount:payments:api").as_str(), "system:serviceaccount:payments:api");
        assert_eq!(Text::new("naïve ünïcode 名前").as_str(), "naïve ünïcode 名前");
    }

    #[test]
    fn control_and_bidirectional_characters_are_spelt_out() {
        assert_eq!(Text::new("a\u{1b}[31mb\n").as_str(), "a\\u{1b}[31mb\\u{a}");
        assert_eq!(Text::new("x\u{202e}y\u{200b}z\u{7f}").as_str(), "x\\u{202e}y\\u{200b}z\\u{7f}");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = Text::new(&"é".repeat(MAX_CHARS * 2));
        assert_eq!(text.as_str().chars().count(), MAX_CHARS + 1);
        assert!(text.as_str().ends_with('…'));
    }
}
