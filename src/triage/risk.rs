//! Risk: of a signal, of the signals of an event, of the alerts of an incident.

use std::collections::HashMap;

use crate::alert::{Alert, Bits, Signal};
use crate::text::Text;

/// Bits at which a signal counts for half of its impact.
const HALF: f32 = 2.5;

/// Risk below which a signal adds nothing to its incident.
const NOISE: f32 = 0.05;

/// The risk of one signal, 0 to 1: its impact, discounted by how unsurprising it is.
#[must_use]
pub fn of_signal(signal: &Signal) -> f32 {
    let Bits(bits) = signal.surprise;
    f32::from(signal.impact.weight) / 100.0 * (1.0 - (-bits.max(0.0) / HALF).exp2())
}

/// The risk of the signals of one event, 0 to 1: each adds its part of what is left.
#[must_use]
pub fn of_signals(signals: &[Signal]) -> f32 {
    1.0 - signals.iter().map(|s| 1.0 - of_signal(s)).product::<f32>()
}

/// The risk of alerts together, 0 to 1: each distinct thing that was said adds its part of what is left, the n-th of one
/// detector at 1/n². The same thing said again adds nothing.
#[must_use]
pub fn of_alerts<'a>(alerts: impl Iterator<Item = &'a Alert>) -> f32 {
    let mut said: HashMap<(&str, &Text), f32> = HashMap::new();
    let signals = alerts.flat_map(|alert| &alert.signals).map(|signal| (signal, of_signal(signal)));
    for (signal, risk) in signals.filter(|&(_, risk)| risk >= NOISE) {
        let most = said.entry((signal.detector, &signal.reason.observed)).or_default();
        *most = risk.max(*most);
    }
    let mut risks: Vec<(&str, f32)> = said.into_iter().map(|((detector, _), risk)| (detector, risk)).collect();
    risks.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let mut counts: HashMap<&str, f32> = HashMap::new();
    let mut left = 1.0;
    for (detector, risk) in risks {
        let n = counts.entry(detector).and_modify(|n| *n += 1.0).or_insert(1.0);
        left *= 1.0 - risk / (*n * *n);
    }
    1.0 - left
}

/// A share as a whole number of hundredths.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
pub fn percent(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Impact, Reason};
    use crate::impact::DISCOVERY;

    fn signal(detector: &'static str, observed: &str, weight: u8, bits: f32) -> Signal {
        Signal {
            detector,
            surprise: Bits(bits),
            impact: Impact { weight, what: "test", technique: DISCOVERY },
            reason: Reason::new("test", "test", Text::new(observed)),
        }
    }

    fn incident(signals: Vec<Signal>) -> f32 {
        let event = crate::sample::event();
        let alerts: Vec<Alert> = signals.into_iter().map(|s| super::super::draft::alert(&event, vec![s])).collect();
        of_alerts(alerts.iter())
    }

    #[test]
    fn neither_surprise_nor_impact_alone_is_risk() {
        assert!(of_signal(&signal("a", "x", 100, 0.0)) < 0.01);
        assert!(of_signal(&signal("a", "x", 0, 20.0)) < 0.01);
        assert!(of_signal(&signal("a", "x", 90, 10.0)) > 0.8);
    }

    #[test]
    fn the_same_thing_said_again_adds_nothing() {
        let once = incident(vec![signal("a", "x", 50, 5.0)]);
        let often = incident(vec![signal("a", "x", 50, 5.0); 50]);
        assert!((once - often).abs() < 1e-6);
    }

    #[test]
    fn different_things_add_up_the_less_the_more_alike() {
        let alone = incident(vec![signal("a", "x", 50, 5.0)]);
        let alike = incident(vec![signal("a", "x", 50, 5.0), signal("a", "y", 50, 5.0)]);
        let unlike = incident(vec![signal("a", "x", 50, 5.0), signal("b", "y", 50, 5.0)]);
        assert!(alone < alike && alike < unlike);
    }

    #[test]
    fn trifles_stay_trifles_however_many() {
        let trifles = (0..1_000).map(|n| signal("a", &n.to_string(), 20, 2.0)).collect();
        assert!(incident(trifles) < 0.2);
    }
}
