//! Who is in the cluster: service accounts with their pods and habits, kubelets, people, the control plane.

use super::random::{Random, Uuid};
use super::record::Deed;

/// Habits of a service account: two of leader election and these many others.
const HABITS: usize = 10;

/// Namespaces that a service account acts in, its own included.
const NAMESPACES: usize = 3;

/// Where a habit is carried out.
#[derive(Clone, Copy)]
enum Scope {
    /// One of the account's namespaces, on an object of its own.
    Namespaced,
    /// One of the account's namespaces, on all objects.
    Collection,
    /// The whole cluster.
    Cluster,
}

/// What workloads do: verb, API, resource, scope. The mix is the lab's.
const WORKLOAD: [(&str, &str, &str, Scope); 30] = [
    ("get", "v1", "configmaps", Scope::Namespaced),
    ("get", "v1", "secrets", Scope::Namespaced),
    ("list", "v1", "pods", Scope::Collection),
    ("update", "v1", "configmaps", Scope::Namespaced),
    ("get", "v1", "pods", Scope::Namespaced),
    ("create", "v1", "events", Scope::Collection),
    ("watch", "v1", "nodes", Scope::Cluster),
    ("patch", "v1", "pods", Scope::Namespaced),
    ("list", "v1", "endpoints", Scope::Collection),
    ("get", "v1", "namespaces", Scope::Cluster),
    ("create", "authentication.k8s.io/v1", "tokenreviews", Scope::Cluster),
    ("create", "authorization.k8s.io/v1", "subjectaccessreviews", Scope::Cluster),
    ("update", "apps/v1", "deployments/status", Scope::Namespaced),
    ("get", "apps/v1", "deployments", Scope::Namespaced),
    ("patch", "apps/v1", "deployments", Scope::Namespaced),
    ("get", "apps/v1", "daemonsets", Scope::Namespaced),
    ("list", "v1", "services", Scope::Cluster),
    ("watch", "v1", "services", Scope::Collection),
    ("watch", "discovery.k8s.io/v1", "endpointslices", Scope::Cluster),
    ("get", "crd.projectcalico.org/v1", "felixconfigurations", Scope::Cluster),
    ("patch", "argoproj.io/v1alpha1", "applications", Scope::Namespaced),
    ("list", "argoproj.io/v1alpha1", "applications", Scope::Cluster),
    ("get", "tekton.dev/v1", "taskruns", Scope::Namespaced),
    ("update", "tekton.dev/v1", "taskruns/status", Scope::Namespaced),
    ("update", "external-secrets.io/v1beta1", "externalsecrets/status", Scope::Namespaced),
    ("watch", "keda.sh/v1alpha1", "scaledobjects", Scope::Cluster),
    ("get", "monitoring.coreos.com/v1", "servicemonitors", Scope::Namespaced),
    ("list", "batch/v1", "jobs", Scope::Collection),
    ("create", "batch/v1", "jobs", Scope::Collection),
    ("delete", "batch/v1", "jobs", Scope::Namespaced),
];

/// What all others do, each with where.
pub(crate) const KUBELET: [(&str, &str, &str); 7] = [
    ("update", "coordination.k8s.io/v1", "leases"),
    ("get", "v1", "nodes"),
    ("patch", "v1", "nodes/status"),
    ("get", "v1", "pods"),
    ("patch", "v1", "pods/status"),
    ("get", "v1", "configmaps"),
    ("create", "v1", "events"),
];
pub(crate) const CONTROL_PLANE: [(&str, &str, &str); 5] = [
    ("update", "coordination.k8s.io/v1", "leases"),
    ("update", "apps/v1", "deployments/status"),
    ("update", "apps/v1", "replicasets/status"),
    ("patch", "discovery.k8s.io/v1", "endpointslices"),
    ("create", "v1", "events"),
];
pub(crate) const PERSON: [(&str, &str, &str); 4] = [
    ("list", "v1", "pods"),
    ("get", "v1", "pods/log"),
    ("list", "apps/v1", "deployments"),
    ("get", "apps/v1", "deployments"),
];

/// A node and its kubelet, a person, or a component of the control plane.
pub(crate) struct Other {
    pub(crate) username: String,
    pub(crate) identity: String,
    pub(crate) address: String,
    pub(crate) agent: &'static str,
    pub(crate) name: String,
}

impl Other {
    pub(crate) fn node(random: &mut Random, index: usize) -> Self {
        let name = format!("node-{index}");
        let agent = "kubelet/v1.36.2 (linux/amd64) kubernetes/98b3519";
        let address = format!("10.0.{}.{}", index >> 8, index & 0xff);
        Self::new(random, (format!("system:node:{name}"), "system:nodes"), address, agent, name)
    }

    pub(crate) fn person(random: &mut Random, index: usize) -> Self {
        let name = format!("person-{index}");
        let agent = "kubectl/v1.36.1 (linux/amd64) kubernetes/4cb5f07";
        let address = format!("192.168.7.{}", index & 0xff);
        Self::new(random, (format!("{name}@corp.example"), "developers"), address, agent, name)
    }

    pub(crate) fn component(random: &mut Random, name: &'static str) -> Self {
        let agent = "kube-controller-manager/v1.36.2 (linux/amd64) kubernetes/98b3519";
        let username = format!("system:{name}");
        Self::new(random, (username, "system:masters"), "10.0.255.1".to_owned(), agent, name.to_owned())
    }

