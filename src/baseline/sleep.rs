//! An account's silences: a long one is news when it ends.

use super::seconds;
use crate::event::Timestamp;

/// Silence from which an account is dormant, if it is also four times its longest before.
const DORMANT: u32 = 7 * 86_400;

/// How long an account is waking up, in seconds.
const WAKING: u32 = 300;

/// An account's silences, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sleep {
    /// The longest, that of `last` apart.
    pub longest: u32,
    /// The dormancy it woke from last; zero if it never was dormant.
    pub last: u32,
    /// When that was, in seconds since the Unix epoch.
    pub woke: u32,
}

impl Sleep {
    pub(super) fn pass(&mut self, last: Timestamp, at: Timestamp) {
        let silence = seconds(at).saturating_sub(seconds(last));
        if silence >= DORMANT && silence >= self.longest.saturating_mul(4) {
            self.longest = self.longest.max(self.last);
            (self.last, self.woke) = (silence, seconds(at));
        } else {
            self.longest = self.longest.max(silence);
        }
    }

    pub(super) fn is_waking(&self, at: Timestamp) -> bool {
        // an event of a clock that ran ahead must not keep it waking until then
        self.last > 0 && seconds(at).checked_sub(self.woke).is_some_and(|since| since < WAKING)
    }
}
