//! The table of probes.

use super::super::Request;
use super::{Need, Probe};

/// An API group that no policy names: that of somebody's own resources.
pub(in super::super) const OWN_GROUP: &str = "stable.example.com";

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";

/// Who asks.
type Caller = (&'static str, &'static [&'static str]);

const ACCOUNT: Caller = (
    "system:serviceaccount:shop:cart",
    &["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
);
const SYSTEM_ACCOUNT: Caller = (
    "system:serviceaccount:kube-system:replicaset-controller",
    &["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
);
const NODE: Caller = ("system:node:node-1", &["system:nodes", "system:authenticated"]);
const CONTROLLERS: Caller = ("system:kube-controller-manager", &["system:authenticated"]);
const PERSON: Caller = ("alice@example.com", &["dev", "system:authenticated"]);
const ADMIN: Caller = ("kubernetes-admin", &["system:masters", "system:authenticated"]);
const ANONYMOUS: Caller = ("system:anonymous", &["system:unauthenticated"]);
/// Whoever is refused with 401.
const NOBODY: Caller = ("", &[]);

/// `resource` is `pods` or `pods/exec`; `place` is the namespace, or `namespace/name`.
const fn request(
    (user, groups): Caller,
    verb: &'static str,
    group: &'static str,
    (resource, subresource): (&'static str, &'static str),
    (namespace, name): (&'static str, &'static str),
) -> Request<'static> {
    Request { user, groups, verb, path: "", group, resource, subresource, namespace, name }
}

const fn path((user, groups): Caller, path: &'static str) -> Request<'static> {
    Request { user, groups, verb: "get", path, group: "", resource: "", subresource: "", namespace: "", name: "" }
}

const fn probe(about: &'static str, request: Request<'static>, need: Need, blinds: &'static [&'static str]) -> Probe {
    Probe { about, request, need, blinds }
}

/// Detectors that follow tokens from their issue.
const LINEAGE: &[&str] = &["token-minted", "token-tainted", "token-unissued"];
/// Detectors that follow credentials and clients by whatever they are used for.
const USE: &[&str] = &["token-shared", "token-elsewhere", "token-agent", "token-unbound", "new-source", "new-agent"];
const ACTION: &[&str] = &["new-action", "new-namespace", "new-action-in-namespace", "spread"];
const OBJECT: &[&str] = &["new-action", "new-namespace", "new-object", "spread"];
const DEED: &[&str] = &["new-action", "new-action-in-namespace"];
const REACH: &[&str] = &["new-action", "new-reach"];
const BODY: &[&str] = &["new-kind-of-object"];
const DENIED: &[&str] = &["denied", "denied-burst"];

/// Every request that is tried.
pub const PROBES: &[Probe] = &[
    probe(
        "a kubelet asks for a pod's token",
        request(NODE, "create", "", ("serviceaccounts", "token"), ("shop", "cart")),
        Need::Outcome,
        LINEAGE,
    ),
    probe(
        "the controller manager asks for a controller's token",
        request(CONTROLLERS, "create", "", ("serviceaccounts", "token"), ("kube-system", "replicaset-controller")),
        Need::Outcome,
        LINEAGE,
    ),
    probe(
        "a service account asks for another's token",
        request(ACCOUNT, "create", "", ("serviceaccounts", "token"), ("kube-system", "admin")),
        Need::Outcome,
        LINEAGE,
    ),
    probe(
        "what a token request asks for",
        request(PERSON, "create", "", ("serviceaccounts", "token"), ("shop", "cart")),
        Need::Body,
        &["token-long", "token-expired"],
    ),
    probe(
        "a service account reads a config map",
        request(ACCOUNT, "get", "", ("configmaps", ""), ("shop", "settings")),
        Need::Outcome,
        USE,
    ),
    probe(
        "a service account lists pods",
        request(ACCOUNT, "list", "", ("pods", ""), ("shop", "")),
        Need::Outcome,
        ACTION,
    ),
    probe(
        "a service account lists deployments",
        request(ACCOUNT, "list", "apps", ("deployments", ""), ("shop", "")),
        Need::Outcome,
        ACTION,
    ),
    probe(
        "a service account lists resources of your own",
        request(ACCOUNT, "list", OWN_GROUP, ("crontabs", ""), ("shop", "")),
        Need::Outcome,
        ACTION,
    ),
    probe(
        "a service account changes resources of your own",
        request(ACCOUNT, "update", OWN_GROUP, ("crontabs", ""), ("shop", "nightly")),
        Need::Outcome,
        DEED,
    ),
    probe("a service account is denied", request(ACCOUNT, "list", "", ("nodes", ""), ("", "")), Need::Outcome, DENIED),
    probe(
        "a service account lists secrets",
        request(ACCOUNT, "list", "", ("secrets", ""), ("", "")),
        Need::Outcome,
        OBJECT,
    ),
    probe(
        "a service account reads a secret",
        request(ACCOUNT, "get", "", ("secrets", ""), ("shop", "db")),
        Need::Outcome,
        OBJECT,
    ),
    probe(
        "a service account begins to watch secrets",
        request(ACCOUNT, "watch", "", ("secrets", ""), ("", "")),
        Need::Start,
        ACTION,
    ),
    probe(
        "a service account begins to watch pods",
        request(ACCOUNT, "watch", "", ("pods", ""), ("", "")),
        Need::Start,
        ACTION,
    ),
    probe(
        "a service account asks what it may do (access review)",
        request(ACCOUNT, "create", "authorization.k8s.io", ("selfsubjectaccessreviews", ""), ("", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a service account asks what it may do (rules review)",
        request(ACCOUNT, "create", "authorization.k8s.io", ("selfsubjectrulesreviews", ""), ("", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a service account fetches a path that is no resource",
        path(ACCOUNT, "/metrics"),
        Need::Outcome,
        &["new-action", "denied"],
    ),
    probe(
        "a controller of kube-system reads a secret",
        request(SYSTEM_ACCOUNT, "get", "", ("secrets", ""), ("shop", "db")),
        Need::Outcome,
        OBJECT,
    ),
    probe(
        "a controller of kube-system makes a pod",
        request(SYSTEM_ACCOUNT, "create", "", ("pods", ""), ("shop", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a kubelet reads a secret",
        request(NODE, "get", "", ("secrets", ""), ("shop", "db")),
        Need::Outcome,
        &["token-shared", "new-source", "new-object"],
    ),
    probe(
        "a kubelet reads a pod",
        request(NODE, "get", "", ("pods", ""), ("shop", "cart-0")),
        Need::Outcome,
        &["token-shared", "new-source", "new-agent", "new-action"],
    ),
    probe(
        "the controller manager lists secrets",
        request(CONTROLLERS, "list", "", ("secrets", ""), ("", "")),
        Need::Outcome,
        &["token-shared", "new-source", "new-agent", "new-action"],
    ),
    probe(
        "a person reads pods, maybe as somebody else",
        request(PERSON, "list", "", ("pods", ""), ("shop", "")),
        Need::Outcome,
        &["impersonation", "new-namespace", "new-source", "dormant", "volume"],
    ),
    probe(
        "an administrator deletes a deployment",
        request(ADMIN, "delete", "apps", ("deployments", ""), ("shop", "cart")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "somebody deletes events to cover tracks",
        request(ADMIN, "deletecollection", "", ("events", ""), ("shop", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "exec over POST begins",
        request(PERSON, "create", "", ("pods", "exec"), ("shop", "cart-0")),
        Need::Start,
        REACH,
    ),
    probe(
        "exec over WebSocket (kubectl since 1.30) begins",
        request(PERSON, "get", "", ("pods", "exec"), ("shop", "cart-0")),
        Need::Start,
        REACH,
    ),
    probe("attach begins", request(PERSON, "get", "", ("pods", "attach"), ("shop", "cart-0")), Need::Start, REACH),
    probe(
        "port-forward begins",
        request(PERSON, "get", "", ("pods", "portforward"), ("shop", "cart-0")),
        Need::Start,
        REACH,
    ),
    probe(
        "a service account begins to read a pod's log",
        request(ACCOUNT, "get", "", ("pods", "log"), ("shop", "cart-0")),
        Need::Start,
        DEED,
    ),
    probe(
        "a service account reaches a kubelet through nodes/proxy",
        request(ACCOUNT, "get", "", ("nodes", "proxy"), ("", "node-1")),
        Need::Start,
        REACH,
    ),
    probe(
        "a debug container is put into a pod",
        request(PERSON, "patch", "", ("pods", "ephemeralcontainers"), ("shop", "cart-0")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a role binding is made",
        request(ACCOUNT, "create", RBAC, ("rolebindings", ""), ("shop", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a cluster role binding is made",
        request(ACCOUNT, "create", RBAC, ("clusterrolebindings", ""), ("", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a certificate is asked for",
        request(PERSON, "create", CERTIFICATES, ("certificatesigningrequests", ""), ("", "")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "a certificate is approved",
        request(PERSON, "update", CERTIFICATES, ("certificatesigningrequests", "approval"), ("", "alice")),
        Need::Outcome,
        DEED,
    ),
    probe(
        "an admission webhook is changed",
        request(
            PERSON,
            "patch",
            "admissionregistration.k8s.io",
            ("mutatingwebhookconfigurations", ""),
            ("", "injector"),
        ),
        Need::Outcome,
        DEED,
    ),
    probe(
        "somebody anonymous lists pods",
        request(ANONYMOUS, "list", "", ("pods", ""), ("shop", "")),
        Need::Outcome,
        &["new-action", "denied", "denied-burst"],
    ),
    probe(
        "somebody anonymous looks for what there is",
        path(ANONYMOUS, "/apis"),
        Need::Outcome,
        &["new-action", "denied", "denied-burst"],
    ),
    probe(
        "an invalid credential is refused (401)",
        request(NOBODY, "list", "", ("secrets", ""), ("", "")),
        Need::Start,
        &["unauthenticated-burst"],
    ),
    probe("what is in a pod that is made", request(PERSON, "create", "", ("pods", ""), ("shop", "")), Need::Body, BODY),
    probe(
        "what is in a debug container",
        request(PERSON, "patch", "", ("pods", "ephemeralcontainers"), ("shop", "cart-0")),
        Need::Body,
        BODY,
    ),
    probe(
        "what is in a deployment that is made",
        request(ACCOUNT, "create", "apps", ("deployments", ""), ("shop", "")),
        Need::Body,
        BODY,
    ),
    probe(
        "what is in a daemon set that is changed",
        request(ACCOUNT, "patch", "apps", ("daemonsets", ""), ("kube-system", "proxy")),
        Need::Body,
        BODY,
    ),
    probe(
        "what is in a job that is made",
        request(ACCOUNT, "create", "batch", ("cronjobs", ""), ("shop", "")),
        Need::Body,
        BODY,
    ),
    probe("what a role allows", request(PERSON, "update", RBAC, ("roles", ""), ("shop", "reader")), Need::Body, BODY),
    probe(
        "what a cluster role allows",
        request(PERSON, "patch", RBAC, ("clusterroles", ""), ("", "reader")),
        Need::Body,
        BODY,
    ),
    probe(
        "whom a role binding is for",
        request(PERSON, "create", RBAC, ("rolebindings", ""), ("shop", "")),
        Need::Body,
        BODY,
    ),
    probe(
        "whom a cluster role binding is for",
        request(PERSON, "create", RBAC, ("clusterrolebindings", ""), ("", "")),
        Need::Body,
        BODY,
    ),
    probe(
        "whom a certificate is for",
        request(PERSON, "create", CERTIFICATES, ("certificatesigningrequests", ""), ("", "")),
        Need::Body,
        BODY,
    ),
    probe(
        "where an admission webhook calls",
        request(
            PERSON,
            "create",
            "admissionregistration.k8s.io",
            ("mutatingwebhookconfigurations", ""),
            ("", "injector"),
        ),
        Need::Body,
        BODY,
    ),
];
