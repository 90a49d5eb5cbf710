use proptest::prelude::*;

use super::*;
use crate::detector;

const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

fn policy(rest: &str) -> Policy {
    Policy::parse(&format!("{HEAD}{rest}")).expect("a policy")
}

/// A policy of one rule, given as YAML in braces.
fn rule(body: &str) -> Rule {
    policy(&format!("rules: [{{level: Metadata, {body}}}]")).rules.remove(0)
}

fn on(group: &'static str, resource: &'static str, subresource: &'static str) -> Request<'static> {
    Request { user: "alice", groups: &["dev"], verb: "get", group, resource, subresource, ..Request::default() }
}

fn lost(policy: &Policy) -> Vec<(Cause, usize)> {
    policy.losses().into_iter().map(|loss| (loss.cause, loss.probes.len())).collect()
}

#[test]
fn every_probe_names_detectors_that_there_are() {
    for Probe { about, blinds, .. } in PROBES {
        assert!(!blinds.is_empty(), "{about}");
        for id in *blinds {
            assert!(detector::ALL.iter().any(|detector| detector.id() == *id), "{about}: {id}");
        }
    }
}

#[test]
fn no_two_probes_are_about_the_same() {
    for (n, probe) in PROBES.iter().enumerate() {
        let same =
            |other: &Probe| other.about == probe.about || other.request == probe.request && other.need == probe.need;
        assert!(!PROBES[..n].iter().any(same), "{}", probe.about);
    }
}

#[test]
fn a_body_that_is_asked_for_is_one_that_is_read() {
    for Probe { about, request, .. } in PROBES.iter().filter(|probe| probe.need == Need::Body) {
        let (resource, subresource) = (request.resource.into(), request.subresource.into());
        let target = crate::event::Target { resource, subresource, ..Default::default() };
        assert!(crate::decode::is_read(request.verb, &target), "{about}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy("rules:\n- {level: None, verbs: [get]}\n- {level: Request, verbs: [get, list]}\n");
    let level = |verb| policy.rule(&Request { verb, ..on("", "pods", "") }).map(|rule| (rule.line, rule.level));
    assert_eq!([level("get"), level("list")], [Some((4, Level::None)), Some((5, Level::Request))]);
    assert_eq!(level("watch"), None);
}

#[test]
fn a_resource_is_without_its_subresources_and_a_star_with_them() {
    let of = |listed: &str| rule(&format!("resources: [{{group: '', resources: ['{listed}']}}]"));
    let (pod, log, scale) = (on("", "pods", ""), on("", "pods", "log"), on("", "replicationcontrollers", "scale"));
    let expected: [(&str, [bool; 3]); 7] = [
        ("pods", [true, false, false]),
        ("pods/log", [false, true, false]),
        ("pods/*", [true, true, false]),
        ("*/scale", [false, false, true]),
        ("*", [true, true, true]),
        ("*/*", [false, false, false]),
        ("pods/", [false, false, false]),
    ];
    for (listed, expected) in expected {
        assert_eq!([pod, log, scale].map(|request| of(listed).matches(&request)), expected, "{listed}");
    }
}

#[test]
fn a_group_is_one_group_and_the_empty_one_is_the_core() {
    let core = rule("resources: [{group: ''}]");
    assert!(core.matches(&on("", "pods", "exec")) && !core.matches(&on("apps", "deployments", "")));
    assert!(rule("resources: [{resources: [pods]}]").matches(&on("", "pods", "")));
    assert!(!rule("resources: [{group: '*'}]").matches(&on("apps", "deployments", "")), "a star is no group");
}

#[test]
fn names_restrict_resources() {
    let named = rule("resources: [{group: '', resources: [configmaps], resourceNames: [leader]}]");
    let of = |name| Request { name, ..on("", "configmaps", "") };
    assert!(named.matches(&of("leader")) && !named.matches(&of("other")) && !named.matches(&of("")));
}

#[test]
fn namespaces_are_of_resources_and_the_empty_one_is_of_none() {
    let rule_of = |list: &str| rule(&format!("namespaces: {list}"));
    let pod = Request { namespace: "shop", ..on("", "pods", "") };
    assert!(rule_of("[shop]").matches(&pod) && !rule_of("[prod]").matches(&pod));
    assert!(rule_of("['']").matches(&on("", "nodes", "")) && !rule_of("['']").matches(&pod));
    assert!(!rule_of("['']").matches(&Request { path: "/api", verb: "get", ..Request::default() }));
}

#[test]
fn paths_match_whole_or_by_their_beginning() {
    let of = |spec: &str, path| {
        rule(&format!("nonResourceURLs: ['{spec}']")).matches(&Request { path, ..Request::default() })
    };
    assert!(of("/healthz", "/healthz") && !of("/healthz", "/healthz/etcd"));
    assert!(of("/healthz*", "/healthz/etcd") && of("*", "/metrics") && !of("/api*", "/metrics"));
    assert!(!rule("nonResourceURLs: ['*']").matches(&on("", "pods", "")));
}

#[test]
fn whoever_is_not_authenticated_has_no_name_and_no_groups() {
    let nobody = Request { user: "", groups: &[], ..on("", "pods", "") };
    assert!(rule("verbs: [get]").matches(&nobody));
    assert!(!rule("users: ['']").matches(&nobody) && !rule("userGroups: [dev]").matches(&nobody));
    let alice = on("", "pods", "");
    assert!(rule("users: [alice], userGroups: [ops, dev]").matches(&alice));
    assert!(!rule("users: [alice], userGroups: [ops]").matches(&alice));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line() {
    let text = "apiVersion: v1\nkind: Policy\nomitStages: [Start]\nrules:\n- level: Everything\n- users: [7]\n- level: None\n  \
                nonResourceUrls: [/a]\n- level: None\n  nonResourceURLs: [a, /*/b]\n  namespaces: [x]\n- level: None\n  \
                resources: [{group: apps/v1, resourceNames: [x]}]\n";
    let problems = Policy::parse(text).expect_err("all wrong");
    let said: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.line, p.what)).collect();
    let expected = [
        "1: found Policy of v1, wanted apiVersion: audit.k8s.io/v1 and kind: Policy",
        "3: omitStages: found Start, wanted of RequestReceived, ResponseStarted, ResponseComplete, Panic",
        "5: level: found Everything, wanted None, Metadata, Request, RequestResponse",
        "6: users: found one value that is no text: put it in quotes",
        "6: a rule needs a level",
        "8: unknown key nonResourceUrls; did you mean nonResourceURLs?",
        "9: a rule is about nonResourceURLs, or about resources and namespaces: split it",
        "10: nonResourceURLs: found a, wanted *, or a path that begins with / and has a * at its end at most",
        "10: nonResourceURLs: found /*/b, wanted *, or a path that begins with / and has a * at its end at most",
        "13: group: found apps/v1, wanted a group without its version",
        "13: resourceNames need at least one of resources",
    ];
    assert_eq!(said, expected);
    assert!(Policy::parse("").is_err_and(|problems| problems.len() == 1));
    assert!(Policy::parse(HEAD).is_err_and(|problems| problems[0].what.starts_with("found no rules")));
}

#[test]
fn nothing_is_lost_of_everything() {
    assert_eq!(lost(&policy("rules: [{level: Request}]")), []);
}

#[test]
fn at_level_metadata_only_bodies_are_lost() {
    let bodies = PROBES.iter().filter(|probe| probe.need == Need::Body).count();
    assert_eq!(lost(&policy("rules:\n- level: Metadata\n")), [(Cause::Level(4, Level::Metadata), bodies)]);
}

#[test]
fn what_no_rule_is_for_is_lost() {
    let losses = policy("rules: [{level: Request, resources: [{group: ''}]}]").losses();
    let abouts: Vec<&str> = losses.iter().flat_map(|loss| &loss.probes).map(|probe| probe.about).collect();
    assert!(losses.iter().all(|loss| loss.cause == Cause::NoRule), "{losses:?}");
    assert!(
        abouts.contains(&"a role binding is made") && abouts.contains(&"somebody anonymous looks for what there is")
    );
    assert!(!abouts.contains(&"a service account lists secrets"));
}

#[test]
fn a_stage_is_omitted_by_the_policy_and_by_the_rule() {
    let policy = policy("omitStages:\n- ResponseStarted\nrules:\n- level: Request\n  omitStages: [ResponseStarted]\n");
    let starts = PROBES.iter().filter(|probe| probe.need == Need::Start).count();
    assert_eq!(lost(&policy), [(Cause::Stage(vec![4, 7], "ResponseStarted"), starts)]);
    assert_eq!(policy.losses()[0].remedy, Remedy::Keep(vec![4, 7], "ResponseStarted"));
}

#[test]
fn a_rule_for_all_at_none_is_raised() {
    let policy = policy("rules:\n- {level: Request, verbs: [create, update, patch]}\n- level: None\n");
    let losses = policy.losses();
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert_eq!(losses[0].remedy, Remedy::Raise(5, Level::Metadata));
}

#[test]
fn the_recommended_policy_loses_nothing() {
    let policy = Policy::parse(include_str!("../../config/audit-policy.yaml")).expect("a policy");
    assert_eq!(lost(&policy), []);
    let lease = Request { verb: "update", ..on("coordination.k8s.io", "leases", "") };
    assert_eq!(policy.rule(&lease).map(|rule| rule.level), Some(Level::None));
}

#[test]
fn a_remedy_for_a_rule_records_what_it_lost_and_takes_nothing_from_others() {
    let selectors =
        ["users: ['system:node:node-1']", "userGroups: ['system:authenticated']", "verbs: [get, list, create]"];
    for (selector, level) in selectors.into_iter().flat_map(|selector| [(selector, "None"), (selector, "Metadata")]) {
        let text = format!("rules:\n- level: {level}\n  {selector}\n- level: Request\n");
        let rules = |loss: &Loss| match &loss.remedy {
            Remedy::Before(4, wanted) => wanted.iter().map(ToString::to_string).collect::<String>(),
            other => panic!("{other:?}"),
        };
        let rules: String = policy(&text).losses().iter().map(rules).collect();
        assert_eq!(lost(&policy(&text.replace("rules:\n", &format!("rules:\n{rules}")))), [], "{level} {selector}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_policy_or_a_list_of_problems(text in "[ -~\n]{0,200}") {
        if let Err(problems) = Policy::parse(&text) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn a_rule_in_front_that_records_all_loses_nothing(verb in "[a-z]{1,6}", level in 0_usize..4) {
        let level = Level::ALL[level].as_str();
        let policy = policy(&format!("rules: [{{level: Request}}, {{level: {level}, verbs: ['{verb}']}}]"));
        prop_assert_eq!(policy.losses().len(), 0);
    }
}
