//! Moments as a person reads them: UTC, to the millisecond.

use crate::event::Timestamp;

/// `2026-11-24`
pub(crate) fn date(at: Timestamp) -> String {
    let (year, month, day, ..) = at.civil();
    format!("{year:04}-{month:02}-{day:02}")
}

/// `10:15:02.123`
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let (.., hour, minute, second, micros) = at.civil();
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", micros / 1_000)
}

/// `2026-11-24 10:15:02.123Z`
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{} {}Z", date(at), time_of_day(at))
}

/// `2026-11-24 10:15:02.123Z to 10:17:43.123Z`: a date that is the same is said once.
pub(crate) fn period(first: Timestamp, last: Timestamp) -> String {
    let end = if date(first) == date(last) { format!("{}Z", time_of_day(last)) } else { moment(last) };
    format!("{} to {end}", moment(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    #[test]
    fn a_period_says_the_date_of_its_end_only_if_it_is_another() {
        let at = Timestamp(1_795_515_302_123_456);
        let later = |span: Span| Timestamp(at.0 + span.0);
        assert_eq!(period(at, later(Span::minutes(2))), "2026-11-24 10:15:02.123Z to 10:17:02.123Z");
        assert_eq!(period(at, later(Span::days(1))), "2026-11-24 10:15:02.123Z to 2026-11-25 10:15:02.123Z");
    }
}
