//! The words of the core: one audit event, who made it, with what credential, on what, from where.
//!
//! An [`Event`] borrows from the record it was decoded from: nothing is copied for the 99.9% of events that teach
//! nothing new. What must outlive the record (a baseline, an alert) copies the few strings it keeps.

mod body;
mod time;

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use body::{Binding, Body, Capabilities, CertificateRequest, HostPaths, Pod, Role, Subject, TokenRequest, Webhook};
pub use time::{Span, Timestamp};

/// Where in a request's life an event was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before the request was handled: nothing is known of its outcome.
    RequestReceived,
    /// Headers were sent and the body goes on: watch, exec, attach, portforward, proxy, log. Also every 401.
    ResponseStarted,
    /// The response was sent.
    ResponseComplete,
    /// The handler panicked.
    Panic,
}

/// Who makes a request: the parsed form of an audit event's username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal<'a> {
    /// `system:serviceaccount:<namespace>:<name>`
    ServiceAccount {
        /// The account's namespace.
        namespace: &'a str,
        /// The account's name.
        name: &'a str,
    },
    /// A kubelet: `system:node:<name>`
    Node(&'a str),
    /// Anyone else who was authenticated: people, and control plane components with certificates.
    User(&'a str),
    /// Nobody known: `system:anonymous`, or no user at all (a 401).
    Anonymous,
}

impl<'a> Principal<'a> {
    /// Reads a username as the API server writes it. Never fails: what is of no known form is a user.
    #[must_use]
    pub fn parse(username: &'a str) -> Self {
        let Some(system) = username.strip_prefix("system:") else {
            return if username.is_empty() { Self::Anonymous } else { Self::User(username) };
        };
        if let Some(account) = system.strip_prefix("serviceaccount:")
            // asked for each event, and several times as fast as `split_once`
            && let Some(colon) = account.bytes().position(|b| b == b':')
        {
            return Self::ServiceAccount { namespace: &account[..colon], name: &account[colon + 1..] };
        }
        match system.strip_prefix("node:") {
            Some(name) => Self::Node(name),
            None if system == "anonymous" => Self::Anonymous,
            None => Self::User(username),
        }
    }

    /// The kind of principal, without its name.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        match self {
            Self::ServiceAccount { .. } => PrincipalKind::ServiceAccount,
            Self::Node(_) => PrincipalKind::Node,
            Self::User(_) => PrincipalKind::User,
            Self::Anonymous => PrincipalKind::Anonymous,
        }
    }
}

/// What kind of [`Principal`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// A workload's service account.
    ServiceAccount,
    /// A kubelet.
    Node,
    /// A person or a component with a certificate or another credential of its own.
    User,
    /// Unauthenticated.
    Anonymous,
}

impl PrincipalKind {
    /// The word for it in alerts and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Node => "Node",
            Self::User => "User",
            Self::Anonymous => "Anonymous",
        }
    }
}

/// What the API server says of the credential behind a request: `user.extra`, below
/// `authentication.kubernetes.io/`. All of it is written by the API server, none by the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credential<'a> {
    /// `credential-id`: `JTI=<uuid>` of a token (1.30), `X509SHA256=<hex>` of a certificate (1.32).
    pub id: Option<Cow<'a, str>>,
    /// The pod a token is bound to.
    pub pod_name: Option<Cow<'a, str>>,
    /// The uid of that pod.
    pub pod_uid: Option<Cow<'a, str>>,
    /// The node that pod runs on, or the node the token is bound to.
    pub node_name: Option<Cow<'a, str>>,
}

/// What a request is about: an object or a kind of objects, or a path that is no resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// API group; empty for the core group and for paths.
    pub group: Cow<'a, str>,
    /// Plural resource; empty for a path that is no resource.
    pub resource: Cow<'a, str>,
    /// `exec`, `token`, `status`; empty if none.
    pub subresource: Cow<'a, str>,
    /// Empty for cluster-wide requests.
    pub namespace: Cow<'a, str>,
    /// Empty for collections, and for creates whose name the server makes.
    pub name: Cow<'a, str>,
}

/// How a request ended, as far as a detector cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Authorized; whether it then failed (404, 409, 500) is in the status code.
    Allowed,
    /// Authorized, and refused with 403 by admission (decision `allow` with 403).
    Refused,
    /// Not authorized (403).
    Denied,
    /// Not authorized to impersonate (403 with no decision and no `impersonatedUser`).
    ImpersonationDenied,
    /// Not authenticated (401): no user is known.
    Unauthenticated,
    /// Turned away by priority and fairness (429 with no decision).
    Throttled,
}

