//! Record bytes to events and rejects.
//!
//! What the API server itself wrote is scanned (`canonical`); any other layout goes through serde (`native`); the
//! envelopes of clouds and log shippers are opened (`wrapper`, `gke`, `cri`, `header`). All three end in the same rules
//! (`fields`). Nothing here fails as a whole: what is no event becomes a [`Reject`] that says why.

mod body;
mod canonical;
mod certificate;
mod cri;
mod cursor;
mod fields;
mod gke;
mod header;
mod json;
mod native;
mod record;
mod reject;
mod time;
mod wrapper;

use memchr::memchr;

pub use body::is_read;
pub use cri::is_cri_partial;
pub use reject::{Reject, RejectReason};
pub(crate) use time::timestamp;

use crate::event::Event;
use record::Record;

/// The longest record that is decoded. An API request may have 3 MiB and its response more, but whatever is longer than
/// this is worth less than the memory it takes.
pub const MAX_RECORD: usize = 16 << 20;

/// Below the mean line at level Metadata (1.2 KB), so that a block's events are mostly allocated once.
const TYPICAL_RECORD: usize = 1 << 10;

/// What a block held, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The events.
    pub events: Vec<Event<'a>>,
    /// Everything else.
    pub rejects: Vec<Reject<'a>>,
}

/// Decodes a block of whole lines, each a record. Parts of a CRI line are joined.
#[must_use]
pub fn decode_block(block: &[u8]) -> Decoded<'_> {
    let mut out = Decoded { events: Vec::with_capacity(block.len() / TYPICAL_RECORD), rejects: Vec::new() };
    let is_text = std::str::from_utf8(block).ok();
    let mut start = 0;
    while start < block.len() {
        let mut end = line_end(block, start);
        if is_cri_partial(&block[start..end]) {
            end = decode_cri_run(block, start, &mut out);
        } else if let Some(text) = is_text {
            decode_line(&text[start..end], start, &mut out);
        } else {
            decode_record(&block[start..end], start, &mut out);
        }
        start = end + 1;
    }
    out
}

/// Decodes one record, which may hold line ends, into `out`. `offset` is where it stands in its block.
pub fn decode_record<'a>(record: &'a [u8], offset: usize, out: &mut Decoded<'a>) {
    match std::str::from_utf8(record) {
        Ok(text) => decode_line(text, offset, out),
        Err(_) => out.rejects.push(Reject { reason: RejectReason::InvalidUtf8, offset, record }),
    }
}

/// Rejects a record over [`MAX_RECORD`] of which the reader kept only the beginning.
pub fn reject_too_long<'a>(beginning: &'a [u8], offset: usize, out: &mut Decoded<'a>) {
    out.rejects.push(Reject { reason: RejectReason::TooLong, offset, record: beginning });
}

fn line_end(block: &[u8], start: usize) -> usize {
    memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at)
}

fn decode_line<'a>(line: &'a str, offset: usize, out: &mut Decoded<'a>) {
    if line.len() > MAX_RECORD {
        return reject_too_long(line.as_bytes(), offset, out);
    }
    let text = line.trim_ascii_end();
    if !text.is_empty() {
        Record::new(text, offset).decode(out);
    }
}

/// Joins the parts of one CRI line that starts at `start`, decodes it, and says where its last line ends.
///
/// A run that the same stream does not finish is torn: the lines after it are decoded on their own.
fn decode_cri_run<'a>(block: &'a [u8], start: usize, out: &mut Decoded<'a>) -> usize {
    let (mut whole, mut end, mut next) = (Vec::new(), start, start);
    let mut stream = None;
    while next < block.len() {
        let line_end = line_end(block, next);
        let Some(line) = cri::parse(&block[next..line_end]).filter(|l| stream.is_none_or(|s| s == l.stream)) else {
            break;
        };
        whole.extend_from_slice(line.content.strip_suffix(b"\r").unwrap_or(line.content));
        (stream, end, next) = (Some(line.stream), line_end, line_end + 1);
        if whole.len() > MAX_RECORD || !line.is_partial {
            break;
        }
    }
    let record = &block[start..end];
    let mut inside = Decoded::default();
    if whole.len() > MAX_RECORD {
        reject_too_long(record, start, out);
    } else {
        decode_record(&whole, 0, &mut inside);
    }
    for event in inside.events {
        out.events.push(event.into_owned());
    }
    out.rejects.extend(inside.rejects.iter().map(|r| Reject { reason: r.reason, offset: start, record }));
    end
}

#[cfg(test)]
mod tests;

/// The two parsers of one native event on their own, for whatever compares them: benchmarks and fuzzing.
#[doc(hidden)]
pub mod parsers {
    use super::{Event, RejectReason, canonical, native};

    /// The event, if the record is exactly as the API server writes it.
    #[must_use]
    pub fn scanned(record: &str) -> Option<Event<'_>> {
        canonical::event(record)
    }

    /// The event by the full parser.
    ///
    /// # Errors
    ///
    /// Why the record is no event.
    pub fn parsed(record: &str) -> Result<Event<'_>, RejectReason> {
        let wire: native::Wire<'_> = serde_json::from_str(record).map_err(|_| RejectReason::Malformed)?;
        if wire.is_audit() { wire.into_fields(None)?.into_event() } else { Err(RejectReason::NotAudit) }
    }
}
