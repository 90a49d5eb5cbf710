//! Values of one word, or a few: how each is read and how it is written.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::kafka::From;
use super::setting::{Setting, Value, Word};
use crate::alert::Severity;
use crate::event::Span;
use crate::format::Format;
use crate::source::live::follow::Start;

/// A number of bytes: `64 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// How many records may be rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// So many.
    Count(u64),
    /// So many of a hundred.
    Percent(f64),
}

impl MaxRejects {
    /// Whether `rejected` of `all` records are too many.
    #[must_use]
    pub fn is_exceeded(self, rejected: u64, all: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        match self {
            Self::Count(most) => rejected > most,
            Self::Percent(most) => rejected as f64 * 100.0 > most * all as f64,
        }
    }
}

/// How the daemon's own log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// A number of bytes that something else has as a `usize`.
pub(super) struct Size<'a>(pub(super) &'a mut usize);

impl Setting for Size<'_> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let mut bytes = Bytes(0);
        bytes.set(value)?;
        *self.0 = usize::try_from(bytes.0).map_err(|_| value.refused(Bytes::WANTED))?;
        Ok(())
    }

    fn show(&self) -> String {
        Bytes(*self.0 as u64).show()
    }
}

/// Reads a severity by its name.
#[must_use]
pub fn severity(name: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.as_str() == name)
}

impl Word for Severity {
    const WANTED: &'static str = "informational, low, medium, high or critical";

    fn read(text: &str) -> Option<Self> {
        severity(text)
    }

    fn write(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Word for Option<Severity> {
    const WANTED: &'static str = "never, informational, low, medium, high or critical";

    fn read(text: &str) -> Option<Self> {
        if text == "never" { Some(None) } else { severity(text).map(Some) }
    }

    fn write(&self) -> String {
        self.map_or("never", Severity::as_str).to_owned()
    }
}

impl Word for Option<Format> {
    const WANTED: &'static str = "auto, text, ocsf, ecs or falco";

    fn read(text: &str) -> Option<Self> {
        if text == "auto" { Some(None) } else { Format::ALL.into_iter().find(|f| f.as_str() == text).map(Some) }
    }

    fn write(&self) -> String {
        self.map_or("auto", Format::as_str).to_owned()
    }
}

impl Word for Option<NonZeroUsize> {
    const WANTED: &'static str = "auto or a number from 1";

    fn read(text: &str) -> Option<Self> {
        if text == "auto" { Some(None) } else { text.parse().ok().map(Some) }
    }

    fn write(&self) -> String {
        self.map_or_else(|| "auto".to_owned(), |n| n.to_string())
    }
}

impl Word for Option<PathBuf> {
    const WANTED: &'static str = "none or a path";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| (text != "none").then(|| PathBuf::from(text)))
    }

    fn write(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }
}

impl Word for PathBuf {
    const WANTED: &'static str = "a path";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn write(&self) -> String {
        self.display().to_string()
    }
}

impl Word for Option<String> {
    const WANTED: &'static str = "none or a text";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| (text != "none").then(|| text.to_owned()))
    }

    fn write(&self) -> String {
        self.clone().unwrap_or_else(|| "none".to_owned())
    }
}

impl Word for Option<SocketAddr> {
    const WANTED: &'static str = "none or an address with a port, such as 127.0.0.1:9440";

    fn read(text: &str) -> Option<Self> {
        if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
    }

    fn write(&self) -> String {
        self.map_or_else(|| "none".to_owned(), |address| address.to_string())
    }
}

impl Word for MaxRejects {
    const WANTED: &'static str = "a number, or a share such as 5%";

    fn read(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Count(n) => n.to_string(),
            Self::Percent(p) => format!("{p}%"),
        }
    }
}

impl FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| format!("wanted {}", Self::WANTED))
    }
}

impl Word for Bytes {
    const WANTED: &'static str = "a number of bytes such as 64 MiB";

    fn read(text: &str) -> Option<Self> {
        measured(text, &BYTE_UNITS).map(Self)
    }

    fn write(&self) -> String {
        in_units(self.0, &BYTE_UNITS)
    }
}

/// A time such as `15 min` or `14d`.
#[must_use]
pub fn span(text: &str) -> Option<Span> {
    Span::read(text)
}

impl Word for Span {
    const WANTED: &'static str = "a time such as 90 s, 15 min, 6 h or 14 d";

    fn read(text: &str) -> Option<Self> {
        i64::try_from(measured(text, &TIME_UNITS)?).ok().map(Self)
    }

    fn write(&self) -> String {
        in_units(self.0.unsigned_abs(), &TIME_UNITS)
    }
}

