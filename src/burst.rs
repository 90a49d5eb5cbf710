//! Different things within a short time: denied to somebody, or new for somebody.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use crate::baseline::facet::hash;
use crate::event::{Event, PrincipalKind, Span, Timestamp};

/// How long a burst may take.
pub const WINDOW: Span = Span::minutes(5);

/// The most different things that are told apart in one window.
const MAX_DISTINCT: usize = 64;

/// The most principals and addresses that are watched at once; the oldest windows make room.
const MAX_OPEN: usize = 10_000;

/// What happened to one principal or address within [`WINDOW`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Burst {
    /// When this window began.
    pub start: Timestamp,
    /// Events in this window.
    pub count: u32,
    /// The different things in it, as hashes.
    pub things: Vec<u64>,
    /// The most different things in any earlier window.
    pub usual: u32,
}

impl Burst {
    /// Different things in this window, at most 64.
    #[must_use]
    pub fn distinct(&self) -> u32 {
        u32::try_from(self.things.len()).unwrap_or(u32::MAX)
    }
}

/// The windows of all who have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// By [`key_of_account`] or [`key_of_address`].
    pub open: HashMap<u64, Burst, foldhash::fast::FixedState>,
}

impl Bursts {
    /// Counts that `what` happened to whoever made `event`.
    pub fn count(&mut self, event: &Event<'_>, what: u64) {
        if self.open.len() >= MAX_OPEN {
            self.make_room();
        }
        let burst = self.open.entry(who(event)).or_default();
        if event.at.since(burst.start) > WINDOW {
            burst.usual = burst.usual.max(burst.distinct());
            (burst.start, burst.count) = (event.at, 0);
            burst.things.clear();
        }
        burst.count += 1;
        if burst.things.len() < MAX_DISTINCT && !burst.things.contains(&what) {
            burst.things.push(what);
        }
    }

    /// The window of whoever made `event`; none if nothing was counted for them.
    #[must_use]
    pub fn of(&self, event: &Event<'_>) -> Option<&Burst> {
        self.open.get(&who(event))
    }

    fn make_room(&mut self) {
        let mut starts: Vec<Timestamp> = self.open.values().map(|b| b.start).collect();
        let leaving = starts.len().div_ceil(4);
        let (_, &mut limit, _) = starts.select_nth_unstable(leaving - 1);
        self.open.retain(|_, burst| burst.start > limit);
    }
}

/// Nobody in particular is told apart by address.
fn who(event: &Event<'_>) -> u64 {
    match event.principal().kind() {
        PrincipalKind::Anonymous => key_of_address(event.source_ip),
        _ => key_of_account(&event.username),
    }
}

/// The key of an account's window.
#[must_use]
pub fn key_of_account(username: &str) -> u64 {
    hash(|h| username.hash(h))
}

/// The key of the window of whoever is nobody in particular at an address.
#[must_use]
pub fn key_of_address(ip: Option<IpAddr>) -> u64 {
    hash(|h| ip.hash(h))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    #[test]
    fn what_is_the_same_counts_once_as_different() {
        let mut bursts = Bursts::default();
        [7, 7, 8].into_iter().for_each(|what| bursts.count(&event(), what));
        assert_eq!(bursts.of(&event()).map(|b| (b.count, b.distinct())), Some((3, 2)));
    }

    #[test]
    fn a_window_ends_and_leaves_what_is_usual() {
        let mut bursts = Bursts::default();
        [1, 2, 3].into_iter().for_each(|what| bursts.count(&event(), what));
        bursts.count(&event().after(Span::minutes(6)), 4);
        let burst = bursts.of(&event()).unwrap();
        assert_eq!((burst.count, burst.distinct(), burst.usual), (1, 1, 3));
    }

    #[test]
    fn nobody_is_told_apart_by_address() {
        let mut bursts = Bursts::default();
        let (one, two) = (event().by("system:anonymous"), event().by("").from("10.9.0.1"));
        bursts.count(&one, 1);
        bursts.count(&two, 2);
        assert_eq!(bursts.of(&one).map(|b| b.count), Some(1));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut bursts = Bursts::default();
        for n in 0..3 * MAX_OPEN {
            let mut event = event().after(Span::seconds(i64::try_from(n).unwrap()));
            event.username = format!("user-{n}").into();
            bursts.count(&event, 1);
        }
        assert!(bursts.open.len() <= MAX_OPEN);
    }
}
