//! Values as they are shown, each stored once for all baselines.

use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashTable;

use super::facet::hash;

/// The number of a string in [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// The most strings that are kept; any later one is shown as `…`.
const MAX_SYMBOLS: usize = 4_000_000;

/// The longest string that is kept whole, in bytes.
const MAX_BYTES: usize = 256;

/// Strings by number, each stored once.
#[derive(Debug)]
pub struct Symbols {
    numbers: HashTable<u32>,
    texts: Vec<Arc<str>>,
}

impl Default for Symbols {
    fn default() -> Self {
        Self { numbers: HashTable::new(), texts: vec!["…".into()] }
    }
}

impl Symbols {
    /// The number of `text`, a new one if it has none yet.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let key = hash(|h| text.hash(h));
        if let Some(&n) = self.numbers.find(key, |&n| &*self.texts[n as usize] == text) {
            return Symbol(n);
        }
        let Some(n) = u32::try_from(self.texts.len()).ok().filter(|_| !self.is_full()) else {
            return Symbol(0);
        };
        self.texts.push(text.into());
        self.numbers.insert_unique(key, n, |&n| hash(|h| self.texts[n as usize].hash(h)));
        Symbol(n)
    }

    /// The string of a symbol.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &Arc<str> {
        &self.texts[symbol.0 as usize]
    }

    /// Whether new strings are no longer kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.texts.len() >= MAX_SYMBOLS
    }
}
