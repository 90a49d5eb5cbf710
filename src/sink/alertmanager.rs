//! Alertmanager's API, version 2.

use std::time::Duration;

use hyper::header::HeaderMap;

use super::http::{Client, HttpSettings};
use super::{Trouble, wall_clock};
use crate::event::Timestamp;
use crate::format::alertmanager;
use crate::store::Outbox;
use crate::text::Text;

/// Alertmanager.
pub struct Alertmanager {
    client: Client,
    resolve_after: Duration,
}

impl Alertmanager {
    pub(super) fn new(http: &HttpSettings, resolve_after: Duration) -> Result<Self, Text> {
        Ok(Self { client: Client::new(http)?, resolve_after })
    }

    /// Alertmanager forgets an alert whose end has come: what waited for an hour is still to be told, so that its end
    /// counts from now.
    pub(super) async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        let micros = i64::try_from(self.resolve_after.as_micros()).unwrap_or(i64::MAX);
        let end = Timestamp(wall_clock().0.saturating_add(micros));
        let body = alertmanager::write(notices.iter().map(|notice| (&notice.incident, notice.activity)), end);
        self.client.post("application/json", HeaderMap::new(), body).await
    }
}
