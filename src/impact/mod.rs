//! How much an action could hurt: one table, read from top to bottom, first match wins.
//!
//! Weights are relative judgements on a scale where 100 means that the cluster is lost; techniques are of MITRE ATT&CK
//! for Enterprise, containers matrix (<https://attack.mitre.org/matrices/enterprise/containers/>). No name of an account
//! or of an address stands here: who does it, and how unusual that is, is surprise's part.

pub mod body;

use crate::alert::{Impact, Technique};
use crate::event::{Event, Principal};

/// What a verb does, whatever HTTP method carries it.
///
/// `list` and `watch` disclose the same objects; `update` and `patch` change them alike, and clients move from one to
/// the other when they are upgraded. A connection (exec, proxy…) is `create` over POST and `get` over WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// `get`, `head`
    Get,
    /// `list`, `watch`
    List,
    /// `create`, `post`
    Create,
    /// `update`, `patch`, `put`
    Change,
    /// `delete`
    Delete,
    /// `deletecollection`
    DeleteAll,
    /// exec, attach, portforward, proxy: whatever the verb.
    Connect,
    /// Any other word.
    Other,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 8] =
        [Self::Get, Self::List, Self::Create, Self::Change, Self::Delete, Self::DeleteAll, Self::Connect, Self::Other];

    /// What this request does.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        if matches!(&*event.target.subresource, "exec" | "attach" | "portforward" | "proxy") {
            return Self::Connect;
        }
        match &*event.verb {
            "get" | "head" | "options" => Self::Get,
            "list" | "watch" => Self::List,
            "create" | "post" => Self::Create,
            "update" | "patch" | "put" | "apply" => Self::Change,
            "delete" => Self::Delete,
            "deletecollection" => Self::DeleteAll,
            _ => Self::Other,
        }
    }

    /// The word for it in a baseline.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::DeleteAll => "deletecollection",
            Self::Connect => "connect",
            Self::Other => "other",
        }
    }

    const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Delete | Self::DeleteAll)
    }
}

/// Where the target lies, seen from the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The whole cluster, or a resource without namespace.
    Cluster,
    /// `kube-system`, where the strongest accounts live.
    System,
    /// A namespace that is not the account's own; for people, any.
    Other,
    /// The account's own namespace.
    Own,
}

impl Scope {
    fn of(event: &Event<'_>) -> Self {
        match (&*event.target.namespace, event.principal()) {
            ("", _) => Self::Cluster,
            (target, Principal::ServiceAccount { namespace, .. }) if target == namespace => Self::Own,
            ("kube-system", _) => Self::System,
            _ => Self::Other,
        }
    }
}

/// One row of the table: what it matches and what it means.
struct Row {
    deeds: &'static [Deed],
    resources: &'static [&'static str],
    subresources: &'static [&'static str],
    scopes: &'static [Scope],
    names: &'static [&'static str],
    impact: Impact,
}

const fn technique(id: &'static str, name: &'static str, tactic: &'static str) -> Technique {
    Technique { id, name, tactic }
}

/// T1552.007: credentials read through the API.
pub const CONTAINER_API: Technique = technique("T1552.007", "Container API", "Credential Access");
/// T1528: a token taken or minted.
pub const STEAL_TOKEN: Technique = technique("T1528", "Steal Application Access Token", "Credential Access");
/// T1550.001: a token used by somebody else.
pub const USE_TOKEN: Technique = technique("T1550.001", "Application Access Token", "Lateral Movement");
/// T1606: a token that no server issued.
pub const FORGE: Technique = technique("T1606", "Forge Web Credentials", "Credential Access");
/// T1078: an account used by somebody else.
pub const VALID_ACCOUNTS: Technique = technique("T1078", "Valid Accounts", "Initial Access");
/// T1613: looking around.
pub const DISCOVERY: Technique = technique("T1613", "Container and Resource Discovery", "Discovery");
/// T1119: whatever can be read, by the thousand.
pub const COLLECTION: Technique = technique("T1119", "Automated Collection", "Collection");
/// T1069: asking what one may do.
pub const PERMISSIONS: Technique = technique("T1069", "Permission Groups Discovery", "Discovery");
/// T1110: guessing credentials.
pub const BRUTE_FORCE: Technique = technique("T1110", "Brute Force", "Credential Access");

