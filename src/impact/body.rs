//! What a request's body adds to its impact, or takes from it: a table of what is dangerous, and one of what is harmless.
//!
//! Without a body (level Metadata) nothing here applies.

use super::{CERTIFICATE, DEPLOY, Deed, ESCAPE, INTERCEPT, ROLES, STEAL_TOKEN};
use crate::alert::Impact;
use crate::event::{Body, Capabilities, CertificateRequest, Event, HostPaths, Pod, TokenRequest};

/// Kubelets ask for 3,607 seconds, clients mostly for 3,600.
const HOUR: i64 = 3_607;
const DAY: i64 = 86_400;

/// One thing that a body may ask for.
struct Rule {
    applies: fn(&Body, &Event<'_>) -> bool,
    /// The word for it among others.
    word: &'static str,
    impact: Impact,
}

macro_rules! rules {
    ($event:ident: $($weight:literal $technique:ident $what:literal $word:literal: $body:pat => $condition:expr;)*) => {
        &[$(Rule {
            applies: |body, $event| {
                let _ = $event;
                matches!(body, $body if $condition)
            },
            word: $word,
            impact: Impact { weight: $weight, what: $what, technique: $technique },
        }),*]
    };
}

/// Weight, technique, what it is, the word for it: when it applies. Of one kind of body the heaviest stands first.
const DANGEROUS: &[Rule] = rules![event:
    // Out of the pod and onto the node.
    90 ESCAPE "run a privileged container" "privileged": Body::Pod(pod) => pod.privileged;
    90 ESCAPE "mount what gives the host away" "sensitive hostPath": Body::Pod(pod) => pod.host_paths == HostPaths::Sensitive;
    85 ESCAPE "run a container whose capabilities break its isolation" "breaking capabilities": Body::Pod(pod) => pod.capabilities == Capabilities::Breaking;
    80 ESCAPE "run a pod among the host's processes" "hostPID": Body::Pod(pod) => pod.host_pid;
    65 ESCAPE "run a pod in the host's network" "hostNetwork": Body::Pod(pod) => pod.host_network;
    60 ESCAPE "run a pod with the host's shared memory" "hostIPC": Body::Pod(pod) => pod.host_ipc;
    60 ESCAPE "run a container that may change its network" "network capabilities": Body::Pod(pod) => pod.capabilities == Capabilities::Network;
    55 ESCAPE "mount a directory of the host" "hostPath": Body::Pod(pod) => pod.host_paths == HostPaths::Some;
    // Rights.
    95 ROLES "bind cluster-admin" "cluster-admin": Body::Binding(binding) => binding.role == "cluster-admin";
    95 ROLES "bind a role to system:masters" "to system:masters": Body::Binding(binding) => binding.masters;
    95 ROLES "bind a role to whoever is not authenticated" "to anybody": Body::Binding(binding) => binding.anybody && !is_public(&binding.role);
    92 ROLES "bind a role to every account" "to everybody": Body::Binding(binding) => binding.everybody && !is_public(&binding.role);
    95 ROLES "write a role that allows everything" "everything": Body::Role(role) => role.everything;
    90 ROLES "write a role that escalates roles" "escalate": Body::Role(role) => role.escalate;
    90 ROLES "write a role that binds roles" "bind": Body::Role(role) => role.bind;
    90 ROLES "write a role that impersonates" "impersonate": Body::Role(role) => role.impersonate;
    90 ROLES "write a role with a wildcard" "wildcard": Body::Role(role) => role.wildcard;
    90 ROLES "write a role that mints tokens" "tokens": Body::Role(role) => role.tokens;
    90 ROLES "write a role that reaches kubelets" "nodes/proxy": Body::Role(role) => role.nodes_proxy;
    88 ROLES "write a role that reads secrets" "secrets": Body::Role(role) => role.secrets;
    88 ROLES "write a role that runs commands in pods" "exec": Body::Role(role) => role.exec;
    // Credentials.
    90 STEAL_TOKEN "mint a token that outlives a day" "long-lived": Body::Token(token) => token.seconds > DAY;
    85 STEAL_TOKEN "mint a token for another audience" "for another audience": Body::Token(token) => is_foreign(token);
    85 STEAL_TOKEN "make a long-lived token of a service account" "token of an account": Body::Secret(Some(_)) => true;
    95 CERTIFICATE "obtain a certificate of a cluster administrator" "administrator": Body::Certificate(request) => may_be_client(request) && request.organizations.iter().any(|group| is_administrators(group));
    90 CERTIFICATE "obtain a certificate of the control plane" "control plane": Body::Certificate(request) => may_be_client(request) && request.common_name.starts_with("system:");
    75 CERTIFICATE "obtain a client's certificate" "client": Body::Certificate(request) => is_client(request);
    // The control plane.
    90 INTERCEPT "write a webhook that sees secrets" "secrets": Body::Webhook(webhook) => webhook.secrets;
    88 INTERCEPT "write a webhook that sees pods" "pods": Body::Webhook(webhook) => webhook.pods;
];

/// What a body shows to be less than its kind of object may be, if nothing about it is dangerous.
const HARMLESS: &[Rule] = rules![event:
    35 DEPLOY "create an ordinary workload" "ordinary": Body::Pod(pod) => *pod == Pod::default() && is_ordinary(event);
    40 ROLES "bind a role that only reads" "reader": Body::Binding(binding) => binding.role == "view" || is_public(&binding.role);
    50 ROLES "write a role that only reads" "reader": Body::Role(role) => role.reads && !role.writes;
    40 CERTIFICATE "ask for a kubelet's certificate" "kubelet": Body::Certificate(request) => is_kubelets(request) && event.target.subresource.is_empty();
];

/// Roles that the API server itself gives to everybody.
fn is_public(role: &str) -> bool {
    matches!(
        role,
        "system:basic-user"
            | "system:discovery"
            | "system:public-info-viewer"
            | "system:service-account-issuer-discovery"
    )
}

/// Whether a token is for somebody else than the API server, as far as its audiences tell.
fn is_foreign(token: &TokenRequest) -> bool {
    token.audiences.iter().any(|audience| audience != "api" && !audience.contains("kubernetes.default"))
}

fn is_client(request: &CertificateRequest) -> bool {
    request.signer == "kubernetes.io/kube-apiserver-client"
}

/// A patch sends only what differs, perhaps not the signer.
fn may_be_client(request: &CertificateRequest) -> bool {
    request.signer.is_empty() || is_client(request)
}

fn is_kubelets(request: &CertificateRequest) -> bool {
    matches!(&*request.signer, "kubernetes.io/kube-apiserver-client-kubelet" | "kubernetes.io/kubelet-serving")
}

fn is_administrators(group: &str) -> bool {
    matches!(group, "system:masters" | "kubeadm:cluster-admins")
}

/// Whether it creates what runs once, where nothing strong lives.
fn is_ordinary(event: &Event<'_>) -> bool {
    let target = &event.target;
    Deed::of(event) == Deed::Create
        && target.subresource.is_empty()
        && target.namespace != "kube-system"
        && !matches!(&*target.resource, "daemonsets" | "cronjobs")
}

/// The impact of an action, raised or lowered by what its body shows.
pub(super) fn weigh(event: &Event<'_>, action: Impact) -> Impact {
    let Some(body) = event.facts.body.as_deref() else { return action };
    let less = allowance(event, body);
    let lessened = |rule: &Rule| Impact { weight: rule.impact.weight.saturating_sub(less), ..rule.impact };
    let first = |rules: &[Rule]| rules.iter().find(|rule| (rule.applies)(body, event)).map(lessened);
    match (first(DANGEROUS), first(HARMLESS)) {
        (Some(danger), _) => [danger, action].into_iter().max_by_key(|impact| impact.weight).unwrap_or(action),
        (None, Some(harmless)) if harmless.weight < action.weight => harmless,
        _ => action,
    }
}

/// By how much a body weighs less than its rule says.
fn allowance(event: &Event<'_>, body: &Body) -> u8 {
    match body {
        // An update sends the whole object: what is dangerous about it may have been there before.
        Body::Pod(_) if event.verb == "update" => 20,
        // A namespace confines it, if it is not the one of the strongest accounts.
        Body::Role(_) | Body::Binding(_) if !matches!(&*event.target.namespace, "" | "kube-system") => 15,
        _ => 0,
    }
}

/// Whether the body asks for something dangerous.
#[must_use]
pub fn is_dangerous(event: &Event<'_>) -> bool {
    event.facts.body.as_deref().is_some_and(|body| DANGEROUS.iter().any(|rule| (rule.applies)(body, event)))
}

/// Whether the body asks for a token that is good for more than an hour, for another audience, or bound to nothing.
#[must_use]
pub fn is_loose(event: &Event<'_>) -> bool {
    match event.facts.body.as_deref() {
        Some(Body::Token(token)) => token.seconds > HOUR || is_foreign(token) || token.bound_to.is_empty(),
        _ => false,
    }
}

/// What the object is like, as far as it matters: `privileged, hostPID`, `ordinary`, `up to 1 h, bound to Pod`. None if
/// no body was logged.
#[must_use]
pub fn likeness(event: &Event<'_>) -> Option<String> {
    let body = event.facts.body.as_deref()?;
    if let Body::Token(token) = body {
        return Some(likeness_of_token(token));
    }
    let words = |rules: &'static [Rule]| rules.iter().filter(|rule| (rule.applies)(body, event)).map(|rule| rule.word);
    let dangers: Vec<&str> = words(DANGEROUS).collect();
    let harmless = words(HARMLESS).next().unwrap_or("ordinary");
    Some(if dangers.is_empty() { harmless.to_owned() } else { dangers.join(", ") })
}

fn likeness_of_token(token: &TokenRequest) -> String {
    let lifetime = match token.seconds {
        seconds if seconds <= HOUR => "up to 1 h",
        seconds if seconds <= DAY => "up to 24 h",
        _ => "for more than 24 h",
    };
    let audience = match &*token.audiences {
        [] => String::new(),
        audiences => format!(", for {}", audiences.join(" and ")),
    };
    let bound =
        if token.bound_to.is_empty() { "bound to nothing".to_owned() } else { format!("bound to {}", token.bound_to) };
    format!("{lifetime}{audience}, {bound}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Binding, Role, Webhook};
    use crate::impact::of;
    use crate::sample::event;

    fn bind(role: &str) -> Body {
        Body::Binding(Binding { role: role.to_owned(), ..Binding::default() })
    }

    fn certificate(signer: &str, group: &str) -> Body {
        let organizations = vec![group.to_owned()];
        Body::Certificate(CertificateRequest {
            signer: signer.to_owned(),
            organizations,
            ..CertificateRequest::default()
        })
    }

    fn token(seconds: i64, audience: Option<&str>) -> Body {
        let audiences = audience.into_iter().map(str::to_owned).collect();
        Body::Token(TokenRequest { seconds, audiences, bound_to: "Pod".to_owned(), expires: None })
    }

    #[test]
    fn a_body_raises_and_lowers_its_action() {
        let privileged = Body::Pod(Pod { privileged: true, ..Pod::default() });
        let mounted = |host_paths| Body::Pod(Pod { host_paths, ..Pod::default() });
        for (verb, resource, body, weight) in [
            ("create", "pods", privileged.clone(), 90),
            ("patch", "deployments", privileged.clone(), 90),
            ("update", "daemonsets", privileged, 70),
            ("create", "pods", mounted(HostPaths::Sensitive), 90),
            ("create", "pods", mounted(HostPaths::Some), 55),
            ("create", "pods", Body::Pod(Pod::default()), 35),
            ("create", "daemonsets", Body::Pod(Pod::default()), 70),
            ("patch", "pods/ephemeralcontainers", Body::Pod(Pod::default()), 80),
            ("create", "clusterrolebindings", bind("cluster-admin"), 95),
            ("create", "clusterrolebindings", bind("editor"), 90),
            ("create", "clusterrolebindings", bind("view"), 40),
            ("create", "rolebindings", bind("cluster-admin"), 80),
            ("create", "clusterroles", Body::Role(Role { everything: true, ..Role::default() }), 95),
            ("create", "clusterroles", Body::Role(Role { escalate: true, ..Role::default() }), 90),
            ("create", "roles", Body::Role(Role { wildcard: true, ..Role::default() }), 75),
            ("create", "clusterroles", Body::Role(Role { reads: true, ..Role::default() }), 50),
            ("create", "clusterroles", Body::Role(Role { reads: true, writes: true, ..Role::default() }), 85),
            ("create", "serviceaccounts/token", token(3_600, None), 80),
            ("create", "serviceaccounts/token", token(DAY + 1, None), 90),
            ("create", "serviceaccounts/token", token(3_600, Some("vault")), 85),
            ("create", "serviceaccounts/token", token(3_600, Some("https://kubernetes.default.svc")), 80),
            ("create", "secrets", Body::Secret(Some(String::new())), 85),
            (
                "create",
                "certificatesigningrequests",
                certificate("kubernetes.io/kube-apiserver-client", "system:masters"),
                95,
            ),
            ("create", "certificatesigningrequests", certificate("kubernetes.io/kube-apiserver-client", "dev"), 75),
            ("create", "certificatesigningrequests", certificate("example.com/internal", "system:masters"), 60),
            ("create", "certificatesigningrequests", certificate("kubernetes.io/kubelet-serving", "system:nodes"), 40),
            (
                "update",
                "certificatesigningrequests/approval",
                certificate("kubernetes.io/kubelet-serving", "system:nodes"),
                85,
            ),
            ("create", "mutatingwebhookconfigurations", Body::Webhook(Webhook { secrets: true, pods: true }), 90),
            ("create", "mutatingwebhookconfigurations", Body::Webhook(Webhook::default()), 85),
        ] {
            let is_cluster_wide = resource.starts_with("cluster") || resource.contains("certificate");
            let event = event().doing(verb, resource).on(if is_cluster_wide { "" } else { "shop" }, "x").asking(body);
            assert_eq!(of(&event).weight, weight, "{event:?}");
        }
    }

    #[test]
    fn the_strongest_namespace_confines_nothing() {
        let in_kube_system =
            event().doing("create", "rolebindings").on("kube-system", "x").asking(bind("cluster-admin"));
        assert_eq!(of(&in_kube_system).weight, 95);
    }

    #[test]
    fn what_everybody_has_anyway_may_be_bound_to_everybody() {
        let bind = |role: &str| {
            let binding = Binding { role: role.to_owned(), everybody: true, ..Binding::default() };
            of(&event().doing("create", "clusterrolebindings").on("", "x").asking(Body::Binding(binding))).weight
        };
        assert_eq!((bind("system:discovery"), bind("editor")), (40, 92));
    }

    #[test]
    fn the_heaviest_stands_first() {
        let all = Role {
            everything: true,
            wildcard: true,
            escalate: true,
            bind: true,
            impersonate: true,
            secrets: true,
            exec: true,
            nodes_proxy: true,
            tokens: true,
            writes: true,
            reads: true,
        };
        let pod = Pod {
            privileged: true,
            host_pid: true,
            host_ipc: true,
            host_network: true,
            host_paths: HostPaths::Sensitive,
            capabilities: Capabilities::Breaking,
        };
        let binding = Binding { masters: true, anybody: true, everybody: true, ..Binding::default() };
        for body in [Body::Role(all), Body::Pod(pod), Body::Binding(binding), token(DAY + 1, Some("vault"))] {
            let event = event();
            let weights = DANGEROUS.iter().filter(|r| (r.applies)(&body, &event)).map(|r| r.impact.weight);
            assert!(weights.clone().count() > 1 && weights.is_sorted_by(|a, b| a >= b), "{body:?}");
        }
    }

    #[test]
    fn an_object_is_likened_by_all_that_is_dangerous_about_it() {
        let pod = Pod { privileged: true, host_pid: true, ..Pod::default() };
        let like = |body: Body| likeness(&event().doing("create", "pods").asking(body));
        assert_eq!(like(Body::Pod(pod)).as_deref(), Some("privileged, hostPID"));
        assert_eq!(like(Body::Pod(Pod::default())).as_deref(), Some("ordinary"));
        assert_eq!(like(token(3_607, None)).as_deref(), Some("up to 1 h, bound to Pod"));
        assert_eq!(like(token(DAY, Some("vault"))).as_deref(), Some("up to 24 h, for vault, bound to Pod"));
        assert_eq!(likeness(&event()), None);
    }
}
