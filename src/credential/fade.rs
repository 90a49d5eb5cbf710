//! Habits fade: they are those of credentials that are still remembered.

use super::{COMPLETE_AFTER, Credentials, Habit};
use crate::baseline::{FORGET_AFTER, halved};
use crate::event::Timestamp;

impl Credentials {
    /// Counts habits anew, of the credentials that were in normal use within the time that a value is remembered; what
    /// cannot be counted anew is halved `times` times.
    ///
    /// Halving all would make the certificates of nodes, which come once a year, look like none ever had a habit.
    pub fn fade(&mut self, at: Timestamp, times: u32) {
        let Habit { credentials, exceptions } = self.moves;
        self.moves = Habit { credentials: halved(credentials, times), exceptions: halved(exceptions, times) };
        self.habits.clear();
        self.accounts.clear();
        self.issues.clear();
        let lives = std::mem::take(&mut self.lives);
        for life in lives.iter().filter(|life| at.since(life.last) <= FORGET_AFTER) {
            let (Some(kind), Some(account)) = (life.kind, life.account) else { continue };
            let normal = || life.uses.iter().filter(|known| !known.quarantined);
            for is_v4 in [true, false] {
                let addresses = normal().filter(|known| known.ip.is_ipv4() == is_v4).count();
                (0..addresses.min(2)).for_each(|before| self.count_address(kind, account.get(), before));
            }
            let was_complete = self.first.is_some_and(|first| life.first.since(first) >= COMPLETE_AFTER);
            if was_complete && normal().next().is_some() {
                let habit = self.issues.entry(kind).or_default();
                habit.credentials += 1;
                habit.exceptions += u32::from(life.issued.is_none());
            }
        }
        self.lives = lives;
    }
}
