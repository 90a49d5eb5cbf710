//! Different things within a span: denied to somebody, or new for somebody.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use crate::baseline::facet::hash;
use crate::event::{Event, PrincipalKind, Span, Timestamp};

/// The spans within which different things are counted: from an outburst to a slow drip.
pub const SPANS: [Span; 4] = [Span::minutes(5), Span::hours(1), Span::days(1), Span::days(7)];

/// The most different things that are told apart in one window.
const MAX_DISTINCT: usize = 64;

/// The most principals and addresses that are watched at once; those whose last window is oldest make room.
const MAX_OPEN: usize = 10_000;

/// What happened to one principal or address within one span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// When this window began.
    pub start: Timestamp,
    /// Events in this window.
    pub count: u32,
    /// The different things in it, as hashes.
    pub things: Vec<u64>,
    /// The most different things in any earlier window; none if this is the first.
    pub usual: Option<u32>,
}

impl Window {
    /// Different things in this window, at most 64.
    #[must_use]
    pub fn distinct(&self) -> u32 {
        u32::try_from(self.things.len()).unwrap_or(u32::MAX)
    }

    /// Counts that `what` happened at `at`, in a window of `span`; in a declared period that is usual at once.
    pub fn count(&mut self, at: Timestamp, span: Span, what: u64, declared: bool) {
        if self.count == 0 {
            self.start = at;
        } else if at.since(self.start) > span {
            self.usual = self.usual.max(Some(self.distinct()));
            (self.start, self.count) = (at, 0);
            self.things.clear();
        }
        self.count += 1;
        if self.things.len() < MAX_DISTINCT && !self.things.contains(&what) {
            self.things.push(what);
        }
        if declared {
            self.usual = self.usual.max(Some(self.distinct()));
        }
    }
}

/// What happened to one principal or address lately, at each of [`SPANS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Burst {
    /// In the order of their spans.
    pub windows: [Window; SPANS.len()],
}

/// More different things within a span than is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The span.
    pub span: Span,
    /// How many make a burst in it.
    pub limit: u32,
    /// How many there are.
    pub now: u32,
    /// How many there were at most before.
    pub usual: u32,
}

impl Burst {
    /// The shortest span's window.
    #[must_use]
    pub const fn shortest(&self) -> &Window {
        &self.windows[0]
    }

    /// The span in which there are most things for what is usual, of those with at least `limits` and twice what is
    /// usual. A long span says nothing until one of it has passed.
    #[must_use]
    pub fn excess(&self, limits: [u32; SPANS.len()]) -> Option<Excess> {
        let spans = self.windows.iter().zip(SPANS).zip(limits).enumerate();
        let excess = spans.filter_map(|(n, ((window, span), limit))| {
            let usual = if n == 0 { window.usual.unwrap_or(0) } else { window.usual? };
            let now = window.distinct();
            (now >= limit.max(2 * usual)).then_some(Excess { span, limit, now, usual })
        });
        excess.max_by_key(|e| ((e.now + 1) * 64 / (e.usual + 1), std::cmp::Reverse(e.span)))
    }
}

/// The windows of all who have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// By [`key_of_account`] or [`key_of_address`].
    pub open: HashMap<u64, Burst, foldhash::fast::FixedState>,
}

impl Bursts {
    /// Counts that `what` happened to whoever made `event`. In a declared period that is usual at once.
    pub fn count(&mut self, event: &Event<'_>, what: u64, declared: bool) {
        if self.open.len() >= MAX_OPEN {
            self.make_room();
        }
        let burst = self.open.entry(who(event)).or_default();
        for (window, span) in burst.windows.iter_mut().zip(SPANS) {
            window.count(event.at, span, what, declared);
        }
    }

    /// The windows of whoever made `event`; none if nothing was counted for them.
    #[must_use]
    pub fn of(&self, event: &Event<'_>) -> Option<&Burst> {
        self.open.get(&who(event))
    }

    fn make_room(&mut self) {
        let mut starts: Vec<Timestamp> = self.open.values().map(|b| b.shortest().start).collect();
        let leaving = starts.len().div_ceil(4);
        let (_, &mut limit, _) = starts.select_nth_unstable(leaving - 1);
        self.open.retain(|_, burst| burst.shortest().start > limit);
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

    /// No limit: whatever is twice what is usual.
    const ANY: [u32; 4] = [1; 4];

    #[test]
    fn what_is_the_same_counts_once_as_different() {
        let mut bursts = Bursts::default();
        [7, 7, 8].into_iter().for_each(|what| bursts.count(&event(), what, false));
        let window = bursts.of(&event()).map(Burst::shortest);
        assert_eq!(window.map(|w| (w.count, w.distinct())), Some((3, 2)));
    }

    #[test]
    fn a_window_ends_and_leaves_what_is_usual() {
        let mut bursts = Bursts::default();
        [1, 2, 3].into_iter().for_each(|what| bursts.count(&event(), what, false));
        bursts.count(&event().after(Span::minutes(6)), 4, false);
        let window = bursts.of(&event()).unwrap().shortest();
        assert_eq!((window.count, window.distinct(), window.usual), (1, 1, Some(3)));
    }

    #[test]
    fn a_slow_drip_is_seen_in_a_long_span_once_one_has_passed() {
        let mut bursts = Bursts::default();
        let limits = [100, 100, 12, 100];
        bursts.count(&event(), 0, false);
        for hour in 1..=48 {
            let event = event().after(Span::hours(hour));
            bursts.count(&event, u64::try_from(hour).unwrap(), false);
            let excess = bursts.of(&event).and_then(|burst| burst.excess(limits));
            assert!(excess.is_none(), "the first day is what is usual, and the second like it: {excess:?}");
        }
        for n in 0..60 {
            bursts.count(&event().after(Span::hours(50 + n / 3)), 1_000 + u64::try_from(n).unwrap(), false);
        }
        let excess = bursts.of(&event()).and_then(|burst| burst.excess(limits)).unwrap();
        assert_eq!((excess.span, excess.usual), (Span::days(1), 25));
    }

    #[test]
    fn the_span_with_the_greatest_excess_speaks() {
        let mut bursts = Bursts::default();
        (0..20).for_each(|what| bursts.count(&event(), what, false));
        let excess = bursts.of(&event()).and_then(|burst| burst.excess(ANY));
        assert_eq!(excess.map(|e| (e.span, e.now, e.usual)), Some((Span::minutes(5), 20, 0)));
    }

    #[test]
    fn what_a_declared_period_shows_is_usual_at_once() {
        let mut bursts = Bursts::default();
        (0..20).for_each(|what| bursts.count(&event(), what, true));
        bursts.count(&event(), 20, false);
        assert_eq!(bursts.of(&event()).and_then(|burst| burst.excess(ANY)), None);
    }

    #[test]
    fn nobody_is_told_apart_by_address() {
        let mut bursts = Bursts::default();
        let (one, two) = (event().by("system:anonymous"), event().by("").from("10.9.0.1"));
        bursts.count(&one, 1, false);
        bursts.count(&two, 2, false);
        assert_eq!(bursts.of(&one).map(|b| b.shortest().count), Some(1));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut bursts = Bursts::default();
        for n in 0..3 * MAX_OPEN {
            let mut event = event().after(Span::seconds(i64::try_from(n).unwrap()));
            event.username = format!("user-{n}").into();
            bursts.count(&event, 1, false);
        }
        assert!(bursts.open.len() <= MAX_OPEN);
    }
}
