//! `sawatch run`: live sources in, incidents out, for months.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;
use tracing::{error, info, warn};

use super::job::load;
use super::{Exit, Failure};
use crate::admin::Admin;
use crate::alert::Severity;
use crate::config::{Config, KafkaSettings, LogFormat, SourceKind, SourceSettings};
use crate::daemon::routes::Routes;
use crate::daemon::{Context, Daemon, DaemonError, Plan};
use crate::format::Format;
use crate::sink::{Kind, SinkSettings};
use crate::source::live::Source;
use crate::source::live::follow::Follow;
use crate::source::live::kafka::{self, Kafka};
use crate::source::live::stdin::Stdin;
use crate::source::live::webhook::{Webhook, WebhookStats};
use crate::store::StoreError;
use crate::text::Text;

const EXAMPLES: &str = "\
Examples:
  On a control-plane node, behind Kafka, or as the API server's webhook:
    sawatch run --config /etc/sawatch/sawatch.yaml
  From a pipe, to standard output, keeping what is learned:
    kubectl logs -f -n kube-system kube-apiserver-cp-1 | sawatch run --state ~/.local/state/sawatch

Signals:
  SIGTERM, SIGINT  end: what was read is judged, kept and delivered, within the configured grace
  SIGHUP           open files of sinks again, and reload what sinks are told (min-severity, held-back, capacity)";

