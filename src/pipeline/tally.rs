//! What a run counted, and its summary.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::alert::{Incident, Severity, Thousands};
use crate::engine::Census;
use crate::event::{Event, Outcome, Timestamp};
use crate::source::archive::Fault;

const OUTCOMES: [Outcome; 6] = [
    Outcome::Allowed,
    Outcome::Refused,
    Outcome::Denied,
    Outcome::ImpersonationDenied,
    Outcome::Unauthenticated,
    Outcome::Throttled,
];

/// Counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that taught and were not judged.
    pub learned: u64,
    /// Records that were dropped as repeats of others.
    pub repeats: u64,
    /// Events that tell nothing of their own: a request's first stage, the end of one already judged.
    pub unjudged: u64,
    /// Files that could not be read, or not to their end.
    pub faults: Vec<Fault>,
    outcomes: [u64; OUTCOMES.len()],
    rejects: BTreeMap<&'static str, u64>,
    period: Option<(Timestamp, Timestamp)>,
}

impl Tally {
    /// Counts an event that was judged.
    pub(super) fn judged(&mut self, event: &Event<'_>) {
        self.outcomes[event.outcome as usize] += 1;
        let (first, last) = self.period.unwrap_or((event.at, event.at));
        self.period = Some((first.min(event.at), last.max(event.at)));
    }

    /// Counts a record that gave no event.
    pub(super) fn reject(&mut self, reason: &'static str) {
        *self.rejects.entry(reason).or_default() += 1;
    }

    /// Records that gave no event.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Events of every kind.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.learned + self.repeats + self.unjudged + self.outcomes.iter().sum::<u64>()
    }
}

/// What a person wants to know at the end of a run.
pub struct Summary<'a> {
    /// What was counted.
    pub tally: &'a Tally,
    /// What the engine knows.
    pub census: &'a Census,
    /// What it found.
    pub incidents: &'a [Incident],
    /// The mildest that was written.
    pub min_severity: Severity,
    /// How long it took.
    pub elapsed: Duration,
    /// Ended before the end of its input.
    pub interrupted: bool,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, census, .. } = self;
        if self.interrupted {
            row(f, "interrupted", "this is what was found before")?;
        }
        let seconds = self.elapsed.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate"
        )]
        let rate = Thousands((tally.events() as f64 / seconds.max(0.001)) as u64);
        row(f, "events", format_args!("{} in {seconds:.1} s, {rate} a second", Thousands(tally.events())))?;
        if let Some((first, last)) = tally.period {
            row(f, "judged period", format_args!("{first} to {last} ({})", last.since(first)))?;
        }
        let outcomes = OUTCOMES.iter().map(|o| (o.as_str(), tally.outcomes[*o as usize]));
        let rest = [("learned only", tally.learned), ("not judged", tally.unjudged), ("repeats", tally.repeats)];
        counts(f, "by outcome", outcomes.chain(rest))?;
        counts(f, "rejected", tally.rejects.iter().map(|(reason, n)| (*reason, *n)))?;
        if !tally.faults.is_empty() {
            row(f, "faulty files", tally.faults.len())?;
        }
        let known = [("principals", census.principals as u64), ("credentials", census.credentials as u64)];
        counts(f, "known", known)?;
        counts(f, "left for room", census.evicted.iter().map(|(what, n)| (*what, *n)))?;
        counts(f, "failed detectors", census.failures.iter().map(|(detector, n)| (*detector, *n)))?;
        self.incidents(f)
    }
}

impl Summary<'_> {
    fn incidents(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.incidents.is_empty() {
            return row(f, "incidents", "none");
        }
        let mut detectors: BTreeMap<&str, BTreeMap<Severity, u64>> = BTreeMap::new();
        for incident in self.incidents {
            for detector in incident.detectors() {
                *detectors.entry(detector).or_default().entry(incident.severity).or_default() += 1;
            }
        }
        let of = |severity| self.incidents.iter().filter(|i| i.severity == severity).count() as u64;
        counts(f, "incidents", Severity::ALL.iter().rev().map(|s| (s.as_str(), of(*s))))?;
        for (detector, severities) in detectors {
            counts(f, &format!("  {detector}"), severities.iter().rev().map(|(s, n)| (s.as_str(), *n)))?;
        }
        match self.incidents.iter().filter(|i| i.severity < self.min_severity).count() {
            0 => Ok(()),
            n => row(f, "not shown", format_args!("{n} below {}; --min-severity shows them", self.min_severity)),
        }
    }
}

/// `title     what`
fn row(f: &mut fmt::Formatter<'_>, title: &str, what: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{title:<20} {what}")
}

/// `title     word 12, other 3`, without those that are zero; nothing if all are.
fn counts<'a>(f: &mut fmt::Formatter<'_>, title: &str, of: impl IntoIterator<Item = (&'a str, u64)>) -> fmt::Result {
    let some = of.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {}", Thousands(n)));
    let some: Vec<String> = some.collect();
    if some.is_empty() { Ok(()) } else { row(f, title, some.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_everything_and_leaves_out_what_is_not_there() {
        let mut tally = Tally { learned: 1_200, repeats: 3, ..Tally::default() };
        tally.reject("malformed");
        let census = Census { principals: 7, failures: [("token-shared", 2)].into(), ..Census::default() };
        let (elapsed, min_severity) = (Duration::from_secs(2), Severity::Medium);
        let summary =
            Summary { tally: &tally, census: &census, incidents: &[], min_severity, elapsed, interrupted: true };
        let expected = "\
interrupted          this is what was found before
events               1,203 in 2.0 s, 601 a second
by outcome           learned only 1,200, repeats 3
rejected             malformed 1
known                principals 7
failed detectors     token-shared 2
incidents            none
";
        assert_eq!(summary.to_string(), expected);
    }
}
