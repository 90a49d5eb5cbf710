//! What the lives of credentials say.

use super::*;
use crate::event::{Body, Facts, Outcome, TokenRequest};
use crate::sample::{START, event};

fn learn(credentials: &mut Credentials, event: &Event<'_>, quarantine: bool) {
    let seen = Observation::of(event);
    if !credentials.touch(event, &seen) {
        credentials.learn(event, &seen, quarantine, false);
    }
}

/// A cluster in which a hundred pods have each used their token from their own address.
fn quiet_cluster() -> Credentials {
    let mut credentials = Credentials::new(1_000);
    for n in 0..100 {
        let mut event = event().from(&format!("10.1.0.{n}"));
        event.credential.id = Some(format!("JTI={n}").into());
        learn(&mut credentials, &event, false);
    }
    credentials
}

#[test]
fn a_second_address_surprises_where_pods_have_one() {
    let credentials = quiet_cluster();
    assert!(credentials.surprise_of_sharing(Kind::PodBound, "x").0 > 7.0);
}

#[test]
fn a_second_address_says_nothing_where_addresses_come_and_go() {
    let mut credentials = quiet_cluster();
    for n in 0..100 {
        let mut event = event().from("10.9.9.9");
        event.credential.id = Some(format!("JTI={n}").into());
        learn(&mut credentials, &event, false);
    }
    assert!(credentials.surprise_of_sharing(Kind::PodBound, "x").0 < 1.0);
}

#[test]
fn a_dual_stack_pod_has_an_address_of_each_family() {
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event().from("10.1.0.5"), false);
    let life = credentials.life("JTI=cart").unwrap();
    assert!(life.elsewhere("fd00::5".parse().unwrap()).is_empty());
    assert_eq!(life.elsewhere("10.1.0.6".parse().unwrap()).len(), 1);
}

#[test]
fn a_quarantined_use_makes_no_address_normal() {
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event(), false);
    let thief = event().from("203.0.113.9");
    learn(&mut credentials, &thief, true);
    let life = credentials.life("JTI=cart").unwrap();
    assert!(life.normal_use("203.0.113.9".parse().unwrap()).is_none());
    assert!(!credentials.touch(&thief, &Observation::of(&thief)));
}

#[test]
fn clients_that_come_while_a_pod_starts_are_its_own() {
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event(), false);
    let sidecar = event().with("envoy/1.0");
    let seen = Observation::of(&sidecar);
    let life = credentials.life("JTI=cart").unwrap();
    assert!(!life.is_other_client(&seen, START));
    assert!(life.is_other_client(&seen, Timestamp(START.0 + Span::minutes(3).0)));
}

#[test]
fn an_address_is_held_by_the_pod_last_seen_there() {
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event(), false);
    let ip = "10.1.0.5".parse().unwrap();
    assert_eq!(credentials.other_tenant(ip, "node-2", START).map(|t| &*t.pod), Some("cart-0"));
    assert!(credentials.other_tenant(ip, "node-1", START).is_none());
    let later = Timestamp(START.0 + Span::minutes(6).0);
    assert!(credentials.other_tenant(ip, "node-2", later).is_none());
}

#[test]
fn the_table_is_bounded_and_says_what_left() {
    let mut credentials = Credentials::new(32);
    for n in 0..100 {
        let mut event = event().after(Span::seconds(n));
        event.credential.id = Some(format!("JTI={n}").into());
        learn(&mut credentials, &event, false);
    }
    assert!(credentials.len() <= 32);
    assert_eq!(credentials.evicted() as usize + credentials.len(), 100);
    assert!(credentials.life("JTI=99").is_some());
}

#[test]
fn credentials_that_were_kept_are_the_same() {
    let mut credentials = quiet_cluster();
    learn(&mut credentials, &event().from("203.0.113.9"), true);
    let mut minting = event();
    minting.facts.issued_credential_id = Some("JTI=unused".into());
    credentials.issue(&minting, true);
    let kept = credentials.snapshot();
    assert_eq!((kept.lives.len(), credentials.life("JTI=unused").map(|life| life.is_suspect)), (102, Some(true)));
    let restored = Credentials::restore(1_000, kept.clone());
    assert_eq!(restored.snapshot(), kept);
    assert_eq!(restored.surprise_of_sharing(Kind::PodBound, "x"), credentials.surprise_of_sharing(Kind::PodBound, "x"));
}

#[test]
fn a_life_says_whose_it_is_and_what() {
    let mut credentials = Credentials::new(10);
    let long = Box::leak("x".repeat(1_000).into_boxed_str());
    learn(&mut credentials, &event().bare(long), false);
    let life = credentials.life(long).unwrap();
    assert_eq!((life.id.len(), life.kind), (128, Some(Kind::Bare)), "an id is cut, and still found by the whole");
    assert_eq!(life.account.map(NonZeroU64::get), Some(key(&event().username)));
}

