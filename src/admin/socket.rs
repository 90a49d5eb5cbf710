//! The control socket: `POST /` with a [`Request`] as JSON, answered with a [`Reply`].

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::request::{Reply, Request};
use super::{AdminError, MAX_CONNECTIONS, PATIENCE, SOCKET, plain, response};
use crate::daemon::Handle;
use crate::daemon::control::ControlError;
use crate::server::{accept, requests};
use crate::text::Text;

/// Bytes of a request: a learned state of a large cluster, in base64.
const MAX_BODY: usize = 512 << 20;

/// For a request's body.
const BODY: Duration = Duration::from_secs(30);

/// What was not done, and why.
#[derive(Serialize)]
struct Failed {
    error: Text,
}

/// Listens in `folder` until the daemon is stopped.
pub(super) fn start(folder: &Path, handle: &Handle) -> Result<(), AdminError> {
    let path = folder.join(SOCKET);
    let bound = bind(folder, &path).and_then(|listener| Ok((listener, fs::metadata(&path)?.uid())));
    let (listener, owner) = bound.map_err(|cause| AdminError::Socket { path: Text::from(path.as_path()), cause })?;
    let handle = handle.clone();
    tokio::spawn(async move {
        let stop = handle.stop.clone();
        accept(listener, MAX_CONNECTIONS, &stop, |stream| serve(stream, owner, handle.clone()), || ()).await;
        // if it stays, the next daemon replaces it
        _ = fs::remove_file(path);
    });
    Ok(())
}

/// Makes the socket where nobody else can see it, and moves it to its place with the permissions that it is to have.
fn bind(folder: &Path, path: &Path) -> io::Result<UnixListener> {
    let private =
        tempfile::Builder::new().prefix(".s").permissions(Permissions::from_mode(0o700)).tempdir_in(folder)?;
    let hidden = private.path().join("s");
    let listener = UnixListener::bind(&hidden)?;
    fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
    fs::rename(&hidden, path)?;
    Ok(listener)
}

async fn serve(stream: UnixStream, owner: u32, handle: Handle) {
    // not every system looks at the permissions of a socket
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0) {
        return;
    }
    let known = Notify::new();
    let answer = |request| {
        known.notify_one();
        answer(&handle, request)
    };
    // who asked and went has no use for more
    _ = requests(stream, PATIENCE, &handle.stop, &known, answer).await;
}

async fn answer(handle: &Handle, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    if (request.method(), request.uri().path()) != (&Method::POST, "/") {
        return plain(StatusCode::NOT_FOUND, "POST a request to /\n".to_owned());
    }
    let body = match timeout(BODY, Limited::new(request.into_body(), MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(what)) => return failed(StatusCode::BAD_REQUEST, &what),
        Err(_) => return failed(StatusCode::REQUEST_TIMEOUT, &"the request did not come in time"),
    };
    let request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(what) => return failed(StatusCode::BAD_REQUEST, &format!("this is no request: {what}")),
    };
    match fulfil(handle, request).await {
        Ok(reply) => json(StatusCode::OK, &reply),
        Err(error) => failed(status(&error), &error),
    }
}

async fn fulfil(handle: &Handle, request: Request) -> Result<Reply, ControlError> {
    match request {
        Request::Judge(wish) => handle.control.ask(wish).await.map(Reply::Judge),
        Request::Store(request) => {
            let store = handle.store.clone();
            // it ends early only with the runtime
            tokio::task::spawn_blocking(move || request.answer(&store)).await.map_err(|_| ControlError::Ending)?
        }
    }
}

const fn status(error: &ControlError) -> StatusCode {
    match error {
        ControlError::Unknown(_) => StatusCode::NOT_FOUND,
        ControlError::Refused(_) => StatusCode::BAD_REQUEST,
        ControlError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        ControlError::Ending => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn failed(status: StatusCode, what: &impl ToString) -> Response<Full<Bytes>> {
    json(status, &Failed { error: Text::from(what.to_string()) })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let mut body = serde_json::to_vec(value).expect("what is kept has string keys and no failing parts");
    body.push(b'\n');
    response(status, "application/json", body)
}
