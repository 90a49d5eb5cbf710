//! What is read of a body, and what is not.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::decode::decode_block;
use crate::event::Event;

fn on(resource: &str) -> Target<'_> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    Target { resource: resource.into(), subresource: subresource.into(), ..Target::default() }
}

#[track_caller]
fn asked(verb: &str, resource: &str, body: &str) -> Body {
    *read(verb, &on(resource), body, "").unwrap()
}

#[track_caller]
fn pod(spec: &str) -> Pod {
    let body = format!(r#"{{"spec":{spec}}}"#);
    let Body::Pod(pod) = asked("create", "pods", &body) else { panic!("no pod") };
    pod
}

#[track_caller]
fn role(rule: &str) -> Role {
    let body = format!(r#"{{"rules":[{rule}]}}"#);
    let Body::Role(role) = asked("create", "clusterroles", &body) else { panic!("no role") };
    role
}

fn recorded() -> Vec<Event<'static>> {
    let log = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bodies/audit.jsonl")).unwrap();
    decode_block(&log).events.into_iter().map(Event::into_owned).collect()
}

#[track_caller]
fn of_recorded(verb: &str, resource: &str, name: &str) -> Body {
    let target = on(resource);
    let same = |e: &&Event<'_>| {
        (&*e.verb, &e.target.resource, &e.target.subresource) == (verb, &target.resource, &target.subresource)
            && e.target.name == name
    };
    *recorded().iter().find(same).unwrap().facts.body.clone().unwrap()
}

#[test]
fn recorded_attacks_show_what_they_ask_for() {
    let Body::Pod(pod) = of_recorded("create", "pods", "etl-debug") else { panic!() };
    assert!(pod.privileged && pod.host_pid && pod.host_network && !pod.host_ipc);
    assert_eq!(pod.host_paths, HostPaths::Sensitive);
    let Body::Binding(binding) = of_recorded("create", "clusterrolebindings", "system-metrics-aggregator") else {
        panic!()
    };
    assert_eq!(
        (&*binding.role, &*binding.subjects[0].to_string()),
        ("cluster-admin", "ServiceAccount default/default")
    );
    let Body::Role(role) = of_recorded("patch", "clusterroles", "keda:keda-metrics-server") else { panic!() };
    assert!(role.everything);
    for (verb, resource) in [
        ("create", "certificatesigningrequests"),
        ("patch", "certificatesigningrequests"),
        ("update", "certificatesigningrequests/approval"),
    ] {
        let Body::Certificate(request) = of_recorded(verb, resource, "node-csr-k9x2l") else { panic!() };
        // A patch sends only what differs.
        assert_eq!(request.signer, if verb == "patch" { "" } else { "kubernetes.io/kube-apiserver-client" });
        assert_eq!(request.common_name, "kubernetes-admin");
        assert_eq!(request.organizations, ["kubeadm:cluster-admins"]);
    }
}

#[test]
fn recorded_routine_shows_nothing() {
    let harmless = Body::Pod(Pod::default());
    assert_eq!(of_recorded("create", "jobs", "nightly-report-29925965"), harmless);
    assert_eq!(of_recorded("patch", "deployments", "gitops-web"), harmless);
    assert_eq!(
        of_recorded("create", "mutatingwebhookconfigurations", "sidecar-injector-v2"),
        Body::Webhook(Webhook::default())
    );
    assert_eq!(of_recorded("patch", "roles", "a091c"), Body::Role(Role::default()));
}

