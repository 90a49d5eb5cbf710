//! How long to wait before trying again.

use std::time::Duration;

/// The most that is waited after the first failure.
const FIRST: Duration = Duration::from_millis(500);

/// The most that is ever waited, unless the sink itself asks for longer.
const MOST: Duration = Duration::from_secs(60);

/// The most that a sink can ask for.
const MOST_ASKED: Duration = Duration::from_secs(5 * 60);

/// Exponential, capped, with full jitter: many daemons that lost one receiver do not come back to it all at once
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
pub(super) struct Backoff {
    ceiling: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    pub(super) const fn new(random: fastrand::Rng) -> Self {
        Self { ceiling: FIRST, random }
    }

    /// How long to wait now; the sink asked for `asked`.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let jittered = self.ceiling.mul_f64(self.random.f64());
        self.ceiling = (self.ceiling * 2).min(MOST);
        jittered.max(asked.unwrap_or_default().min(MOST_ASKED))
    }

    /// It works again.
    pub(super) const fn reset(&mut self) {
        self.ceiling = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_cap_and_fill_the_range_below_it() {
        let mut longest = Duration::ZERO;
        for seed in 0..200 {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            for n in 0..20 {
                let ceiling = FIRST.saturating_mul(1 << n).min(MOST);
                let pause = backoff.pause(None);
                assert!(pause <= ceiling, "seed {seed}, failure {n}: {pause:?}");
                longest = longest.max(pause);
            }
            backoff.reset();
            assert!(backoff.pause(None) <= FIRST);
        }
        assert!(longest > MOST * 9 / 10, "{longest:?}");
    }

    #[test]
    fn a_seed_gives_the_same_pauses_and_another_gives_others() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            [(); 5].map(|()| backoff.pause(None))
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn what_the_sink_asks_for_is_honoured_within_reason() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(1));
        assert_eq!(backoff.pause(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.pause(Some(Duration::from_secs(1 << 40))), MOST_ASKED);
    }
}
