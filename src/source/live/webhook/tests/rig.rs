//! A webhook that runs, with a judge behind it and a client before it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::super::*;
use crate::checkpoint::{Checkpoint, Position};
use crate::source::live::{Board, Inbox};

pub(super) const LIST: &str = r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[{"level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/version","verb":"get","user":{"username":"alice"},"requestReceivedTimestamp":"2026-11-24T10:00:00.000000Z","stageTimestamp":"2026-11-24T10:00:00.000000Z"}]}"#;

pub(super) const TOKEN: &str = "0123456789abcdef";

/// What becomes of batches.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Judge {
    Fires,
    Drops,
    /// Takes nothing, so that the queue fills and acks never come.
    Sleeps,
}

/// What a judge saw of a batch: feed, position, events, rejects.
pub(super) type Seen = (String, Position, usize, usize);

/// A webhook that runs.
pub(super) struct Rig {
    pub(super) runtime: Runtime,
    pub(super) address: SocketAddr,
    pub(super) stats: Arc<WebhookStats>,
    pub(super) inbox: Inbox,
    pub(super) board: Board,
    pub(super) stop: CancellationToken,
    pub(super) source: Option<JoinHandle<Result<(), SourceError>>>,
    judge: Option<JoinHandle<Vec<Seen>>>,
}

pub(super) fn loopback() -> WebhookSettings {
    let mut settings = WebhookSettings::new(([127, 0, 0, 1], 0).into());
    settings.limits.grace = Duration::from_millis(200);
    settings
}

impl Rig {
    pub(super) fn run(settings: WebhookSettings, judge: Judge) -> Self {
        Self::resume(settings, judge, Checkpoint::default())
    }

    pub(super) fn resume(settings: WebhookSettings, judge: Judge, checkpoint: Checkpoint) -> Self {
        let runtime = Runtime::new().unwrap();
        let (inbox, board, stop) = (Inbox::new(1_000), Board::default(), CancellationToken::new());
        let webhook = Webhook::open("webhook", settings).unwrap();
        let (address, stats) = (webhook.address().unwrap(), webhook.stats());
        let cx = SourceContext {
            inbox: inbox.clone(),
            checkpoint: checkpoint.into(),
            board: board.clone(),
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
        };
        let source = Some(std::thread::spawn(|| Box::new(webhook).run(cx)));
        let (batches, stopped) = (inbox.clone(), stop.clone());
        let judge = Some(std::thread::spawn(move || judge.judge(&batches, &stopped)));
        Self { runtime, address, stats, inbox, board, stop, source, judge }
    }

    pub(super) fn send(&self, request: Request<Full<Bytes>>) -> (StatusCode, HeaderMap) {
        self.runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(self.address).await.unwrap();
            exchange(TokioIo::new(socket), request).await.unwrap()
        })
    }

    pub(super) fn post(&self, path: &str, body: &str) -> StatusCode {
        self.send(post(path, body.to_owned())).0
    }

    /// What is answered to these bytes, until the connection is closed.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // a reset is an end, too
        _ = socket.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    pub(super) fn wait_until(&self, what: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !what(self) {
            assert!(Instant::now() < deadline, "in vain");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops it, and says what the judge saw.
    pub(super) fn end(mut self) -> Vec<Seen> {
        self.stop.cancel();
        self.source.take().unwrap().join().unwrap().unwrap();
        self.judge.take().unwrap().join().unwrap()
    }
}

impl Judge {
    fn judge(self, inbox: &Inbox, stop: &CancellationToken) -> Vec<Seen> {
        let mut seen = Vec::new();
        while !stop.is_cancelled() {
            let pending = (self != Self::Sleeps).then(|| inbox.take(Duration::from_millis(5))).flatten();
            let Some(pending) = pending else {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            let (batch, decoded) = (pending.batch(), pending.decoded());
            seen.push((
                batch.feed.to_string(),
                batch.stretch.from.clone(),
                decoded.events.len(),
                decoded.rejects.len(),
            ));
            if self == Self::Fires {
                pending.into_batch().ack.fire();
            }
        }
        seen
    }
}

pub(super) fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path).header("host", "sawatch").body(Full::new(body.into())).unwrap()
}

pub(super) async fn exchange(
    stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> hyper::Result<(StatusCode, HeaderMap)> {
    let (mut client, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let answer = client.send_request(request).await?;
    let head = (answer.status(), answer.headers().clone());
    answer.into_body().collect().await?;
    drop(client);
    _ = connection.await;
    Ok(head)
}
