//! Connections: how many, how long, and how they end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::receiver::Receiver;
use super::stats::Refusal;

/// Bytes of a request's head. An API server's has some hundred.
const MAX_HEAD: usize = 16 << 10;

/// What a connection reads ahead.
const READ_AHEAD: usize = 64 << 10;

/// How long nothing is accepted after the system gave no connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// After the grace period, for the last answers to be written.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Accepts connections until the source is stopped, and then waits for those that have a request in flight.
pub(super) async fn serve(receiver: Arc<Receiver>, listener: TcpListener) {
    let (tracker, room) = (TaskTracker::new(), Arc::new(Semaphore::new(receiver.limits.max_connections)));
    let mut minute = interval(receiver.limits.renewal);
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = receiver.stats.refusals();
    loop {
        tokio::select! {
            () = receiver.stop.cancelled() => break,
            _ = minute.tick() => {
                receiver.renew();
                told = tell(&receiver, told);
            }
            accepted = listener.accept() => match (accepted, room.clone().try_acquire_owned()) {
                (Ok((socket, _)), Ok(place)) => _ = tracker.spawn(connection(receiver.clone(), socket, place)),
                // closed at once: who waits would wait behind those who hold the others
                (Ok(_), Err(_)) => receiver.stats.refuse(Refusal::Connections),
                (Err(_), _) => {
                    receiver.stats.refuse(Refusal::Connections);
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tracker.close();
    tracker.wait().await;
    tell(&receiver, told);
}

/// Writes to the log what was refused since the last time.
fn tell(receiver: &Receiver, told: [u64; Refusal::ALL.len()]) -> [u64; Refusal::ALL.len()] {
    let now = receiver.stats.refusals();
    for ((refusal, now), told) in Refusal::ALL.into_iter().zip(now).zip(told) {
        if now > told {
            let reason = refusal.as_str();
            tracing::warn!(source = receiver.name, reason, "refused {} times: {}", now - told, refusal.explain());
        }
    }
    now
}

async fn connection(receiver: Arc<Receiver>, socket: TcpStream, place: OwnedSemaphorePermit) {
    receiver.stats.open.fetch_add(1, Ordering::Relaxed);
    // answers are small and awaited; that it cannot be set is no reason to refuse
    _ = socket.set_nodelay(true);
    let refusal = match &receiver.tls {
        None => requests(&receiver, socket).await.err(),
        Some(config) => {
            let handshake = TlsAcceptor::from(config.current()).accept(socket);
            match timeout(receiver.limits.head, handshake).await {
                Ok(Ok(stream)) => requests(&receiver, stream).await.err(),
                Ok(Err(error)) => {
                    tracing::debug!(source = receiver.name, %error, "tls handshake failed");
                    Some(Refusal::Tls)
                }
                Err(_) => Some(Refusal::SlowHead),
            }
        }
    };
    if let Some(refusal) = refusal {
        receiver.stats.refuse(refusal);
    }
    drop(place);
    receiver.stats.open.fetch_sub(1, Ordering::Relaxed);
}

/// Answers the requests of a connection. A client that does not prove who it is with its first has less patience.
async fn requests(receiver: &Receiver, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Refusal> {
    let (limits, known) = (&receiver.limits, Notify::new());
    let service =
        service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(receiver.answer(request, &known).await));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle);
    http.max_header_size(MAX_HEAD).max_buf_size(READ_AHEAD);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = served.as_mut() => return outcome(ended),
        () = receiver.stop.cancelled() => {}
        () = known.notified() => tokio::select! {
            // what a known client does is counted with its requests
            _ = served.as_mut() => return Ok(()),
            () = receiver.stop.cancelled() => {}
        },
        () = sleep(limits.head) => return Err(Refusal::SlowHead),
    }
    served.as_mut().graceful_shutdown();
    // whoever is left is cut; its batch was not acknowledged, so it comes again
    _ = timeout(limits.grace + LAST_WORDS, served).await;
    Ok(())
}

fn outcome(ended: hyper::Result<()>) -> Result<(), Refusal> {
    match ended {
        Err(error) if error.is_parse() => Err(Refusal::BadHttp),
        Err(error) if error.is_timeout() => Err(Refusal::SlowHead),
        _ => Ok(()),
    }
}
