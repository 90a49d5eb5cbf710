//! A request's body: bounded one by one and all together, decompressed, and as lines that can be decoded.

use std::io::Read;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::stats::Refusal;
use crate::decode::MAX_RECORD;

/// What is decompressed at once.
const CHUNK: usize = 64 << 10;

/// Bytes that count against the limit of one body and the budget of all.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    max: usize,
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Buffer {
    pub(super) const fn new(max: usize, budget: Arc<Semaphore>) -> Self {
        Self { bytes: Vec::new(), max, budget, held: None }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        if self.bytes.len() + chunk.len() > self.max {
            return Err(Refusal::TooLarge);
        }
        let size = u32::try_from(chunk.len()).map_err(|_| Refusal::TooLarge)?;
        let room = self.budget.clone().try_acquire_many_owned(size).map_err(|_| Refusal::Memory)?;
        match &mut self.held {
            Some(held) => held.merge(room),
            none => *none = Some(room),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Reads a body to its end. One that is refused is read all the same and dropped: a client that is still writing would
    /// see a reset connection, not our answer.
    pub(super) async fn fill(mut self, mut body: Incoming) -> Result<Self, Refusal> {
        let declared = body.size_hint().lower();
        let mut refusal = None;
        match usize::try_from(declared) {
            // a promise only: what is not written takes no memory
            Ok(size) if size <= self.max => self.bytes.reserve_exact(size),
            _ => refusal = Some(Refusal::TooLarge),
        }
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(|_| Refusal::CutBody)?.into_data() else { continue };
            if refusal.is_none() {
                refusal = self.push(&chunk).err();
            }
            if refusal.is_some() {
                (self.bytes, self.held) = (Vec::new(), None);
            }
        }
        refusal.map_or(Ok(self), Err)
    }

    /// The same decompressed, under the same limits.
    pub(super) fn gunzip(self) -> Result<Self, Refusal> {
        let mut plain = Self::new(self.max, self.budget.clone());
        let mut stream = MultiGzDecoder::new(self.bytes.as_slice());
        let mut chunk = vec![0; CHUNK];
        loop {
            match stream.read(&mut chunk).map_err(|_| Refusal::Encoding)? {
                0 => return Ok(plain),
                read => plain.push(&chunk[..read])?,
            }
        }
    }

    /// The records.
    pub(super) fn into_records(self) -> Records {
        Records { bytes: lines(self.bytes), held: self.held }
    }
}

/// A body that can be decoded. It counts against the budget until the queue, which has a bound of its own, has it.
pub(super) struct Records {
    pub(super) bytes: Vec<u8>,
    pub(super) held: Option<OwnedSemaphorePermit>,
}

/// Whether it may be JSON that holds events; everything else that is wrong with it is found by decoding.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// A list as one line, whatever its layout: inside of strings JSON has no line ends. If that were too long for a record,
/// each item is a line.
fn lines(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    if bytes.len() <= MAX_RECORD { bytes } else { items(&bytes).unwrap_or(bytes) }
}

fn items(list: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct EventList<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let list: EventList<'_> = serde_json::from_slice(list).ok()?;
    let mut lines = Vec::with_capacity(list.items.iter().map(|item| item.get().len() + 1).sum());
    for item in list.items {
        lines.extend_from_slice(item.get().as_bytes());
        lines.push(b'\n');
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::decode::decode_block;

    const EVENT: &str = r#"{"level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/version","verb":"get","user":{"username":"alice"},"requestReceivedTimestamp":"2026-11-24T10:00:00.000000Z","stageTimestamp":"2026-11-24T10:00:00.000000Z"}"#;

    fn list(items: &str) -> Vec<u8> {
        format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{items}]}}"#)
            .into_bytes()
    }

    fn counts(body: Vec<u8>) -> (usize, usize) {
        let lines = lines(body);
        let decoded = decode_block(&lines);
        (decoded.events.len(), decoded.rejects.len())
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(plain).unwrap();
        gzip.finish().unwrap()
    }

    fn buffer(bytes: Vec<u8>, max: usize, budget: usize) -> Buffer {
        Buffer { bytes, ..Buffer::new(max, Arc::new(Semaphore::new(budget))) }
    }

    #[test]
    fn a_list_is_decoded_in_any_layout() {
        let body = list(&format!("{EVENT},{EVENT}"));
        assert_eq!(counts(body.clone()), (2, 0));
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\r\n");
        assert_eq!(counts(pretty.into_bytes()), (2, 0));
    }

    #[test]
    fn a_bad_item_costs_itself_only() {
        assert_eq!(counts(list(&format!(r#"{EVENT},{{"auditID":"b"}},7,{EVENT}"#))), (2, 2));
    }

    #[test]
    fn a_list_longer_than_a_record_is_decoded_item_by_item() {
        let long = EVENT.replace("alice", &"a".repeat(6 << 20));
        assert_eq!(counts(list(&[long.as_str(), &long, &long, EVENT].join(","))), (4, 0));
    }

    #[test]
    fn gzip_is_bounded_by_what_comes_out_of_it() {
        let plain = vec![b' '; 1 << 20];
        let of = |max, budget| buffer(gzip(&plain), max, budget).gunzip();
        assert_eq!(of(1 << 20, 1 << 20).map(|b| b.bytes.len()), Ok(1 << 20));
        assert_eq!(of((1 << 20) - 1, 1 << 20).map(|b| b.bytes.len()), Err(Refusal::TooLarge));
        assert_eq!(of(1 << 20, 1 << 19).map(|b| b.bytes.len()), Err(Refusal::Memory));
        assert_eq!(buffer(plain, 1 << 20, 1 << 20).gunzip().map(|b| b.bytes.len()), Err(Refusal::Encoding));
    }

    #[test]
    fn memory_is_given_back() {
        let budget = Arc::new(Semaphore::new(10));
        let mut one = Buffer::new(10, budget.clone());
        assert_eq!((one.push(b"12345"), one.push(b"1234")), (Ok(()), Ok(())));
        assert_eq!(Buffer::new(10, budget.clone()).push(b"12"), Err(Refusal::Memory));
        drop(one);
        assert_eq!(budget.available_permits(), 10);
    }
}
