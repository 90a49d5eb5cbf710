//! Times as the API server, and as shippers, write them.

use serde_json::value::RawValue;

use crate::event::Timestamp;

/// Reads RFC 3339, and what shippers make of it: a blank for the `T`, no zone (then UTC), 0 to 9 decimals.
#[inline]
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', mi1, mi2, b':', s1, s2] =
        *head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(mo1, mo2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(mi1, mi2)?, two(s1, s2)?);
    // A leap second is written as 60 and counted as the second after.
    if !(1..=12).contains(&month) || !(1..=days(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let (micros, zone) = fraction(tail)?;
    let second_of_day = i64::from(hour * 3_600 + minute * 60 + second) - offset(zone)?;
    Some(Timestamp::from_civil(i64::from(year), month, day, second_of_day, micros))
}

/// Reads a time that a shipper wrote as a string, or as a number of seconds or milliseconds since the epoch.
pub(super) fn moment(raw: &RawValue) -> Option<Timestamp> {
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return timestamp(&text);
    }
    let number: f64 = raw.get().parse().ok()?;
    // 1e11 seconds is the year 5138, 1e11 milliseconds 1973.
    let micros = if number < 1e11 { number * 1e6 } else { number * 1e3 };
    #[expect(clippy::cast_possible_truncation, reason = "within ±1e18, which an i64 holds")]
    (micros.abs() < 1e18).then_some(Timestamp(micros as i64))
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens * 10 + ones))
}

const fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The microseconds of `.123456789Z`, rounded down, and what follows the digits.
fn fraction(tail: &[u8]) -> Option<(i64, &[u8])> {
    // What the API server writes: the hot path.
    if let &[b'.', a, b, c, d, e, f, b'Z'] = tail {
        return Some((i64::from(two(a, b)? * 10_000 + two(c, d)? * 100 + two(e, f)?), &[]));
    }
    let Some((b'.', digits)) = tail.split_first() else { return Some((0, tail)) };
    let length = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, zone) = digits.split_at(length);
    let micros = (0..6).fold(0, |sum, n| sum * 10 + digits.get(n).map_or(0, |d| i64::from(d - b'0')));
    (1..=9).contains(&length).then_some((micros, zone))
}

/// Seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        b"Z" | b"z" | b"" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let &[h1, h2, b':', m1, m2] = rest else { return None };
    let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
    (hours < 24 && minutes < 60).then_some(sign * i64::from(hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_writes_is_read_to_the_microsecond() {
        assert_eq!(timestamp("2026-11-24T10:15:02.123456Z"), Some(Timestamp(1_795_515_302_123_456)));
    }

    #[test]
    fn what_shippers_make_of_it_is_read_too() {
        let at = |text| timestamp(text).unwrap().to_string();
        assert_eq!(at("2026-11-24T10:15:02Z"), "2026-11-24T10:15:02.000000Z");
        assert_eq!(at("2026-11-24 10:15:02.38"), "2026-11-24T10:15:02.380000Z");
        assert_eq!(at("2024-01-19 13:47:18.279921999"), "2024-01-19T13:47:18.279921Z");
        assert_eq!(at("2026-11-24T00:15:02.1+02:00"), "2026-11-23T22:15:02.100000Z");
        assert_eq!(at("2026-11-24T23:15:02-05:30"), "2026-11-25T04:45:02.000000Z");
        assert_eq!(at("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000000Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-11-24",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00ZZ",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        let at = |json: &str| moment(&RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(at("1795557000000"), Some(Timestamp(1_795_557_000_000_000)));
        assert_eq!(at("1795557000.5"), Some(Timestamp(1_795_557_000_500_000)));
        assert_eq!(at("\"2026-11-24T10:15:02Z\""), timestamp("2026-11-24T10:15:02Z"));
        assert_eq!(at("1e300"), None);
        assert_eq!(at("{}"), None);
    }
}
