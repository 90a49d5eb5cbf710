//! Standard output, a line for each notice.

use std::io::{self, Write};

use super::{Trouble, blocking, lines};
use crate::format::Format;
use crate::store::Outbox;

/// Standard output.
pub struct Stdout {
    format: Format,
}

impl Stdout {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    pub(super) async fn deliver(&self, notices: &[Outbox]) -> Result<(), Trouble> {
        let lines = lines(self.format, notices);
        let write = move || {
            let mut out = io::stdout().lock();
            out.write_all(&lines).and_then(|()| out.flush())
        };
        blocking(write).await?.map_err(|e| Trouble::transient(format!("cannot write standard output: {e}")))
    }
}
