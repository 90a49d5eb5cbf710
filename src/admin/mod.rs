//! How people and machines look into a running daemon, and ask something of it.
//!
//! Over TCP there is what may be known to anybody who can reach it: whether it lives, whether it is ready, and counts.
//! Everything else goes over the control socket in the state folder, which is its owner's alone.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::config::AdminSettings;
use crate::daemon::Handle;
use crate::server::{Patience, accept, requests};
use crate::text::Text;

mod client;
mod exposition;
mod metrics;
mod public;
mod request;
mod socket;

pub use client::{AskError, ask};
pub use request::{Filter, MAX_LISTED, Reply, Request, StoreRequest, Wanted};

/// The control socket's name in the state folder.
const SOCKET: &str = "control.sock";

/// Connections at once, of each kind.
const MAX_CONNECTIONS: usize = 32;

const PATIENCE: Patience =
    Patience { head: Duration::from_secs(5), idle: Duration::from_secs(60), grace: Duration::from_secs(1) };

/// Why nobody can look in.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is not to be had.
    #[error("cannot listen on {address}: {cause}; choose another address, or stop who has it")]
    Address {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The control socket cannot be made.
    #[error("cannot make the control socket {path}: {cause}")]
    Socket {
        /// Where.
        path: Text,
        /// What the system says.
        cause: io::Error,
    },
}

/// The ways into a daemon, open until it is stopped.
#[derive(Debug)]
pub struct Admin {
    /// Where liveness, readiness and metrics are served.
    pub address: Option<SocketAddr>,
}

impl Admin {
    /// Listens, and answers on `runtime` until the daemon is stopped. The daemon must have the store of `folder`: a
    /// control socket that is there was left behind, and is replaced.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(
        settings: &AdminSettings,
        folder: &Path,
        handle: &Handle,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, AdminError> {
        // sockets belong to the runtime in which they are made
        let _entered = runtime.enter();
        let public = settings.listen.map(listen).transpose()?;
        let address = public.as_ref().and_then(|listener| listener.local_addr().ok());
        socket::start(folder, handle)?;
        if let Some(listener) = public {
            tokio::spawn(serve(listener, handle.clone()));
        }
        Ok(Self { address })
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, AdminError> {
    let made = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    made.map_err(|cause| AdminError::Address { address, cause })
}

async fn serve(listener: TcpListener, handle: Handle) {
    let stop = handle.stop.clone();
    let connection = |stream: TcpStream| {
        let handle = handle.clone();
        async move {
            let known = Notify::new();
            let answer = |request: hyper::Request<Incoming>| {
                known.notify_one();
                ready(public::answer(&handle, &request))
            };
            // scanners come and go
            _ = requests(stream, PATIENCE, &handle.stop, &known, answer).await;
        }
    };
    accept(listener, MAX_CONNECTIONS, &stop, connection, || ()).await;
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn plain(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body)
}

#[cfg(test)]
mod tests;
