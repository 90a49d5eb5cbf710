//! Values as they are shown, each stored once for all baselines.

use std::hash::Hash;

use hashbrown::HashTable;

use super::facet::hash;

/// The number of a string in [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// The most strings that are kept; any later one is shown as `…`.
const MAX_SYMBOLS: usize = 4_000_000;

/// The longest string that is kept whole, in bytes.
const MAX_BYTES: usize = 256;

/// Strings by number, each stored once, one behind the other.
#[derive(Debug)]
pub struct Symbols {
    numbers: HashTable<u32>,
    bytes: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols = Self { numbers: HashTable::new(), bytes: String::new(), ends: Vec::new() };
        symbols.push("…");
        symbols
    }
}

impl Symbols {
    /// The number of `text`, a new one if it has none yet.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let key = hash(|h| text.hash(h));
        if let Some(&n) = self.numbers.find(key, |&n| self.text(Symbol(n)) == text) {
            return Symbol(n);
        }
        if self.is_full() {
            return Symbol(0);
        }
        let n = self.push(text);
        let Self { numbers, bytes, ends } = self;
        numbers.insert_unique(key, n, |&n| hash(|h| slice(bytes, ends, n).hash(h)));
        Symbol(n)
    }

    fn push(&mut self, text: &str) -> u32 {
        self.bytes.push_str(text);
        self.ends.push(u32::try_from(self.bytes.len()).expect("MAX_SYMBOLS strings of MAX_BYTES are below 4 GiB"));
        u32::try_from(self.ends.len() - 1).expect("there are at most MAX_SYMBOLS")
    }

    /// The string of a symbol.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        slice(&self.bytes, &self.ends, symbol.0)
    }

    /// Whether new strings are no longer kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.ends.len() >= MAX_SYMBOLS
    }
}

fn slice<'a>(bytes: &'a str, ends: &[u32], number: u32) -> &'a str {
    let at = number as usize;
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start as usize..ends[at] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_stored_once_and_given_back() {
        let mut symbols = Symbols::default();
        let (pods, empty, long) = (symbols.intern("list pods"), symbols.intern(""), symbols.intern(&"é".repeat(200)));
        assert_eq!(symbols.intern("list pods"), pods);
        assert_eq!((symbols.text(pods), symbols.text(empty)), ("list pods", ""));
        assert_eq!(symbols.text(long), "é".repeat(MAX_BYTES / 2));
    }
}
