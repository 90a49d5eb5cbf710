//! What a configuration says of a sink.

use std::path::PathBuf;
use std::time::Duration;

use super::http::HttpSettings;
use crate::alert::Severity;
use crate::format::Format;
use crate::source::kafka::Connection;
use crate::store::Route;
use crate::text::Text;

/// How long Alertmanager holds an incident that it hears no more of.
const RESOLVE_AFTER: Duration = Duration::from_secs(60 * 60);

/// Why a sink cannot be made of its settings: something that only a person can mend.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("sink {name}: {what}")]
pub struct Unusable {
    /// Which.
    pub name: Text,
    /// What is wrong, and what to do.
    pub what: Text,
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// Its name in metrics, the outbox and the dead-letter file: letters, digits, `-` and `_`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The mildest incident that it is told of.
    pub least: Severity,
    /// Whether the daemon is not ready while the sink is down.
    pub required: bool,
    /// Whether it is told of those too that the day's budget keeps from people.
    pub held_back: bool,
    /// Notices that may wait for it.
    pub capacity: u64,
}

/// What a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Standard output.
    Stdout {
        /// How an incident is written.
        format: Format,
    },
    /// A file that grows, and is opened again when asked to.
    File {
        /// Where.
        path: PathBuf,
        /// How an incident is written.
        format: Format,
    },
    /// POST requests.
    Webhook {
        /// Where to, and how.
        http: HttpSettings,
        /// How an incident is written.
        format: Format,
        /// Whether a request carries several, as a JSON array; otherwise it carries one.
        batch: bool,
        /// The key of signatures; none leaves requests unsigned.
        secret_file: Option<PathBuf>,
    },
    /// Alertmanager's API, version 2.
    Alertmanager {
        /// Where to, and how: the whole address, `…/api/v2/alerts`.
        http: HttpSettings,
        /// After how long an incident that is not told again counts as resolved.
        resolve_after: Duration,
    },
    /// Falcosidekick.
    Falco {
        /// Where to, and how.
        http: HttpSettings,
    },
    /// A topic of Kafka.
    Kafka {
        /// Its name.
        topic: String,
        /// How an incident is written.
        format: Format,
        /// How to connect.
        connection: Connection,
    },
}

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            name: "stdout".to_owned(),
            kind: Kind::Stdout { format: Format::default() },
            least: Severity::Medium,
            required: true,
            held_back: false,
            capacity: 10_000,
        }
    }
}

impl Kind {
    /// Its name in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stdout { .. } => "stdout",
            Self::File { .. } => "file",
            Self::Webhook { .. } => "webhook",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Falco { .. } => "falco",
            Self::Kafka { .. } => "kafka",
        }
    }

    /// A webhook with everything else at its default.
    #[must_use]
    pub fn webhook(http: HttpSettings) -> Self {
        Self::Webhook { http, format: Format::default(), batch: false, secret_file: None }
    }

    /// Alertmanager with everything else at its default.
    #[must_use]
    pub const fn alertmanager(http: HttpSettings) -> Self {
        Self::Alertmanager { http, resolve_after: RESOLVE_AFTER }
    }
}

impl SinkSettings {
    /// What the store puts into its outbox.
    #[must_use]
    pub fn route(&self) -> Route {
        Route { sink: self.name.clone(), least: self.least, held_back: self.held_back, capacity: self.capacity }
    }

    /// Looks whether they can be meant; the files that they name are not read.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Unusable> {
        let checked = self.check_name().and_then(|()| match &self.kind {
            Kind::Stdout { .. } | Kind::File { .. } | Kind::Kafka { .. } => Ok(()),
            Kind::Webhook { format: Format::Text, batch: true, .. } => {
                Err("text has no arrays: leave out batch, or use another format".into())
            }
            Kind::Webhook { http, .. } | Kind::Alertmanager { http, .. } | Kind::Falco { http } => http.check(),
        });
        checked.map_err(|what| Unusable { name: Text::new(&self.name), what })
    }

    /// A name is part of a file's.
    fn check_name(&self) -> Result<(), Text> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_plain) {
            return Err("a name is up to 64 letters, digits, - and _".into());
        }
        Ok(())
    }
}
