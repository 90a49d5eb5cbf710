//! A cursor over compact JSON: no blanks between tokens, no recursion, nothing copied that has no escape.
//!
//! It is as strict as a full parser on what it passes over. Every step answers `None` at the first surprise.

use std::borrow::Cow;

use wide::u8x16;

/// How deep a skipped value may nest: one bit each.
const MAX_DEPTH: u32 = 64;

pub(super) struct Cursor<'a, 's> {
    text: &'a str,
    stops: &'s [u64],
    at: usize,
}

/// A string as written, with its quotes.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    quoted: &'a str,
    escaped: bool,
}

impl<'a> Raw<'a> {
    /// The string, if it needs no unescaping.
    #[inline(always)]
    pub(super) fn plain(self) -> Option<&'a str> {
        if self.escaped { None } else { self.quoted.get(1..self.quoted.len() - 1) }
    }

    /// The string.
    #[inline]
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self.plain() {
            Some(plain) => Some(Cow::Borrowed(plain)),
            None => serde_json::from_str(self.quoted).ok().map(Cow::Owned),
        }
    }
}

impl<'a, 's> Cursor<'a, 's> {
    /// At the start of `text`, of which `stops` are.
    pub(super) fn new(text: &'a str, stops: &'s Stops) -> Self {
        Self { text, stops: stops.words(), at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `literal` if it comes next.
    #[inline(always)]
    pub(super) fn eat(&mut self, literal: &str) -> bool {
        let next = self.rest().starts_with(literal.as_bytes());
        if next {
            self.at += literal.len();
        }
        next
    }

    /// Steps over `literal`, which must come next.
    #[inline(always)]
    pub(super) fn expect(&mut self, literal: &str) -> Option<()> {
        self.eat(literal).then_some(())
    }

    /// Whether a list or an object goes on (`,`) or ends (`close`).
    #[inline(always)]
    pub(super) fn goes_on(&mut self, close: u8) -> Option<bool> {
        let next = self.peek()?;
        self.at += 1;
        (next == b',' || next == close).then_some(next == b',')
    }

    /// Reads a string whose opening quote was stepped over.
    #[inline]
    pub(super) fn string(&mut self) -> Option<Raw<'a>> {
        let start = self.at - 1;
        let escaped = self.skip_string()?;
        Some(Raw { quoted: self.text.get(start..self.at)?, escaped })
    }

    /// Skips a string whose opening quote was stepped over, and says whether it holds an escape.
    #[inline(always)]
    pub(super) fn skip_string(&mut self) -> Option<bool> {
        self.at = self.next_stop()?;
        if self.peek()? == b'"' {
            self.at += 1;
            return Some(false);
        }
        self.skip_escapes()?;
        Some(true)
    }

    /// Goes on to the end of a string from its first backslash.
    #[inline(never)]
    fn skip_escapes(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.skip_escape()?,
                // JSON allows no control character inside a string.
                _ => return None,
            }
            self.at = self.next_stop()?;
        }
        self.at += 1;
        Some(())
    }

    #[inline(always)]
    fn next_stop(&self) -> Option<usize> {
        let mut word = self.at / 64;
        let mut bits = self.stops.get(word)? & (u64::MAX << (self.at % 64));
        while bits == 0 {
            word += 1;
            bits = *self.stops.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    fn skip_escape(&mut self) -> Option<()> {
        let length = match self.rest() {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|h| h.is_ascii_hexdigit()) => 6,
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    /// Skips the strings of a list whose opening bracket was stepped over; the list must not be empty.
    #[inline]
    pub(super) fn skip_strings(&mut self) -> Option<()> {
        loop {
            self.expect("\"")?;
            self.skip_string()?;
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
    }

    /// Reads a whole number below 65,536.
    pub(super) fn number(&mut self) -> Option<u16> {
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        let text = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        (digits == 1 || !text.starts_with('0')).then(|| text.parse().ok())?
    }

    /// Steps over any value and returns it as written.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.skip_value()?;
        self.text.get(start..self.at)
    }

    /// Skips any value.
    pub(super) fn skip_value(&mut self) -> Option<()> {
        // The kinds of the open containers, the innermost lowest: 1 for an object.
        let (mut kinds, mut depth) = (0u64, 0u32);
        loop {
            let open = match self.peek()? {
                b'{' => Some(1),
                b'[' => Some(0),
                _ => None,
            };
            if let Some(kind) = open {
                self.at += 1;
                if !self.eat(if kind == 1 { "}" } else { "]" }) {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    (kinds, depth) = (kinds << 1 | kind, depth + 1);
                    if kind == 1 {
                        self.skip_key()?;
                    }
                    continue;
                }
            } else {
                self.skip_scalar()?;
            }
            loop {
                if depth == 0 {
                    return Some(());
                }
                let is_object = kinds & 1 == 1;
                if self.goes_on(if is_object { b'}' } else { b']' })? {
                    if is_object {
                        self.skip_key()?;
                    }
                    break;
                }
                (kinds, depth) = (kinds >> 1, depth - 1);
            }
        }
    }

    fn skip_key(&mut self) -> Option<()> {
        self.expect("\"")?;
        self.skip_string()?;
        self.expect(":")
    }

    fn skip_scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.skip_string().map(drop)
            }
            b't' => self.expect("true"),
            b'f' => self.expect("false"),
            b'n' => self.expect("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_number(&mut self) -> Option<()> {
        let _ = self.eat("-");
        if !self.eat("0") {
            self.skip_digits()?;
        }
        if self.eat(".") {
            self.skip_digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.skip_digits()?;
        }
        Some(())
    }

    fn skip_digits(&mut self) -> Option<()> {
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }
}

/// Where the quotes, backslashes and control characters of a text are, a bit for each byte.
///
/// Found 16 bytes at a time in one pass ahead of parsing, so that stepping over a string is looking up a bit.
pub(super) struct Stops {
    /// For texts up to 4 KiB: nearly all.
    short: [u64; 64],
    long: Vec<u64>,
}

impl Stops {
    pub(super) fn of(text: &str) -> Self {
        let (blocks, tail) = text.as_bytes().as_chunks::<64>();
        let mut stops = Self { short: [0; 64], long: Vec::new() };
        let words = if blocks.len() < stops.short.len() {
            &mut stops.short[..]
        } else {
            stops.long.resize(blocks.len() + 1, 0);
            &mut stops.long[..]
        };
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = mask(block);
        }
        let mut last = [b' '; 64];
        last[..tail.len()].copy_from_slice(tail);
        words[blocks.len()] = mask(&last);
        stops
    }

    fn words(&self) -> &[u64] {
        if self.long.is_empty() { &self.short } else { &self.long }
    }
}