    fn new(
        random: &mut Random,
        (username, group): (String, &str),
        address: String,
        agent: &'static str,
        name: String,
    ) -> Self {
        let certificate = [random.next(), random.next(), random.next(), random.next()];
        let certificate: String = certificate.iter().map(|part| format!("{part:016x}")).collect();
        let identity = format!(
            r#","groups":["{group}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["X509SHA256={certificate}"]}}"#
        );
        Self { username, identity, address, agent, name }
    }
}

/// A pod of a service account.
pub(crate) struct Pod {
    pub(crate) node: usize,
    pub(crate) address: String,
    /// As it stands in the record.
    pub(crate) identity: String,
    /// When its token was issued, in microseconds; none before its first request.
    pub(crate) issued: Option<i64>,
    name: String,
    uid: Uuid,
}

/// A service account.
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) agents: Vec<String>,
    pub(crate) pods: Vec<Pod>,
    /// What it does, and with which of its agents.
    pub(crate) habits: Vec<(Deed, usize)>,
    namespaces: Vec<String>,
    uid: Uuid,
}

impl Account {
    pub(crate) fn new(random: &mut Random, index: usize, accounts: usize, nodes: usize) -> Self {
        // eight accounts to a namespace, half of them with a sidecar, two thirds with two replicas
        let namespaces = accounts.div_ceil(8);
        let team = |n: usize| format!("team-{n}");
        let (namespace, name) = (team(index / 8), format!("app-{index}"));
        let others = (1..NAMESPACES).map(|_| team(random.below(namespaces)));
        let namespaces: Vec<String> = std::iter::once(namespace.clone()).chain(others).collect();
        let mut agents = vec![format!("{name}/v1.{}.0 (linux/amd64) kubernetes/$Format", index % 40)];
        if index.is_multiple_of(2) {
            agents.push("okhttp/4.12.0".to_owned());
        }
        let mut account = Self {
            username: format!("system:serviceaccount:{namespace}:{name}"),
            reason: format!(
                r#"RBAC: allowed by RoleBinding \"{namespace}:{name}/{namespace}\" of Role \"{namespace}:{name}\" to ServiceAccount \"{name}/{namespace}\""#
            ),
            pods: Vec::new(),
            habits: Vec::new(),
            uid: random.uuid(),
            namespace,
            name,
            agents,
            namespaces,
        };
        for _ in 0..if index.is_multiple_of(3) { 1 } else { 2 } {
            account.pods.push(Pod::new(random, &account.name, nodes));
        }
        account.elect();
        (0..HABITS).for_each(|_| account.pick_up(random));
        account
    }

    /// Leader election comes first: it is what workloads do most.
    fn elect(&mut self) {
        for verb in ["get", "update"] {
            let lease = ("coordination.k8s.io/v1", "leases", self.namespace.clone(), self.name.clone());
            let (api, resource, namespace, name) = lease;
            self.habits.push((Deed { verb, api, resource, namespace, name, code: 200 }, 0));
        }
    }

    /// Begins to do something else.
    pub(crate) fn pick_up(&mut self, random: &mut Random) {
        let (verb, api, resource, scope) = WORKLOAD[random.below(WORKLOAD.len())];
        let mut namespace = || self.namespaces[random.below(NAMESPACES)].clone();
        let (namespace, name) = match scope {
            Scope::Namespaced => (namespace(), format!("{}-{}", self.name, &resource[..4])),
            Scope::Collection => (namespace(), String::new()),
            Scope::Cluster if verb == "get" => (String::new(), "default".to_owned()),
            Scope::Cluster => (String::new(), String::new()),
        };
        let code = match verb {
            _ if random.once_in(200) => 403,
            "create" => 201,
            _ => 200,
        };
        let deed = Deed { verb, api, resource, namespace, name, code };
        self.habits.push((deed, random.below(self.agents.len())));
    }

    /// Replaces a pod: another name, address and node.
    pub(crate) fn roll_out(&mut self, random: &mut Random, pod: usize, nodes: usize) {
        self.pods[pod] = Pod::new(random, &self.name, nodes);
    }

    /// Gives a pod its next token.
    pub(crate) fn take_token(&mut self, pod: usize, token: Uuid, nodes: &[Other], at: i64) {
        let Self { uid, namespace, .. } = self;
        let pod = &mut self.pods[pod];
        let node = &nodes[pod.node].name;
        pod.identity = format!(
            r#","uid":"{uid}","groups":["system:serviceaccounts","system:serviceaccounts:{namespace}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI={token}"],"authentication.kubernetes.io/node-name":["{node}"],"authentication.kubernetes.io/node-uid":["33a4be4c-62e1-4d62-a6ec-fa7fd83e9ad5"],"authentication.kubernetes.io/pod-name":["{}"],"authentication.kubernetes.io/pod-uid":["{}"]}}"#,
            pod.name, pod.uid
        );
        pod.issued = Some(at);
    }

    /// Leaves a pod without a token.
    #[allow(dead_code, reason = "not every benchmark wants to know accounts one by one")]
    pub(crate) fn forget_token(&mut self, pod: usize) {
        self.pods[pod].identity = String::new();
        self.pods[pod].issued = None;
    }
}

impl Pod {
    fn new(random: &mut Random, account: &str, nodes: usize) -> Self {
        let node = random.below(nodes);
        Self {
            node,
            // a /24 of 10.128.0.0/9 to each node
            address: format!("10.{}.{}.{}", 128 + (node >> 8), node & 0xff, 2 + random.below(250)),
            identity: String::new(),
            issued: None,
            name: format!("{account}-{:010x}-{:05x}", random.next() & 0xff_ffff_ffff, random.below(1 << 20)),
            uid: random.uuid(),
        }
    }
}
