//! One POST at a time to one address.
//!
//! Nothing is sent to where instances keep their credentials, nothing follows a redirect, nothing reads a proxy from
//! the environment, and of an answer 4 KiB are read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Trouble, secret};
use crate::text::Text;

mod address;
mod answer;
mod target;
mod tls;

use target::Target;
pub use tls::ClientCertificate;

/// A connection that was idle for longer is not used again: servers close theirs after 5 seconds or more.
const REUSE_WITHIN: Duration = Duration::from_secs(2);

/// What a header may not be, because it is ours to say where a request ends.
const FRAMING: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// Where requests go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The whole address: `https://soc.example/hook`.
    pub url: String,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
    /// The authorities that the server's certificate may come from; none trusts those of the system.
    pub ca_file: Option<PathBuf>,
    /// What we show the server.
    pub client_certificate: Option<ClientCertificate>,
    /// The value of `Authorization`: `Bearer …`, `Basic …`.
    pub authorization_file: Option<PathBuf>,
    /// More headers.
    pub headers: Vec<(String, String)>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout: Duration::from_secs(10),
            ca_file: None,
            client_certificate: None,
            authorization_file: None,
            headers: Vec::new(),
        }
    }
}

impl HttpSettings {
    /// Whom requests reach, without the path of the address, which may hold a secret.
    ///
    /// # Errors
    ///
    /// If that is no address, or none to which anything is sent.
    pub fn receiver(&self) -> Result<Text, Text> {
        Ok(Target::parse(&self.url)?.shown)
    }

    pub(super) fn check(&self) -> Result<(), Text> {
        let target = Target::parse(&self.url)?;
        if !target.is_tls && (self.ca_file.is_some() || self.client_certificate.is_some()) {
            return Err("there are certificates, and the address begins with http://: make it https://".into());
        }
        headers(&self.headers).map(|_| ())
    }
}

type Connection = SendRequest<Full<Bytes>>;

/// Posts to one address.
pub(super) struct Client {
    target: Target,
    timeout: Duration,
    headers: HeaderMap,
    authorization_file: Option<PathBuf>,
    tls: Option<tls::Files>,
    /// With when it was last used.
    idle: Option<(Connection, Instant)>,
}

impl Client {
    /// As the settings say; what they name is read once, to see that it can be.
    pub(super) fn new(settings: &HttpSettings) -> Result<Self, Text> {
        let target = Target::parse(&settings.url)?;
        let files = tls::Files { ca: settings.ca_file.clone(), client: settings.client_certificate.clone() };
        if target.is_tls {
            files.connector()?;
        }
        if let Some(path) = &settings.authorization_file {
            credential(&secret::read(path)?)?;
        }
        let headers = headers(&settings.headers)?;
        Ok(Self {
            tls: target.is_tls.then_some(files),
            target,
            timeout: settings.timeout,
            headers,
            authorization_file: settings.authorization_file.clone(),
            idle: None,
        })
    }

    /// Posts a body, with `more` headers.
    pub(super) async fn post(
        &mut self,
        content_type: &'static str,
        more: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(), Trouble> {
        let mut request = Request::post(self.target.path.clone()).body(Full::from(body)).expect("the path was parsed");
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sawatch/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.headers.clone());
        headers.extend(more);
        headers.insert(HOST, self.target.authority.clone());
        if let Some(path) = &self.authorization_file {
            let value = credential(&secret::fetch(path.clone()).await?).map_err(Trouble::transient)?;
            headers.insert(AUTHORIZATION, value);
        }
        let patience = self.timeout;
        let exchange = timeout(patience, self.exchange(request)).await;
        exchange.unwrap_or_else(|_| Err(self.trouble(&format!("no answer within {} s", patience.as_secs_f32()))))
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(), Trouble> {
        let mut connection = match self.idle().await {
            Some(idle) => idle,
            None => self.connect().await?,
        };
        let sent = connection.send_request(request).await;
        let response: Response<Incoming> = sent.map_err(|e| self.trouble(&chain(&e)))?;
        let (answer, is_whole) = answer::read(response).await.map_err(|e| self.trouble(&chain(&e)))?;
        if is_whole {
            self.idle = Some((connection, Instant::now()));
        }
        answer.verdict(&self.target.shown)
    }

    /// The connection of the last request, if it can be used again.
    async fn idle(&mut self) -> Option<Connection> {
        let (mut idle, _) = self.idle.take().filter(|(_, used)| used.elapsed() < REUSE_WITHIN)?;
        idle.ready().await.ok().map(|()| idle)
    }

    /// Connects to the first address that lets us.
    async fn connect(&self) -> Result<Connection, Trouble> {
        let Target { host, port, .. } = &self.target;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        let found = found.map_err(|e| self.trouble(&format!("its name cannot be resolved: {e}")))?;
        let addresses = address::allowed(found).map_err(|what| self.trouble(&what))?;
        let each = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut why = "its name has no address".to_owned();
        for address in addresses {
            match timeout(each, self.connect_to(address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(e)) => why = format!("{address}: {e}"),
                Err(_) => why = format!("{address}: no connection within {} s", each.as_secs_f32()),
            }
        }
        Err(self.trouble(&why))
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<Connection, Text> {
        let stream = TcpStream::connect(address).await.map_err(|e| Text::new(&e.to_string()))?;
        match &self.tls {
            Some(files) => open(files.connect(&self.target.host, stream).await?).await,
            None => open(stream).await,
        }
    }

    /// Something between us and the receiver: it may pass.
    fn trouble(&self, what: &str) -> Trouble {
        Trouble::transient(format!("{}: {what}", self.target.shown))
    }
}

/// The connection lives in a task of its own until we drop our end of it or the server closes its.
async fn open(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Connection, Text> {
    let (connection, task) = handshake(TokioIo::new(stream)).await.map_err(|e| Text::new(&chain(&e)))?;
    tokio::spawn(async move {
        // the one who waits for an answer is told
        task.await.ok();
    });
    Ok(connection)
}

fn credential(secret: &[u8]) -> Result<HeaderValue, Text> {
    let mut value = HeaderValue::from_bytes(secret)
        .map_err(|_| Text::new("the file of Authorization holds more than one line: leave only its value in it"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn headers(settings: &[(String, String)]) -> Result<HeaderMap, Text> {
    let mut headers = HeaderMap::new();
    for (name, value) in settings {
        let wrong = |what: &str| Text::new(&format!("header {name:?}: {what}"));
        let parsed: HeaderName = name.parse().map_err(|_| wrong("that is no name of a header"))?;
        if FRAMING.contains(&parsed.as_str()) {
            return Err(wrong("that is not for the configuration to say"));
        }
        let value = HeaderValue::from_str(value).map_err(|_| wrong("its value has characters that no header has"))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out = format!("{out}: {error}");
        cause = error.source();
    }
    out
}

#[cfg(test)]
mod tests;
