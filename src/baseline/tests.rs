//! What a baseline learns, and how surprising it finds what it does not know.

use super::*;
use crate::event::Span;
use crate::sample::{START, event};

fn observe(baseline: &mut Baseline, event: &crate::event::Event<'_>, learning: Learning) -> Novel {
    let seen = Observation::of(event);
    let novel = baseline.touch(&seen, event.at, learning.declared);
    for value in seen.iter() {
        baseline.learn(value, event.at, learning, || Symbols::default().intern("x"));
    }
    novel
}

const DECLARED: Learning = Learning { quarantine: false, declared: true };
const LIVE: Learning = Learning { quarantine: false, declared: false };
const QUARANTINED: Learning = Learning { quarantine: true, declared: false };

#[test]
fn what_was_seen_before_is_not_new() {
    let mut baseline = Baseline::new(START);
    assert!(observe(&mut baseline, &event(), DECLARED).contains(Facet::Action));
    assert!(observe(&mut baseline, &event(), DECLARED).is_empty());
    let other = observe(&mut baseline, &event().doing("list", "secrets"), DECLARED);
    assert!(other.contains(Facet::Action) && !other.contains(Facet::Namespace));
}

#[test]
fn a_first_hour_surprises_nobody_however_busy() {
    let mut baseline = Baseline::new(START);
    for second in 0..3_500 {
        observe(&mut baseline, &event().after(Span::seconds(second)), LIVE);
    }
    assert!(baseline.surprise(Facet::Action, Habit::Steady).0 < 0.5);
}

#[test]
fn surprise_grows_with_experience_and_falls_with_every_novelty() {
    let mut baseline = Baseline::new(START);
    let mut before = 0.0;
    for minute in 0..100 {
        observe(&mut baseline, &event().after(Span::minutes(minute)), DECLARED);
        let now = baseline.surprise(Facet::Action, Habit::Steady).0;
        assert!(now >= before);
        before = now;
    }
    assert!(before > 6.0);
    observe(&mut baseline, &event().doing("list", "pods").after(Span::minutes(101)), DECLARED);
    assert!(baseline.surprise(Facet::Action, Habit::Steady).0 < before);
}

#[test]
fn a_person_is_expected_to_bring_something_new() {
    let mut baseline = Baseline::new(START);
    for minute in 0..20 {
        observe(&mut baseline, &event().after(Span::minutes(minute)), DECLARED);
    }
    assert!(baseline.surprise(Facet::Action, Habit::Exploring).0 < 3.0);
    assert!(baseline.surprise(Facet::Action, Habit::Steady).0 > 4.0);
}

#[test]
fn a_quarantined_value_stays_new_until_its_third_day() {
    let mut baseline = Baseline::new(START);
    let strange = event().doing("list", "secrets");
    observe(&mut baseline, &strange, QUARANTINED);
    for day in 1..=2 {
        let again = strange.clone().after(Span::days(day));
        assert!(observe(&mut baseline, &again, LIVE).contains(Facet::Action), "day {day}");
    }
    assert!(!observe(&mut baseline, &strange.after(Span::days(3)), LIVE).contains(Facet::Action));
}

#[test]
fn quarantined_values_do_not_dull_the_ear() {
    let mut baseline = Baseline::new(START);
    for minute in 0..60 {
        observe(&mut baseline, &event().after(Span::minutes(minute)), DECLARED);
    }
    let before = baseline.surprise(Facet::Action, Habit::Steady);
    for (n, resource) in ["secrets", "pods", "nodes", "roles"].into_iter().enumerate() {
        let at = Span::minutes(60 + n as i64);
        observe(&mut baseline, &event().doing("list", resource).after(at), QUARANTINED);
    }
    assert!(baseline.surprise(Facet::Action, Habit::Steady) >= before);
}

#[test]
fn a_new_client_is_on_probation_for_an_hour() {
    let mut baseline = Baseline::new(START);
    observe(&mut baseline, &event(), LIVE);
    let other = event().with("curl/8.0");
    observe(&mut baseline, &other.clone().after(Span::minutes(10)), LIVE);
    let soon = observe(&mut baseline, &other.clone().after(Span::minutes(30)), LIVE);
    assert!(soon.contains(Facet::Agent));
    let later = observe(&mut baseline, &other.after(Span::minutes(71)), LIVE);
    assert!(!later.contains(Facet::Agent));
}

