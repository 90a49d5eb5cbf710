//! Where incidents and rejects go.
//!
//! A replay writes to a [`stream`]. A daemon leaves what there is to tell in the store's outbox, one for each sink, and
//! a [`Courier`] takes it from there to its [`Sink`]: in order, at least once, until the sink has taken it or has
//! refused it for good.

use std::io;
use std::time::{Duration, SystemTime};

use crate::event::Timestamp;
use crate::format::{Format, Style};
use crate::store::Outbox;
use crate::text::Text;

mod alertmanager;
mod append;
mod backoff;
mod check;
mod courier;
mod dead_letters;
mod falco;
mod file;
mod http;
mod kafka;
pub mod rejects;
mod secret;
mod settings;
mod status;
mod stdout;
pub mod stream;
mod webhook;

pub use check::{check, test_notice};
pub use courier::{Courier, SinkContext};
pub use file::Reopen;
pub use http::{ClientCertificate, HttpSettings};
pub use settings::{Kind, SinkSettings, Unusable};
pub use status::{Failing, SinkStatus};

/// Notices that one delivery carries, at most, to a sink that takes several.
const MOST_AT_ONCE: usize = 64;

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {to}: {cause}")]
pub struct SinkError {
    /// To what.
    pub to: Text,
    /// What the system says.
    #[source]
    pub cause: io::Error,
}

/// Why a sink did not take what it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It may take it later.
    #[error("{what}")]
    Transient {
        /// What happened.
        what: Text,
        /// How long the sink asks to be left alone.
        after: Option<Duration>,
    },
    /// It will never take it.
    #[error("{0}")]
    Permanent(Text),
}

impl Trouble {
    fn transient(what: impl Into<Text>) -> Self {
        Self::Transient { what: what.into(), after: None }
    }

    /// What happened.
    fn what(self) -> Text {
        match self {
            Self::Transient { what, .. } | Self::Permanent(what) => what,
        }
    }
}

/// Something that takes notices: one variant and one file for each kind.
pub enum Sink {
    /// Standard output.
    Stdout(stdout::Stdout),
    /// A file that grows.
    File(file::AppendedFile),
    /// Signed requests.
    Webhook(webhook::Webhook),
    /// Alertmanager's API, version 2.
    Alertmanager(alertmanager::Alertmanager),
    /// Falcosidekick.
    Falco(falco::Falco),
    /// A topic of Kafka.
    Kafka(kafka::Topic),
}

impl Sink {
    /// A sink as its settings say. Nothing is sent or written yet.
    ///
    /// # Errors
    ///
    /// If that cannot work before somebody changes something.
    pub fn open(settings: &SinkSettings, reopen: &Reopen) -> Result<Self, Unusable> {
        settings.check()?;
        let opened = match &settings.kind {
            Kind::Stdout { format } => Ok(Self::Stdout(stdout::Stdout::new(*format))),
            Kind::File { path, format } => {
                Ok(Self::File(file::AppendedFile::new(path.clone(), *format, reopen.clone())))
            }
            Kind::Webhook { http, format, batch, secret_file } => {
                webhook::Webhook::new(http, *format, *batch, secret_file.clone()).map(Self::Webhook)
            }
            Kind::Alertmanager { http, resolve_after } => {
                alertmanager::Alertmanager::new(http, *resolve_after).map(Self::Alertmanager)
            }
            Kind::Falco { http } => falco::Falco::new(http).map(Self::Falco),
            Kind::Kafka { topic, format, connection } => kafka::Topic::new(topic, *format, connection).map(Self::Kafka),
        };
        opened.map_err(|what| Unusable { name: Text::new(&settings.name), what })
    }

    /// How many notices one delivery may carry.
    #[must_use]
    pub const fn at_once(&self) -> usize {
        match self {
            Self::Stdout(_) | Self::File(_) | Self::Alertmanager(_) | Self::Kafka(_) => MOST_AT_ONCE,
            Self::Webhook(webhook) => webhook.at_once(),
            Self::Falco(_) => 1,
        }
    }

    /// Hands over up to [`Sink::at_once`] notices, in order: all of them, or it counts as none. After a failure some
    /// may have arrived all the same, so that a receiver may see a notice twice, with the same id.
    ///
    /// # Errors
    ///
    /// If the sink did not take them.
    pub async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        match self {
            Self::Stdout(stdout) => stdout.deliver(notices).await,
            Self::File(file) => file.deliver(notices).await,
            Self::Webhook(webhook) => webhook.deliver(notices).await,
            Self::Alertmanager(alertmanager) => alertmanager.deliver(notices).await,
            Self::Falco(falco) => falco.deliver(notices).await,
            Self::Kafka(topic) => topic.deliver(notices).await,
        }
    }
}

/// A notice as bytes that end in a newline.
fn line(format: Format, notice: &Outbox) -> Vec<u8> {
    let mut line = Vec::new();
    let written = format.write(&notice.incident, notice.activity, Style::PLAIN, &mut line);
    written.expect("a vector takes everything");
    line
}

fn lines(format: Format, notices: &[Outbox]) -> Vec<u8> {
    notices.iter().flat_map(|notice| line(format, notice)).collect()
}

/// Now, for those outside who compare it with their own clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "receivers live in the present; nothing is judged by it")]
pub fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// Runs what may block where it may.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Trouble::transient(format!("a task ended early: {e}")))
}

#[cfg(test)]
mod receiver;
#[cfg(test)]
mod tests;
