use super::*;
use crate::alert::{Bits, Impact, Reason};
use crate::impact::DISCOVERY;
use crate::sample::{START, event};

/// A signal of so much risk, in hundredths, about something.
fn signal(risk: u8, about: &str) -> Signal {
    let impact = Impact { weight: risk, what: "a test", technique: DISCOVERY };
    let reason = Reason::new("action", "new action", Text::new(about));
    Signal { detector: "new-action", surprise: Bits(40.0), impact, reason }
}

/// One alert: so many minutes after the start, of so much risk, about something.
type Step = (i64, u8, &'static str);

fn take(triage: &mut Triage, (minute, risk, about): Step) {
    let event = event().after(Span::minutes(minute)).on(about, "");
    triage.pass(event.at);
    consider(triage, &event, signal(risk, about));
}

fn consider(triage: &mut Triage, event: &Event<'_>, signal: Signal) {
    let seen = Observation::of(event);
    triage.consider(event, (&seen, Novel::default()), vec![signal], (&Cluster::new(10), START));
}

fn live() -> Triage {
    let mut triage = Triage::new("test", 5);
    triage.go_live();
    triage
}

fn told(triage: &mut Triage) -> Vec<(Activity, Severity, u64)> {
    triage.notices().iter().map(|n| (n.activity, n.incident.severity, n.incident.events)).collect()
}

#[test]
fn an_incident_is_told_at_once_and_again_when_it_becomes_worse() {
    let mut triage = live();
    take(&mut triage, (0, 30, "a"));
    assert_eq!(told(&mut triage), [(Activity::Opened, Severity::Low, 1)]);
    take(&mut triage, (1, 50, "b"));
    assert_eq!(told(&mut triage), [(Activity::Updated, Severity::Medium, 2)]);
}

#[test]
fn more_of_the_same_is_told_after_a_quarter_of_an_hour_and_only_if_there_is_more() {
    let mut triage = live();
    take(&mut triage, (0, 50, "a"));
    take(&mut triage, (1, 50, "a"));
    take(&mut triage, (2, 50, "a"));
    assert_eq!(told(&mut triage).len(), 1);
    triage.pass(Timestamp(START.0 + Span::minutes(16).0));
    assert_eq!(told(&mut triage), [(Activity::Updated, Severity::Medium, 3)]);
    triage.pass(Timestamp(START.0 + Span::minutes(60).0));
    assert_eq!(told(&mut triage), []);
}

#[test]
fn an_incident_is_closed_a_day_after_its_last_alert_and_another_one_is_another() {
    let mut triage = live();
    take(&mut triage, (0, 50, "a"));
    take(&mut triage, (25 * 60, 50, "a"));
    let all = triage.notices();
    let activities: Vec<Activity> = all.iter().map(|n| n.activity).collect();
    assert_eq!(activities, [Activity::Opened, Activity::Closed, Activity::Opened]);
    assert_ne!(all[0].incident.id, all[2].incident.id);
}

#[test]
fn flushing_tells_what_is_not_due_yet() {
    let mut triage = live();
    take(&mut triage, (0, 50, "a"));
    take(&mut triage, (1, 50, "a"));
    assert_eq!(told(&mut triage).len(), 1);
    triage.flush();
    triage.flush();
    assert_eq!(told(&mut triage), [(Activity::Updated, Severity::Medium, 2)]);
}

#[test]
fn who_hears_of_the_grave_only_hears_of_it_as_something_new() {
    let mut triage = live();
    take(&mut triage, (0, 30, "a"));
    take(&mut triage, (1, 50, "b"));
    let heard: Vec<_> = triage.notices().iter().map(|n| n.activity_from(Severity::Medium)).collect();
    assert_eq!(heard, [None, Some(Activity::Opened)]);
}

const STEPS: [Step; 9] = [
    (0, 30, "a"),
    (1, 30, "b"),
    (2, 60, "c"),
    (9, 30, "b"),
    (40, 30, "b"),
    (41, 90, "d"),
    (24 * 60 + 50, 50, "e"),
    (24 * 60 + 51, 50, "e"),
    (50 * 60, 30, "a"),
];

#[test]
fn what_was_told_last_is_what_is_told_whole() {
    let (mut live, mut whole) = (live(), Triage::new("test", 5));
    STEPS.into_iter().for_each(|step| {
        take(&mut live, step);
        take(&mut whole, step);
    });
    assert_eq!(live.finish(), []);
    let closed = live.notices().into_iter().filter(|n| n.activity == Activity::Closed);
    let whole = whole.finish();
    assert_eq!((closed.map(|n| n.incident).collect::<Vec<_>>(), whole.len()), (whole, 3));
}

#[test]
fn incidents_that_were_kept_go_on_as_if_nothing_had_been() {
    let mut steady = live();
    STEPS.into_iter().for_each(|step| take(&mut steady, step));
    steady.finish();
    let (mut kept, mut notices) = (live(), Vec::new());
    for step in STEPS {
        take(&mut kept, step);
        notices.extend(kept.notices());
        let json = serde_json::to_vec(&kept.snapshot()).expect("it is JSON");
        kept = live();
        kept.restore(serde_json::from_slice(&json).expect("what was written"));
    }
    kept.finish();
    notices.extend(kept.notices());
    assert_eq!(notices, steady.notices());
}

#[test]
fn a_person_is_told_of_the_first_few_of_a_day() {
    let mut triage = Triage::new("test", 1);
    for name in ["one", "two"] {
        let event = event().by(name);
        consider(&mut triage, &event, signal(50, "a"));
    }
    let notify: Vec<bool> = triage.finish().iter().map(|incident| incident.notifies).collect();
    assert_eq!(notify, [true, false]);
}

#[test]
fn a_flood_of_trifles_leaves_what_is_grave() {
    let mut triage = Triage::new("test", 5);
    let mut grave = event().by("the attacker");
    consider(&mut triage, &grave, signal(90, "a"));
    for n in 0..2 * MAX_HELD + MAX_OPEN {
        grave.username = format!("user-{n}").into();
        consider(&mut triage, &grave, signal(1, "a"));
        assert!(triage.open.len() <= MAX_OPEN);
    }
    let all = triage.finish();
    assert!(all.len() <= 2 * MAX_HELD + MAX_OPEN && triage.dropped_incidents() >= MAX_HELD as u64);
    assert!(all.iter().any(|incident| incident.risk == 90));
}
