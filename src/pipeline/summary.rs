//! What a person wants to know at the end of a run.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::tally::{OUTCOMES, Tally};
use crate::alert::{Incident, Severity, Thousands};
use crate::decode::RejectReason;
use crate::engine::Census;
use crate::format::rows::rows;
use crate::format::time::period;

/// The column in which the counts of incidents begin: beyond the longest name of a detector.
const COUNTS: usize = 28;

/// A count of incidents needs no more columns.
const COUNT: usize = 6;

/// A run in a few lines; what was not there is left out.
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
    /// Columns to wrap at.
    pub width: usize,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.interrupted { "interrupted: this is what was found before" } else { "summary" })?;
        self.events(f)?;
        self.rejects(f)?;
        self.known(f)?;
        self.found(f)
    }
}

impl Summary<'_> {
    fn events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally;
        let seconds = self.elapsed.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate"
        )]
        let rate = Thousands((tally.events() as f64 / seconds.max(0.001)) as u64);
        self.row(f, "events", &format!("{} in {seconds:.1} s, {rate} events/s", Thousands(tally.events())))?;
        self.counts(f, "learned from", [("events", tally.learned)])?;
        self.counts(f, "judged", OUTCOMES.iter().map(|o| (o.as_str(), tally.outcomes[*o as usize])))?;
        if let Some((first, last)) = tally.period {
            self.row(f, "time span", &format!("{} ({})", period(first, last), last.since(first)))?;
        }
        let passed_over = [("other stages of the same requests", tally.unjudged), ("repeats", tally.repeats)];
        self.counts(f, "passed over", passed_over)
    }

    /// Why records were rejected, each reason with what to do about it.
    fn rejects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |reason: &RejectReason| self.tally.rejects.get(reason.as_str()).copied().filter(|n| *n > 0);
        let rejects = RejectReason::ALL.iter().filter_map(|reason| Some((reason, count(reason)?)));
        let rejects = rejects.map(|(reason, n)| format!("{} {reason}: {}", Thousands(n), reason.explain()));
        let rejects: Vec<String> = rejects.collect();
        rows(f, self.width, "rejected", if rejects.is_empty() { vec!["none".to_owned()] } else { rejects })?;
        if self.tally.faults.is_empty() {
            return Ok(());
        }
        self.row(f, "faulty files", &format!("{}, each named in a warning", self.tally.faults.len()))
    }

    fn known(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Census { principals, credentials, evicted, failures, blind_spots } = self.census;
        self.counts(f, "known", [("principals", *principals as u64), ("credentials", *credentials as u64)])?;
        rows(f, self.width, "dropped", evicted.iter().map(|(what, n)| format!("{} {}", Thousands(*n), dropped(what))))?;
        let failed = |(detector, n): (&&str, &u64)| {
            format!("{detector} on {} events, which the others judged: a defect of sawatch; report it", Thousands(*n))
        };
        rows(f, self.width, "failed", failures.iter().map(failed))?;
        rows(f, self.width, "blind spots", blind_spots.iter().map(ToString::to_string))
    }

    /// Incidents by severity, and by the detectors that spoke in them.
    fn found(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.incidents.is_empty() {
            return self.row(f, "incidents", "none");
        }
        let mut detectors: BTreeMap<&str, [u64; SEVERITIES]> = BTreeMap::new();
        let mut all = [0; SEVERITIES];
        for incident in self.incidents {
            let column = SEVERITIES - incident.severity as usize;
            all[column] += 1;
            for detector in incident.detectors() {
                detectors.entry(detector).or_default()[column] += 1;
            }
        }
        let mut detectors: Vec<_> = detectors.into_iter().collect();
        detectors.sort_by_key(|(_, counts)| Reverse(*counts));
        writeln!(f)?;
        columns(f, "  incidents", Severity::ALL.iter().rev().map(|severity| severity.as_str().to_owned()))?;
        columns(f, "    all", all.into_iter().map(shown))?;
        for (detector, counts) in detectors {
            columns(f, &format!("    {detector}"), counts.into_iter().map(shown))?;
        }
        self.held_back(f)?;
        self.hidden(f)
    }

    fn held_back(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held_back = |i: &&Incident| i.severity >= Severity::Medium && !i.notifies;
        match self.incidents.iter().filter(held_back).count() {
            0 => Ok(()),
            n => self.row(f, "over budget", &format!("{n} are no alerts (detection.notifications-a-day)")),
        }
    }

    fn hidden(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.incidents.iter().filter(|incident| incident.severity < self.min_severity);
        let Some(mildest) = hidden.clone().map(|incident| incident.severity).min() else { return Ok(()) };
        let (n, least) = (hidden.count(), self.min_severity);
        self.row(f, "not shown", &format!("{n} below {least}; --min-severity {mildest} shows them"))
    }

    /// `  title     what`
    fn row(&self, f: &mut fmt::Formatter<'_>, title: &str, what: &str) -> fmt::Result {
        rows(f, self.width, title, [what.to_owned()])
    }

    /// `  title     12 of this, 3 of that`, without those that are zero; nothing if all are.
    fn counts<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        of: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> fmt::Result {
        let some = of.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{} {word}", Thousands(n)));
        let some: Vec<String> = some.collect();
        if some.is_empty() { Ok(()) } else { self.row(f, title, &some.join(", ")) }
    }
}

