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
