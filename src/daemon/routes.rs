//! Which sinks are told what: what of a configuration can change while a daemon runs.

use std::sync::{Arc, PoisonError, RwLock};

use crate::store::Route;

/// The routes of now, shared.
#[derive(Clone, Debug, Default)]
pub struct Routes(Arc<RwLock<Vec<Route>>>);

impl Routes {
    /// As they are now; they hold for a whole transaction.
    #[must_use]
    pub fn now(&self) -> Vec<Route> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next transaction on these hold.
    pub fn set(&self, routes: Vec<Route>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = routes;
    }
}
