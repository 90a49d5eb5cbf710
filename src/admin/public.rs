//! What anybody may know who can reach us.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};

use super::{exposition, metrics, plain};
use crate::daemon::Handle;
use crate::text::Text;

/// How long the judge may be silent: longer than any snapshot takes, and than a failing disk is left alone.
const SILENCE: Duration = Duration::from_secs(60);

/// Answers one request.
pub(super) fn answer<B>(handle: &Handle, request: &Request<B>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n".to_owned());
    }
    match request.uri().path() {
        "/livez" => live(handle.telemetry.silence()),
        "/readyz" => ready(handle),
        "/metrics" => super::response(StatusCode::OK, exposition::CONTENT_TYPE, metrics::exposition(handle)),
        _ => plain(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".to_owned()),
    }
}

fn live(silence: Duration) -> Response<Full<Bytes>> {
    if silence <= SILENCE {
        return plain(StatusCode::OK, "live\n".to_owned());
    }
    let seconds = silence.as_secs();
    plain(StatusCode::SERVICE_UNAVAILABLE, format!("nothing has been judged, nor waited for, for {seconds} s\n"))
}

fn ready(handle: &Handle) -> Response<Full<Bytes>> {
    let reasons = handle.telemetry.unready(&handle.store.waiting());
    if reasons.is_empty() {
        return plain(StatusCode::OK, "ready\n".to_owned());
    }
    let lines: String = reasons.into_iter().map(|reason| format!("{}\n", Text::from(reason))).collect();
    plain(StatusCode::SERVICE_UNAVAILABLE, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_is_silent_for_longer_than_anything_takes_is_dead() {
        assert_eq!(live(SILENCE).status(), StatusCode::OK);
        assert_eq!(live(SILENCE + Duration::from_secs(1)).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