impl Outcome {
    /// The word for it in alerts and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::ImpersonationDenied => "impersonation-denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Throttled => "throttled",
        }
    }

    /// Whether authorization said no.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        matches!(self, Self::Denied | Self::ImpersonationDenied)
    }
}

/// The allow-listed scalars of annotations and bodies. Request and response bodies themselves are never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// `authentication.kubernetes.io/issued-credential-id`: the id of the token that this request issued.
    pub issued_credential_id: Option<Cow<'a, str>>,
    /// `authentication.k8s.io/stale-token` is there: the token is past the lifetime that its client asked for.
    pub stale_token: bool,
    /// `authentication.k8s.io/legacy-token` is there: a long-lived token from a Secret.
    pub legacy_token: bool,
    /// `authentication.k8s.io/legacy-token-invalidated` is there: a long-lived token that was called back.
    pub revoked_token: bool,
    /// `audit.k8s.io/truncated` is there: the event lost its bodies to the size limit.
    pub truncated: bool,
    /// More than one entry stood in `sourceIPs`: all but the last are the client's words.
    pub forwarded: bool,
    /// What the request's body asks for, if it was logged (level Request and above) and is of a kind that is read.
    pub body: Option<Box<Body>>,
}

/// One audit event: everything that judging needs, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The request's id. **The client can choose it**: never an identity on its own.
    pub audit_id: Cow<'a, str>,
    /// `stageTimestamp`: the time of the event.
    pub at: Timestamp,
    /// `requestReceivedTimestamp`: with the feed and the audit id, the identity of the request.
    pub received: Timestamp,
    /// The stage that was written.
    pub stage: Stage,
    /// The authenticated user's name (the real actor's, not the impersonated one's); empty on a 401.
    pub username: Cow<'a, str>,
    /// The credential behind it.
    pub credential: Credential<'a>,
    /// The username the request was made as, if it impersonates.
    pub impersonated: Option<Cow<'a, str>>,
    /// Whether the impersonated groups hold `system:masters`.
    pub impersonates_masters: bool,
    /// `get`, `list`, `create`…; for non-resource paths the lower-case HTTP method; may be empty.
    pub verb: Cow<'a, str>,
    /// What the request is about.
    pub target: Target<'a>,
    /// The path with its query, as sent.
    pub uri: Cow<'a, str>,
    /// The last of `sourceIPs`: the only one that a client cannot choose.
    pub source_ip: Option<IpAddr>,
    /// `userAgent`: the client's own word.
    pub user_agent: Cow<'a, str>,
    /// HTTP status; 0 if none was written.
    pub code: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Allow-listed scalars.
    pub facts: Facts<'a>,
}

impl Event<'_> {
    /// Who made the request.
    #[must_use]
    pub fn principal(&self) -> Principal<'_> {
        Principal::parse(&self.username)
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.split_once('?').map_or(&*self.uri, |(path, _)| path)
    }

    /// Copies whatever is borrowed, so that the event may outlive its record.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Event {
            audit_id: own(self.audit_id),
            username: own(self.username),
            credential: Credential {
                id: self.credential.id.map(own),
                pod_name: self.credential.pod_name.map(own),
                pod_uid: self.credential.pod_uid.map(own),
                node_name: self.credential.node_name.map(own),
            },
            impersonated: self.impersonated.map(own),
            verb: own(self.verb),
            target: Target {
                group: own(self.target.group),
                resource: own(self.target.resource),
                subresource: own(self.target.subresource),
                namespace: own(self.target.namespace),
                name: own(self.target.name),
            },
            uri: own(self.uri),
            user_agent: own(self.user_agent),
            facts: Facts { issued_credential_id: self.facts.issued_credential_id.map(own), ..self.facts },
            at: self.at,
            received: self.received,
            stage: self.stage,
            impersonates_masters: self.impersonates_masters,
            source_ip: self.source_ip,
            code: self.code,
            outcome: self.outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_told_apart() {
        let sa = Principal::ServiceAccount { namespace: "payments", name: "api" };
        assert_eq!(Principal::parse("system:serviceaccount:payments:api"), sa);
        assert_eq!(Principal::parse("system:node:node-3"), Principal::Node("node-3"));
        assert_eq!(Principal::parse("system:anonymous"), Principal::Anonymous);
        assert_eq!(Principal::parse(""), Principal::Anonymous);
        assert_eq!(Principal::parse("system:apiserver"), Principal::User("system:apiserver"));
        assert_eq!(Principal::parse("system:serviceaccount:x"), Principal::User("system:serviceaccount:x"));
        assert_eq!(Principal::parse("alice"), Principal::User("alice"));
    }
}
