//! Incidents to standard output or a file.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::SinkError;
use crate::alert::{Activity, Incident};
use crate::format::{Format, Style};
use crate::text::Text;

/// Writes to one stream until its end, or until nobody reads it any more.
pub struct Stream {
    name: Text,
    out: Box<dyn Write>,
    /// The reader went away (`sawatch … | head`): the rest is nobody's business, and no error.
    closed: bool,
}

impl Stream {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new("standard output", BufWriter::new(io::stdout()))
    }

    /// Standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new("standard error", io::stderr())
    }

    /// A file, which is made or emptied.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        let name = path.to_string_lossy();
        let file = File::create(path).map_err(|cause| SinkError { to: Text::new(&name), cause })?;
        Ok(Self::new(&name, BufWriter::new(file)))
    }

    fn new(name: &str, out: impl Write + 'static) -> Self {
        Self { name: Text::new(name), out: Box::new(out), closed: false }
    }

    /// Writes incidents in their order.
    ///
    /// # Errors
    ///
    /// If they cannot be written, for another reason than that nobody reads.
    pub fn deliver<'a>(
        &mut self,
        format: Format,
        style: Style,
        incidents: impl IntoIterator<Item = &'a Incident>,
    ) -> Result<(), SinkError> {
        self.write(|out| {
            incidents.into_iter().try_for_each(|incident| format.write(incident, Activity::Opened, style, out))
        })
    }

    /// Writes what became of an incident.
    ///
    /// # Errors
    ///
    /// As [`Stream::deliver`].
    pub fn notify(
        &mut self,
        format: Format,
        style: Style,
        incident: &Incident,
        activity: Activity,
    ) -> Result<(), SinkError> {
        self.write(|out| format.write(incident, activity, style, out))
    }

    /// Writes a closing word.
    ///
    /// # Errors
    ///
    /// As [`Stream::deliver`].
    pub fn say(&mut self, words: &impl Display) -> Result<(), SinkError> {
        self.write(|out| write!(out, "{words}"))
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), SinkError> {
        if self.closed {
            return Ok(());
        }
        match write(&mut self.out).and_then(|()| self.out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            outcome => outcome.map_err(|cause| SinkError { to: self.name.clone(), cause }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_error_and_a_full_disk_is() {
        let mut left = Stream::new("x", Failing(io::ErrorKind::BrokenPipe));
        assert!(left.say(&"a").is_ok() && left.say(&"b").is_ok());
        let error = Stream::new("alerts.jsonl", Failing(io::ErrorKind::StorageFull)).say(&"a").expect_err("full");
        assert!(error.to_string().starts_with("cannot write alerts.jsonl: "), "{error}");
    }
}
