//! Moments and spans, in the precision of the audit log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC. The precision of the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// Microseconds between two [`Timestamp`]s; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(pub i64);

impl Span {
    /// `n` seconds.
    #[must_use]
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000_000)
    }

    /// `n` minutes.
    #[must_use]
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n * 60)
    }

    /// `n` hours.
    #[must_use]
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n * 60)
    }

    /// `n` days of 24 hours.
    #[must_use]
    pub const fn days(n: i64) -> Self {
        Self::hours(n * 24)
    }
}

impl fmt::Display for Span {
    /// The largest two units that matter: `14 d`, `3 h 20 min`, `17 min`, `42 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0 / 1_000_000;
        match s {
            0..60 => write!(f, "{s} s"),
            60..3_600 => write!(f, "{} min", s / 60),
            3_600..86_400 if s % 3_600 / 60 > 0 => write!(f, "{} h {} min", s / 3_600, s % 3_600 / 60),
            3_600..86_400 => write!(f, "{} h", s / 3_600),
            _ => write!(f, "{} d", s / 86_400),
        }
    }
}

impl Timestamp {
    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The date and time of day in UTC: (year, month 1-12, day 1-31, hour, minute, second, microsecond).
    ///
    /// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>): exact in the
    /// proleptic Gregorian calendar.
    #[must_use]
    pub fn civil(self) -> (i64, u32, u32, u32, u32, u32, u32) {
        let (days, micros) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let seconds = micros / 1_000_000;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each part is below 1,000,000")]
        let part = |n: i64| n as u32;
        let (hour, minute, second) = (part(seconds / 3_600), part(seconds / 60 % 60), part(seconds % 60));
        (year, part(month), part(doy - (153 * mp + 2) / 5 + 1), hour, minute, second, part(micros % 1_000_000))
    }

    /// The moment of a date and time of day in UTC; the inverse of [`Timestamp::civil`] (`days_from_civil`).
    #[must_use]
    pub const fn from_civil(year: i64, month: u32, day: u32, second_of_day: i64, micros: i64) -> Self {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let mp = (month as i64 + 9) % 12;
        let doy = (153 * mp + 2) / 5 + day as i64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let days = era * 146_097 + doe - 719_468;
        Self((days * 86_400 + second_of_day) * 1_000_000 + micros)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with microseconds, as the API server writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, mo, d, h, mi, s, us) = self.civil();
        write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{us:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_time_goes_there_and_back() {
        for micros in [0, 1, -1, 951_782_400_000_000, 1_795_515_302_123_456, -62_135_596_800_000_000] {
            let t = Timestamp(micros);
            let (y, mo, d, h, mi, s, us) = t.civil();
            let second = i64::from(h * 3_600 + mi * 60 + s);
            assert_eq!(Timestamp::from_civil(y, mo, d, second, i64::from(us)), t);
        }
        assert_eq!(Timestamp(1_795_515_302_123_456).to_string(), "2026-11-24T10:15:02.123456Z");
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(Span::seconds(42).to_string(), "42 s");
        assert_eq!(Span::minutes(200).to_string(), "3 h 20 min");
        assert_eq!(Span::days(14).to_string(), "14 d");
    }
}
