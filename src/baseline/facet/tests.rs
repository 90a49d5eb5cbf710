//! What is one value of a facet, and what is another.

use super::*;
use crate::sample::event;

fn same(facet: Facet, a: &Event<'_>, b: &Event<'_>) -> bool {
    Observation::of(a).value(facet) == Observation::of(b).value(facet)
}

#[test]
fn an_upgrade_changes_no_facet() {
    assert!(same(Facet::Action, &event().doing("list", "pods"), &event().doing("watch", "pods")));
    assert!(same(Facet::Action, &event().doing("update", "pods"), &event().doing("patch", "pods")));
    assert!(same(Facet::Action, &event().doing("create", "pods/exec"), &event().doing("get", "pods/exec")));
    assert!(same(Facet::Agent, &event().with("kubectl/v1.30.1 (linux/amd64)"), &event().with("kubectl/v1.31.0")));
}

#[test]
fn what_differs_in_power_differs_in_value() {
    assert!(!same(Facet::Action, &event().doing("get", "pods"), &event().doing("list", "pods")));
    assert!(!same(Facet::Action, &event().doing("get", "pods"), &event().doing("get", "pods/log")));
    assert!(!same(Facet::ActionInNamespace, &event(), &event().on("kube-system", "settings")));
    assert!(!same(Facet::Agent, &event().with("kubectl/v1.30"), &event().with("curl/8")));
}

#[test]
fn tools_that_sign_each_run_are_one_family() {
    let family = |agent| agent_family(agent).to_owned();
    assert_eq!(
        family("stratus-red-team_d77d649e-6b24-4b79-b3bb-5c2885845d19"),
        family("stratus-red-team_0a1b2c3d-0001-4b79-b3bb-aaaaaaaaaaaa")
    );
    assert_eq!(family("gitlab-runner 17.7.0 (17-7-stable; go1.23.2)"), "gitlab-runner");
    assert_eq!(family("cert-manager-certificates-issuing/v1.17.0"), "cert-manager-certificates-issuing");
    assert_eq!(family(""), "");
}

#[test]
fn discovery_and_health_are_one_thing_each() {
    for path in ["/api", "/apis/apps/v1", "/openapi/v3/api/v1", "/version"] {
        assert_eq!(path_template(path), "discovery");
    }
    assert_eq!(path_template("/readyz/etcd"), "health");
    assert_eq!(path_template("/debug/pprof/heap"), "/debug/pprof");
    assert_eq!(path_template("/metrics"), "/metrics");
    assert_eq!(path_template(""), "");
}

#[test]
fn an_exec_reaches_a_program_and_a_proxy_a_path() {
    let mut exec = event().doing("get", "pods/exec");
    exec.uri = "/api/v1/namespaces/shop/pods/p/exec?command=cat&command=token&stdout=true".into();
    assert_eq!(reach(&exec), Some("cat"));
    let run = |command: &[&'static str]| program(command.iter().copied());
    assert_eq!(run(&["sh", "-c", "cat+%2Fvar%2Frun%2Fsecrets%2Ftoken"]), Some("cat"));
    assert_eq!(run(&["%2Fbin%2Fbash", "-ec", "echo+build"]), Some("echo"));
    assert_eq!(run(&["bash"]), Some("bash"));
    let mut proxy = event().doing("get", "nodes/proxy");
    proxy.uri = "/api/v1/nodes/node-1/proxy/run/shop/cart/main?cmd=id".into();
    assert_eq!(reach(&proxy), Some("run"));
}

#[test]
fn every_value_can_be_shown() {
    for (facet, _) in Observation::of(&event().doing("get", "secrets").denied()).iter() {
        assert!(!facet.describe(&event()).is_empty(), "{facet:?}");
    }
}