/// None is zero: what is to wait would never rest, and what has so much time would have none.
impl Word for Duration {
    const WANTED: &'static str = "a time such as 250 ms, 90 s, 15 min or 6 h";

    fn read(text: &str) -> Option<Self> {
        measured(text, &TIME_UNITS).filter(|&micros| micros > 0).map(Self::from_micros)
    }

    fn write(&self) -> String {
        in_units(u64::try_from(self.as_micros()).unwrap_or(u64::MAX), &TIME_UNITS)
    }
}

/// Units of [`Bytes`], the largest first.
const BYTE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Units of [`Span`] and [`Duration`], the largest first.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];

/// A whole number with a unit, as a number of the smallest thing.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

/// The inverse of [`measured`], in the largest unit that fits.
fn in_units(n: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, size)| n > 0 && n.is_multiple_of(*size)).or(units.last());
    fits.map_or_else(|| n.to_string(), |(name, size)| format!("{} {name}", n / size))
}

/// A value with a name: text to read and show.
macro_rules! names {
    ($($kind:ty: $wanted:literal { $($name:literal: $value:expr),+ }),+) => {$(
        impl Word for $kind {
            const WANTED: &'static str = $wanted;

            fn read(text: &str) -> Option<Self> {
                [$(($name, $value)),+].into_iter().find(|(name, _)| *name == text).map(|(_, value)| value)
            }

            fn write(&self) -> String {
                let named = [$(($name, $value)),+].into_iter().find(|(_, value)| value == self);
                named.expect("every value has a name").0.to_owned()
            }
        }
    )+};
}

names!(
    LogFormat: "text or json" { "text": Self::Text, "json": Self::Json },
    Start: "beginning or end" { "beginning": Self::Beginning, "end": Self::End },
    From: "earliest or latest" { "earliest": Self::Earliest, "latest": Self::Latest }
);

/// Values that are written as Rust writes them.
macro_rules! words {
    ($($kind:ty: $wanted:literal),+) => {$(
        impl Word for $kind {
            const WANTED: &'static str = $wanted;

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

words!(bool: "true or false", u8: "a whole number up to 255", u32: "a whole number", u64: "a whole number",
    usize: "a whole number", f32: "a number", f64: "a number",
    Format: "text, ocsf, ecs or falco", SocketAddr: "an address with a port, such as 0.0.0.0:9443");

#[cfg(test)]
mod tests {
    use saphyr::Scalar;

    use super::*;

    fn set<T: Setting>(mut field: T, text: &str) -> Result<String, String> {
        field.set(&Value::One(Scalar::String(text.into()))).map(|()| field.show())
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        assert_eq!(set(Bytes(0), "1024KiB"), Ok("1 MiB".to_owned()));
        assert_eq!(set(Bytes(0), "7 B"), Ok("7 B".to_owned()));
        assert_eq!(set(Span(0), "48h"), Ok("2 d".to_owned()));
        assert_eq!(set(Span(0), "90 s"), Ok("90 s".to_owned()));
        assert_eq!(set(MaxRejects::Count(0), "2.5%"), Ok("2.5%".to_owned()));
        assert_eq!(set(Some(PathBuf::new()), "none"), Ok("none".to_owned()));
        assert_eq!(set(Duration::ZERO, "1500 ms"), Ok("1500 ms".to_owned()));
        assert_eq!(set(LogFormat::Text, "json"), Ok("json".to_owned()));
        assert_eq!(set(0_u32, "17"), Ok("17".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_says_what_could() {
        let found = |wanted: &str| Err(format!("found 7 parsecs, wanted {wanted}"));
        assert_eq!(set(Bytes(0), "7 parsecs"), found(Bytes::WANTED));
        assert_eq!(set(Span(0), "7 parsecs"), found(Span::WANTED));
        assert_eq!(set(MaxRejects::Count(0), "7 parsecs"), found(MaxRejects::WANTED));
        assert_eq!(set(0_u32, "7 parsecs"), found("a whole number"));
        assert!(set(Duration::MAX, "0 s").is_err() && set(Duration::MAX, "1.5 s").is_err());
        assert!(set(MaxRejects::Count(0), "101%").is_err() && set(Bytes(0), "99999999999999 GiB").is_err());
    }

    #[test]
    fn too_many_rejects_are_more_than_the_limit() {
        assert!(MaxRejects::Count(0).is_exceeded(1, 10) && !MaxRejects::Count(1).is_exceeded(1, 10));
        assert!(MaxRejects::Percent(10.0).is_exceeded(2, 10) && !MaxRejects::Percent(10.0).is_exceeded(1, 10));
        assert!(!MaxRejects::Percent(50.0).is_exceeded(0, 0));
    }
}
