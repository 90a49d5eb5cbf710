//! Requests that detectors need: one for each thing that a policy may lose apart from others.

use super::{Level, Request};
use crate::event::Stage;

mod table;

pub(super) use table::OWN_GROUP;
pub use table::PROBES;

/// What must be recorded of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// That it was made, and how it ended.
    Outcome,
    /// When its response began: of a long-running request, hours before it ends; of a 401, the only stage there is.
    Start,
    /// What it asked for.
    Body,
}

impl Need {
    /// The least level.
    #[must_use]
    pub const fn level(self) -> Level {
        if matches!(self, Self::Body) { Level::Request } else { Level::Metadata }
    }

    pub(super) const fn stage(self) -> (Stage, &'static str) {
        if matches!(self, Self::Start) {
            (Stage::ResponseStarted, "ResponseStarted")
        } else {
            (Stage::ResponseComplete, "ResponseComplete")
        }
    }
}

/// A request that a detector needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it is.
    pub about: &'static str,
    /// The request.
    pub request: Request<'static>,
    /// What must be recorded of it.
    pub need: Need,
    /// The detectors that miss it, by id.
    pub blinds: &'static [&'static str],
}
