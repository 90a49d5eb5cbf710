//! What a configuration says of sources.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Config;
use super::kafka::KafkaSettings;
use super::key::{Key, it, key};
use super::named::{Kind, Named};
use super::words::Size;
use crate::source::live::follow::FollowSettings;
use crate::source::live::webhook::{Limits, Tls, WebhookSettings};

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Its name, which is also that of its feed, or part of it.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
}

/// What a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// One API server's log.
    File(FollowSettings),
    /// Standard input.
    Stdin {
        /// The cluster that it is of; none leaves it to the configuration.
        cluster: Option<String>,
    },
    /// The audit webhook of API servers.
    Webhook(WebhookSettings),
    /// Topics.
    Kafka(KafkaSettings),
}

impl SourceKind {
    /// What the file calls it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Stdin { .. } => "stdin",
            Self::Webhook(_) => "webhook",
            Self::Kafka(_) => "kafka",
        }
    }
}

type Source = SourceSettings;

fn webhook(source: &mut Source) -> Option<&mut WebhookSettings> {
    if let SourceKind::Webhook(webhook) = &mut source.kind { Some(webhook) } else { None }
}

fn limits(source: &mut Source) -> Option<&mut Limits> {
    Some(&mut webhook(source)?.limits)
}

fn tls(source: &mut Source) -> Option<&mut Tls> {
    let none = || Tls { cert: PathBuf::new(), key: PathBuf::new(), client_ca: None };
    Some(webhook(source)?.tls.get_or_insert_with(none))
}

fn kafka(source: &mut Source) -> Option<&mut KafkaSettings> {
    if let SourceKind::Kafka(kafka) = &mut source.kind { Some(kafka) } else { None }
}

fn cluster(source: &mut Source) -> Option<&mut Option<String>> {
    match &mut source.kind {
        SourceKind::File(FollowSettings { cluster, .. })
        | SourceKind::Stdin { cluster }
        | SourceKind::Webhook(WebhookSettings { cluster, .. }) => Some(cluster),
        SourceKind::Kafka(_) => None,
    }
}

impl Named for SourceSettings {
    const ONE: &'static str = "source";

    const SECTION: &'static str = "sources";

