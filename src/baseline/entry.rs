//! One remembered value: how often and how long it has been seen, and whether it may count as normal.

use super::facet::Facet;
use super::symbols::Symbol;
use super::{Learning, halved, seconds};
use crate::event::{Span, Timestamp};

/// Separate days on which a quarantined value must be seen before it counts as normal.
pub const QUARANTINE_DAYS: u8 = 3;

/// How long an address, agent or credential is on probation before it counts as the account's own: long enough for an
/// intruder to be still at work, short enough for a person who has moved.
const PROBATION: Span = Span::hours(1);

/// Whether a value may count as normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Normal,
    /// It came with an alert: not until it has been seen on [`QUARANTINE_DAYS`] separate days.
    Quarantined,
    /// An analyst called it malicious: not until an analyst says otherwise.
    Blocked,
}

/// One value of one facet. Times are whole seconds: a table holds many.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// In halves, so that an entry takes 28 bytes and not 32.
    hash: [u32; 2],
    /// The value as it is shown.
    pub symbol: Symbol,
    /// How often it was seen.
    pub count: u32,
    first: u32,
    last: u32,
    days: u8,
    /// The facet it is a value of.
    pub facet: Facet,
    standing: Standing,
    declared: bool,
}

impl Entry {
    /// A value seen for the first time, at `at`.
    #[must_use]
    pub fn new((facet, hash): (Facet, u64), symbol: Symbol, at: Timestamp, learning: Learning) -> Self {
        let Learning { quarantine, declared } = learning;
        let (now, hash) = (seconds(at), halves(hash));
        let standing = if quarantine { Standing::Quarantined } else { Standing::Normal };
        Self { hash, symbol, count: 1, first: now, last: now, days: 1, facet, standing, declared }
    }

    /// The same after an analyst called it malicious.
    #[must_use]
    pub fn blocked(self) -> Self {
        Self { standing: Standing::Blocked, declared: false, ..self }
    }

    /// The same after an analyst called it benign: as if it had been declared normal.
    #[must_use]
    pub fn released(self) -> Self {
        Self { standing: Standing::Normal, declared: true, ..self }
    }

    /// The same as it was after `count` times on `days` separate days, the last at `last`.
    #[must_use]
    pub fn continued(self, last: Timestamp, count: u32, days: u8) -> Self {
        Self { last: seconds(last), count, days, ..self }
    }

    /// The value's hash.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let [high, low] = self.hash;
        u64::from(high) << 32 | u64::from(low)
    }

    /// When it was first seen, to the second.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        Timestamp(i64::from(self.first) * 1_000_000)
    }

    /// When it was last seen, to the second.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        Timestamp(i64::from(self.last) * 1_000_000)
    }

    /// Whether it may count as normal.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether it is not normal: it came with an alert and has not been seen on enough separate days since, or it is
    /// blocked.
    #[must_use]
    pub const fn is_quarantined(&self) -> bool {
        !matches!(self.standing, Standing::Normal)
    }

    /// Whether an analyst called it malicious.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        matches!(self.standing, Standing::Blocked)
    }

    /// Separate days on which it was seen, up to 255.
    #[must_use]
    pub const fn days(&self) -> u8 {
        self.days
    }

    /// Whether it was first seen in a period declared normal and complete.
    #[must_use]
    pub const fn is_declared(&self) -> bool {
        self.declared
    }

    /// Whether it is normal, and was seen once only.
    pub(super) const fn is_single(&self) -> bool {
        self.count == 1 && !self.is_quarantined()
    }

    /// Whether it has not been there for long. What an account had from its first minute has nothing before it to
    /// differ from.
    pub(super) fn is_on_probation(&self, at: Timestamp, origin: Timestamp) -> bool {
        let first = self.first();
        !self.declared && at.since(first) < PROBATION && first.since(origin) >= Span::minutes(1)
    }

    /// Counts it once more; true if that ends its quarantine.
    pub(super) fn see(&mut self, now: u32) -> bool {
        const DAY: u32 = 86_400;
        self.count = self.count.saturating_add(1);
        if now / DAY > self.last / DAY {
            self.days = self.days.saturating_add(1);
        }
        self.last = self.last.max(now);
        let released = self.standing == Standing::Quarantined && self.days >= QUARANTINE_DAYS;
        if released {
            self.standing = Standing::Normal;
        }
        released
    }

    /// Halves its count `times` times. What was seen twice stays seen twice: that it is not a thing that happens once is
    /// not forgotten.
    pub(super) fn fade(&mut self, times: u32) {
        self.count = halved(self.count, times).max(self.count.min(2));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn halves(hash: u64) -> [u32; 2] {
    [(hash >> 32) as u32, hash as u32]
}