const SEVERITIES: usize = Severity::ALL.len();

/// A count, in a table in which zero is nothing to look at.
fn shown(n: u64) -> String {
    if n == 0 { "-".to_owned() } else { Thousands(n).to_string() }
}

/// Cells below the names of the severities, the worst first.
fn columns(f: &mut fmt::Formatter<'_>, title: &str, cells: impl Iterator<Item = String>) -> fmt::Result {
    write!(f, "{title:<COUNTS$}")?;
    for (severity, cell) in Severity::ALL.iter().rev().zip(cells) {
        write!(f, "{cell:>width$}", width = severity.as_str().len().max(COUNT) + 2)?;
    }
    writeln!(f)
}

/// What had to leave for want of room, and what to do about it.
fn dropped(what: &str) -> &str {
    match what {
        "principals" => "principals silent longest: their past is forgotten; raise detection.max-principals",
        "credentials" => "credentials unused longest: their past is forgotten; raise detection.max-credentials",
        "values" => "values of baselines that were full: new again when they return; sawatch explain says whose",
        "peer values" => "things that accounts do, too many to compare peers by; replay one cluster at a time",
        "alerts" => "alerts of incidents with too many, the mildest of the commonest kind; still counted there",
        "incidents" => "incidents, the least grave of very many: they are not told",
        "lessons" => "times something new found no room in its incident: an analyst's word will not teach it",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blind_spot::BlindSpot;
    use crate::event::Timestamp;

    fn said(tally: &Tally, census: &Census, interrupted: bool, width: usize) -> String {
        let (elapsed, min_severity) = (Duration::from_secs(2), Severity::Medium);
        Summary { tally, census, incidents: &[], min_severity, elapsed, interrupted, width }.to_string()
    }

    #[test]
    fn the_summary_counts_everything_and_leaves_out_what_is_not_there() {
        let at = Timestamp(1_795_515_302_123_456);
        let period = Some((at, Timestamp(at.0 + 125_000_000)));
        let mut tally = Tally { learned: 1_200, repeats: 3, period, ..Tally::default() };
        tally.outcomes[0] = 1_000;
        let census = Census { principals: 7, ..Census::default() };
        let expected = "\
summary
  events        2,203 in 2.0 s, 1,101 events/s
  learned from  1,200 events
  judged        1,000 allowed
  time span     2026-11-24 10:15:02.123Z to 10:17:07.123Z (2 min)
  passed over   3 repeats
  rejected      none
  known         7 principals
  incidents     none
";
        assert_eq!(said(&tally, &census, false, 100), expected);
        assert!(said(&tally, &census, true, 100).starts_with("interrupted: this is what was found before\n"));
    }

    #[test]
    fn what_was_rejected_or_dropped_comes_with_what_to_do() {
        let mut tally = Tally::default();
        ["torn", "not-audit", "torn"].into_iter().for_each(|reason| tally.reject(reason));
        let evicted = BTreeMap::from([("credentials", 12_500)]);
        let text = said(&tally, &Census { evicted, ..Census::default() }, false, 80);
        let expected = "
  rejected      2 torn: the event was not written to its end: the API server
                crashed, its disk was full, or the file was cut; its neighbours
                were read
                1 not-audit: the record holds no audit event; point the source
                at the audit log alone, or ignore this if the stream is shared
                with other logs
  dropped       12,500 credentials unused longest: their past is forgotten;
                raise detection.max-credentials
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_detector_that_failed_is_named() {
        let failures = BTreeMap::from([("token-shared", 1_200)]);
        let text = said(&Tally::default(), &Census { failures, ..Census::default() }, false, 120);
        let expected =
            "\n  failed        token-shared on 1,200 events, which the others judged: a defect of sawatch; report it\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_the_log_does_not_show_is_told() {
        let blind_spots = vec![BlindSpot::NoUnauthenticated, BlindSpot::NoStarts(vec!["exec"])];
        let text = said(&Tally::default(), &Census { blind_spots, ..Census::default() }, false, 80);
        let expected = "
  blind spots   stages: there is no ResponseStarted, so no 401 either:
                unauthenticated-burst cannot judge
                stages: the policy omits ResponseStarted of exec: judged when
                they end, which may be hours later
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn all_that_the_engine_drops_is_explained() {
        for what in ["principals", "credentials", "peer values", "alerts"] {
            assert!(dropped(what).contains(';'), "{what}");
        }
    }
}
