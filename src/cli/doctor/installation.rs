//! Whether a configuration can run here, and for how long.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use super::file::{self, Judged};
use crate::cli::config::connect;
use crate::cli::job::load;
use crate::cli::{Exit, Failure};
use crate::config::{Config, SourceKind};
use crate::event::Timestamp;
use crate::format::rows::rows;
use crate::sink::stream::Stream;
use crate::sink::{Kind, wall_clock};
use crate::text::Text;

pub(super) fn examine(path: &Path, width: usize) -> Result<Exit, Failure> {
    let config = load(Some(path))?;
    let report = Report { findings: findings(&config, wall_clock()), path, width };
    Stream::stdout().say(&report)?;
    Ok(if report.findings.is_empty() { Exit::Done } else { Exit::Blind })
}

/// What was found, each with the key that it is about.
fn findings(config: &Config, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut findings: Vec<_> = connect::problems(config).into_iter().map(|what| ("cannot open", what)).collect();
    let Named { secrets, certificates, logs } = Named::by(config);
    let mut tell = |title, key: &str, judged: Judged| {
        findings.extend(judged.err().map(|what| (title, format!("{key}: {what}"))));
    };
    tell("room", "state.folder", file::has_room(&config.state.folder));
    for (key, path) in &logs {
        tell("clock", key, file::is_in_time(path, now));
    }
    for (key, path) in &secrets {
        tell("secrets", key, file::is_private(path));
    }
    for (key, path) in &certificates {
        tell("certificates", key, file::is_valid_for_long(path, now));
    }
    findings
}

/// Files that a configuration names, each with its key.
#[derive(Default)]
struct Named {
    secrets: Vec<(String, PathBuf)>,
    certificates: Vec<(String, PathBuf)>,
    logs: Vec<(String, PathBuf)>,
}

impl Named {
    fn by(config: &Config) -> Self {
        let mut named = Self::default();
        named.secrets.extend(config.admin.token_file.iter().map(|path| ("admin.token-file".to_owned(), path.clone())));
        named.of_sources(config);
        named.of_sinks(config);
        named
    }

    fn secret(&mut self, section: &str, key: &str, path: Option<&PathBuf>) {
        self.secrets.extend(path.map(|path| (format!("{section}.{key}"), path.clone())));
    }

    fn certificate(&mut self, section: &str, key: &str, path: Option<&PathBuf>) {
        self.certificates.extend(path.map(|path| (format!("{section}.{key}"), path.clone())));
    }

    fn of_sources(&mut self, config: &Config) {
        for source in &config.sources {
            let section = format!("sources.{}", source.name);
            match &source.kind {
                SourceKind::Stdin { .. } => {}
                SourceKind::File(log) => self.logs.push((section, log.path.clone())),
                SourceKind::Webhook(webhook) => {
                    self.secret(&section, "token-file", webhook.token_file.as_ref());
                    let Some(tls) = &webhook.tls else { continue };
                    self.secret(&section, "tls.key", Some(&tls.key));
                    self.certificate(&section, "tls.cert", Some(&tls.cert));
                    self.certificate(&section, "tls.client-ca", tls.client_ca.as_ref());
                }
                SourceKind::Kafka(kafka) => self.properties(&section, kafka.properties.files.values()),
            }
        }
    }

    fn of_sinks(&mut self, config: &Config) {
        for sink in &config.sinks {
            let section = format!("sinks.{}", sink.name);
            if let Kind::Webhook { secret_file, .. } = &sink.kind {
                self.secret(&section, "secret-file", secret_file.as_ref());
            }
            let (Kind::Webhook { http, .. } | Kind::Alertmanager { http, .. } | Kind::Falco { http }) = &sink.kind
            else {
                continue;
            };
            self.secret(&section, "authorization-file", http.authorization_file.as_ref());
            self.certificate(&section, "tls.ca", http.ca_file.as_ref());
            if let Some(ours) = &http.client_certificate {
                self.secret(&section, "tls.key", Some(&ours.key));
                self.certificate(&section, "tls.cert", Some(&ours.certificate));
            }
        }
    }

    fn properties<'p>(&mut self, section: &str, files: impl Iterator<Item = &'p PathBuf>) {
        files.for_each(|path| self.secret(section, "property-files", Some(path)));
    }
}

struct Report<'a> {
    findings: Vec<(&'static str, String)>,
    path: &'a Path,
    width: usize,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Text::from(self.path);
        if self.findings.is_empty() {
            return writeln!(f, "installation: nothing is wrong with what {path} names");
        }
        writeln!(f, "installation: not all is well with what {path} names")?;
        for findings in self.findings.chunk_by(|a, b| a.0 == b.0) {
            rows(f, self.width, findings[0].0, findings.iter().map(|(_, what)| what.clone()))?;
        }
        Ok(())
    }
}
