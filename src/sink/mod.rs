//! Where incidents and rejects go.

use std::io;

use crate::text::Text;

pub mod rejects;
pub mod stream;

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {to}: {cause}")]
pub struct SinkError {
    /// To what.
    pub to: Text,
    /// What the system says.
    #[source]
    pub cause: io::Error,
}