const ROLES: Technique = technique("T1098.006", "Additional Container Cluster Roles", "Privilege Escalation");
const IMPERSONATION: Technique = technique("T1134", "Access Token Manipulation", "Privilege Escalation");
const EXEC: Technique = technique("T1609", "Container Administration Command", "Execution");
const DEPLOY: Technique = technique("T1610", "Deploy Container", "Execution");
const CRONJOB: Technique = technique("T1053.007", "Container Orchestration Job", "Persistence");
const TUNNEL: Technique = technique("T1572", "Protocol Tunneling", "Command and Control");
const DESTROY: Technique = technique("T1485", "Data Destruction", "Impact");
const IMPAIR: Technique = technique("T1562.001", "Disable or Modify Tools", "Defense Evasion");
const ERASE: Technique = technique("T1070", "Indicator Removal", "Defense Evasion");
const INTERCEPT: Technique = technique("T1557", "Adversary-in-the-Middle", "Credential Access");
const CERTIFICATE: Technique = technique("T1649", "Steal or Forge Authentication Certificates", "Credential Access");
const ACCOUNT: Technique = technique("T1136", "Create Account", "Persistence");
const MANIPULATE: Technique = technique("T1565.001", "Stored Data Manipulation", "Impact");
const ESCAPE: Technique = technique("T1611", "Escape to Host", "Privilege Escalation");

macro_rules! rows {
    ($($weight:literal $technique:ident $what:literal: [$($deed:ident)*] [$($resource:literal)*] [$($sub:literal)*] [$($scope:ident)*] [$($name:literal)*];)*) => {
        &[$(Row {
            deeds: &[$(Deed::$deed),*],
            resources: &[$($resource),*],
            subresources: &[$($sub),*],
            scopes: &[$(Scope::$scope),*],
            names: &[$($name),*],
            impact: Impact { weight: $weight, what: $what, technique: $technique },
        }),*]
    };
}

