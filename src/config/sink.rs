//! What a configuration says of sinks.

use std::path::PathBuf;

use super::Config;
use super::key::{Key, it, key};
use super::named::{Kind, Named};
use super::setting::{Headers, Setting, Value};
use crate::format::Format;
use crate::sink::{self, ClientCertificate, HttpSettings, SinkSettings};
use crate::source::kafka::Connection;

/// An address that something can be sent to.
struct Url<'a>(&'a mut String);

impl Setting for Url<'_> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let mut http = HttpSettings::default();
        http.url.set(value)?;
        http.receiver().map_err(|what| what.to_string())?;
        *self.0 = http.url;
        Ok(())
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

fn http(sink: &mut SinkSettings) -> Option<&mut HttpSettings> {
    match &mut sink.kind {
        sink::Kind::Webhook { http, .. } | sink::Kind::Alertmanager { http, .. } | sink::Kind::Falco { http } => {
            Some(http)
        }
        sink::Kind::Stdout { .. } | sink::Kind::File { .. } | sink::Kind::Kafka { .. } => None,
    }
}

fn certificate(sink: &mut SinkSettings) -> Option<&mut ClientCertificate> {
    let none = || ClientCertificate { certificate: PathBuf::new(), key: PathBuf::new() };
    Some(http(sink)?.client_certificate.get_or_insert_with(none))
}

fn format(sink: &mut SinkSettings) -> Option<&mut Format> {
    match &mut sink.kind {
        sink::Kind::Stdout { format }
        | sink::Kind::File { format, .. }
        | sink::Kind::Webhook { format, .. }
        | sink::Kind::Kafka { format, .. } => Some(format),
        sink::Kind::Alertmanager { .. } | sink::Kind::Falco { .. } => None,
    }
}

fn connection(sink: &mut SinkSettings) -> Option<&mut Connection> {
    if let sink::Kind::Kafka { connection, .. } = &mut sink.kind { Some(connection) } else { None }
}

impl Named for SinkSettings {
    const ONE: &'static str = "sink";

    const SECTION: &'static str = "sinks";

    const KINDS: &'static [Kind] = &[
        Kind { name: "stdout", example: "stdout", doc: "standard output; one sink at most" },
        Kind { name: "file", example: "findings", doc: "a file that grows" },
        Kind { name: "webhook", example: "soc", doc: "POST requests, signed if there is a secret" },
        Kind { name: "alertmanager", example: "alertmanager", doc: "Alertmanager's API, version 2" },
        Kind { name: "falco", example: "falcosidekick", doc: "Falcosidekick" },
        Kind { name: "kafka", example: "topic", doc: "a topic of Kafka" },
    ];

    const KEYS: &'static [Key<Self>] = &[
        key("path", "the file; its folder must be there", |s: &mut Self| match &mut s.kind {
            sink::Kind::File { path, .. } => it(path),
            _ => None,
        })
        .needed()
        .such_as("/var/log/sawatch/findings.jsonl"),
        key("url", "the whole address; of Alertmanager, it ends in /api/v2/alerts", |s| {
            Some(Box::new(Url(&mut http(s)?.url)))
        })
        .needed()
        .such_as("https://alerts.example.org/api/v2/alerts"),
        key("topic", "name of the topic", |s: &mut Self| match &mut s.kind {
            sink::Kind::Kafka { topic, .. } => it(topic),
            _ => None,
        })
        .needed()
        .such_as("sawatch-findings"),
        key("format", "how an incident is written: text, ocsf, ecs or falco", |s| it(format(s)?)),
        key(
            "min-severity",
            "mildest incident that it is told of; that of the whole configuration unless said here",
            |s| it(&mut s.least),
        ),
        key("held-back", "whether it is told too of what the day's budget keeps from people", |s| it(&mut s.held_back)),
        key("required", "whether the daemon is not ready while the sink is down", |s| it(&mut s.required)),
        key("capacity", "notices that may wait for it; later ones are dropped, and counted", |s| it(&mut s.capacity)),
        key("batch", "whether a request carries several incidents, as a JSON array", |s: &mut Self| {
            match &mut s.kind {
                sink::Kind::Webhook { batch, .. } => it(batch),
                _ => None,
            }
        }),
        key(
            "secret-file",
            "file with the key of signatures (X-Sawatch-Signature); none leaves requests unsigned",
            |s: &mut Self| match &mut s.kind {
                sink::Kind::Webhook { secret_file, .. } => it(secret_file),
                _ => None,
            },
        ),
        key("resolve-after", "after how long an incident that is not told again counts as resolved", |s| match &mut s
            .kind
        {
            sink::Kind::Alertmanager { resolve_after, .. } => it(resolve_after),
            _ => None,
        }),
        key("timeout", "time for a request, connecting included", |s| it(&mut http(s)?.timeout)),
        key("authorization-file", "file with the value of Authorization, such as Bearer TOKEN; or none", |s| {
            it(&mut http(s)?.authorization_file)
        }),
        key("headers", "more headers by their names, without secrets", |s| {
            Some(Box::new(Headers(&mut http(s)?.headers)))
        })
        .such_as("{X-Scope-OrgID: security}"),
        key(
            "properties",
            "librdkafka's properties by their names, without secrets",
            |s| it(&mut connection(s)?.values),
        )
        .needed()
        .such_as("{bootstrap.servers: \"kafka-1:9092,kafka-2:9092\"}"),
        key("property-files", "properties whose values stand in files, such as passwords", |s| {
            it(&mut connection(s)?.files)
        })
        .such_as("{sasl.password: /run/secrets/kafka-password}"),
        key("tls.ca", "PEM file: authorities of the server's certificate; none is those that the system trusts", |s| {
            it(&mut http(s)?.ca_file)
        }),
        key("tls.cert", "PEM file: the certificate that we show, then those between it and its authority", |s| {
            it(&mut certificate(s)?.certificate)
        })
        .needed_with(&["tls.key"])
        .such_as("/etc/sawatch/sink.crt"),
        key("tls.key", "PEM file: its key", |s| it(&mut certificate(s)?.key))
            .needed_with(&["tls.cert"])
            .such_as("/etc/sawatch/sink.key"),
    ];

    /// What is kept to be searched is told all; people are told what the budget lets through. Standard output is no
    /// reason to be taken for down: where it goes, nobody here knows.
    fn new(kind: &Kind, name: &str, config: &Config) -> Self {
        let format = Format::default();
        let of = match kind.name {
            "file" => sink::Kind::File { path: PathBuf::new(), format },
            "webhook" => sink::Kind::webhook(HttpSettings::default()),
            "alertmanager" => sink::Kind::alertmanager(HttpSettings::default()),
            "falco" => sink::Kind::Falco { http: HttpSettings::default() },
            "kafka" => sink::Kind::Kafka { topic: String::new(), format, connection: Connection::default() },
            _ => sink::Kind::Stdout { format },
        };
        Self {
            name: name.to_owned(),
            kind: of,
            least: config.min_severity,
            required: kind.name != "stdout",
            held_back: matches!(kind.name, "stdout" | "file" | "kafka"),
            ..Self::default()
        }
    }

    fn problems(&self) -> Vec<String> {
        match &self.kind {
            sink::Kind::Kafka { connection, .. } => connection.problems(),
            _ => self.check().map_err(|unusable| unusable.what.to_string()).err().into_iter().collect(),
        }
    }

    fn claim(&self) -> Option<String> {
        match &self.kind {
            sink::Kind::Stdout { .. } => Some("standard output".to_owned()),
            sink::Kind::File { path, .. } => Some(format!("path {}", path.display())),
            _ => None,
        }
    }
}
