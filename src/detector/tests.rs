//! What each detector says, through the engine's door: a quiet period is learnt, then one thing happens.

use crate::alert::{Incident, Severity};
use crate::engine::{Engine, Feed, Settings};
use crate::event::{Body, Capabilities, CertificateRequest, Event, HostPaths, Outcome, Pod, Span, TokenRequest};
use crate::sample::event;

/// An engine that has learnt ten hours of a shop: forty pods on four nodes, each with its own token and address.
fn learnt() -> Engine {
    let mut engine = Engine::new("test", &Settings::default());
    let nodes = ["node-0", "node-1", "node-2", "node-3"];
    for minute in 0..600_usize {
        let at = Span::minutes(i64::try_from(minute).unwrap());
        let mut pod = event().after(at);
        let n = minute % 40;
        pod.credential.id = Some(format!("JTI={n}").into());
        pod.credential.pod_name = Some(format!("cart-{n}").into());
        pod.credential.node_name = Some(nodes[n % 4].into());
        learn(&mut engine, &pod.from(&format!("10.1.{}.{n}", n % 4)));
        learn(&mut engine, &event().after(at));
        learn(&mut engine, &person().after(at));
        learn(&mut engine, &person().doing("get", KINDS[minute / 50]).after(at));
        let kubelet = event().by("system:node:node-1").bare("X509SHA256=1").with("kubelet/v1.36").from("10.0.0.1");
        learn(&mut engine, &kubelet.on("shop", "cart-0").doing("get", "pods").after(at));
    }
    engine
}

/// What a person has looked at now and then.
const KINDS: [&str; 12] = [
    "pods",
    "services",
    "endpoints",
    "events",
    "nodes",
    "configmaps",
    "deployments",
    "jobs",
    "cronjobs",
    "ingresses",
    "statefulsets",
    "daemonsets",
];

fn person() -> Event<'static> {
    event().by("alice").bare("X509SHA256=a").with("kubectl/v1.36").from("10.8.0.2").doing("list", "pods").on("shop", "")
}

fn learn(engine: &mut Engine, event: &Event<'static>) {
    // Each is a request of its own, though some happen at the same moment.
    let id = event.credential.id.as_deref().unwrap_or_default();
    let audit_id = format!("{}-{id}-{}", event.username, event.verb).into();
    engine.learn(Feed(0), &Event { audit_id, ..event.clone() });
}

/// A moment after what was learnt.
const NOW: Span = Span::hours(11);