#[test]
fn a_full_facet_forgets_what_was_silent_longest_and_says_so() {
    let mut baseline = Baseline::new(START);
    let capacity = i64::from(Facet::Source.capacity());
    for n in 0..=capacity {
        let ip = format!("10.0.{}.{}", n / 256, n % 256);
        observe(&mut baseline, &event().from(&ip).after(Span::seconds(n)), DECLARED);
    }
    assert_eq!(baseline.evicted(), 1);
    assert_eq!(baseline.known(Facet::Source), Facet::Source.capacity());
    let first = Observation::of(&event().from("10.0.0.0")).value(Facet::Source).unwrap();
    assert!(baseline.entry(Facet::Source, first).is_none());
}

#[test]
fn experience_halves_in_thirty_days_and_repeats_stay_repeats() {
    let mut baseline = Baseline::new(START);
    for minute in 0..64 {
        observe(&mut baseline, &event().after(Span::minutes(minute)), DECLARED);
    }
    observe(&mut baseline, &event().doing("list", "pods").after(Span::minutes(64)), DECLARED);
    let before = baseline.clone();
    observe(&mut baseline, &event().after(Span::days(30)), DECLARED);
    assert_eq!((before.chances(), baseline.chances()), (65, 33));
    let count = |facet, event: &crate::event::Event<'_>| {
        baseline.entry(facet, Observation::of(event).value(facet).unwrap()).map(|e| e.count)
    };
    assert_eq!(count(Facet::Action, &event()), Some(33), "64 halved, and one more");
    assert_eq!(count(Facet::Action, &event().doing("list", "pods")), Some(1));
    assert_eq!(baseline.requests(), 66, "what is said of the past is not halved");
    assert!(baseline.surprise(Facet::Action, Habit::Steady) < before.surprise(Facet::Action, Habit::Steady));
    observe(&mut baseline, &event().after(Span::days(89)), DECLARED);
    observe(&mut baseline, &event().after(Span::days(150)), DECLARED);
    let entry = baseline.entry(Facet::Action, Observation::of(&event()).value(Facet::Action).unwrap()).unwrap();
    assert_eq!(entry.count, 3, "17 after one more, and an eighth of that and one after three");
}

#[test]
fn a_value_unseen_for_ninety_days_is_new_again() {
    let mut baseline = Baseline::new(START);
    let rare = event().doing("list", "pods");
    observe(&mut baseline, &rare, DECLARED);
    for day in (1..=89).step_by(8) {
        observe(&mut baseline, &event().after(Span::days(day)), DECLARED);
    }
    assert_eq!(baseline.known(Facet::Action), 2);
    let novel = observe(&mut baseline, &rare.after(Span::days(91)), DECLARED);
    assert!(novel.contains(Facet::Action) && !novel.contains(Facet::Namespace));
    assert_eq!(baseline.known(Facet::Action), 2, "learnt anew");
}

#[test]
fn within_thirty_days_nothing_fades() {
    let mut baseline = Baseline::new(START);
    observe(&mut baseline, &event(), DECLARED);
    observe(&mut baseline, &event().after(Span(Span::days(30).0 - 1)), DECLARED);
    assert_eq!(baseline.chances(), 2);
}

#[test]
fn a_clock_in_the_next_century_costs_what_was_learnt_and_nothing_else() {
    let mut baseline = Baseline::new(START);
    observe(&mut baseline, &event(), DECLARED);
    assert!(observe(&mut baseline, &event().after(Span::days(300_000)), DECLARED).contains(Facet::Action));
    assert_eq!(baseline.chances(), 1);
    assert!(observe(&mut baseline, &event().after(Span::days(1)), DECLARED).is_empty());
}

#[test]
fn a_baseline_that_was_kept_goes_on_as_if_it_had_not_been() {
    let mut whole = Baseline::new(START);
    for minute in 0..200 {
        let event = if minute % 7 == 0 { event().doing("list", "pods") } else { event() };
        observe(&mut whole, &event.after(Span::minutes(minute)), LIVE);
    }
    observe(&mut whole, &event().doing("list", "secrets").after(Span::minutes(200)), QUARANTINED);
    let mut restored = Baseline::restore(&whole.snapshot());
    assert!(whole.entries().all(|(_, entry)| restored.hold(*entry)));
    assert!(whole.entries().all(|(_, entry)| !restored.hold(*entry)), "each of them once");
    for event in [event().doing("delete", "pods"), event().doing("list", "secrets"), event().with("curl/8")] {
        let event = event.after(Span::days(31));
        assert_eq!(observe(&mut restored, &event, LIVE), observe(&mut whole, &event, LIVE));
        assert_eq!(restored.snapshot(), whole.snapshot());
        for facet in Facet::ALL {
            assert_eq!(restored.surprise(facet, Habit::Steady), whole.surprise(facet, Habit::Steady), "{facet:?}");
        }
    }
}
