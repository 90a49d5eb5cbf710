//! A JSON value that is opened only where it is looked into: nothing is built, and what nobody asks for is stepped over.
//!
//! A key that stands twice is told twice. Bodies are a client's work, and the parser that the API server uses for
//! patches takes the last of two: whoever took the first, or refused both, could be deceived.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::native::Str;

/// A value, perhaps inside containers that are only named: `path` leads from the containers to it, as in RFC 6901.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    path: &'a str,
    raw: &'a RawValue,
}

impl<'a> Json<'a> {
    /// The value that `text` is; none if it is no JSON.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        Some(Self { path: "", raw: serde_json::from_str(text).ok()? })
    }

    /// The same value at the end of `path`.
    pub(super) fn at(self, path: &'a str) -> Self {
        Self { path, ..self }
    }

    /// Tells every member of an object; those before an error too.
    pub(super) fn members(self, mut tell: impl FnMut(&str, Json<'a>)) {
        match self.enter() {
            Some((key, inner)) => tell(&key.replace("~1", "/").replace("~0", "~"), inner),
            None => drop(serde_json::Deserializer::from_str(self.raw.get()).deserialize_map(Members(tell))),
        }
    }

    /// Tells every element of a list; those before an error too.
    pub(super) fn elements(self, mut tell: impl FnMut(Json<'a>)) {
        match self.enter() {
            Some((_, inner)) => tell(inner),
            None => drop(serde_json::Deserializer::from_str(self.raw.get()).deserialize_seq(Elements(tell))),
        }
    }

    /// The first step of the path, and what is behind it.
    fn enter(self) -> Option<(&'a str, Self)> {
        let steps = self.path.strip_prefix('/')?;
        let (first, rest) = steps.find('/').map_or((steps, ""), |at| steps.split_at(at));
        Some((first, self.at(rest)))
    }

    /// Tells what lies behind `keys`, one below the other.
    pub(super) fn below(self, keys: &[&str], tell: &mut dyn FnMut(Json<'a>)) {
        match keys {
            [] => tell(self),
            [first, rest @ ..] => self.members(|key, value| {
                if key == *first {
                    value.below(rest, tell);
                }
            }),
        }
    }

    fn is_whole(self) -> bool {
        self.path.is_empty()
    }

    /// Whether it is `true`.
    pub(super) fn is_true(self) -> bool {
        self.is_whole() && self.raw.get() == "true"
    }

    /// The string that it is.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if !self.is_whole() || !self.raw.get().starts_with('"') {
            return None;
        }
        serde_json::from_str::<Str<'a>>(self.raw.get()).ok().map(|text| text.0)
    }

    /// The whole number that it is.
    pub(super) fn number(self) -> Option<i64> {
        self.raw.get().parse().ok().filter(|_| self.is_whole())
    }
}

struct Members<F>(F);

impl<'de, F: FnMut(&str, Json<'de>)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Str(key), raw)) = map.next_entry()? {
            self.0(&key, Json { path: "", raw });
        }
        Ok(())
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(Json<'de>)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element()? {
            self.0(Json { path: "", raw });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: Json<'_>, keys: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        json.below(keys, &mut |value| out.extend(value.text().map(Cow::into_owned)));
        out
    }

    #[test]
    fn a_key_that_stands_twice_is_told_twice() {
        let json = Json::parse(r#"{"a":{"b":"x"},"a":{"b":"y","b":"z"},"c":"w"}"#).unwrap();
        assert_eq!(texts(json, &["a", "b"]), ["x", "y", "z"]);
    }

    #[test]
    fn a_path_stands_for_the_containers_that_it_leads_through() {
        let json = Json::parse(r#"{"b":"x"}"#).unwrap();
        assert_eq!(texts(json.at("/a~1a"), &["a/a", "b"]), ["x"]);
        assert_eq!(texts(json.at("/b"), &["a"]), [""; 0]);
        let mut found = 0;
        json.at("/list/-").below(&["list"], &mut |list| list.elements(|item| found += texts(item, &["b"]).len()));
        assert_eq!(found, 1);
    }

    #[test]
    fn what_is_of_another_type_tells_nothing() {
        let json = Json::parse("[1,true]").unwrap();
        assert_eq!(texts(json, &["a"]), [""; 0]);
        assert_eq!((json.text(), json.number(), json.is_true()), (None, None, false));
        let mut numbers = Vec::new();
        json.elements(|item| numbers.push(item.number()));
        assert_eq!(numbers, [Some(1), None]);
    }
}