fn incidents(events: &[Event<'static>]) -> Vec<Incident> {
    let mut engine = learnt();
    for (n, event) in events.iter().enumerate() {
        let mut event = event.clone().after(Span(NOW.0 + i64::try_from(n).unwrap() * 1_000_000));
        event.audit_id = format!("now-{n}").into();
        engine.process(Feed(0), &event);
    }
    engine.finish()
}

/// The detectors that speak when `events` happen, and how bad it is all in all.
#[track_caller]
fn check(events: &[Event<'static>], detectors: &[&str], severity: std::ops::RangeInclusive<Severity>) {
    let incidents = incidents(events);
    let mut spoke: Vec<&str> = incidents.iter().flat_map(Incident::detectors).collect();
    spoke.sort_unstable();
    spoke.dedup();
    assert_eq!(spoke, detectors);
    let worst = incidents.iter().map(|i| i.severity).max().unwrap_or(Severity::Informational);
    assert!(severity.contains(&worst), "{worst} is not in {severity:?}");
}

use Severity::{Critical, High, Informational, Low, Medium};

#[test]
fn what_always_happens_is_quiet() {
    check(&[event(), person()], &[], Informational..=Informational);
}

#[test]
fn a_pods_token_at_a_second_address_is_a_theft() {
    check(&[event().from("203.0.113.9")], &["token-shared"], High..=Critical);
}

#[test]
fn a_second_family_of_addresses_is_dual_stack() {
    check(&[event().from("fd00::5")], &[], Informational..=Informational);
}

#[test]
fn a_new_pod_of_the_account_is_quiet() {
    check(&[event().pod("JTI=new", "cart-99", "node-2").from("10.1.2.99")], &[], Informational..=Informational);
}

#[test]
fn a_new_pods_token_from_another_nodes_pod_is_misplaced() {
    let stolen = event().pod("JTI=new", "cart-99", "node-2").from("10.1.0.5");
    check(&[event(), stolen], &["token-elsewhere"], High..=Critical);
}

#[test]
fn a_token_bound_to_no_pod_is_unlike_the_account() {
    let minted = event().bare("JTI=minted").from("203.0.113.9");
    check(&[minted], &["new-source", "token-unbound"], High..=Critical);
}

#[test]
fn another_client_with_a_token_in_use_is_noticed() {
    check(&[event().with("curl/8.5.0")], &["token-agent"], Medium..=High);
}

#[test]
fn another_version_in_a_new_pod_is_quiet() {
    let upgraded = event().pod("JTI=new", "cart-99", "node-2").from("10.1.2.99").with("shop-cart/2.0");
    check(&[upgraded], &["new-agent"], Informational..=Low);
}

#[test]
fn a_secret_of_another_namespace_is_new_in_every_way() {
    check(&[event().doing("get", "secrets").on("payments", "db")], &["new-action", "new-namespace"], Medium..=High);
}

#[test]
fn looking_around_in_vain_is_a_burst() {
    let tries = ["secrets", "pods", "nodes", "roles", "deployments", "services", "jobs"];
    let tries: Vec<_> = tries.into_iter().map(|kind| event().doing("list", kind).on("", "").denied()).collect();
    check(&tries, &["denied-burst", "new-action", "spread"], Medium..=Critical);
}

#[test]
fn what_used_to_be_allowed_and_is_denied_now_is_listed() {
    check(&[event().denied()], &["denied"], Informational..=Low);
}

#[test]
fn a_person_at_their_desk_may_do_something_new() {
    check(&[person().doing("create", "deployments")], &["new-action"], Informational..=Low);
}

#[test]
fn a_person_elsewhere_doing_something_new_is_noticed() {
    let elsewhere = person().doing("create", "pods/exec").on("shop", "cart-0").from("203.0.113.9");
    check(&[elsewhere], &["new-action", "new-source", "token-shared"], High..=Critical);
}

#[test]
fn acting_as_a_master_is_serious_whoever_does_it() {
    let mut masters = event();
    masters.impersonated = Some("root".into());
    masters.impersonates_masters = true;
    check(&[masters], &["impersonation"], High..=Critical);
}

#[test]
fn a_kubelet_goes_where_its_pods_are() {
    let kubelet = event().by("system:node:node-1").bare("X509SHA256=1").with("kubelet/v1.36").from("10.0.0.1");
    check(&[kubelet.doing("get", "pods").on("new-namespace", "x-0")], &[], Informational..=Informational);
}

#[test]
fn a_kubelets_certificate_elsewhere_is_a_theft() {
    let stolen = event().by("system:node:node-1").bare("X509SHA256=1").with("curl/8.5.0").from("203.0.113.9");
    let stolen = stolen.doing("get", "pods").on("shop", "cart-0");
    let said = incidents(&[stolen]);
    assert!(said[0].detectors().contains(&"token-agent") && said[0].detectors().contains(&"new-source"));
    assert!(said[0].severity >= High);
}

#[test]
fn guessing_credentials_is_told_by_address() {
    let mut guess = event().by("").bare("").from("203.0.113.9");
    guess.outcome = Outcome::Unauthenticated;
    guess.code = 401;
    let said = incidents(&vec![guess; 12]);
    assert_eq!(said[0].principal.as_str(), "unauthenticated at 203.0.113.9");
    assert_eq!(said[0].detectors(), ["unauthenticated-burst"]);
    assert!(said[0].severity >= Medium);
}

#[test]
fn the_client_chosen_part_of_a_source_is_no_excuse() {
    // The event's source is the last entry of sourceIPs; a forged first entry never reaches a detector.
    let mut spoofed = event().from("203.0.113.9");
    spoofed.facts.forwarded = true;
    check(&[spoofed], &["forwarded", "token-shared"], High..=Critical);
}

/// A request for a token of an account in `shop`, which issues the token `JTI=minted`.
fn mint() -> Event<'static> {
    let mut mint = event().doing("create", "serviceaccounts/token").on("shop", "admin");
    mint.facts.issued_credential_id = Some("JTI=minted".into());
    mint
}

#[test]
fn minting_a_token_for_another_account_is_noticed() {
    check(&[mint()], &["token-minted"], High..=High);
}

#[test]
fn what_a_minted_token_does_is_part_of_the_incident() {
    let used = event().by("system:serviceaccount:shop:admin").bare("JTI=minted").from("203.0.113.9");
    let learnt = event().by("system:serviceaccount:shop:admin").pod("JTI=admin", "admin-0", "node-1").from("10.1.1.50");
    let mut engine = learnt_with(&learnt);
    for (n, event) in [mint(), used.doing("list", "secrets")].into_iter().enumerate() {
        engine.process(Feed(0), &event.after(Span(NOW.0 + i64::try_from(n).unwrap() * 1_000_000)));
    }
    let said = engine.finish();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].principal.as_str(), "system:serviceaccount:shop:cart");
    assert_eq!(said[0].related[0].as_str(), "system:serviceaccount:shop:admin");
    assert!(said[0].detectors().contains(&"token-unbound"));
}