    const KINDS: &'static [Kind] = &[
        Kind {
            name: "file",
            example: "audit-log",
            doc: "one API server's log, followed through rotations and restarts",
        },
        Kind { name: "stdin", example: "pipe", doc: "standard input, until it ends; one source at most" },
        Kind { name: "webhook", example: "api-servers", doc: "what API servers post; see sawatch webhook init" },
        Kind { name: "kafka", example: "topics", doc: "topics of Kafka" },
    ];

    const KEYS: &'static [Key<Self>] = &[
        key("path", "the live file, or a link to it", |s: &mut Self| match &mut s.kind {
            SourceKind::File(file) => it(&mut file.path),
            _ => None,
        })
        .needed()
        .such_as("/var/log/kubernetes/audit.log"),
        key(
            "listen",
            "address to listen on; other than loopback only with tls, and with token-file or tls.client-ca",
            |s| it(&mut webhook(s)?.listen),
        )
        .needed()
        .such_as("0.0.0.0:9443"),
        key("token-file", "file of bearer tokens that are let in, one a line; or none", |s| {
            it(&mut webhook(s)?.token_file)
        })
        .such_as("/etc/sawatch/webhook/token"),
        key("feeds", "names that may be posted to, NAME of /audit/NAME; if there are none, any up to 64", |s| {
            it(&mut webhook(s)?.feeds)
        })
        .such_as("[cp-1, cp-2]"),
        key("topics", "names of topics; one that begins with ^ is a pattern", |s| it(&mut kafka(s)?.topics))
            .needed()
            .such_as("[audit, ^audit-.*]"),
        key("group", "consumer group; its members share the partitions", |s| it(&mut kafka(s)?.group)),
        key("cluster", "cluster that it is of; none is that of the whole configuration", |s| it(cluster(s)?)),
        key(
            "cluster-by",
            "which cluster a record is of: fixed (that of the whole configuration), fixed:NAME, topic, key or header:NAME",
            |s| it(&mut kafka(s)?.cluster),
        ),
        key(
            "from",
            "where to begin that was never read: beginning or end of a log, earliest or latest of a topic",
            |s: &mut Self| match &mut s.kind {
                SourceKind::File(file) => it(&mut file.from),
                SourceKind::Kafka(kafka) => it(&mut kafka.from),
                _ => None,
            },
        ),
        key("poll", "how often to look for more at the end of the log", |s: &mut Self| match &mut s.kind {
            SourceKind::File(file) => it(&mut file.poll),
            _ => None,
        }),
        key("properties", "librdkafka's properties by their names, without secrets", |s| {
            it(&mut kafka(s)?.properties.values)
        })
        .needed()
        .such_as("{bootstrap.servers: \"kafka-1:9092,kafka-2:9092\", security.protocol: sasl_ssl}"),
        key("property-files", "properties whose values stand in files, such as passwords", |s| {
            it(&mut kafka(s)?.properties.files)
        })
        .such_as("{sasl.password: /run/secrets/kafka-password}"),
        key(
            "tls.cert",
            "PEM file: our certificate, then those between it and its authority",
            |s| it(&mut tls(s)?.cert),
        )
        .needed_with(&["tls.key", "tls.client-ca"])
        .such_as("/etc/sawatch/webhook/tls.crt"),
        key("tls.key", "PEM file: its key", |s| it(&mut tls(s)?.key))
            .needed_with(&["tls.cert", "tls.client-ca"])
            .such_as("/etc/sawatch/webhook/tls.key"),
        key("tls.client-ca", "PEM file: authorities of which a client must have a certificate; or none", |s| {
            it(&mut tls(s)?.client_ca)
        }),
        key("limits.max-body", "bytes of a request's body, before and after decompression", |s| {
            Some(Box::new(Size(&mut limits(s)?.max_body)))
        }),
        key("limits.max-buffered", "bytes of all bodies that are being read", |s| {
            Some(Box::new(Size(&mut limits(s)?.max_buffered)))
        }),
        key("limits.max-connections", "connections that are open at once", |s| it(&mut limits(s)?.max_connections)),
        key("limits.head", "time for the handshake and the head of a request", |s| it(&mut limits(s)?.head)),
        key("limits.body", "time for a body", |s| it(&mut limits(s)?.body)),
        key("limits.idle", "time between two requests; the API server closes after 90 s and must be the first", |s| {
            it(&mut limits(s)?.idle)
        }),
        key("limits.ack", "time until what was posted is safe; the API server gives up after 30 s", |s| {
            it(&mut limits(s)?.ack)
        }),
        key("limits.grace", "time for requests in flight at the end", |s| it(&mut limits(s)?.grace)),
        key("limits.renewal", "how often to look whether certificates and tokens have changed", |s| {
            it(&mut limits(s)?.renewal)
        }),
    ];

    fn new(kind: &Kind, name: &str, _: &Config) -> Self {
        let kind = match kind.name {
            "file" => SourceKind::File(FollowSettings::new(name.to_owned(), PathBuf::new())),
            "webhook" => SourceKind::Webhook(WebhookSettings::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))),
            "kafka" => SourceKind::Kafka(KafkaSettings::default()),
            _ => SourceKind::Stdin { cluster: None },
        };
        Self { name: name.to_owned(), kind }
    }

    fn problems(&self) -> Vec<String> {
        match &self.kind {
            SourceKind::File(_) | SourceKind::Stdin { .. } => Vec::new(),
            SourceKind::Webhook(webhook) => webhook.check().map_err(|e| e.to_string()).err().into_iter().collect(),
            SourceKind::Kafka(kafka) => {
                let mut problems = kafka.properties.problems();
                if kafka.topics.is_empty() {
                    problems.push("topics is empty, wanted a topic or several".to_owned());
                }
                problems
            }
        }
    }

    fn claim(&self) -> Option<String> {
        match &self.kind {
            SourceKind::File(file) => Some(format!("path {}", file.path.display())),
            SourceKind::Stdin { .. } => Some("standard input".to_owned()),
            SourceKind::Webhook(webhook) => Some(format!("address {}", webhook.listen)),
            SourceKind::Kafka(_) => None,
        }
    }
}