#[test]
fn an_address_that_is_used_for_days_without_objection_becomes_normal() {
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event(), false);
    let moved = event().from("203.0.113.9");
    for day in 0..3 {
        assert!(credentials.life("JTI=cart").unwrap().normal_use("203.0.113.9".parse().unwrap()).is_none());
        learn(&mut credentials, &moved.clone().after(Span::days(day)), true);
    }
    assert!(credentials.life("JTI=cart").unwrap().normal_use("203.0.113.9".parse().unwrap()).is_some());
}

/// A kubelet asks for the token of [`event`]'s pod, for ten minutes.
fn issue() -> Event<'static> {
    let body = TokenRequest { seconds: 600, bound_to: "Pod".to_owned(), ..TokenRequest::default() };
    let mut issue = event().by("system:node:node-1").bare("X509SHA256=0f").asking(Body::Token(body));
    issue.facts.issued_credential_id = Some("JTI=cart".into());
    issue
}

fn minutes(n: i64) -> Timestamp {
    Timestamp(START.0 + Span::minutes(n).0)
}

#[test]
fn a_token_ends_when_the_response_says_so_or_after_as_long_as_was_asked_for() {
    let end = |body: Option<Body>| {
        let mut credentials = Credentials::new(10);
        credentials.issue(&Event { facts: Facts { body: body.map(Box::new), ..issue().facts }, ..issue() }, false);
        credentials.life("JTI=cart").unwrap().expires
    };
    let request = |seconds, expires| Some(Body::Token(TokenRequest { seconds, expires, ..TokenRequest::default() }));
    assert_eq!(end(request(600, None)), Some(minutes(10)));
    assert_eq!(
        end(request(315_360_000, Some(minutes(60)))),
        Some(minutes(60)),
        "the API server caps what is asked for"
    );
    assert_eq!(end(request(i64::MAX, None)), Some(Timestamp(i64::MAX)));
    assert_eq!(end(None), None);
}

#[test]
fn a_use_after_the_end_is_one_that_was_sent_clearly_after_it_and_is_not_called_stale() {
    let mut credentials = Credentials::new(10);
    credentials.issue(&issue(), false);
    learn(&mut credentials, &event(), false);
    let is_over = |event: &Event<'_>| credentials.life("JTI=cart").unwrap().ended(event).is_some();
    let late = event().after(Span::minutes(16));
    assert!(is_over(&late) && !is_over(&event().after(Span::minutes(14))));
    assert!(!is_over(&Event { received: minutes(9), ..late.clone() }), "a watch that ended later");
    let stale = Facts { stale_token: true, ..Facts::default() };
    assert!(!is_over(&Event { facts: stale, ..late.clone() }), "made to live for a year");
    let seen = Observation::of(&late);
    assert!(credentials.touch(&event().after(Span::minutes(14)), &seen) && !credentials.touch(&late, &seen));
}

#[test]
fn a_401_just_after_a_use_is_the_end_of_it_until_it_is_used_again() {
    let refusal = |ip: &str, minute| {
        let outcome = Outcome::Unauthenticated;
        Event { username: "".into(), outcome, ..event().bare("").from(ip).after(Span::minutes(minute)) }
    };
    let mut credentials = Credentials::new(10);
    learn(&mut credentials, &event(), false);
    let mut refuse = |ip, minute| {
        credentials.refuse(&refusal(ip, minute));
        credentials.life("JTI=cart").unwrap().final_refusal().map(|refusal| refusal.at)
    };
    assert_eq!(refuse("10.1.0.6", 1), None, "from elsewhere");
    assert_eq!(refuse("10.1.0.5", 6), None, "too late to be about it");
    assert_eq!(refuse("10.1.0.5", 2), Some(minutes(2)));
    assert_eq!(refuse("10.1.0.5", 3), Some(minutes(2)), "the first says it");
    learn(&mut credentials, &event().after(Span::minutes(4)), false);
    assert_eq!(credentials.life("JTI=cart").unwrap().final_refusal(), None);
    learn(&mut credentials, &event().pod("JTI=next", "cart-0", "node-1").after(Span::minutes(5)), false);
    credentials.refuse(&refusal("10.1.0.5", 6));
    let is_refused = |id| credentials.life(id).unwrap().final_refusal().is_some();
    assert!(is_refused("JTI=next") && !is_refused("JTI=cart"), "the last that came there");
}

#[test]
fn habits_are_those_of_credentials_that_are_remembered() {
    let mut credentials = quiet_cluster();
    let mut shared = event().from("10.9.9.9");
    shared.credential.id = Some("JTI=7".into());
    learn(&mut credentials, &shared, false);
    let before = credentials.snapshot();
    let day = |n| START.0 + Span::days(n).0;
    credentials.fade(Timestamp(day(30)), 0);
    assert_eq!(credentials.snapshot(), before, "all are remembered");
    let mut young = event().from("10.1.0.200").after(Span::days(95));
    young.credential.id = Some("JTI=young".into());
    learn(&mut credentials, &young, false);
    credentials.fade(Timestamp(day(100)), 1);
    let kept = credentials.snapshot();
    assert_eq!(kept.sharing, [(Kind::PodBound, Habit { credentials: 1, exceptions: 0 })]);
    assert_eq!(kept.sharing_of_accounts.len(), 1);
    assert_eq!(kept.moves.credentials, before.moves.credentials.div_ceil(2));
}
