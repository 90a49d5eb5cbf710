//! One request to one answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_ENCODING, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::super::{Ack, SourceContext};
use super::body::{Buffer, is_json};
use super::feeds::{Feed, Feeds};
use super::renew::Renewed;
use super::stats::{Refusal, WebhookStats};
use super::token::Tokens;
use super::{Limits, SettingsError, Webhook};

/// Where API servers post to, before the feed's name.
const PATH: &str = "/audit/";

/// Seconds until a client is to come again.
const RETRY: HeaderValue = HeaderValue::from_static("2");

/// What all connections share.
pub(super) struct Receiver {
    pub(super) name: String,
    pub(super) limits: Limits,
    pub(super) tls: Option<Renewed<ServerConfig>>,
    pub(super) stats: Arc<WebhookStats>,
    pub(super) stop: CancellationToken,
    tokens: Option<Renewed<Tokens>>,
    feeds: Feeds,
    budget: Arc<Semaphore>,
}

impl Receiver {
    pub(super) fn new(webhook: Webhook, cx: &SourceContext) -> Self {
        let Webhook { name, settings, tls, tokens, stats, .. } = webhook;
        let feeds = Feeds::new(&name, &settings, cx);
        let (limits, stop) = (settings.limits, cx.stop.clone());
        let budget = Arc::new(Semaphore::new(limits.max_buffered));
        Self { name, limits, tls, stats, stop, tokens, feeds, budget }
    }

    /// Uses new certificates and tokens if there are any.
    pub(super) fn renew(&self) {
        let tls = self.tls.as_ref().map(Renewed::renew).map(|renewed| ("certificates", renewed));
        let tokens = self.tokens.as_ref().map(Renewed::renew).map(|renewed| ("tokens", renewed));
        for (what, renewed) in tls.into_iter().chain(tokens) {
            self.say_renewed(what, &renewed);
        }
    }

    fn say_renewed(&self, what: &str, renewed: &Result<bool, SettingsError>) {
        match renewed {
            Ok(true) => tracing::info!(source = self.name, "new {what} are used"),
            Ok(false) => {}
            Err(error) => tracing::warn!(source = self.name, "the old {what} stay in use: {error}"),
        }
    }

    /// Answers a request, and notifies `known` if the client is one of ours.
    pub(super) async fn answer(&self, request: Request<Incoming>, known: &Notify) -> Response<Full<Bytes>> {
        let refusal = match self.receive(request, known).await {
            Ok(()) => {
                self.stats.accepted.fetch_add(1, Ordering::Relaxed);
                return Response::default();
            }
            Err(refusal) => refusal,
        };
        self.stats.refuse(refusal);
        let mut answer = Response::new(Full::from(format!("{}\n", refusal.explain())));
        *answer.status_mut() = refusal.status();
        if matches!(refusal.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            answer.headers_mut().insert(RETRY_AFTER, RETRY);
        }
        if matches!(refusal, Refusal::Unauthorized | Refusal::SlowBody) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn receive(&self, request: Request<Incoming>, known: &Notify) -> Result<(), Refusal> {
        let authorization = request.headers().get(AUTHORIZATION);
        if self.tokens.as_ref().is_some_and(|tokens| !tokens.current().admit(authorization)) {
            return Err(Refusal::Unauthorized);
        }
        known.notify_one();
        let name = request.uri().path().strip_prefix(PATH);
        let feed = name.and_then(|name| self.feeds.find(name)).ok_or(Refusal::UnknownFeed)?;
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        let declared = request.body().size_hint().lower();
        let taken = self.take(&feed, request).await;
        if let Err(refusal) = taken {
            feed.refuse(refusal);
            if refusal == Refusal::TooLarge {
                feed.miss(declared);
            }
        }
        taken
    }

    /// Takes a batch, and waits until it is safe.
    async fn take(&self, feed: &Feed, request: Request<Incoming>) -> Result<(), Refusal> {
        let (head, body) = request.into_parts();
        let is_gzip = is_gzip(&head.headers)?;
        let buffer = Buffer::new(self.limits.max_body, self.budget.clone());
        let buffer = timeout(self.limits.body, buffer.fill(body)).await.map_err(|_| Refusal::SlowBody)??;
        if self.stop.is_cancelled() {
            return Err(Refusal::Stopping);
        }
        let records = if is_gzip {
            let plain = tokio::task::spawn_blocking(|| buffer.gunzip().map(Buffer::into_records));
            plain.await.map_err(|_| Refusal::Encoding)??
        } else {
            buffer.into_records()
        };
        let is_json = is_json(&records.bytes);
        let (done, told) = oneshot::channel();
        feed.offer(records, Ack::new(|| _ = done.send(()))).await?;
        self.safe(told).await?;
        // no API server sends this, so that nobody sends it again five times; who does it by mistake wants to know
        if is_json { Ok(()) } else { Err(Refusal::NotJson) }
    }

    async fn safe(&self, told: oneshot::Receiver<()>) -> Result<(), Refusal> {
        let stopped = async {
            self.stop.cancelled().await;
            sleep(self.limits.grace).await;
        };
        tokio::select! {
            told = told => told.map_err(|_| if self.stop.is_cancelled() { Refusal::Stopping } else { Refusal::Unsafe }),
            () = sleep(self.limits.ack) => Err(Refusal::SlowAck),
            () = stopped => Err(Refusal::Stopping),
        }
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(coding) if coding.eq_ignore_ascii_case(b"gzip") => Ok(true),
        Some(_) => Err(Refusal::Encoding),
    }
}
