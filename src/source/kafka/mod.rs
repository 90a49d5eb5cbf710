//! What everything that reads Kafka shares: the client's properties, how a record's value becomes lines, and a topic that
//! is read once.

use rdkafka::config::RDKafkaLogLevel;
use tracing::debug;

use crate::text::Text;

mod connection;
mod properties;
mod topic;
mod value;

pub use connection::Connection;
pub use properties::{Properties, PropertyProblem};
pub use topic::{TopicError, TopicPart, parts};
pub(in crate::source) use value::append;

/// librdkafka's own log. Whatever matters in it comes as an error too.
pub(in crate::source) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    debug!("librdkafka {level:?} {facility}: {}", Text::new(message));
}
