//! One credential's life: by whom it was issued, from where and with what clients it has been used, how it ended.

use std::net::IpAddr;
use std::num::NonZeroU64;

use smallvec::SmallVec;

use super::{Kind, Refusal, key};
use crate::baseline::{Facet, Observation, QUARANTINE_DAYS};
use crate::event::{Span, Timestamp};

/// The most addresses that are kept of one credential; the least recently used makes room.
const MAX_ADDRESSES: usize = 8;

/// The most clients that are kept of one credential.
const MAX_CLIENTS: usize = 8;

/// The longest id that is kept whole, in bytes: `X509SHA256=` and 64 digits are 75.
const MAX_ID: usize = 128;

/// How long a pod may take to bring up all clients that share its token.
const STARTING: Span = Span::minutes(2);

/// One address a credential was used from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Where from.
    pub ip: IpAddr,
    /// First use from there.
    pub first: Timestamp,
    /// Last use from there.
    pub last: Timestamp,
    /// Uses from there.
    pub count: u64,
    /// It came with an alert: the address is not normal.
    pub quarantined: bool,
    /// An analyst called it malicious: it stays quarantined, on however many days it is seen.
    pub blocked: bool,
    /// Days on which it was seen, up to what ends a quarantine.
    pub days: u8,
}

impl Use {
    /// A first use from `ip`.
    pub(super) const fn new(ip: IpAddr, at: Timestamp, quarantined: bool) -> Self {
        Self { ip, first: at, last: at, count: 1, quarantined, blocked: false, days: 1 }
    }

    /// Counts it once more; true if that ends its quarantine.
    pub(super) fn see(&mut self, at: Timestamp) -> bool {
        const DAY: i64 = Span::days(1).0;
        if at.0.div_euclid(DAY) > self.last.0.div_euclid(DAY) {
            self.days = self.days.saturating_add(1);
        }
        self.last = self.last.max(at);
        self.count += 1;
        let released = self.quarantined && !self.blocked && self.days >= QUARANTINE_DAYS;
        self.quarantined &= !released;
        released
    }
}

/// What is known of one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The hash of the whole id.
    pub key: u64,
    /// Its id, to be shown: its beginning, if it is longer than any that an API server makes.
    pub id: Box<str>,
    /// The [`key`] of the account that used it; none if it was never used.
    pub account: Option<NonZeroU64>,
    /// What it is; none if it was never used.
    pub kind: Option<Kind>,
    /// Who asked for it, and when; none if nobody was seen to.
    pub issued: Option<(Box<str>, Timestamp)>,
    /// The request that issued it came with an alert.
    pub is_suspect: bool,
    /// Where it was used from.
    pub uses: SmallVec<[Use; 1]>,
    /// The families of the clients it was used with, as hashes.
    pub clients: SmallVec<[u64; 2]>,
    /// First use; the Unix epoch if it was never used.
    pub first: Timestamp,
    /// When it was last heard of: used or issued.
    pub last: Timestamp,
    /// When it expires; none if the log does not say so.
    pub expires: Option<Timestamp>,
    /// When it was first refused after a use; boxed, because few are.
    pub refused: Option<Box<Refusal>>,
}

impl Life {
    /// The life of a credential of which nothing is known yet.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            key: key(id),
            id: id[..id.floor_char_boundary(MAX_ID)].into(),
            account: None,
            kind: None,
            issued: None,
            is_suspect: false,
            uses: SmallVec::new(),
            clients: SmallVec::new(),
            first: Timestamp::default(),
            last: Timestamp::default(),
            expires: None,
            refused: None,
        }
    }

    /// The use from `ip` that is normal; none if it was never used there, or only with an alert.
    #[must_use]
    pub fn normal_use(&self, ip: IpAddr) -> Option<&Use> {
        self.uses.iter().find(|u| u.ip == ip && !u.quarantined)
    }

    /// Whether it was used before, but never with this client. While a pod starts its containers come one by one, so
    /// until then any client may be its own.
    #[must_use]
    pub fn is_other_client(&self, seen: &Observation, at: Timestamp) -> bool {
        let starting = at.since(self.first) < STARTING;
        let known = seen.value(Facet::Agent).is_none_or(|agent| self.clients.contains(&agent));
        !self.clients.is_empty() && !starting && !known
    }

    pub(super) fn add_client(&mut self, client: u64) {
        if !self.clients.contains(&client) {
            if self.clients.len() >= MAX_CLIENTS {
                self.clients.remove(0);
            }
            self.clients.push(client);
        }
    }

    pub(super) fn add_use(&mut self, new: Use) {
        if self.uses.len() >= MAX_ADDRESSES {
            let oldest =
                self.uses.iter().enumerate().min_by_key(|(_, u)| (u.blocked, u.last, u.ip)).map_or(0, |(n, _)| n);
            self.uses.remove(oldest);
        }
        self.uses.push(new);
    }

    /// Normal uses from other addresses of the same family, the latest first: a dual-stack pod has one of each.
    #[must_use]
    pub fn elsewhere(&self, ip: IpAddr) -> Vec<&Use> {
        let mut others: Vec<&Use> =
            self.uses.iter().filter(|u| !u.quarantined && u.ip != ip && u.ip.is_ipv4() == ip.is_ipv4()).collect();
        others.sort_by_key(|u| (std::cmp::Reverse(u.last), u.ip));
        others
    }
}
