//! Records that are not events, and why.

use std::fmt;

/// A record, or a part of one, from which no event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Why.
    pub reason: RejectReason,
    /// Where in the block it starts.
    pub offset: usize,
    /// Its bytes. Whoever sends requests writes most of them: show them through [`Text`](crate::text::Text) only.
    pub record: &'a [u8],
}

/// Why a record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Over [`MAX_RECORD`](super::MAX_RECORD).
    TooLong,
    /// Not UTF-8, which JSON must be.
    InvalidUtf8,
    /// JSON that is broken, or an event whose fields have the wrong type.
    Malformed,
    /// An event that was not written to its end.
    Torn,
    /// An event that a cloud's log service cut off.
    TruncatedByProducer,
    /// The text format of `--audit-log-format=legacy`.
    LegacyText,
    /// Nothing that holds an audit event.
    NotAudit,
    /// An audit event that does not say what was done, or when.
    MissingField,
    /// A time that is none.
    BadTimestamp,
    /// An envelope inside an envelope inside an envelope, beyond what any shipper makes.
    TooDeep,
}

impl RejectReason {
    /// Every reason, in order.
    pub const ALL: [Self; 10] = [
        Self::TooLong,
        Self::InvalidUtf8,
        Self::Malformed,
        Self::Torn,
        Self::TruncatedByProducer,
        Self::LegacyText,
        Self::NotAudit,
        Self::MissingField,
        Self::BadTimestamp,
        Self::TooDeep,
    ];

    /// The word for it in metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Malformed => "malformed",
            Self::Torn => "torn",
            Self::TruncatedByProducer => "truncated-by-producer",
            Self::LegacyText => "legacy-text",
            Self::NotAudit => "not-audit",
            Self::MissingField => "missing-field",
            Self::BadTimestamp => "bad-timestamp",
            Self::TooDeep => "too-deep",
        }
    }

    /// What it means, and what to do about it.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::TooLong => {
                "the record is longer than 16 MiB; start the API server with --audit-log-truncate-enabled, or log \
                 large objects at level Metadata"
            }
            Self::InvalidUtf8 => "the record is not UTF-8; look for a shipper that recodes or compresses the log",
            Self::Malformed => {
                "the record is broken JSON, or a field of it has the wrong type; look for a shipper that rewrites it"
            }
            Self::Torn => {
                "the event was not written to its end: the API server crashed, its disk was full, or the file was cut; \
                 its neighbours were read"
            }
            Self::TruncatedByProducer => {
                "the cloud's log service cut the event off (AKS at 16 KiB, EKS with [Truncated...]); what is \
                 missing cannot be recovered downstream"
            }
            Self::LegacyText => {
                "the log is in the legacy text format, which lacks what detection needs; start the API server with \
                 --audit-log-format=json"
            }
            Self::NotAudit => {
                "the record holds no audit event; point the source at the audit log alone, or ignore this if the \
                 stream is shared with other logs"
            }
            Self::MissingField => {
                "the event does not say what was done (verb, requestURI or objectRef) or when (stageTimestamp); look \
                 for a shipper that drops fields"
            }
            Self::BadTimestamp => {
                "the event's time is not RFC 3339; look for a shipper that rewrites stageTimestamp or \
                 requestReceivedTimestamp"
            }
            Self::TooDeep => {
                "the event is wrapped in more envelopes than any shipper makes; look for a pipeline that reads its \
                 own output"
            }
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_word_and_a_sentence() {
        let words: std::collections::BTreeSet<_> = RejectReason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), RejectReason::ALL.len());
        assert!(RejectReason::ALL.iter().all(|r| r.explain().contains(';')), "each says what to do");
        assert!(RejectReason::ALL.is_sorted());
    }
}
