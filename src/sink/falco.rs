//! Falcosidekick, and whatever it forwards to: one alert for each request, in Falco's words. In these nothing ends: the
//! closing of an incident would be read as one more alert, and is not told.

use hyper::header::HeaderMap;

use super::http::{Client, HttpSettings};
use super::{Trouble, line};
use crate::alert::Activity;
use crate::format::Format;
use crate::store::Outbox;
use crate::text::Text;

/// Falcosidekick.
pub struct Falco {
    client: Client,
}

impl Falco {
    pub(super) fn new(http: &HttpSettings) -> Result<Self, Text> {
        Ok(Self { client: Client::new(http)? })
    }

    pub(super) async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        for notice in notices.iter().filter(|notice| notice.activity != Activity::Closed) {
            self.client.post("application/json", HeaderMap::new(), line(Format::Falco, notice)).await?;
        }
        Ok(())
    }
}
