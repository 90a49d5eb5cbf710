//! Opens what a configuration names, and leaves nothing behind.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use crate::config::{Config, Connection, SourceKind, SourceSettings};
use crate::sink::{Kind, Reopen, Sink, SinkSettings};
use crate::source::live::webhook::{Webhook, WebhookSettings};
use crate::text::Text;

/// All that cannot be opened, with the key that names it.
pub(in crate::cli) fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    let mut tell = |key: &str, outcome: Result<(), String>| {
        problems.extend(outcome.map_err(|what| format!("{key}: {what}")).err())
    };
    tell("state.folder", writable(&config.state.folder));
    if let Some(path) = &config.admin.token_file {
        tell("admin.token-file", readable(path));
    }
    for source in &config.sources {
        tell(&format!("sources.{}", source.name), open_source(source));
    }
    for sink in &config.sinks {
        tell(&format!("sinks.{}", sink.name), open_sink(sink));
    }
    problems
}

fn open_source(source: &SourceSettings) -> Result<(), String> {
    match &source.kind {
        SourceKind::File(file) => readable(&file.path),
        SourceKind::Stdin { .. } => Ok(()),
        SourceKind::Webhook(webhook) => {
            // any port: a daemon may have the right one already
            let listen = SocketAddr::new(webhook.listen.ip(), 0);
            let settings = WebhookSettings { listen, ..webhook.clone() };
            Webhook::open(&source.name, settings).map(|_| ()).map_err(|e| e.to_string())
        }
        SourceKind::Kafka(kafka) => open_properties(&kafka.properties),
    }
}

fn open_sink(sink: &SinkSettings) -> Result<(), String> {
    Sink::open(sink, &Reopen::default()).map_err(|unusable| unusable.what.to_string())?;
    match &sink.kind {
        Kind::File { path, .. } if path.exists() => outcome(path, File::options().append(true).open(path)),
        Kind::File { path, .. } => writable(path.parent().unwrap_or(path)),
        _ => Ok(()),
    }
}

fn open_properties(properties: &Connection) -> Result<(), String> {
    properties.files.values().try_for_each(|path| readable(path))
}

fn readable(path: &Path) -> Result<(), String> {
    outcome(path, File::open(path))
}

/// Whether a file can be made in a folder.
fn writable(folder: &Path) -> Result<(), String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    outcome(folder, tempfile::tempfile_in(folder))
}

fn outcome<T>(path: &Path, outcome: io::Result<T>) -> Result<(), String> {
    outcome.map(|_| ()).map_err(|e| format!("cannot open {}: {e}", Text::from(path)))
}
