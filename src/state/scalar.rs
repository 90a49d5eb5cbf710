//! Single values as they stand in the file.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::timestamp;
use crate::event::Timestamp;

/// A moment: `2026-11-24T10:15:02.123456Z`, without decimals if there are none. Outside of the years 0 to 9999, which
/// RFC 3339 cannot write, the number of microseconds since 1970. That moment itself stands for "not yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (year, ..) = self.0.civil();
        if !(0..=9_999).contains(&year) {
            return serializer.serialize_i64(self.0.0);
        }
        let text = self.0.to_string();
        match text.strip_suffix(".000000Z") {
            Some(seconds) => serializer.collect_str(&format_args!("{seconds}Z")),
            None => serializer.serialize_str(&text),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 2026-11-24T10:15:02Z")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                timestamp(text).map(Time).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }

            fn visit_i64<E: Error>(self, micros: i64) -> Result<Time, E> {
                Ok(Time(Timestamp(micros)))
            }

            fn visit_u64<E: Error>(self, micros: u64) -> Result<Time, E> {
                let micros =
                    i64::try_from(micros).map_err(|_| E::invalid_value(Unexpected::Unsigned(micros), &self))?;
                self.visit_i64(micros)
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// A hash: `#` and sixteen hexadecimal digits.
///
/// It stands where no text is known that has it: the one who had it was evicted, or what it was made of is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash(pub(super) u64);

impl Hash {
    /// Reads a text that is a hash.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 16 && !digits.starts_with('+'))?;
        u64::from_str_radix(digits, 16).ok().map(Self)
    }

    /// `text` if it is known and can be told from a hash, the hash of it if not.
    pub(super) fn or(self, text: Option<&str>) -> String {
        text.filter(|text| Self::read(text).is_none()).map_or_else(|| self.to_string(), str::to_owned)
    }

    /// The hash that `text` is, or that `of` makes of it.
    pub(super) fn of(text: &str, of: impl FnOnce(&str) -> u64) -> u64 {
        Self::read(text).map_or_else(|| of(text), |hash| hash.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:016x}", self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = &"# and sixteen hexadecimal digits";
        Self::read(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), expected))
    }
}

/// Reads a mapping in which no key stands twice: of two, one would be lost without a word.
pub(super) fn unique<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Visit<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Visit<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some(key) = entries.next_key::<String>()? {
                if all.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("{key:?} stands there twice")));
                }
                let value = entries.next_value()?;
                all.insert(key, value);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Visit(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_read_as_it_was_written() {
        for micros in
            [0, 1, 1_795_515_302_123_456, 1_795_515_302_000_000, i64::MAX, -62_167_219_200_000_001, i64::MIN / 2]
        {
            let time = Time(Timestamp(micros));
            let text = serde_json::to_string(&time).expect("a scalar");
            assert_eq!(serde_json::from_str::<Time>(&text).expect("its own"), time, "{text}");
        }
        assert_eq!(serde_json::to_string(&Time(Timestamp(2_000_000))).expect("a scalar"), r#""1970-01-01T00:00:02Z""#);
    }

    #[test]
    fn what_looks_like_a_hash_is_written_as_its_own() {
        let length = |text: &str| text.len() as u64;
        for name in ["alice", "#", "#0123456789abcdef", "#0123456789abcdeg", "#+123456789abcdef"] {
            let written = Hash(length(name)).or(Some(name));
            assert_eq!(Hash::of(&written, length), length(name), "{written}");
        }
        assert_eq!(Hash(7).or(None), "#0000000000000007");
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        let mut json = serde_json::Deserializer::from_str(r#"{"a": 1, "a": 2}"#);
        let error = unique::<_, u8>(&mut json).expect_err("one of them would be lost").to_string();
        assert!(error.starts_with(r#""a" stands there twice"#), "{error}");
    }
}
