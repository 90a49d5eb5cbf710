//! HTTP/1.1 for whoever comes to us: how many connections, how long, and how they end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes of a request's head. An API server's has some hundred.
const MAX_HEAD: usize = 16 << 10;

/// What a connection reads ahead.
const READ_AHEAD: usize = 64 << 10;

/// How long nothing is accepted after the system gave no connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// After the grace period, for the last answers to be written.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// For the first request's head, until the client is known.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// For requests in flight when the server is stopped.
    pub(crate) grace: Duration,
}

/// Why a connection was of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// What came is not HTTP, or its head is too large.
    BadHttp,
    /// No whole request head came in time.
    SlowHead,
}

/// Where connections come from.
pub(crate) trait Listener {
    /// A connection.
    type Stream;

    /// The next one.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Self::accept(self).await.map(|(socket, _)| socket)
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<tokio::net::UnixStream> {
        Self::accept(self).await.map(|(socket, _)| socket)
    }
}

/// Accepts up to `most` connections at once until it is stopped, and then waits for those that are open. `refuse` is
/// called for each that was closed at once, or that the system did not give.
pub(crate) async fn accept<L: Listener, F: Future<Output = ()> + Send + 'static>(
    listener: L,
    most: usize,
    stop: &CancellationToken,
    connection: impl Fn(L::Stream) -> F,
    refuse: impl Fn(),
) {
    let (tracker, room) = (TaskTracker::new(), Arc::new(Semaphore::new(most)));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match (accepted, room.clone().try_acquire_owned()) {
            (Ok(socket), Ok(place)) => {
                let served = connection(socket);
                tracker.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            // closed at once: who waits would wait behind those who hold the others
            (Ok(_), Err(_)) => refuse(),
            (Err(_), _) => {
                refuse();
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tracker.close();
    tracker.wait().await;
}

/// Answers the requests of a connection until it ends or the server is stopped. A client has less patience until `known`
/// is notified.
pub(crate) async fn requests<F: Future<Output = Response<Full<Bytes>>>>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    patience: Patience,
    stop: &CancellationToken,
    known: &Notify,
    answer: impl Fn(Request<Incoming>) -> F,
) -> Result<(), Broken> {
    let service = service_fn(|request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.idle);
    http.max_header_size(MAX_HEAD).max_buf_size(READ_AHEAD);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = served.as_mut() => return outcome(ended),
        () = stop.cancelled() => {}
        () = known.notified() => tokio::select! {
            // what a known client does is counted with its requests
            _ = served.as_mut() => return Ok(()),
            () = stop.cancelled() => {}
        },
        () = sleep(patience.head) => return Err(Broken::SlowHead),
    }
    served.as_mut().graceful_shutdown();
    // whoever is left is cut; what was not answered is asked again
    _ = timeout(patience.grace + LAST_WORDS, served).await;
    Ok(())
}

fn outcome(ended: hyper::Result<()>) -> Result<(), Broken> {
    match ended {
        Err(error) if error.is_parse() => Err(Broken::BadHttp),
        Err(error) if error.is_timeout() => Err(Broken::SlowHead),
        _ => Ok(()),
    }
}