/// Weight, technique, what it is: deeds, resources, subresources, scopes, names. An empty list matches anything, an
/// empty list of subresources only a request without one.
const TABLE: &[Row] = rows![
    // Credentials.
    80 STEAL_TOKEN "mint a token for a service account": [Create] ["serviceaccounts"] ["token"] [] [];
    85 CONTAINER_API "list secrets across namespaces": [List] ["secrets"] [] [Cluster] [];
    80 CONTAINER_API "list secrets of kube-system": [List] ["secrets"] [] [System] [];
    70 CONTAINER_API "list secrets of another namespace": [List] ["secrets"] [] [Other] [];
    45 CONTAINER_API "list secrets of its namespace": [List] ["secrets"] [] [Own] [];
    70 CONTAINER_API "read a secret of kube-system": [Get] ["secrets"] [] [System] [];
    55 CONTAINER_API "read a secret of another namespace": [Get] ["secrets"] [] [Other] [];
    35 CONTAINER_API "read a secret of its namespace": [Get] ["secrets"] [] [Own] [];
    60 DESTROY "delete secrets": [Delete DeleteAll] ["secrets"] [] [] [];
    50 STEAL_TOKEN "write a secret": [Create Change] ["secrets"] [] [] [];
    85 CERTIFICATE "approve or sign a certificate": [Change] ["certificatesigningrequests"] ["approval" "status"] [] [];
    60 CERTIFICATE "ask for a certificate": [Create Change] ["certificatesigningrequests"] [] [] [];
    // Rights.
    90 ROLES "bind a role cluster-wide": [Create Change] ["clusterrolebindings"] [] [] [];
    85 ROLES "bind a role in kube-system": [Create Change] ["rolebindings"] [] [System] [];
    75 ROLES "bind a role": [Create Change] ["rolebindings"] [] [] [];
    85 ROLES "write a cluster role": [Create Change] ["clusterroles"] [] [] [];
    70 ROLES "write a role": [Create Change] ["roles"] [] [] [];
    60 IMPAIR "delete roles or bindings": [Delete DeleteAll] ["clusterrolebindings" "rolebindings" "clusterroles" "roles"] [] [] [];
    30 PERMISSIONS "read roles or bindings": [Get List] ["clusterrolebindings" "rolebindings" "clusterroles" "roles"] [] [] [];
    52 PERMISSIONS "ask for its own permissions": [Create] ["selfsubjectaccessreviews" "selfsubjectrulesreviews" "selfsubjectreviews"] [] [] [];
    40 ACCOUNT "create or change a service account": [Create Change] ["serviceaccounts"] [] [] [];
    // Execution.
    75 EXEC "run a command in a pod": [Connect] ["pods"] ["exec" "attach"] [] [];
    80 EXEC "inject a container into a running pod": [Create Change] ["pods"] ["ephemeralcontainers"] [] [];
    55 TUNNEL "forward a port into a pod": [Connect] ["pods"] ["portforward"] [] [];
    80 ESCAPE "reach a kubelet through its node's proxy": [Connect] ["nodes"] ["proxy"] [] [];
    45 TUNNEL "reach a workload through the API server's proxy": [Connect] ["pods" "services"] ["proxy"] [] [];
    80 DEPLOY "run a workload on every node from kube-system": [Create] ["daemonsets"] [] [System] [];
    70 DEPLOY "run a workload on every node": [Create] ["daemonsets"] [] [] [];
    60 CRONJOB "schedule a workload": [Create] ["cronjobs"] [] [] [];
    75 DEPLOY "create a workload in kube-system": [Create] ["pods" "deployments" "statefulsets" "replicasets" "replicationcontrollers" "jobs"] [] [System] [];
    50 DEPLOY "create a workload": [Create] ["pods" "deployments" "statefulsets" "replicasets" "replicationcontrollers" "jobs"] [] [] [];
    60 DEPLOY "change a workload in kube-system": [Change] ["pods" "deployments" "statefulsets" "daemonsets" "replicasets" "jobs" "cronjobs"] [] [System] [];
    35 DEPLOY "change a workload": [Change] ["pods" "deployments" "statefulsets" "daemonsets" "replicasets" "jobs" "cronjobs"] [] [] [];
    40 IMPAIR "scale a workload": [Change] ["deployments" "statefulsets" "replicasets" "replicationcontrollers"] ["scale"] [] [];
    45 ESCAPE "write a volume of the host or the cluster": [Create Change] ["persistentvolumes"] [] [] [];
    // The control plane.
    85 INTERCEPT "write an admission webhook or policy": [Create Change] ["mutatingwebhookconfigurations" "validatingwebhookconfigurations" "validatingadmissionpolicies" "mutatingadmissionpolicies" "validatingadmissionpolicybindings" "mutatingadmissionpolicybindings"] [] [] [];
    80 IMPAIR "delete an admission webhook or policy": [Delete DeleteAll] ["mutatingwebhookconfigurations" "validatingwebhookconfigurations" "validatingadmissionpolicies" "mutatingadmissionpolicies" "validatingadmissionpolicybindings" "mutatingadmissionpolicybindings"] [] [] [];
    80 INTERCEPT "write an aggregated API": [Create Change] ["apiservices"] [] [] [];
    85 INTERCEPT "change the cluster's name resolution or identity map": [Create Change Delete] ["configmaps"] [] [System] ["coredns" "coredns-custom" "kube-dns" "aws-auth"];
    60 MANIPULATE "write configuration of kube-system": [Create Change Delete DeleteAll] ["configmaps"] [] [System] [];
    50 MANIPULATE "write a resource definition": [Create Change Delete DeleteAll] ["customresourcedefinitions"] [] [] [];
    50 MANIPULATE "create or change a node": [Create Change] ["nodes"] [] [] [];
    70 DESTROY "delete a node": [Delete DeleteAll] ["nodes"] [] [] [];
    // Hiding and breaking.
    70 ERASE "delete events": [Delete DeleteAll] ["events"] [] [] [];
    65 IMPAIR "delete network policies": [Delete DeleteAll] ["networkpolicies"] [] [] [];
    75 DESTROY "delete a namespace": [Delete DeleteAll] ["namespaces"] [] [] [];
    60 DESTROY "delete many objects at once": [DeleteAll] [] [] [] [];
    60 IMPAIR "delete a workload that runs on every node": [Delete] ["daemonsets"] [] [] [];
    45 DESTROY "delete a workload or its data": [Delete] ["deployments" "statefulsets" "cronjobs" "persistentvolumes" "persistentvolumeclaims" "services"] [] [] [];
    35 ACCOUNT "create a namespace": [Create] ["namespaces"] [] [] [];
];

const READ_ACROSS: Impact = Impact { weight: 25, what: "list objects across namespaces", technique: DISCOVERY };
const READ: Impact = Impact { weight: 18, what: "read objects", technique: DISCOVERY };
const WRITE: Impact = Impact { weight: 25, what: "write an object", technique: MANIPULATE };
const REMOVE: Impact = Impact { weight: 30, what: "delete an object", technique: DESTROY };
const PATH: Impact = Impact { weight: 20, what: "read a path outside the resources", technique: DISCOVERY };
const INSIDES: Impact = Impact { weight: 45, what: "read the insides of the control plane", technique: DISCOVERY };
const IMPERSONATE: Impact = Impact { weight: 75, what: "act as somebody else", technique: IMPERSONATION };
const IMPERSONATE_MASTERS: Impact =
    Impact { weight: 95, what: "act as a member of system:masters", technique: IMPERSONATION };

/// What this action could hurt, whoever does it.
#[must_use]
pub fn of(event: &Event<'_>) -> Impact {
    let action = body::weigh(event, of_action(event));
    let acting = match &event.impersonated {
        Some(_) if event.impersonates_masters => IMPERSONATE_MASTERS,
        Some(_) => IMPERSONATE,
        None => return action,
    };
    if acting.weight >= action.weight { acting } else { action }
}