/// An engine that has also learnt what `event`, once a minute, says of its account.
fn learnt_with(event: &Event<'static>) -> Engine {
    let mut engine = learnt();
    (0..600).for_each(|minute| learn(&mut engine, &event.clone().after(Span::minutes(minute))));
    engine
}

#[test]
fn a_token_that_nobody_issued_is_forged() {
    let mut engine = learnt();
    for minute in 0..200 {
        let id: &'static str = Box::leak(format!("JTI=late-{minute}").into_boxed_str());
        let mut issue = event().by("system:node:node-1").bare("X509SHA256=1").with("kubelet/v1.36").from("10.0.0.1");
        issue.facts.issued_credential_id = Some(id.into());
        let at = Span::minutes(601 + minute);
        learn(&mut engine, &issue.doing("create", "serviceaccounts/token").on("shop", "cart").after(at));
        let used = event().pod(id, "cart-7", "node-3").from("10.1.3.7").after(Span(at.0 + 1_000_000));
        learn(&mut engine, &used);
    }
    let forged = event().pod("JTI=forged", "cart-7", "node-3").from("10.1.3.7").after(Span::hours(20));
    engine.process(Feed(0), &forged);
    let said = engine.finish();
    assert_eq!(said[0].detectors(), ["token-unissued"]);
    assert!(said[0].severity >= High);
}

#[test]
fn a_token_in_use_after_it_expired_is_wrong_by_itself() {
    let request = TokenRequest { seconds: 600, bound_to: "Pod".to_owned(), ..TokenRequest::default() };
    let mut issue = event().by("system:node:node-1").bare("X509SHA256=1").asking(Body::Token(request));
    issue.facts.issued_credential_id = event().credential.id;
    let issue = issue.doing("create", "serviceaccounts/token").on("shop", "cart");
    let said = |after: Span| {
        let mut engine = learnt();
        learn(&mut engine, &issue.clone().after(Span::minutes(601)));
        engine.process(Feed(0), &event().after(Span(Span::minutes(601).0 + after.0)));
        engine.finish()
    };
    assert!(said(Span::minutes(14)).is_empty());
    assert_eq!(said(Span::minutes(16))[0].detectors(), ["token-expired"]);
    assert!(said(Span::minutes(16))[0].severity >= High);
}

#[test]
fn a_token_that_was_called_back_is_wrong_by_itself() {
    let mut revoked = event().bare("").denied();
    revoked.facts.revoked_token = true;
    let said = incidents(&[revoked]);
    assert!(said[0].detectors().contains(&"token-revoked"));
    assert!(said[0].severity >= Medium);
}

#[test]
fn a_client_that_holds_on_to_its_token_is_a_nuisance() {
    let mut stale = event();
    stale.facts.stale_token = true;
    check(&[stale], &["token-unbound"], Informational..=Low);
}

#[test]
fn nobody_at_an_address_under_suspicion_is_the_same_somebody() {
    let mut refused = event().by("").bare("").from("203.0.113.9");
    refused.outcome = Outcome::Unauthenticated;
    refused.code = 401;
    let mut events = vec![event().from("203.0.113.9")];
    events.extend(vec![refused; 12]);
    let said = incidents(&events);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].detectors(), ["token-shared", "unauthenticated-burst"]);
}

/// A request by the deployer of `shop` for a pod.
fn deploy(pod: Pod) -> Event<'static> {
    let deployer = event().by("system:serviceaccount:shop:deployer").pod("JTI=deployer", "deployer-0", "node-1");
    deployer.from("10.1.1.60").doing("create", "pods").on("shop", "job").asking(Body::Pod(pod))
}

const PRIVILEGED: Pod = Pod {
    privileged: true,
    host_pid: false,
    host_ipc: false,
    host_network: false,
    host_paths: HostPaths::None,
    capabilities: Capabilities::Harmless,
};

/// What is said of `event` by an engine that has learnt `usual` beside the shop.
fn said_after(usual: &Event<'static>, event: Event<'static>) -> Vec<Incident> {
    let mut engine = learnt_with(usual);
    engine.process(Feed(0), &event.after(NOW));
    engine.finish()
}