#[test]
fn init_and_ephemeral_containers_count_as_any() {
    for kind in ["containers", "initContainers", "ephemeralContainers"] {
        let spec = format!(r#"{{"{kind}":[{{"name":"a"}},{{"securityContext":{{"privileged":true}}}}]}}"#);
        assert!(pod(&spec).privileged, "{kind}");
    }
    let patch = r#"{"spec":{"ephemeralContainers":[{"securityContext":{"capabilities":{"add":["SYS_PTRACE"]}}}]}}"#;
    let Body::Pod(pod) = asked("patch", "pods/ephemeralcontainers", patch) else { panic!() };
    assert_eq!(pod.capabilities, Capabilities::Breaking);
}

#[test]
fn the_template_of_a_workload_is_a_pod() {
    let template = r#"{"template":{"spec":{"hostPID":true}}}"#;
    for (resource, body) in [
        ("deployments", format!(r#"{{"spec":{template}}}"#)),
        ("daemonsets", format!(r#"{{"spec":{template}}}"#)),
        ("jobs", format!(r#"{{"spec":{template}}}"#)),
        ("cronjobs", format!(r#"{{"spec":{{"jobTemplate":{{"spec":{template}}}}}}}"#)),
    ] {
        let Body::Pod(pod) = asked("create", resource, &body) else { panic!("{resource}") };
        assert!(pod.host_pid, "{resource}");
    }
}

#[test]
fn directories_that_give_the_host_away_are_known_however_they_are_written() {
    let paths = |path: &str| pod(&format!(r#"{{"volumes":[{{"hostPath":{{"path":"{path}"}}}}]}}"#)).host_paths;
    for path in [
        "/",
        "//",
        "/etc/",
        "/./etc",
        "/etc/kubernetes/pki",
        "/var/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/var/lib/kubelet",
        "/proc",
        "/root/.ssh",
    ] {
        assert_eq!(paths(path), HostPaths::Sensitive, "{path}");
    }
    for path in ["/mnt/data", "/var/log", "/etc/localtime", "/var/lib/kubelet/plugins/csi"] {
        assert_eq!(paths(path), HostPaths::Some, "{path}");
    }
    assert_eq!(pod(r#"{"volumes":[{"emptyDir":{}}]}"#).host_paths, HostPaths::None);
}

#[test]
fn a_key_that_stands_twice_hides_nothing() {
    assert!(pod(r#"{"hostPID":true,"hostPID":false}"#).host_pid);
    assert!(pod(r#"{"containers":[{"securityContext":{"privileged":true}}],"containers":[]}"#).privileged);
}

#[test]
fn a_json_patch_is_read_as_the_parts_that_it_puts_in() {
    let privileged = |path: &str, value: &str| {
        let patch = format!(r#"[{{"op":"test","path":"/spec"}},{{"op":"add","path":"{path}","value":{value}}}]"#);
        let Body::Pod(pod) = asked("patch", "deployments", &patch) else { panic!() };
        pod.privileged
    };
    assert!(privileged("/spec/template/spec/containers/0/securityContext/privileged", "true"));
    assert!(privileged("/spec/template/spec/containers/-", r#"{"securityContext":{"privileged":true}}"#));
    assert!(privileged("/spec/template/spec/containers", r#"[{"securityContext":{"privileged":true}}]"#));
    assert!(privileged(
        "",
        r#"{"spec":{"template":{"spec":{"containers":[{"securityContext":{"privileged":true}}]}}}}"#
    ));
    assert!(!privileged("/metadata/labels/privileged", "true"));
    let removal = r#"[{"op":"remove","path":"/spec/hostPID","value":true}]"#;
    assert_eq!(asked("patch", "pods", removal), Body::Pod(Pod::default()));
}

#[test]
fn a_role_is_what_its_rules_allow() {
    assert!(role(r#"{"verbs":["*"],"resources":["*"]}"#).everything);
    assert!(role(r#"{"verbs":["get"],"resources":["*"]}"#).wildcard);
    assert!(role(r#"{"verbs":["bind","escalate"],"resources":["clusterroles"]}"#).escalate);
    assert!(role(r#"{"verbs":["impersonate"],"resources":["users"]}"#).impersonate);
    assert!(role(r#"{"verbs":["watch"],"resources":["secrets"]}"#).secrets);
    assert!(!role(r#"{"verbs":["create"],"resources":["secrets"]}"#).secrets);
    assert!(role(r#"{"verbs":["get"],"resources":["pods/exec"]}"#).exec);
    assert!(role(r#"{"verbs":["get"],"resources":["nodes/proxy"]}"#).nodes_proxy);
    assert!(role(r#"{"verbs":["create"],"resources":["serviceaccounts/token"]}"#).tokens);
    let reader = role(r#"{"verbs":["get","list"],"resources":["pods"]}"#);
    assert_eq!(reader, Role { reads: true, ..Role::default() });
    assert_eq!(
        role(r#"{"verbs":["*"],"nonResourceURLs":["/metrics"]}"#),
        Role { reads: true, writes: true, ..Role::default() }
    );
}

#[test]
fn a_token_request_says_for_how_long_for_whom_and_bound_to_what() {
    let body =
        r#"{"spec":{"audiences":["vault"],"expirationSeconds":315360000,"boundObjectRef":{"kind":"Pod","name":"x"}}}"#;
    let expected = TokenRequest {
        seconds: 315_360_000,
        audiences: vec!["vault".to_owned()],
        bound_to: "Pod".to_owned(),
        expires: None,
    };
    assert_eq!(asked("create", "serviceaccounts/token", body), Body::Token(expected));
    let default = TokenRequest { seconds: 3_600, ..TokenRequest::default() };
    assert_eq!(
        asked("create", "serviceaccounts/token", r#"{"spec":{"expirationSeconds":null}}"#),
        Body::Token(default)
    );
}

#[test]
fn of_the_response_to_a_token_request_only_its_end_is_read() {
    let response = r#"{"spec":{"expirationSeconds":315360000},"status":{"token":"eyJhbGciOi","expirationTimestamp":"2026-11-25T10:00:00Z"}}"#;
    let asked = |resource, response| read("create", &on(resource), r#"{"spec":{}}"#, response).map(|body| *body);
    let expires = timestamp("2026-11-25T10:00:00Z");
    let expected = TokenRequest { seconds: 3_600, expires, ..TokenRequest::default() };
    assert!(expires.is_some());
    assert_eq!(asked("serviceaccounts/token", response), Some(Body::Token(expected)));
    assert_eq!(asked("pods", response), Some(Body::Pod(Pod::default())));
    for broken in ["", "{", "7", r#"{"status":7}"#, r#"{"status":{"expirationTimestamp":"soon"}}"#] {
        let Some(Body::Token(token)) = asked("serviceaccounts/token", broken) else { panic!("{broken}") };
        assert_eq!(token.expires, None, "{broken}");
    }
}

#[test]
fn of_a_secret_only_the_account_whose_token_it_holds_is_read() {
    let body = |kind: &str| {
        format!(r#"{{"type":"{kind}","metadata":{{"annotations":{{"kubernetes.io/service-account.name":"app"}}}}}}"#)
    };
    let token = asked("create", "secrets", &body("kubernetes.io/service-account-token"));
    assert_eq!(token, Body::Secret(Some("app".to_owned())));
    assert_eq!(asked("create", "secrets", &body("Opaque")), Body::Secret(None));
}

#[test]
fn a_webhook_is_what_it_sees() {
    let sees = |resource: &str| {
        let body = format!(r#"{{"webhooks":[{{"rules":[{{"resources":["{resource}"]}}]}}]}}"#);
        asked("create", "mutatingwebhookconfigurations", &body)
    };
    assert_eq!(sees("*"), Body::Webhook(Webhook { secrets: true, pods: true }));
    assert_eq!(sees("secrets"), Body::Webhook(Webhook { secrets: true, pods: false }));
    assert_eq!(sees("pods"), Body::Webhook(Webhook { secrets: false, pods: true }));
}

#[test]
fn names_are_few_and_short() {
    let subjects = vec![format!(r#"{{"kind":"User","name":"{}"}}"#, "é".repeat(1_000)); 1_000].join(",");
    let masters = r#",{"kind":"Group","name":"system:masters"}"#;
    let Body::Binding(binding) = asked("create", "rolebindings", &format!(r#"{{"subjects":[{subjects}{masters}]}}"#))
    else {
        panic!()
    };
    assert_eq!((binding.subjects.len(), binding.subjects[0].name.len()), (MAX_NAMES, MAX_BYTES));
    assert!(binding.masters, "behind those that are kept");
}

#[test]
fn other_bodies_are_not_looked_into() {
    let body = r#"{"spec":{"hostPID":true}}"#;
    for (verb, resource) in [
        ("delete", "pods"),
        ("update", "pods/status"),
        ("create", "pods/exec"),
        ("create", "configmaps"),
        ("patch", "deployments/scale"),
    ] {
        assert_eq!(read(verb, &on(resource), body, ""), None, "{verb} {resource}");
    }
    assert_eq!(read("create", &on("pods"), "", ""), None);
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_reaches_an_event(secret in "[A-Za-z0-9+/]{16,40}", key in "[a-z.-]{1,12}", resource in prop::sample::select(vec!["secrets", "pods", "deployments", "serviceaccounts/token", "clusterrolebindings", "certificatesigningrequests"])) {
        let applied = format!(r#"{{\"data\":{{\"{key}\":\"{secret}\"}}}}"#);
        let body = format!(
            r#"{{"type":"kubernetes.io/service-account-token","metadata":{{"annotations":{{"kubernetes.io/service-account.name":"app","kubectl.kubernetes.io/last-applied-configuration":"{applied}"}}}},"data":{{"{key}":"{secret}"}},"stringData":{{"type":"{secret}"}},"status":{{"token":"{secret}"}},"spec":{{"request":"{secret}","containers":[{{"name":"a","env":[{{"name":"{key}","value":"{secret}"}}],"args":["{secret}"]}}]}}}}"#
        );
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        for (body, verb) in [(body.clone(), "create"), (format!(r#"[{{"op":"add","path":"","value":{body}}}]"#), "patch")] {
            let record = format!(
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x","verb":"{verb}","objectRef":{{"resource":"{resource}","subresource":"{subresource}"}},"requestObject":{body},"responseObject":{body},"stageTimestamp":"2026-11-24T10:15:02.123456Z"}}"#
            );
            let decoded = decode_block(record.as_bytes());
            prop_assert_eq!(decoded.events.len(), 1);
            prop_assert!(decoded.events[0].facts.body.is_some());
            prop_assert!(!format!("{:?}", decoded.events).contains(&secret), "{:?}", decoded.events);
        }
    }

    #[test]
    fn nothing_that_is_sent_stops_the_reader(body in "[\\[{\"a-z:0-9,\\]} ]{0,80}", path in "[a-z/~0-9-]{0,20}", request in "[A-Za-z0-9+/=]{0,400}") {
        for resource in ["pods", "cronjobs", "rolebindings", "roles", "serviceaccounts/token", "certificatesigningrequests", "secrets", "mutatingwebhookconfigurations"] {
            read("patch", &on(resource), &body, &body);
            read("patch", &on(resource), &format!(r#"[{{"op":"add","path":"{path}","value":{{"spec":{{"request":"{request}"}}}}}}]"#), "");
        }
    }
}
