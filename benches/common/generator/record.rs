//! One audit event as the API server's encoder writes it: its order of fields, its escapes, level Metadata.

use std::fmt::{self, Write};

use sawatch::event::Timestamp;

use super::random::Uuid;

/// What a request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) verb: &'static str,
    /// `group/version`; only `v1` for the core group, empty for a path that is no resource.
    pub(crate) api: &'static str,
    /// A resource, `resource/subresource`, or a path.
    pub(crate) resource: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) code: u16,
}

/// Who makes a request, each part as it stands in the record.
pub(crate) struct Requester<'a> {
    pub(crate) username: &'a str,
    /// `,"uid":…,"groups":[…]`, and `,"extra":{…}` if there is a credential.
    pub(crate) identity: &'a str,
    pub(crate) address: &'a str,
    pub(crate) agent: &'a str,
    /// The binding that allows the requests.
    pub(crate) reason: &'a str,
}

/// One event to be written.
pub(crate) struct Record<'a> {
    pub(crate) id: Uuid,
    pub(crate) stage: &'static str,
    pub(crate) deed: &'a Deed,
    pub(crate) by: &'a Requester<'a>,
    pub(crate) received: Timestamp,
    pub(crate) at: Timestamp,
    /// The id of the token that the request issued.
    pub(crate) issued: Option<Uuid>,
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, stage, deed, by, received, at, issued } = self;
        write!(
            f,
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{id}","stage":"{stage}","requestURI":""#
        )?;
        deed.uri(f)?;
        let verb = deed.verb;
        write!(f, r#"","verb":"{verb}","user":{{"username":"{}"{}}}"#, by.username, by.identity)?;
        write!(f, r#","sourceIPs":["{}"],"userAgent":"{}""#, by.address, by.agent)?;
        deed.object_ref(f)?;
        deed.response_status(f)?;
        write!(f, r#","requestReceivedTimestamp":"{received}","stageTimestamp":"{at}","annotations":{{"#)?;
        if let Some(token) = issued {
            write!(f, r#""authentication.kubernetes.io/issued-credential-id":"JTI={token}","#)?;
        }
        let (decision, reason) = if deed.code == 403 { ("forbid", "") } else { ("allow", by.reason) };
        write!(f, r#""authorization.k8s.io/decision":"{decision}","authorization.k8s.io/reason":"{reason}"}}}}"#)
    }
}

impl Deed {
    fn group_and_version(&self) -> (&str, &str) {
        self.api.split_once('/').unwrap_or(("", self.api))
    }

    fn uri(&self, f: &mut impl Write) -> fmt::Result {
        let Self { api, resource, namespace, name, verb, .. } = self;
        if api.is_empty() {
            return f.write_str(resource);
        }
        write!(f, "/{}/{api}", if api.contains('/') { "apis" } else { "api" })?;
        if !namespace.is_empty() {
            write!(f, "/namespaces/{namespace}")?;
        }
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        write!(f, "/{resource}")?;
        for part in [name, subresource].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "/{part}")?;
        }
        match *verb {
            "watch" => f.write_str(
                r"?allowWatchBookmarks=true\u0026resourceVersion=85867\u0026timeoutSeconds=420\u0026watch=true",
            ),
            "list" => f.write_str(r"?limit=500\u0026resourceVersion=0"),
            _ => Ok(()),
        }
    }

    fn object_ref(&self, f: &mut impl Write) -> fmt::Result {
        if self.api.is_empty() {
            return Ok(());
        }
        let (group, version) = self.group_and_version();
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        write!(f, r#","objectRef":{{"resource":"{resource}""#)?;
        let parts = [("namespace", &*self.namespace), ("name", &self.name), ("apiGroup", group)];
        for (key, value) in parts.into_iter().chain([("apiVersion", version), ("subresource", subresource)]) {
            if !value.is_empty() {
                write!(f, r#","{key}":"{value}""#)?;
            }
        }
        f.write_str("}")
    }

    fn response_status(&self, f: &mut impl Write) -> fmt::Result {
        let Self { code, resource, name, .. } = self;
        let (status, what) = match code {
            403 => ("Forbidden", "is forbidden"),
            404 => ("NotFound", "not found"),
            409 => ("Conflict", "the object has been modified; please apply your changes to the latest version"),
            _ => return write!(f, r#","responseStatus":{{"metadata":{{}},"code":{code}}}"#),
        };
        write!(
            f,
            r#","responseStatus":{{"metadata":{{}},"status":"Failure","message":"{resource} \"{name}\" {what}","reason":"{status}","details":{{"name":"{name}"}},"code":{code}}}"#
        )
    }
}
