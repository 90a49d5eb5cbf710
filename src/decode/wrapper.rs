//! The envelopes that log shippers and clouds put around audit events, told apart by their top-level keys.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::time;
use crate::event::Timestamp;

/// The keys under which something may hold events.
#[derive(Deserialize)]
struct Envelope<'a> {
    /// audit webhook: `EventList`
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    /// AKS by way of Event Hubs
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    /// CloudWatch subscription
    #[serde(borrow, rename = "logEvents")]
    log_events: Option<&'a RawValue>,
    /// GKE `LogEntry`
    #[serde(borrow, rename = "protoPayload")]
    proto_payload: Option<&'a RawValue>,
    /// Elastic Agent: `kubernetes.audit`
    #[serde(borrow)]
    kubernetes: Option<&'a RawValue>,
    /// AKS: `properties.log`
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    /// Logstash with ECS: `event.original`
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// EKS, Vector, Filebeat, Logstash
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// Fluent Bit, Docker's json-file
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    /// OpenShift Logging that parses JSON
    #[serde(borrow)]
    structured: Option<&'a RawValue>,
    /// Kafka Connect
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, rename = "@timestamp")]
    at_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
}

/// The keys of an object inside an envelope.
#[derive(Default, Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    audit: Option<&'a RawValue>,
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    #[serde(borrow)]
    original: Option<&'a RawValue>,
}

/// What stands in an envelope.
pub(super) enum Contents<'a> {
    /// Values, each of which holds events: as JSON, or as a string of JSON.
    Values(Vec<&'a RawValue>),
    /// The envelope is a GKE `LogEntry`.
    LogEntry,
}

/// What `json` holds, and the time it tells; `None` if it is no known envelope.
pub(super) fn open(json: &str) -> Option<(Contents<'_>, Option<Timestamp>)> {
    if json.starts_with('[') {
        return Some((Contents::Values(serde_json::from_str(json).ok()?), None));
    }
    let envelope: Envelope<'_> = serde_json::from_str(json).ok()?;
    let time = envelope.timestamp.or(envelope.at_timestamp).or(envelope.time).and_then(time::moment);
    if envelope.proto_payload.is_some() {
        return Some((Contents::LogEntry, time));
    }
    envelope.values().map(|values| (Contents::Values(values), time))
}

impl<'a> Envelope<'a> {
    fn values(&self) -> Option<Vec<&'a RawValue>> {
        let list = self.items.or(self.records).or(self.log_events);
        if let Some(list) = list.and_then(|raw| serde_json::from_str(raw.get()).ok()) {
            return Some(list);
        }
        let one = (members(self.kubernetes).audit)
            .or_else(|| members(self.properties).log)
            .or_else(|| members(self.event).original)
            .or_else(|| {
                [self.message, self.log, self.structured, self.payload].into_iter().flatten().find(is_promising)
            });
        one.map(|raw| vec![raw])
    }
}

fn members(object: Option<&RawValue>) -> Members<'_> {
    object.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// JSON, a string of JSON, or a CRI line that starts with its time: a `message` is mostly a sentence.
fn is_promising(raw: &&RawValue) -> bool {
    raw.get().trim_start_matches(['"', ' ']).starts_with(|c: char| matches!(c, '{' | '[') || c.is_ascii_digit())
}