/// Follow live audit logs
///
/// Reads the sources of a configuration, tells its sinks, and keeps what it knows in its state folder: it goes on where it
/// was after any kind of end. Without a configuration it reads standard input and writes to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to read, whom to tell, where to keep what is known
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where to keep what is known; goes before the configuration's state.folder
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Args {
    /// How the log is written; a configuration that cannot be read is told of later.
    pub(super) fn log_format(&self) -> LogFormat {
        self.config.as_deref().and_then(|path| Config::load(path).ok()).map_or(LogFormat::Text, |c| c.log_format)
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut config = load(args.config.as_deref())?;
    let mut temporary = None;
    match (&args.state, &args.config) {
        (Some(folder), _) => config.state.folder.clone_from(folder),
        (None, Some(_)) => {}
        (None, None) => config.state.folder = nowhere(&mut temporary)?,
    }
    if args.config.is_none() {
        from_a_pipe(&mut config);
    }
    let (admin, folder) = (config.admin.clone(), config.state.folder.clone());
    let context = Context::new()?;
    heed_signals(&context, args.config.clone().map(|path| (path, config.clone())))?;
    let daemon = Daemon::prepare(plan(config)?, context).map_err(failure)?;
    Admin::start(&admin, &folder, &daemon.handle(), daemon.runtime()).map_err(|e| Failure::Usage(e.into()))?;
    info!("sawatch {} is running", env!("CARGO_PKG_VERSION"));
    daemon.run()?;
    info!("all that was read is judged and kept");
    Ok(Exit::Done)
}

/// A folder that is gone in the end.
fn nowhere(temporary: &mut Option<TempDir>) -> Result<PathBuf, Failure> {
    warn!("what is learned is forgotten in the end: --state DIR keeps it");
    Ok(temporary.insert(tempfile::tempdir()?).path().to_owned())
}

/// One of several perhaps, so it has no address.
fn from_a_pipe(config: &mut Config) {
    config.admin.listen = None;
    config.sources = vec![SourceSettings { name: "stdin".to_owned(), kind: SourceKind::Stdin { cluster: None } }];
    config.sinks = vec![SinkSettings {
        kind: Kind::Stdout { format: config.format.unwrap_or(Format::Ocsf) },
        least: Severity::Medium,
        held_back: true,
        ..SinkSettings::default()
    }];
}

/// A wrong configuration is told apart from a disk that fails.
fn failure(error: DaemonError) -> Failure {
    match error {
        DaemonError::Sink(_) | DaemonError::Store(StoreError::InUse(_) | StoreError::Newer { .. }) => {
            Failure::Usage(error.into())
        }
        other => Failure::Run(other.into()),
    }
}

fn plan(config: Config) -> Result<Plan, Failure> {
    let folder = config.state.folder;
    make_private(&folder)
        .with_context(|| format!("state.folder {} cannot be made", Text::from(folder.as_path())))
        .map_err(Failure::Usage)?;
    let (mut sources, mut webhooks, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for settings in config.sources {
        match source(settings, &mut webhooks) {
            Ok(source) => sources.push(source),
            Err(problem) => problems.push(problem),
        }
    }
    if sources.is_empty() && problems.is_empty() {
        problems.push("there is nothing to read: the configuration has no sources".to_owned());
    }
    if !problems.is_empty() {
        return Err(Failure::Usage(anyhow!("{}", problems.join("\n       "))));
    }
    let rejects = config.rejects.path.unwrap_or_else(|| folder.join("rejects.jsonl"));
    Ok(Plan {
        cluster: config.cluster,
        detection: config.detection,
        sources,
        webhooks,
        sinks: config.sinks,
        queue: usize::try_from(config.queue.0).unwrap_or(usize::MAX),
        grace: config.grace,
        rejects: (rejects, config.rejects.max_bytes.0),
        folder,
    })
}

/// Makes a folder, if it is not there, for its owner alone.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What a webhook counts, with its source's name.
type Counted = (String, Arc<WebhookStats>);

/// The source that settings ask for; what a webhook counts goes to `webhooks`.
fn source(settings: SourceSettings, webhooks: &mut Vec<Counted>) -> Result<Box<dyn Source>, String> {
    let SourceSettings { name, kind } = settings;
    let wrong = |what: &dyn std::fmt::Display| format!("source {}: {what}", Text::new(&name));
    Ok(match kind {
        SourceKind::File(file) => Box::new(Follow::new(file)),
        SourceKind::Stdin { cluster } => Box::new(Stdin::new(&name, cluster.as_deref())),
        SourceKind::Webhook(webhook) => {
            let webhook = Webhook::open(&name, webhook).map_err(|e| wrong(&e))?;
            webhooks.push((name.clone(), webhook.stats()));
            Box::new(webhook)
        }
        SourceKind::Kafka(topics) => {
            let source = Kafka::new(consumer(name.clone(), topics).map_err(|e| wrong(&e))?);
            Box::new(source.map_err(|all| all.iter().map(|e| wrong(e)).collect::<Vec<_>>().join("\n       "))?)
        }
    })
}

/// What a Kafka source is told, secrets read from their files.
fn consumer(name: String, settings: KafkaSettings) -> Result<kafka::KafkaSettings, String> {
    let KafkaSettings { topics, group, cluster, from, properties } = settings;
    Ok(kafka::KafkaSettings { name, topics, group, cluster, properties: properties.read()?, from })
}

/// The configuration's file, with what it said when the daemon started.
type Loaded = Option<(PathBuf, Config)>;

/// Takes of a changed configuration what can change while the daemon runs: what sinks are told. A wrong one changes nothing.
fn reload((path, before): &(PathBuf, Config), routes: &Routes) {
    let now = match Config::load(path) {
        Ok(now) => now,
        Err(problem) => return error!("nothing is reloaded: {problem}"),
    };
    let as_routed = |config: &Config| {
        let mut config = config.clone();
        for sink in &mut config.sinks {
            (sink.least, sink.held_back, sink.capacity) = (Severity::Medium, false, 0);
        }
        config
    };
    let names = |config: &Config| config.sinks.iter().map(|sink| sink.name.clone()).collect::<Vec<_>>();
    if names(&now) == names(before) {
        routes.set(now.sinks.iter().map(SinkSettings::route).collect());
        info!("reloaded: what sinks are told");
    }
    let elsewhere = Config { state: before.state.clone(), ..as_routed(&now) };
    if elsewhere != as_routed(before) {
        warn!("more has changed than what sinks are told: that takes a restart");
    }
}

/// SIGTERM and SIGINT end the daemon; SIGHUP has files opened again, and what can be reloaded.
#[cfg(unix)]
fn heed_signals(context: &Context, loaded: Loaded) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (stop, reopen, routes) = (context.stop.clone(), context.reopen.clone(), context.routes.clone());
    let _within = context.runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    context.runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    info!("files of sinks are opened again");
                    reopen.ask();
                    loaded.iter().for_each(|loaded| reload(loaded, &routes));
                }
            }
        }
        info!("ending: sources are read no further");
        stop.cancel();
    });
    Ok(())
}

#[cfg(not(unix))]
fn heed_signals(context: &Context, _: Loaded) -> Result<(), Failure> {
    let stop = context.stop.clone();
    context.runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    Ok(())
}