#[inline(always)]
fn mask(block: &[u8; 64]) -> u64 {
    let (chunks, _) = block.as_chunks::<16>();
    chunks.iter().rev().fold(0, |mask, chunk| {
        let chunk = u8x16::new(*chunk);
        let control = chunk.min(u8x16::splat(0x1f)).simd_eq(chunk);
        let stops = chunk.simd_eq(u8x16::splat(b'"')) | chunk.simd_eq(u8x16::splat(b'\\')) | control;
        mask << 16 | u64::from(stops.to_bitmask())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use serde::de::IgnoredAny;
    use serde_json::{Value, json};

    use super::*;

    fn skips(json: &str) -> bool {
        let stops = Stops::of(json);
        let mut cursor = Cursor::new(json, &stops);
        cursor.skip_value().is_some() && cursor.is_at_end()
    }

    #[test]
    fn values_are_skipped_to_their_end() {
        for json in ["0", "-1.5e+3", "true", "null", "\"a\\\"\\u00e9\"", "[]", "{}", "[1,{\"a\":[{}]},\"]\"]"] {
            assert!(skips(json), "{json}");
        }
    }

    #[test]
    fn what_is_no_compact_json_is_refused() {
        for json in
            ["", "01", "1.", "-", "1e", "tru", "\"a", "\"\\x\"", "\"\\u12g4\"", "[1,]", "[1 ]", "{\"a\"}", "{,}", "[}"]
        {
            assert!(!skips(json), "{json}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n| "[".repeat(n) + &"]".repeat(n);
        assert!(skips(&nested(64)));
        assert!(!skips(&nested(66)));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..5)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_skips_exactly_what_serde_json_accepts(value in value(), at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
            let json = value.to_string();
            prop_assert!(skips(&json));
            let mut broken = json.into_bytes();
            let at = at.index(broken.len());
            broken[at] = byte;
            if let Ok(broken) = String::from_utf8(broken) && !broken.contains(' ') {
                prop_assert_eq!(skips(&broken), serde_json::from_str::<IgnoredAny>(&broken).is_ok(), "{}", broken);
            }
        }
    }
}
