//! The audit webhook of the API server, as a source: HTTPS, one path for each API server.
//!
//! A batch is answered with 200 once its ack has fired, so an API server that was told so may forget it. Every other
//! answer makes it send the batch again: it takes any status outside of 200 to 206 for a failure, also a 400, and tries
//! five times over more than a minute (kubernetes/apiserver, `plugin/pkg/audit/webhook`, `retryOnError`). So what cannot
//! be decoded is recorded as a reject and taken. Where there is a `Retry-After` (429 and 503), its client asks up to ten
//! times more within each try (kubernetes/client-go, `rest/with_retry.go`).
//!
//! HTTP/1.1 only: a client that would speak HTTP/2 falls back, and there are no streams, windows or resets to bound.

use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;

use super::{Source, SourceContext, SourceError};
use crate::text::Text;

mod body;
mod feeds;
pub mod init;
mod receiver;
mod renew;
mod server;
mod stats;
mod tls;
mod token;

pub use stats::{Refusal, WebhookStats};

use receiver::Receiver;
use renew::Renewed;
use token::Tokens;

/// A file of settings is read up to here: a bundle of authorities is the largest.
const MAX_FILE: u64 = 4 << 20;

/// Where to listen, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The address. Without TLS and client authentication, a loopback address.
    pub listen: SocketAddr,
    /// Our certificate, and whose we trust.
    pub tls: Option<Tls>,
    /// Bearer tokens that are let in, one a line.
    pub token_file: Option<PathBuf>,
    /// The feeds that are taken, `NAME` of `/audit/NAME`; if there are none, any up to 64.
    pub feeds: Vec<String>,
    /// The cluster whose API servers these are; none leaves it to the configuration.
    pub cluster: Option<String>,
    /// How much of anything.
    pub limits: Limits,
}

impl WebhookSettings {
    /// Settings for this address, with all else at its default.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, tls: None, token_file: None, feeds: Vec::new(), cluster: None, limits: Limits::default() }
    }

    /// Looks whether they are safe and fit together; the files that they name are not read.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        let Self { listen, limits, .. } = self;
        let is_public = !listen.ip().is_loopback();
        if is_public && self.tls.is_none() {
            return Err(SettingsError::Plain { listen: *listen });
        }
        if is_public && self.token_file.is_none() && self.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
            return Err(SettingsError::Open { listen: *listen });
        }
        if let Some(name) = self.feeds.iter().find(|name| !feeds::is_name(name)) {
            return Err(SettingsError::Feed { name: Text::new(name) });
        }
        let is_bounded = (1..=limits.max_buffered).contains(&limits.max_body)
            && u32::try_from(limits.max_buffered).is_ok()
            && limits.max_connections > 0;
        if is_bounded { Ok(()) } else { Err(SettingsError::Limits) }
    }
}

/// Files of PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate, and those between it and its authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of which a client must have a certificate; if none, it needs no certificate.
    pub client_ca: Option<PathBuf>,
}

/// The bounds of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, before and after decompression.
    pub max_body: usize,
    /// Bytes of all bodies that are being read.
    pub max_buffered: usize,
    /// Connections that are open at once.
    pub max_connections: usize,
    /// For the handshake, and for the first request's head after it.
    pub head: Duration,
    /// For a body.
    pub body: Duration,
    /// Between two requests. The API server closes an idle connection after 90 s; if we were earlier, a batch could meet
    /// the closing.
    pub idle: Duration,
    /// For an ack; the API server gives up on an answer after 30 s.
    pub ack: Duration,
    /// For requests in flight when the source is stopped.
    pub grace: Duration,
    /// How often the files of certificates and tokens are looked at.
    pub renewal: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 20 << 20,
            max_buffered: 128 << 20,
            max_connections: 512,
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            idle: Duration::from_secs(120),
            ack: Duration::from_secs(25),
            grace: Duration::from_secs(5),
            renewal: Duration::from_secs(60),
        }
    }
}

/// Why a webhook cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Anybody on the network could read what is posted.
    #[error("{listen} is no loopback address and there is no tls: make certificates with `sawatch webhook init`")]
    Plain {
        /// The address.
        listen: SocketAddr,
    },
    /// Anybody on the network could post.
    #[error("{listen} is no loopback address and anybody may post to it: set a token file or a client ca")]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// Not a name of a feed.
    #[error("{name:?} is no name of a feed: use up to 63 of A-Z a-z 0-9 . _ -")]
    Feed {
        /// What it was to be.
        name: Text,
    },
    /// Limits that contradict each other.
    #[error("max-connections and max-body must be at least 1, and max-body <= max-buffered < 4 GiB")]
    Limits,
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", Text::from(path.as_path()))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A certificate or a key that is none, or not of the other.
    #[error("cannot use {} for tls: {what}", Text::from(path.as_path()))]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Tokens that are none.
    #[error(
        "{} must hold 1 to 16 tokens, one a line, each of at least 16 visible ascii characters",
        Text::from(path.as_path())
    )]
    Token {
        /// Which.
        path: PathBuf,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {cause}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

/// A webhook that listens. What comes waits until it runs.
pub struct Webhook {
    name: String,
    settings: WebhookSettings,
    listener: TcpListener,
    tls: Option<Renewed<ServerConfig>>,
    tokens: Option<Renewed<Tokens>>,
    stats: Arc<WebhookStats>,
}

impl Webhook {
    /// Reads the files and listens.
    ///
    /// # Errors
    ///
    /// If the settings are unsafe or contradict each other, a file cannot be used, or the address is not to be had.
    pub fn open(name: &str, settings: WebhookSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let tls = settings.tls.clone().map(|tls| {
            let files = [&tls.cert, &tls.key].into_iter().chain(&tls.client_ca).cloned().collect();
            Renewed::open(files, move || tls::server_config(&tls))
        });
        let tokens = settings.token_file.clone();
        let tokens = tokens.map(|file| Renewed::open(vec![file.clone()], move || Tokens::read(&file)));
        let (tls, tokens) = (tls.transpose()?, tokens.transpose()?);
        let listener =
            listen(settings.listen).map_err(|cause| SettingsError::Listen { listen: settings.listen, cause })?;
        Ok(Self { name: name.to_owned(), settings, listener, tls, tokens, stats: Arc::default() })
    }

    /// The address that it listens on, for settings with port 0.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What is counted of it.
    #[must_use]
    pub fn stats(&self) -> Arc<WebhookStats> {
        self.stats.clone()
    }
}

impl Source for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, cx: SourceContext) -> Result<(), SourceError> {
        let failed =
            |cause: io::Error| SourceError { name: Text::new(&self.name), what: Text::new(&cause.to_string()) };
        let runtime = cx.runtime.clone();
        let _entered = runtime.enter();
        let listener = self.listener.try_clone().and_then(tokio::net::TcpListener::from_std).map_err(failed)?;
        runtime.block_on(server::serve(Arc::new(Receiver::new(*self, &cx)), listener));
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn read(path: &Path) -> Result<Vec<u8>, SettingsError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    file.map_err(|cause| SettingsError::Unreadable { path: path.into(), cause })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
