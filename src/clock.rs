//! The time that is now, by what events say.

use serde::{Deserialize, Serialize};

use crate::event::{Span, Timestamp};

/// How far one event may put time forward on its own word.
const STEP: Span = Span::hours(1);

/// Events in a row beyond that which make it so: a log may begin, or go on after a pause, but one event with a broken
/// clock must not end what is open and let what is known be forgotten.
const AGREE: u8 = 3;

/// Goes forward only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The latest time that can be trusted.
    pub now: Timestamp,
    /// Events in a row that were far ahead.
    pub ahead: u8,
}

impl Clock {
    /// An event of this time was met.
    pub fn see(&mut self, at: Timestamp) {
        let begins = self.now == Timestamp::default();
        if begins || at.since(self.now) <= STEP {
            (self.now, self.ahead) = (self.now.max(at), 0);
            return;
        }
        self.ahead += 1;
        if self.ahead >= AGREE {
            (self.now, self.ahead) = (at, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::START;

    fn now_after(hours: &[i64]) -> i64 {
        let mut clock = Clock { now: START, ahead: 0 };
        hours.iter().for_each(|&n| clock.see(Timestamp(START.0 + Span::hours(n).0)));
        clock.now.since(START).0 / Span::hours(1).0
    }

    #[test]
    fn one_event_from_the_future_moves_nothing() {
        assert_eq!(now_after(&[1, 9_000, 1, 9_000, 9_000, 2]), 2);
    }

    #[test]
    fn a_log_that_goes_on_after_a_pause_is_followed() {
        assert_eq!(now_after(&[100, 100, 100]), 100);
    }

    #[test]
    fn the_first_event_begins_it() {
        let mut clock = Clock::default();
        clock.see(START);
        assert_eq!(clock.now, START);
    }

    #[test]
    fn it_never_goes_back() {
        assert_eq!(now_after(&[1, -50, 0]), 1);
    }
}
