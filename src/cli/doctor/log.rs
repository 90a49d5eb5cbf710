//! What a sample of a log does not show.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;

use crate::alert::Thousands;
use crate::blind_spot::BlindSpot;
use crate::cli::job::{Job, Told};
use crate::cli::{Exit, Failure};
use crate::decode::is_read;
use crate::event::{Event, PrincipalKind, Stage};
use crate::format::rows::rows;
use crate::sink::stream::Stream;

pub(super) fn examine(paths: Vec<PathBuf>, width: usize) -> Result<Exit, Failure> {
    let job = Job::of(paths);
    let config = job.config()?;
    let mut survey = Survey::default();
    let told = Told { of_events: Some(Box::new(|event| survey.add(event))), ..Told::default() };
    let judged = job.logs(Vec::new(), false)?.judge(&config, job.past(&config)?, told)?;
    let missing = survey.missing();
    let rejected = judged.tally.rejected();
    let spots = &judged.census.blind_spots;
    Stream::stdout().say(&Report { survey: &survey, spots, missing: &missing, rejected, width })?;
    let exit = judged.exit(&config, false);
    judged.outcome?;
    let is_blind = !(spots.is_empty() && missing.is_empty());
    Ok(if exit == Exit::Done && is_blind { Exit::Blind } else { exit })
}

/// What occurs in a log at all.
#[derive(Default)]
struct Survey {
    events: u64,
    stages: BTreeMap<&'static str, u64>,
    callers: BTreeMap<&'static str, u64>,
    with_credential: u64,
    /// Tokens that were issued, and how many of them are named.
    issued: u64,
    issued_named: u64,
    /// Writes whose bodies are read, and how many have one.
    writes: u64,
    bodies: u64,
    unauthenticated: u64,
}

impl Survey {
    fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        *self.stages.entry(stage(event.stage)).or_default() += 1;
        let caller = event.principal().kind();
        *self.callers.entry(caller.as_str()).or_default() += 1;
        self.with_credential += u64::from(event.credential.id.is_some());
        self.unauthenticated += u64::from(event.code == 401);
        if event.stage != Stage::ResponseComplete || !(200..300).contains(&event.code) {
            return;
        }
        let target = &event.target;
        if (&*event.verb, &*target.resource, &*target.subresource) == ("create", "serviceaccounts", "token") {
            self.issued += 1;
            self.issued_named += u64::from(event.facts.issued_credential_id.is_some());
        }
        if is_read(&event.verb, target) {
            self.writes += 1;
            self.bodies += u64::from(event.facts.body.is_some());
        }
    }

    /// What does not occur although it does in any cluster, beside the engine's own blind spots.
    fn missing(&self) -> Vec<&'static str> {
        let is_missing = [
            (self.events == 0, "there is no event in it: point doctor at an audit log"),
            (
                self.events > 0 && self.seen(Stage::ResponseComplete) == 0,
                "there is no ResponseComplete: nothing can be judged but what is long-running",
            ),
            (
                self.events > 0 && self.callers(PrincipalKind::Node) == 0,
                "nodes make no requests: token-shared, token-elsewhere and new-source know nothing of them",
            ),
            (
                self.events > 0 && self.issued == 0,
                "no token is issued, which a cluster does every few minutes: token-minted, token-tainted and \
                 token-unissued cannot judge; the policy loses create of serviceaccounts/token, or the sample is short",
            ),
            (
                self.issued > 0 && self.issued_named == 0,
                "tokens are issued without their ids (Kubernetes before 1.30): token-tainted and token-unissued cannot \
                 judge",
            ),
        ];
        is_missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| what).collect()
    }

    fn seen(&self, of: Stage) -> u64 {
        self.stages.get(stage(of)).copied().unwrap_or_default()
    }

    fn callers(&self, of: PrincipalKind) -> u64 {
        self.callers.get(of.as_str()).copied().unwrap_or_default()
    }
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::RequestReceived => "RequestReceived",
        Stage::ResponseStarted => "ResponseStarted",
        Stage::ResponseComplete => "ResponseComplete",
        Stage::Panic => "Panic",
    }
}

struct Report<'a> {
    survey: &'a Survey,
    spots: &'a [BlindSpot],
    missing: &'a [&'static str],
    rejected: u64,
    width: usize,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Survey { events, with_credential, issued, issued_named, writes, bodies, unauthenticated, .. } = self.survey;
        writeln!(f, "log sample")?;
        let mut row = |title: &str, what: String| rows(f, self.width, title, [what]);
        row("events", format!("{}, and {} records rejected", Thousands(*events), Thousands(self.rejected)))?;
        row("stages", counts(&self.survey.stages))?;
        row("callers", counts(&self.survey.callers))?;
        row("credentials", format!("{} of events name theirs", share(*with_credential, *events)))?;
        row("tokens", format!("{} issued, {} with their ids", Thousands(*issued), Thousands(*issued_named)))?;
        let of_writes =
            format!("{} of {} writes whose bodies matter have one", share(*bodies, *writes), Thousands(*writes));
        row("bodies", format!("{of_writes} (level Request or above)"))?;
        row("401", Thousands(*unauthenticated).to_string())?;
        let spots = self.missing.iter().map(ToString::to_string).chain(self.spots.iter().map(ToString::to_string));
        let spots: Vec<String> = spots.collect();
        rows(f, self.width, "blind spots", if spots.is_empty() { vec!["none".to_owned()] } else { spots })
    }
}

fn counts(counts: &BTreeMap<&'static str, u64>) -> String {
    let some: Vec<String> = counts.iter().map(|(word, n)| format!("{} {word}", Thousands(*n))).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

/// A share in whole percent, rounded down: all is all.
fn share(part: u64, of: u64) -> String {
    part.saturating_mul(100).checked_div(of).map_or_else(|| "none".to_owned(), |percent| format!("{percent}%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    fn missing(events: &[Event<'_>]) -> usize {
        let mut survey = Survey::default();
        events.iter().for_each(|event| survey.add(event));
        survey.missing().len()
    }

    #[test]
    fn nodes_and_issues_are_missed_until_they_are_seen() {
        let mut node = event();
        node.username = "system:node:node-1".into();
        let issue = event().doing("create", "serviceaccounts/token");
        let mut named = issue.clone();
        named.facts.issued_credential_id = Some("JTI=1".into());
        assert_eq!(missing(&[]), 1);
        assert_eq!(missing(&[event()]), 2);
        assert_eq!(missing(&[node.clone()]), 1);
        assert_eq!(missing(&[node.clone(), issue]), 1, "its id is missing");
        assert_eq!(missing(&[node, named]), 0);
    }

    #[test]
    fn a_report_has_one_line_for_each_thing() {
        let mut survey = Survey::default();
        survey.add(&event());
        let (spots, missing) = ([BlindSpot::NoUnauthenticated], survey.missing());
        let said =
            Report { survey: &survey, spots: &spots, missing: &missing[..1], rejected: 0, width: 200 }.to_string();
        let expected = "\
log sample
  events        1, and 0 records rejected
  stages        1 ResponseComplete
  callers       1 ServiceAccount
  credentials   100% of events name theirs
  tokens        0 issued, 0 with their ids
  bodies        none of 0 writes whose bodies matter have one (level Request or above)
  401           0
  blind spots   nodes make no requests: token-shared, token-elsewhere and new-source know nothing of them
                stages: there is no ResponseStarted, so no 401 either: unauthenticated-burst cannot judge
";
        assert_eq!(said, expected);
    }
}
