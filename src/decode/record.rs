//! One record, whatever it turns out to be: the shape that the API server writes, any other JSON, envelopes, wreckage.

use serde_json::value::RawValue;

use super::native::Wire;
use super::wrapper::{self, Contents};
use super::{Decoded, Reject, RejectReason, canonical, cri, gke, header};
use crate::event::Timestamp;

/// How many envelopes may stand inside each other: one more than a list of records with messages of messages.
const MAX_NESTING: u8 = 4;

/// How often one record is searched for a next event after wreckage. Each search may read on to the end of the record,
/// so without a bound a crafted record of 16 MiB would cost hours.
const MAX_RESYNCS: u8 = 8;

/// How an event begins that a crash glued to a torn one. Inside a string its quotes would be escaped.
pub(super) const MARKERS: [&str; 2] =
    [r#"{"kind":"Event","apiVersion":"audit.k8s.io/"#, r#"{"kind":"EventList","apiVersion":"audit.k8s.io/"#];

/// Text that holds events, and what is known of it from outside.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) text: &'a str,
    /// Where `text` begins in the block.
    pub(super) offset: usize,
    /// How many envelopes were opened to get here.
    depth: u8,
    /// The time that the innermost of them told.
    time: Option<Timestamp>,
}

impl<'a> Record<'a> {
    pub(super) fn new(text: &'a str, offset: usize) -> Self {
        Self { text, offset, depth: 0, time: None }
    }

    /// Appends what the record holds to `out`.
    #[inline]
    pub(super) fn decode(self, out: &mut Decoded<'a>) {
        let record = self.without_cri_prefix();
        if canonical::events(record.text, &mut out.events) {
            return;
        }
        if let Some(event) = header::behind(record.text) {
            record.part(event).decode(out);
        } else if record.is_legacy_text() {
            record.reject(RejectReason::LegacyText, out);
        } else {
            record.json(out);
        }
    }

    fn without_cri_prefix(self) -> Self {
        let Some(line) = cri::parse(self.text.as_bytes()) else { return self };
        // The content starts behind a blank, so this cuts no character.
        self.part(self.text.get(self.text.len() - line.content.len()..).unwrap_or_default())
    }

    /// `2018-06-01T09:00:00.000000000Z AUDIT: id="…`
    fn is_legacy_text(self) -> bool {
        let head = self.text.as_bytes().get(..64).unwrap_or(self.text.as_bytes());
        head.starts_with(b"20") && memchr::memmem::find(head, b" AUDIT: id=\"").is_some()
    }

    /// Decodes any number of JSON values, one after the other.
    #[cold]
    fn json(self, out: &mut Decoded<'a>) {
        let mut rest = self.part(self.text.trim_ascii_start());
        let mut resyncs = 0;
        while !rest.text.is_empty() {
            let mut stream = serde_json::Deserializer::from_str(rest.text).into_iter::<&RawValue>();
            let used = match stream.next() {
                Some(Ok(value)) if value.get().starts_with(['{', '[']) => {
                    rest.part(value.get()).value(out);
                    stream.byte_offset()
                }
                Some(Err(error)) if rest.text.starts_with(['{', '[', '\0']) => {
                    rest.wreck(error.is_eof(), &mut resyncs, out)
                }
                None => return,
                _ => rest.prose(&mut resyncs, out),
            };
            rest = rest.part(rest.text.get(used..).unwrap_or_default().trim_ascii_start());
        }
    }

    /// Decodes one JSON object or array.
    fn value(self, out: &mut Decoded<'a>) {
        if let Some(event) = canonical::event(self.text) {
            return out.events.push(event);
        }
        let wire = serde_json::from_str::<Wire<'a>>(self.text);
        let is_broken = wire.is_err();
        match wire {
            Ok(wire) if wire.is_audit() => match wire.into_fields(self.time).and_then(|f| f.into_event()) {
                Ok(event) => out.events.push(event),
                Err(reason) => self.reject(reason, out),
            },
            _ => match wrapper::open(self.text) {
                Some((contents, time)) => Self { time: time.or(self.time), ..self }.contents(contents, out),
                None if is_broken => self.reject(RejectReason::Malformed, out),
                None => self.reject(RejectReason::NotAudit, out),
            },
        }
    }

    fn contents(self, contents: Contents<'a>, out: &mut Decoded<'a>) {
        match contents {
            _ if self.depth == MAX_NESTING => self.reject(RejectReason::TooDeep, out),
            Contents::LogEntry => match gke::fields(self.text, self.time).and_then(|f| f.into_event()) {
                Ok(event) => out.events.push(event),
                Err(reason) => self.reject(reason, out),
            },
            Contents::Values(values) => {
                for value in values {
                    Self { depth: self.depth + 1, ..self.part(value.get()) }.inner(out);
                }
            }
        }
    }

    /// Decodes what stands in an envelope: a value, or a string of JSON. Events of the latter own their strings.
    fn inner(self, out: &mut Decoded<'a>) {
        if !self.text.starts_with('"') {
            return self.value(out);
        }
        let Ok(text) = serde_json::from_str::<String>(self.text) else {
            return self.reject(RejectReason::Malformed, out);
        };
        let mut inside = Decoded::default();
        Record { text: text.trim_ascii(), ..self }.decode(&mut inside);
        for event in inside.events {
            out.events.push(event.into_owned());
        }
        for reject in inside.rejects {
            self.reject(reject.reason, out);
        }
    }

    /// Rejects broken JSON up to where the next event begins, and says how much that was.
    fn wreck(self, is_cut: bool, resyncs: &mut u8, out: &mut Decoded<'a>) -> usize {
        if let Some(at) = self.next_event(resyncs) {
            self.part(&self.text[..at]).reject(RejectReason::Torn, out);
            return at;
        }
        let reason = if self.text.trim_end().ends_with("[Truncated...]") || is_cut && self.depth > 0 {
            RejectReason::TruncatedByProducer
        } else if is_cut || *resyncs == MAX_RESYNCS || self.text.starts_with('\0') {
            RejectReason::Torn
        } else {
            RejectReason::Malformed
        };
        self.reject(reason, out);
        self.text.len()
    }

    /// Rejects what is no JSON object up to where an event begins, and says how much that was.
    fn prose(self, resyncs: &mut u8, out: &mut Decoded<'a>) -> usize {
        let at = self.next_event(resyncs);
        let used = at.unwrap_or(self.text.len());
        let reason = if at.is_some() { RejectReason::Torn } else { RejectReason::NotAudit };
        self.part(&self.text[..used]).reject(reason, out);
        used
    }

    /// Where the next event begins, the bound on searches permitting.
    fn next_event(self, resyncs: &mut u8) -> Option<usize> {
        if *resyncs == MAX_RESYNCS {
            return None;
        }
        *resyncs += 1;
        let find = |marker: &str| memchr::memmem::find(&self.text.as_bytes()[1..], marker.as_bytes());
        MARKERS.iter().filter_map(|marker| find(marker)).min().map(|at| at + 1)
    }

    /// The same with a part of the text.
    fn part(self, text: &'a str) -> Self {
        let from = (text.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Self { text, offset: self.offset + from, ..self }
    }

    fn reject(self, reason: RejectReason, out: &mut Decoded<'a>) {
        out.rejects.push(Reject { reason, offset: self.offset, record: self.text.as_bytes() });
    }
}
