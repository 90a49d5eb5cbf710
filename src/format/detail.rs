//! The numbers behind an alert, in Sawatch's own words: for the corners that foreign schemas leave free.

use serde::Serialize;

use crate::alert::{Alert, Bits, Grade, History, Peers, Signal};
use crate::text::Text;

/// One alert: when, how it ended, and every signal with its numbers.
#[derive(Serialize)]
pub(super) struct Detail<'a> {
    time: String,
    outcome: &'static str,
    risk_score: u8,
    signals: Vec<SignalDetail<'a>>,
}

#[derive(Serialize)]
struct SignalDetail<'a> {
    detector: &'static str,
    /// Absent when it is no number: JSON knows no infinity.
    #[serde(skip_serializing_if = "Option::is_none")]
    surprise_bits: Option<f32>,
    impact: ImpactDetail,
    technique: &'static str,
    parameter: &'static str,
    finding: &'static str,
    observed: &'a Text,
    #[serde(skip_serializing_if = "<[Text]>::is_empty")]
    expected: &'a [Text],
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<HistoryDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<PeersDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<&'static str>,
    reason: String,
}

#[derive(Serialize)]
struct ImpactDetail {
    weight: u8,
    what: &'static str,
}

#[derive(Serialize)]
struct HistoryDetail {
    requests: u64,
    age_seconds: i64,
    known: u32,
}

#[derive(Serialize)]
struct PeersDetail {
    doing: u32,
    of: u32,
}

impl<'a> From<&'a Alert> for Detail<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            time: alert.at.to_string(),
            outcome: alert.outcome.as_str(),
            risk_score: alert.risk,
            signals: alert.signals.iter().map(SignalDetail::from).collect(),
        }
    }
}

impl<'a> From<&'a Signal> for SignalDetail<'a> {
    fn from(signal: &'a Signal) -> Self {
        let reason = &signal.reason;
        Self {
            detector: signal.detector,
            surprise_bits: rounded(signal.surprise),
            impact: ImpactDetail { weight: signal.impact.weight, what: signal.impact.what },
            technique: signal.impact.technique.id,
            parameter: reason.parameter,
            finding: reason.finding,
            observed: &reason.observed,
            expected: &reason.expected,
            count: reason.count,
            measure: reason.measure,
            history: reason.history.map(HistoryDetail::from),
            peers: reason.peers.map(|Peers { doing, of }| PeersDetail { doing, of }),
            grade: reason.grade.map(word),
            reason: reason.to_string(),
        }
    }
}

impl From<History> for HistoryDetail {
    fn from(history: History) -> Self {
        Self { requests: history.requests, age_seconds: history.age.0 / 1_000_000, known: history.known }
    }
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Address => "address",
        Grade::Pod => "pod",
        Grade::Credential => "credential",
    }
}

/// Surprise to one decimal: more would pretend a precision that an estimate has not.
pub(super) fn rounded(Bits(bits): Bits) -> Option<f32> {
    bits.is_finite().then(|| (bits * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_a_short_number_or_absent() {
        assert_eq!(rounded(Bits(14.234)), Some(14.2));
        assert_eq!(rounded(Bits(f32::INFINITY)), None);
        assert_eq!(rounded(Bits(f32::NAN)), None);
    }
}
