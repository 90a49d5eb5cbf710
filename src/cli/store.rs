//! The store that a command is about: a running daemon's, or one that waits for its daemon.

use std::path::PathBuf;

use anyhow::anyhow;

use super::Failure;
use super::job::load;
use crate::admin::{AskError, Reply, Request, StoreRequest, ask};
use crate::daemon::control::{Answer, ControlError, Wish};
use crate::store::StoreError;

/// Where what is known is kept.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// Where sawatch run keeps what it knows; goes before the configuration's state.folder [default: /var/lib/sawatch]
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,

    /// The configuration of sawatch run; if it does not run, events are judged again by it
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl StoreArgs {
    /// Asks the store.
    pub(super) fn ask(&self, request: StoreRequest) -> Result<Reply, Failure> {
        self.request(Request::Store(request))
    }

    /// Asks whoever judges.
    pub(super) fn wish(&self, wish: Wish) -> Result<Answer, Failure> {
        match self.request(Request::Judge(wish))? {
            Reply::Judge(answer) => Ok(answer),
            _ => Err(unexpected()),
        }
    }

    /// The cluster that is meant where none is named.
    pub(super) fn cluster(&self) -> Result<String, Failure> {
        Ok(load(self.config.as_deref())?.cluster)
    }

    fn request(&self, request: Request) -> Result<Reply, Failure> {
        let config = load(self.config.as_deref())?;
        let folder = self.state.as_ref().unwrap_or(&config.state.folder);
        ask(folder, &config.detection, request).map_err(|error| match error {
            AskError::Nothing(_)
            | AskError::Control(ControlError::Store(StoreError::InUse(_) | StoreError::Newer { .. })) => {
                Failure::Usage(error.into())
            }
            other => Failure::Run(other.into()),
        })
    }
}

/// The daemon is of another version, most likely.
pub(super) fn unexpected() -> Failure {
    Failure::Run(anyhow!("the daemon answered something else than was asked: is it of another version?"))
}

/// Who does something, if nothing else is said.
pub(super) fn user() -> Result<String, Failure> {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    user.ok_or_else(|| Failure::Usage(anyhow!("USER is not set: say who you are")))
}
