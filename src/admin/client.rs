//! Asks a running daemon over its control socket, or, if there is none, its store.

use std::io;
use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixStream;

use super::SOCKET;
use super::request::{Reply, Request};
use crate::daemon::control::ControlError;
use crate::daemon::fulfil_offline;
use crate::engine::Settings;
use crate::store::{Found, Store, StoreError};
use crate::text::Text;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is nothing to ask.
    #[error("there is no store in {0}: say where sawatch run keeps its own with --state")]
    Nothing(Text),
    /// The daemon does not let us in, or does not speak as it should.
    #[error("cannot talk to the sawatch of {folder}: {what}")]
    Silent {
        /// Its state folder.
        folder: Text,
        /// What happened.
        what: Text,
    },
    /// The daemon did not do it.
    #[error("{0}")]
    Failed(Text),
    /// It could not be done without a daemon.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Control(error.into())
    }
}

/// Asks the daemon that has the store of `folder`; without one, does it as a daemon with these settings would.
///
/// # Errors
///
/// If it was not done.
pub fn ask(folder: &Path, settings: &Settings, request: Request) -> Result<Reply, AskError> {
    let shown = Text::from(folder);
    let silent = |what: &dyn ToString| AskError::Silent { folder: shown.clone(), what: Text::from(what.to_string()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| silent(&e))?;
    let answered = runtime.block_on(async {
        match UnixStream::connect(folder.join(SOCKET)).await {
            // nobody listens: what is there was left behind
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => None,
            Err(e) => Some(Err(silent(&e))),
            Ok(stream) => Some(exchange(stream, &request).await.map_err(|e| silent(&e))),
        }
    });
    match answered {
        Some(answered) => read(&answered?, &silent),
        None if !Store::is_in(folder) => Err(AskError::Nothing(shown.clone())),
        None => offline(folder, settings, request),
    }
}

async fn exchange(stream: UnixStream, request: &Request) -> hyper::Result<(StatusCode, Bytes)> {
    let body = serde_json::to_vec(request).expect("a request has string keys and no failing parts");
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // the one who waits for an answer is told
    tokio::spawn(async { connection.await.ok() });
    let request = hyper::Request::post("/").header(HOST, "sawatch").body(Full::<Bytes>::from(body));
    let response: hyper::Response<Incoming> = sender.send_request(request.expect("its parts are constants")).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

#[derive(Deserialize)]
struct Failed {
    error: Text,
}

fn read((status, body): &(StatusCode, Bytes), silent: &dyn Fn(&dyn ToString) -> AskError) -> Result<Reply, AskError> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|e| silent(&e));
    }
    let Failed { error } = serde_json::from_slice(body).map_err(|_| silent(status))?;
    Err(AskError::Failed(error))
}

fn offline(folder: &Path, settings: &Settings, request: Request) -> Result<Reply, AskError> {
    let request = match request {
        Request::Judge(wish) => return Ok(Reply::Judge(fulfil_offline(folder, settings, wish)?)),
        Request::Store(request) => request,
    };
    match Store::open(folder)? {
        (_, Found::Damaged { aside, why }) => {
            let aside = Text::from(aside.as_path());
            Err(StoreError::Damaged(format!("{why}; it was put aside as {aside}")).into())
        }
        (store, Found::Whole | Found::Nothing) => Ok(request.answer(&store)?),
    }
}
