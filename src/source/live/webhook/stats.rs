//! What is taken and what is refused, counted by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

/// Why a connection or a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As many connections are open as may be, or the system gives no more.
    Connections,
    /// The TLS handshake failed: no TLS, an unknown authority, or no client certificate where one is required.
    Tls,
    /// No whole request head came in time on a connection that had not proved who it is.
    SlowHead,
    /// What came is not HTTP, or its head is too large.
    BadHttp,
    /// There is no token, or a wrong one.
    Unauthorized,
    /// The path names no feed that is taken.
    UnknownFeed,
    /// Not a POST.
    Method,
    /// The body is over its limit, before or after decompression.
    TooLarge,
    /// The body did not come in time.
    SlowBody,
    /// The client went away in the middle of the body.
    CutBody,
    /// The body is compressed in another way than gzip, or its gzip is broken.
    Encoding,
    /// Bodies that are being read take all the memory that they may.
    Memory,
    /// The queue has no room.
    Full,
    /// The body is no JSON at all; it was recorded as a reject.
    NotJson,
    /// The batch was taken, and then could not be made safe.
    Unsafe,
    /// The batch was taken, and did not become safe in time.
    SlowAck,
    /// The source is being stopped.
    Stopping,
}

impl Refusal {
    /// Every reason, in order.
    pub const ALL: [Self; 17] = [
        Self::Connections,
        Self::Tls,
        Self::SlowHead,
        Self::BadHttp,
        Self::Unauthorized,
        Self::UnknownFeed,
        Self::Method,
        Self::TooLarge,
        Self::SlowBody,
        Self::CutBody,
        Self::Encoding,
        Self::Memory,
        Self::Full,
        Self::NotJson,
        Self::Unsafe,
        Self::SlowAck,
        Self::Stopping,
    ];

    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Tls => "tls",
            Self::SlowHead => "slow-head",
            Self::BadHttp => "bad-http",
            Self::Unauthorized => "unauthorized",
            Self::UnknownFeed => "unknown-feed",
            Self::Method => "method",
            Self::TooLarge => "too-large",
            Self::SlowBody => "slow-body",
            Self::CutBody => "cut-body",
            Self::Encoding => "encoding",
            Self::Memory => "memory",
            Self::Full => "full",
            Self::NotJson => "not-json",
            Self::Unsafe => "unsafe",
            Self::SlowAck => "slow-ack",
            Self::Stopping => "stopping",
        }
    }

    /// What it means, and what to do; an API server writes it to its own log.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Connections => "too many connections; raise max-connections, or look for who holds them",
            Self::Tls => {
                "the tls handshake failed; compare the kubeconfig of the API server with the certificates here"
            }
            Self::SlowHead => {
                "no request came in time; look for a scanner, or for a proxy that opens connections early"
            }
            Self::BadHttp => "this is not HTTP/1.1, or its head is too large; look for a scanner",
            Self::Unauthorized => {
                "no token or a wrong one; put one of the token file's into the API server's kubeconfig"
            }
            Self::UnknownFeed => "no such feed; post to /audit/NAME with a name that is configured",
            Self::Method => "only POST is served here",
            Self::TooLarge => {
                "the body is over max-body; raise it, or start the API server with --audit-webhook-truncate-enabled"
            }
            Self::SlowBody => "the body did not come in time; look at the network in between",
            Self::CutBody => "the body did not come whole; look at the network in between",
            Self::Encoding => "the body is compressed, and not in gzip; send it plain or in gzip",
            Self::Memory => "bodies take all the memory that they may; raise max-buffered, or send fewer at once",
            Self::Full => "the queue is full; send it again later",
            Self::NotJson => "the body is no JSON and was recorded as a reject; send an EventList of audit.k8s.io/v1",
            Self::Unsafe => "the batch could not be made safe; send it again",
            Self::SlowAck => "the batch did not become safe in time; send it again",
            Self::Stopping => "sawatch is stopping; send it again later",
        }
    }

    /// How it is answered; a connection that is just closed gets none.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::UnknownFeed => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowHead | Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadHttp | Self::CutBody | Self::NotJson => StatusCode::BAD_REQUEST,
            Self::Memory | Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Connections | Self::Tls | Self::Unsafe | Self::SlowAck | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// What is counted of a webhook, for metrics.
#[derive(Debug, Default)]
pub struct WebhookStats {
    /// Connections that are open.
    pub open: AtomicU64,
    /// Batches that were answered with 200.
    pub accepted: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl WebhookStats {
    /// How often something was refused for this reason.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize].load(Ordering::Relaxed)
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All counts of refusals, in the order of [`Refusal::ALL`].
    pub(super) fn refusals(&self) -> [u64; Refusal::ALL.len()] {
        Refusal::ALL.map(|refusal| self.refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_word_and_its_own_count() {
        let words: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), Refusal::ALL.len());
        let stats = WebhookStats::default();
        for (n, refusal) in Refusal::ALL.into_iter().enumerate() {
            (0..n).for_each(|_| stats.refuse(refusal));
        }
        assert_eq!(stats.refusals().map(|n| n as usize), std::array::from_fn(|n| n));
    }
}
