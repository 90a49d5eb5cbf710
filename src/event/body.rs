//! What the body of a request asks for, as far as it matters: flags and a few short names. The body itself is never
//! kept.

use std::fmt;

use super::Timestamp;

/// What a request's body asks for, by the kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A pod, or a workload with a template of pods.
    Pod(Pod),
    /// A role binding or cluster role binding.
    Binding(Binding),
    /// A role or cluster role.
    Role(Role),
    /// A token of a service account.
    Token(TokenRequest),
    /// A certificate, asked for or approved.
    Certificate(CertificateRequest),
    /// A secret; the account whose token it is to hold, if it is to hold one.
    Secret(Option<String>),
    /// A configuration of admission webhooks.
    Webhook(Webhook),
}

/// What pods are given beyond their own sandbox, by any of their containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// A container is privileged.
    pub privileged: bool,
    /// `hostPID`
    pub host_pid: bool,
    /// `hostIPC`
    pub host_ipc: bool,
    /// `hostNetwork`
    pub host_network: bool,
    /// Directories of the host that are mounted.
    pub host_paths: HostPaths,
    /// Capabilities that are added.
    pub capabilities: Capabilities,
}

/// Directories of the host, the worst of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPaths {
    /// None.
    #[default]
    None,
    /// Some.
    Some,
    /// One that gives the host away: its root, its configuration, the kubelet's directory, a container runtime's socket.
    Sensitive,
}

/// Capabilities, the worst of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capabilities {
    /// None that matters.
    #[default]
    Harmless,
    /// Those over the network.
    Network,
    /// Those that break a container's isolation: `SYS_ADMIN`, `SYS_PTRACE`, `SYS_MODULE`…
    Breaking,
}

/// Who gets which role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The role's name; empty in a patch that only changes who gets it.
    pub role: String,
    /// Who gets it, the first few.
    pub subjects: Vec<Subject>,
    /// `system:masters` gets it.
    pub masters: bool,
    /// Who is not authenticated gets it.
    pub anybody: bool,
    /// Every authenticated user or every service account gets it.
    pub everybody: bool,
}

/// Somebody who gets a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// Of service accounts only.
    pub namespace: String,
    /// Their name.
    pub name: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// What a role allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Any verb on any resource.
    pub everything: bool,
    /// Any verb on something, or something on any resource, without [`Role::everything`] in the same rule.
    pub wildcard: bool,
    /// To `escalate` roles.
    pub escalate: bool,
    /// To `bind` roles.
    pub bind: bool,
    /// To `impersonate`.
    pub impersonate: bool,
    /// To read secrets.
    pub secrets: bool,
    /// To run something in pods: exec, attach, ephemeral containers.
    pub exec: bool,
    /// To reach kubelets through `nodes/proxy`.
    pub nodes_proxy: bool,
    /// To mint tokens of service accounts.
    pub tokens: bool,
    /// To write whatever it may be.
    pub writes: bool,
    /// To read whatever it may be.
    pub reads: bool,
}

/// What token is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// How long it is to live; an hour if it was not said.
    pub seconds: i64,
    /// Whom it is for, the first few; empty for the API server itself.
    pub audiences: Vec<String>,
    /// The kind of object that it dies with: `Pod`, `Secret`, `Node`; empty if none.
    pub bound_to: String,
    /// When the token that came of it expires, if the response was logged too.
    pub expires: Option<Timestamp>,
}

impl TokenRequest {
    /// When its token expires if it was issued at `issued`; the API server may have cut short what was asked for.
    #[must_use]
    pub fn expiry(&self, issued: Timestamp) -> Timestamp {
        let lifetime = self.seconds.saturating_mul(1_000_000);
        self.expires.unwrap_or(Timestamp(issued.0.saturating_add(lifetime)))
    }
}

/// What certificate is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Who is to sign it.
    pub signer: String,
    /// The subject's common name: the username of whoever holds the certificate.
    pub common_name: String,
    /// The subject's organizations: the groups of whoever holds it.
    pub organizations: Vec<String>,
}

/// What webhooks are to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Webhook {
    /// Secrets, tokens, or everything.
    pub secrets: bool,
    /// Pods.
    pub pods: bool,
}

impl Body {
    /// Whom the object is for, as it is shown; empty if it says nothing of that.
    #[must_use]
    pub fn whom(&self) -> String {
        match self {
            Self::Binding(binding) => {
                let subjects: Vec<String> = binding.subjects.iter().map(ToString::to_string).collect();
                subjects.join(", ")
            }
            Self::Secret(account) => account.clone().unwrap_or_default(),
            Self::Certificate(CertificateRequest { common_name, .. }) => common_name.clone(),
            Self::Pod(_) | Self::Role(_) | Self::Token(_) | Self::Webhook(_) => String::new(),
        }
    }
}
