//! `anomaly_analysis`: what was seen of whom, and what it is compared with, in numbers.

use serde::Serialize;

use super::integer;
use crate::alert::{Alert, History, Peers, Reason, Signal};
use crate::event::Span;
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct AnomalyAnalysis<'a> {
    analysis_targets: [AnalysisTarget<'a>; 1],
    anomalies: Vec<Anomaly<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    baselines: Vec<Baseline<'a>>,
}

#[derive(Serialize)]
struct AnalysisTarget<'a> {
    name: &'a Text,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Anomaly<'a> {
    observation_parameter: &'static str,
    observation_type: &'static str,
    observed_pattern: &'static str,
    observations: [Observation<'a>; 1],
}

#[derive(Serialize)]
struct Baseline<'a> {
    observation_parameter: &'static str,
    observed_pattern: &'static str,
    observations: Vec<Observation<'a>>,
}

#[derive(Serialize)]
struct Observation<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timespan: Option<Timespan>,
}

#[derive(Serialize)]
struct Timespan {
    #[serde(flatten)]
    duration: Duration,
    type_id: u8,
}

#[derive(Serialize)]
enum Duration {
    #[serde(rename = "duration_days")]
    Days(i32),
    #[serde(rename = "duration_secs")]
    Seconds(i32),
}

impl<'a> From<&'a Alert> for AnomalyAnalysis<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            analysis_targets: [AnalysisTarget { name: &alert.actor.username, r#type: alert.actor.kind.as_str() }],
            anomalies: alert.signals.iter().map(Anomaly::from).collect(),
            baselines: alert.signals.iter().flat_map(|signal| baselines(&signal.reason)).collect(),
        }
    }
}

impl<'a> From<&'a Signal> for Anomaly<'a> {
    fn from(Signal { detector, reason, .. }: &'a Signal) -> Self {
        Self {
            observation_parameter: reason.parameter,
            observation_type: detector,
            observed_pattern: reason.finding,
            observations: [Observation::counted(reason.observed.as_str(), reason.measure.unwrap_or(reason.count))],
        }
    }
}

/// What a reason is compared with: the values it was expected among, the account's own past, its peers.
fn baselines(reason: &Reason) -> impl Iterator<Item = Baseline<'_>> {
    let baseline = |observed_pattern, observations| Baseline {
        observation_parameter: reason.parameter,
        observed_pattern,
        observations,
    };
    let expected: Vec<_> = reason.expected.iter().map(|text| Observation::bare(text.as_str())).collect();
    let expected = (!expected.is_empty()).then(|| baseline("expected values", expected));
    let history = reason.history.map(|history| baseline("history", past(history)));
    let peers = reason.peers.map(|peers| baseline("peers", others(peers)));
    expected.into_iter().chain(history).chain(peers)
}

fn past(History { requests, age, known }: History) -> Vec<Observation<'static>> {
    let requests = Observation::counted("all requests", requests);
    let known = Observation::counted("distinct values", known);
    [requests, known].into_iter().map(|o| Observation { timespan: Some(Timespan::from(age)), ..o }).collect()
}

fn others(Peers { doing, of }: Peers) -> Vec<Observation<'static>> {
    vec![Observation::counted("peers that do this", doing), Observation::counted("all peers", of)]
}

impl<'a> Observation<'a> {
    const fn bare(value: &'a str) -> Self {
        Self { value, count: None, timespan: None }
    }

    fn counted(value: &'a str, count: impl TryInto<i32>) -> Self {
        Self { value, count: Some(integer(count)), timespan: None }
    }
}

impl From<Span> for Timespan {
    /// In whole days from two days on, in seconds below: where a fraction of a day matters.
    fn from(span: Span) -> Self {
        let seconds = span.0 / 1_000_000;
        match seconds / 86_400 {
            0 | 1 => Self { duration: Duration::Seconds(integer(seconds)), type_id: 2 },
            days => Self { duration: Duration::Days(integer(days)), type_id: 5 },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::sample;

    #[test]
    fn the_numbers_of_a_reason_stand_against_its_baselines() {
        let incident = sample::secrets();
        let value = serde_json::to_value(AnomalyAnalysis::from(incident.lead())).expect("it serializes");
        assert_eq!(
            value["anomalies"][0]["observations"],
            json!([{"value": "list secrets in kube-system", "count": 1}])
        );
        let fortnight = json!({"duration_days": 14, "type_id": 5});
        assert_eq!(
            value["baselines"][0],
            json!({"observation_parameter": "action", "observed_pattern": "history", "observations": [
                {"value": "all requests", "count": 48_210, "timespan": fortnight},
                {"value": "distinct values", "count": 12, "timespan": fortnight},
            ]})
        );
        assert_eq!(value["baselines"][1]["observed_pattern"], json!("peers"));
    }

    #[test]
    fn short_spans_are_told_in_seconds() {
        let span = |span| serde_json::to_value(Timespan::from(span)).expect("it serializes");
        assert_eq!(span(Span::hours(30)), json!({"duration_secs": 108_000, "type_id": 2}));
        assert_eq!(span(Span::days(2)), json!({"duration_days": 2, "type_id": 5}));
    }
}
