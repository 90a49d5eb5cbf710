//! What would run, as a short table.

use std::fmt::{self, Display};

use crate::config::{Config, SourceKind, SourceSettings};
use crate::sink::{Kind, SinkSettings};
use crate::text::Text;

/// What a configuration makes run. An address is shown without its path, which may hold a secret.
pub(super) struct Plan<'a>(pub(super) &'a Config);

/// A source or a sink.
struct Row {
    what: &'static str,
    name: String,
    kind: &'static str,
    about: String,
}

impl Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { cluster, state, admin, sources, sinks, .. } = self.0;
        let admin = admin.listen.map_or_else(|| "none".to_owned(), |listen| listen.to_string());
        write!(
            f,
            "cluster  {}\nstate    {}\nadmin    {admin}\n",
            Text::new(cluster),
            Text::from(state.folder.as_path())
        )?;
        let mut rows: Vec<Row> = sources.iter().map(source).collect();
        rows.extend(sinks.iter().map(sink));
        let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let kind_width = rows.iter().map(|row| row.kind.len()).max().unwrap_or(0);
        for Row { what, name, kind, about } in rows {
            let line = format!("{what:<7}  {name:<name_width$}  {kind:<kind_width$}  {about}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn source(source: &SourceSettings) -> Row {
    let about = match &source.kind {
        SourceKind::File(file) => Text::from(file.path.as_path()).to_string(),
        SourceKind::Stdin { .. } => String::new(),
        SourceKind::Webhook(webhook) => {
            format!("{}://{}", if webhook.tls.is_some() { "https" } else { "http" }, webhook.listen)
        }
        SourceKind::Kafka(kafka) => format!("{} as {}", Text::new(&kafka.topics.join(", ")), Text::new(&kafka.group)),
    };
    Row { what: "source", name: source.name.clone(), kind: source.kind.as_str(), about }
}

fn sink(sink: &SinkSettings) -> Row {
    let to = match &sink.kind {
        Kind::Stdout { .. } => "standard output".to_owned(),
        Kind::File { path, .. } => Text::from(path.as_path()).to_string(),
        Kind::Kafka { topic, .. } => Text::new(topic).to_string(),
        Kind::Webhook { http, .. } | Kind::Alertmanager { http, .. } | Kind::Falco { http } => {
            http.receiver().unwrap_or_else(|what| what).to_string()
        }
    };
    let held_back = if sink.held_back { ", held-back" } else { "" };
    let required = if sink.required { ", required" } else { "" };
    let about = format!("{to}; {} and above{held_back}{required}", sink.least.as_str());
    Row { what: "sink", name: sink.name.clone(), kind: sink.kind.as_str(), about }
}