#[test]
fn a_dangerous_pod_among_plain_ones_is_noticed() {
    let said = said_after(&deploy(Pod::default()), deploy(PRIVILEGED));
    assert_eq!(said[0].detectors(), ["new-kind-of-object"]);
    assert!(said[0].severity >= High);
    let signal = &said[0].alerts[0].signals[0];
    assert_eq!((signal.impact.weight, signal.impact.technique.id), (90, "T1611"));
    assert_eq!(signal.reason.observed.as_str(), "create pods: privileged");
    assert_eq!(signal.reason.expected[0].as_str(), "create pods: ordinary");
}

#[test]
fn a_dangerous_pod_among_its_like_is_quiet() {
    assert!(said_after(&deploy(PRIVILEGED), deploy(PRIVILEGED)).is_empty());
    assert!(said_after(&deploy(PRIVILEGED), deploy(Pod::default())).is_empty());
}

#[test]
fn a_policy_that_begins_to_log_bodies_is_no_news() {
    let mut without = deploy(Pod::default());
    without.facts.body = None;
    let said = said_after(&without, deploy(PRIVILEGED));
    assert!(said.iter().all(|incident| incident.severity < Low), "{said:?}");
}

#[test]
fn a_dangerous_pod_by_somebody_who_makes_none_weighs_by_its_body() {
    let new = |pod| event().doing("create", "pods").on("shop", "x").asking(Body::Pod(pod));
    let (plain, privileged) = (incidents(&[new(Pod::default())]), incidents(&[new(PRIVILEGED)]));
    assert_eq!(plain[0].detectors(), privileged[0].detectors());
    assert!(plain[0].severity < High && privileged[0].severity >= High);
}

/// The same request for a token, with what its body asks for.
fn mint_for(seconds: i64, bound_to: &str) -> Event<'static> {
    let request = TokenRequest { seconds, bound_to: bound_to.to_owned(), ..TokenRequest::default() };
    mint().asking(Body::Token(request))
}

#[test]
fn a_token_unlike_those_that_are_asked_for_is_noticed() {
    let said = said_after(&mint_for(3_600, "Pod"), mint_for(315_360_000, ""));
    assert_eq!(said[0].detectors(), ["token-long"]);
    assert!(said[0].severity >= High);
    assert!(said_after(&mint_for(315_360_000, ""), mint_for(315_360_000, "")).is_empty());
    assert!(said_after(&mint_for(315_360_000, ""), mint_for(600, "Pod")).is_empty(), "it asks for less");
}

/// An account that is asked for every minute for ten hours, and then not for a fortnight.
#[test]
fn a_dormant_account_that_wakes_to_do_something_grave_is_noticed() {
    let mut engine = learnt();
    let awake = event().doing("get", "secrets").on("shop", "token").after(Span::days(14));
    engine.process(Feed(0), &awake);
    let said = engine.finish();
    assert!(said[0].detectors().contains(&"dormant"), "{:?}", said[0].detectors());
    assert!(said[0].severity >= Medium);
}

#[test]
fn a_weekend_is_no_dormancy() {
    let mut engine = learnt();
    engine.process(Feed(0), &event().after(Span::days(3)));
    assert!(engine.finish().is_empty());
}

#[test]
fn a_new_user_with_a_certificate_that_begins_with_secrets_is_told_of() {
    let secrets = || event().doing("list", "secrets").on("", "").from("10.8.0.9").with("kubectl/v1.36");
    check(&[secrets().by("eve").bare("X509SHA256=e")], &["new-action"], Medium..=High);
    check(&[secrets().by("oidc:eve").bare("")], &["new-action"], Low..=Low);
    let operator = secrets().pod("JTI=o", "operator-0", "node-1").by("system:serviceaccount:operators:new");
    check(&[operator], &["new-action"], Low..=Low);
    check(&[person().by("eve").bare("X509SHA256=e")], &["new-action", "new-namespace"], Informational..=Low);
}

#[test]
fn a_user_made_by_a_certificate_belongs_to_the_incident_that_made_it() {
    let eve = event().by("eve").bare("X509SHA256=e").doing("list", "secrets").on("", "").from("10.8.0.9");
    let approval = event().doing("update", "certificatesigningrequests/approval").on("", "csr-1");
    let naming = |name: &str| {
        let asked = CertificateRequest { common_name: name.to_owned(), ..CertificateRequest::default() };
        approval.clone().asking(Body::Certificate(asked))
    };
    let told = |approval: Event<'static>| incidents(&[approval, eve.clone()]).len();
    assert_eq!(told(approval.clone()), 1);
    assert_eq!(told(naming("eve")), 1);
    assert_eq!(told(naming("mallory")), 2, "its body names another user");
    assert_eq!(told(approval.clone().denied()), 2, "nothing was signed");
    let known = incidents(&[eve.clone().doing("list", "pods"), approval, eve.clone()]);
    assert_eq!(known.len(), 2, "eve was there before");
}
