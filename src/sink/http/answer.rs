//! What a receiver says.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::event::Timestamp;
use crate::sink::{Trouble, wall_clock};
use crate::text::Text;

/// Bytes of an answer that are read.
const MAX_BYTES: usize = 4 << 10;

/// What a receiver said.
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    excerpt: Text,
}

/// Reads an answer, and says whether that was the whole of it.
pub(super) async fn read(response: Response<Incoming>) -> hyper::Result<(Answer, bool)> {
    let status = response.status();
    let retry_after = retry_after(response.headers(), wall_clock());
    let mut body = response.into_body();
    let mut start = Vec::new();
    let is_whole = loop {
        let Some(frame) = body.frame().await else { break true };
        if let Ok(data) = frame?.into_data() {
            let left = MAX_BYTES - start.len();
            start.extend_from_slice(&data[..data.len().min(left)]);
            if data.len() >= left {
                break false;
            }
        }
    };
    let excerpt = Text::new(String::from_utf8_lossy(&start).trim());
    Ok((Answer { status, retry_after, excerpt }, is_whole))
}

impl Answer {
    /// What it means for what was sent to `receiver`.
    pub(super) fn verdict(self, receiver: &Text) -> Result<(), Trouble> {
        if self.status.is_success() {
            return Ok(());
        }
        let hint =
            if self.status.is_redirection() { " (redirects are not followed: use the address itself)" } else { "" };
        let what = Text::new(&format!("{receiver} answers {}{hint}: {}", self.status, self.excerpt));
        if is_transient(self.status) {
            return Err(Trouble::Transient { what, after: self.retry_after });
        }
        Err(Trouble::Permanent(what))
    }
}

/// What may pass: the receiver is late, early, busy or broken, or it refuses us rather than what we bring, so that a
/// credential that was changed on one side first costs no notice.
fn is_transient(status: StatusCode) -> bool {
    const PASSING: [StatusCode; 5] = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_server_error() || PASSING.contains(&status)
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.0).ok()?);
    Some(date.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_says_in_seconds_or_by_a_date_when_to_come_again() {
        let now = Timestamp::from_civil(2026, 11, 24, 36_900, 0);
        let after = |value: &'static str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a value"))]), now)
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Tue, 24 Nov 2026 10:15:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Tue, 24 Nov 2026 10:14:30 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn what_is_refused_for_good_is_what_was_sent() {
        let transient = [401, 403, 408, 425, 429, 500, 502, 503, 504];
        for code in 300..600 {
            let status = StatusCode::from_u16(code).expect("a status");
            assert_eq!(is_transient(status), code >= 500 || transient.contains(&code), "{code}");
        }
    }
}