fn of_action(event: &Event<'_>) -> Impact {
    let (deed, target) = (Deed::of(event), &event.target);
    if target.resource.is_empty() {
        let path = event.path();
        let inside = ["/debug/", "/logs", "/metrics/"].iter().any(|p| path.starts_with(p));
        return if inside { INSIDES } else { PATH };
    }
    let scope = Scope::of(event);
    let row = TABLE.iter().find(|row| {
        (row.deeds.is_empty() || row.deeds.contains(&deed))
            && (row.resources.is_empty() || row.resources.contains(&&*target.resource))
            && matches_subresource(row.subresources, &target.subresource)
            && (row.scopes.is_empty() || row.scopes.contains(&scope))
            && (row.names.is_empty() || row.names.contains(&&*target.name))
    });
    match (row, deed) {
        (Some(row), _) => row.impact,
        (None, Deed::Delete | Deed::DeleteAll) => REMOVE,
        (None, deed) if deed.writes() || deed == Deed::Connect => WRITE,
        (None, Deed::List) if scope == Scope::Cluster => READ_ACROSS,
        _ => READ,
    }
}

fn matches_subresource(wanted: &[&str], subresource: &str) -> bool {
    if wanted.is_empty() { subresource.is_empty() } else { wanted.contains(&subresource) }
}

/// Kinds whose single objects are worth remembering by name: a known verb on a new one of them is unusual.
#[must_use]
pub fn is_sensitive_by_name(event: &Event<'_>, deed: Deed) -> bool {
    let target = &event.target;
    match &*target.resource {
        "secrets" => true,
        "serviceaccounts" => target.subresource == "token",
        "configmaps" | "deployments" | "daemonsets" | "statefulsets" => {
            deed.writes() && target.namespace == "kube-system"
        }
        "clusterroles"
        | "clusterrolebindings"
        | "mutatingwebhookconfigurations"
        | "validatingwebhookconfigurations"
        | "apiservices" => deed.writes(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    fn weight(event: &Event<'_>) -> u8 {
        of(event).weight
    }

    #[test]
    fn reading_secrets_weighs_more_the_wider_it_is() {
        let own = weight(&event().doing("get", "secrets"));
        let list = weight(&event().doing("list", "secrets").on("shop", ""));
        let other = weight(&event().doing("list", "secrets").on("payments", ""));
        let all = weight(&event().doing("watch", "secrets").on("", ""));
        assert!(own < list && list < other && other < all, "{own} {list} {other} {all}");
    }

    #[test]
    fn an_exec_is_an_exec_by_whatever_verb() {
        let (post, websocket) = (event().doing("create", "pods/exec"), event().doing("get", "pods/exec"));
        assert_eq!(of(&post), of(&websocket));
        assert!(weight(&post) >= 70);
    }

    #[test]
    fn a_subresource_is_not_its_resource() {
        assert!(weight(&event().doing("update", "pods/status")) < 40);
        assert!(weight(&event().doing("patch", "pods/ephemeralcontainers")) >= 70);
        assert!(
            weight(&event().doing("create", "serviceaccounts/token"))
                > weight(&event().doing("create", "serviceaccounts"))
        );
    }

    #[test]
    fn acting_as_somebody_else_weighs_at_least_as_much_as_the_act() {
        let mut masters = event();
        masters.impersonated = Some("alice".into());
        masters.impersonates_masters = true;
        assert!(weight(&masters) >= 90);
        let mut harmless = event();
        harmless.impersonated = Some("alice".into());
        assert!(weight(&harmless) > weight(&event()));
    }

    #[test]
    fn every_row_can_be_reached() {
        // A row below a wider one would never match: each row's own first example must find that row.
        for (n, row) in TABLE.iter().enumerate() {
            let first = TABLE.iter().position(|above| covers(above, row));
            assert_eq!(first, Some(n), "row {n} ({}) stands below one that covers it", row.impact.what);
        }
    }

    fn covers(above: &Row, row: &Row) -> bool {
        fn all<T: PartialEq>(above: &[T], row: &[T]) -> bool {
            above.is_empty() || (!row.is_empty() && row.iter().all(|x| above.contains(x)))
        }
        let subresources = if above.subresources.is_empty() {
            row.subresources.is_empty()
        } else {
            all(above.subresources, row.subresources)
        };
        all(above.deeds, row.deeds)
            && all(above.resources, row.resources)
            && subresources
            && all(above.scopes, row.scopes)
            && all(above.names, row.names)
    }
}
