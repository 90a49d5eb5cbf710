//! What shows over time only: many small new things, an account that wakes after a long silence, many requests.

use super::{Context, Detector, VALID_ACCOUNTS, WAVE_BITS, about, as_attempted, scaled};
use crate::alert::{Bits, History, Reason, Signal};
use crate::baseline::{Facet, Habit, SLOT};
use crate::burst::Excess;
use crate::cluster::STEPS;
use crate::event::{Event, Span};
use crate::impact::{COLLECTION, DISCOVERY};
use crate::text::Text;

/// Different new things in 5 minutes, an hour, a day and a week from which an account looks around.
const SPREAD: [u32; 4] = [6, 10, 20, 40];

/// An account does many things, objects and namespaces that it never did, at once or drop by drop.
pub(super) struct Spread;

impl Detector for Spread {
    fn id(&self) -> &'static str {
        "spread"
    }

    fn about(&self) -> &'static str {
        "many new things, each of them small: somebody looks around"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        let expected = context.routine_carrier || context.person_at_home || context.is_young();
        if expected || !context.novel.intersects(&STEPS) {
            return None;
        }
        let Excess { span, limit, now, usual } = context.cluster.spreads.of(event)?.excess(SPREAD)?;
        let Bits(settled) = context.baseline.surprise(Facet::ActionInNamespace, Habit::Steady);
        Some(Signal {
            detector: self.id(),
            surprise: Bits(super::doublings(now, usual).0.min(settled)),
            impact: about(DISCOVERY, 45, "looking around"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {usual}"))],
                measure: Some(u64::from(now)),
                history: Some(context.baseline.history(Facet::ActionInNamespace, event.at)),
                ..Reason::new("new things", "many new things", Text::from(format!("{limit} or more in {span}")))
            },
        })
    }
}

/// An account that was silent for a week or more, and four times as long as ever before, is in use again.
pub(super) struct Dormant;

impl Detector for Dormant {
    fn id(&self) -> &'static str {
        "dormant"
    }

    fn about(&self) -> &'static str {
        "an account in use again after a long silence"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.is_waking() || context.is_young() {
            return None;
        }
        let (slept, longest) = context.baseline.slept();
        let hours = |span: Span| u32::try_from(span.0 / Span::hours(1).0).unwrap_or(u32::MAX - 1);
        Some(Signal {
            detector: self.id(),
            surprise: super::doublings(hours(slept), hours(longest)),
            impact: about(VALID_ACCOUNTS, scaled(context.impact, 12, 40).weight, "use of an account left alone"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {longest}"))],
                history: Some(context.baseline.history(Facet::Action, event.at)),
                ..Reason::new("silence", "dormant account in use again", Text::from(format!("after {slept}")))
            },
        })
    }
}

/// An account asks for twice as much as ever in five minutes, or four times, and so on. More of the same is nothing by
/// itself: what is asked for weighs.
pub(super) struct Volume;

impl Detector for Volume {
    fn id(&self) -> &'static str {
        "volume"
    }

    fn about(&self) -> &'static str {
        "far more requests in five minutes than ever before"
    }

    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal> {
        if !context.novel.is_surging() || context.routine_carrier {
            return None;
        }
        let volume = context.baseline.volume();
        let most = volume.most()?;
        let Bits(bits) = super::doublings(volume.requests, most);
        let wave = if context.cluster.is_surge(event.at) { WAVE_BITS } else { f32::INFINITY };
        let weight = scaled(as_attempted(event, context.impact), 10, 40).weight;
        Some(Signal {
            detector: self.id(),
            surprise: Bits(bits.min(volume.surprise_of_record().0).min(wave)),
            impact: about(COLLECTION, weight, "taking away much at once"),
            reason: Reason {
                expected: vec![Text::from(format!("at most {most}"))],
                measure: Some(u64::from(volume.requests)),
                history: Some(History { known: volume.known(), ..context.baseline.history(Facet::Action, event.at) }),
                ..Reason::new("requests", "far more requests than usual", Text::from(format!("in {SLOT}")))
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::alert::{Incident, Severity};
    use crate::engine::{Engine, Feed, Settings};
    use crate::event::{Event, Span};
    use crate::sample::event;

    /// A request of each event in each half minute of two days.
    fn learnt(events: &[Event<'static>]) -> Engine {
        let mut engine = Engine::new("test", &Settings::default());
        for half in 0..5_760 {
            for event in events {
                engine.learn(Feed(0), &named(event, Span::seconds(30 * half)));
            }
        }
        engine
    }

    /// `n` requests of each event within five minutes of the third day.
    fn asked(engine: &mut Engine, n: i64, events: &[Event<'static>]) -> Vec<Incident> {
        for nth in 0..n {
            for event in events {
                engine.process(Feed(0), &named(event, Span(Span::days(2).0 + nth * Span::minutes(5).0 / n)));
            }
        }
        engine.finish()
    }

    fn named(event: &Event<'static>, after: Span) -> Event<'static> {
        let audit_id = format!("{}-{}", event.username, after.0).into();
        Event { audit_id, ..event.clone().after(after) }
    }

    fn secrets() -> Event<'static> {
        event().doing("list", "secrets").on("", "")
    }

    fn lease() -> Event<'static> {
        event().doing("update", "leases").on("shop", "cart")
    }

    #[test]
    fn more_of_the_same_is_listed_and_more_of_what_is_sensitive_is_worse() {
        for (event, severity) in [(lease(), Severity::Informational), (secrets(), Severity::Low)] {
            let said = asked(&mut learnt(std::slice::from_ref(&event)), 5_000, &[event]);
            assert_eq!(said.iter().flat_map(Incident::detectors).collect::<Vec<_>>(), ["volume"]);
            assert!(said[0].severity <= severity.max(Severity::Medium) && said[0].severity >= severity, "{said:?}");
            let sentence = said[0].lead().signals[0].reason.to_string();
            let expected = "far more requests than usual: \"in 5 min\": 4,096 (×5); expected \"at most 15\"";
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }

    #[test]
    fn a_few_more_than_usual_are_nothing() {
        assert_eq!(asked(&mut learnt(&[secrets()]), 200, &[secrets()]), []);
    }

    #[test]
    fn many_accounts_that_ask_for_more_at_once_are_a_restart() {
        let accounts = ["system:serviceaccount:shop:a", "system:serviceaccount:till:b", "system:serviceaccount:bank:c"];
        let all = accounts.map(|username| Event { username: username.into(), ..secrets() });
        let said = asked(&mut learnt(&all), 5_000, &all);
        assert!(said.iter().all(|incident| incident.severity < Severity::Medium), "{said:?}");
        let last = said.iter().find(|incident| incident.principal.as_str().ends_with(":c")).expect("it is listed");
        assert!(last.severity == Severity::Informational, "{last:?}");
    }
}
