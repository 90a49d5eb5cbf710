//! The webhook's connections, and what is told of those that were refused.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;

use super::receiver::Receiver;
use super::stats::Refusal;
use crate::server::{Broken, Patience, accept, requests};

/// Accepts connections until the source is stopped, and then waits for those that have a request in flight.
pub(super) async fn serve(receiver: Arc<Receiver>, listener: TcpListener) {
    let mut minute = interval(receiver.limits.renewal);
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = receiver.stats.refusals();
    let mut accepting = pin!(accept(
        listener,
        receiver.limits.max_connections,
        &receiver.stop,
        |socket| connection(receiver.clone(), socket),
        || receiver.stats.refuse(Refusal::Connections),
    ));
    loop {
        tokio::select! {
            () = accepting.as_mut() => break,
            _ = minute.tick() => {
                receiver.renew();
                told = tell(&receiver, told);
            }
        }
    }
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

async fn connection(receiver: Arc<Receiver>, socket: TcpStream) {
    receiver.stats.open.fetch_add(1, Ordering::Relaxed);
    // answers are small and awaited; that it cannot be set is no reason to refuse
    _ = socket.set_nodelay(true);
    let refusal = match &receiver.tls {
        None => answer(&receiver, socket).await.err(),
        Some(config) => {
            let handshake = TlsAcceptor::from(config.current()).accept(socket);
            match timeout(receiver.limits.head, handshake).await {
                Ok(Ok(stream)) => answer(&receiver, stream).await.err(),
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
    receiver.stats.open.fetch_sub(1, Ordering::Relaxed);
}

/// Answers the requests of a connection. A client that does not prove who it is with its first has less patience.
async fn answer(receiver: &Receiver, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Refusal> {
    let (limits, known) = (&receiver.limits, Notify::new());
    let patience = Patience { head: limits.head, idle: limits.idle, grace: limits.grace };
    let answered = requests(stream, patience, &receiver.stop, &known, |request| receiver.answer(request, &known)).await;
    answered.map_err(|broken| match broken {
        Broken::BadHttp => Refusal::BadHttp,
        Broken::SlowHead => Refusal::SlowHead,
    })
}
