//! GKE writes no audit events: Cloud Audit Logs hold the same facts under other names
//! (<https://cloud.google.com/kubernetes-engine/docs/how-to/audit-logging>).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Decision, Fields};
use super::native::{Notes, Str};
use super::{RejectReason, time};
use crate::event::{Stage, Target, Timestamp};

/// A `LogEntry` of Cloud Logging with an `AuditLog` as its payload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry<'a> {
    #[serde(borrow)]
    proto_payload: AuditLog<'a>,
    #[serde(borrow)]
    labels: Option<Notes<'a>>,
    #[serde(borrow, default)]
    timestamp: Str<'a>,
    #[serde(borrow, default)]
    insert_id: Str<'a>,
    #[serde(borrow)]
    operation: Option<Operation<'a>>,
}

#[derive(Deserialize)]
struct Operation<'a> {
    #[serde(borrow, default)]
    id: Str<'a>,
    first: Option<bool>,
    last: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuditLog<'a> {
    #[serde(borrow, default)]
    service_name: Str<'a>,
    #[serde(borrow, default)]
    method_name: Str<'a>,
    #[serde(borrow, default)]
    resource_name: Str<'a>,
    #[serde(borrow)]
    authentication_info: Option<Authentication<'a>>,
    authorization_info: Option<Vec<Authorization>>,
    #[serde(borrow)]
    request_metadata: Option<RequestMetadata<'a>>,
    #[serde(borrow)]
    status: Option<Status<'a>>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication<'a> {
    #[serde(borrow, default)]
    principal_email: Str<'a>,
}

#[derive(Deserialize)]
struct Authorization {
    granted: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestMetadata<'a> {
    #[serde(borrow, default, alias = "callerIP")]
    caller_ip: Str<'a>,
    #[serde(borrow, default)]
    caller_supplied_user_agent: Str<'a>,
}

/// `google.rpc.Status`.
#[derive(Deserialize)]
struct Status<'a> {
    #[serde(default)]
    code: i64,
    #[serde(borrow, default)]
    message: Str<'a>,
}

/// What a `LogEntry` says; `envelope` is the time that its envelope tells, for an entry that tells none.
pub(super) fn fields(entry: &str, envelope: Option<Timestamp>) -> Result<Fields<'_>, RejectReason> {
    let entry: LogEntry<'_> = serde_json::from_str(entry).map_err(|_| RejectReason::Malformed)?;
    let log = entry.proto_payload;
    let is_kubernetes = matches!(&*log.service_name.0, "" | "k8s.io") && log.method_name.0.starts_with("io.k8s.");
    if !is_kubernetes && log.service_name.0 != "k8s.io" {
        return Err(RejectReason::NotAudit);
    }
    let at = match &*entry.timestamp.0 {
        "" => envelope,
        text => Some(time::timestamp(text).ok_or(RejectReason::BadTimestamp)?),
    };
    let mut annotations = entry.labels.map(|n| n.0).unwrap_or_default();
    if annotations.decision.is_none() && log.authorization_info.iter().flatten().any(|a| a.granted == Some(false)) {
        annotations.decision = Some(Decision::Forbid);
    }
    let (operation, goes_on) = match entry.operation {
        Some(operation) => (operation.id.0, operation.first == Some(true) && operation.last != Some(true)),
        None => (Cow::default(), false),
    };
    let request = log.request_metadata.unwrap_or_default();
    let (target, uri) = target(log.resource_name.0, &log.method_name.0);
    Ok(Fields {
        audit_id: if operation.is_empty() { entry.insert_id.0 } else { operation },
        stage: Some(if goes_on { Stage::ResponseStarted } else { Stage::ResponseComplete }),
        verb: log.method_name.0.rsplit('.').next().unwrap_or_default().to_owned().into(),
        target,
        uri,
        username: log.authentication_info.map(|a| a.principal_email.0).unwrap_or_default(),
        source_ip: fields::address(&request.caller_ip.0),
        user_agent: request.caller_supplied_user_agent.0,
        code: log.status.as_ref().map_or(0, |s| http_status(s.code)),
        message: log.status.map(|s| s.message.0).unwrap_or_default(),
        received: at,
        at,
        annotations,
        body: log.request.map(RawValue::get).unwrap_or_default(),
        ..Fields::default()
    })
}

/// The object and the path of `core/v1/namespaces/ns/pods/name/exec`; of the method's name, if there is no such path.
fn target<'a>(resource_name: Cow<'a, str>, method: &str) -> (Target<'a>, Cow<'a, str>) {
    if resource_name.starts_with('/') {
        return (Target::default(), resource_name);
    }
    let parts: Vec<&str> = resource_name.split('/').collect();
    let [group, version, path @ ..] = &*parts else { return (target_of_method(method), Cow::default()) };
    let (namespace, path) = match path {
        // `namespaces/ns` and its own subresources are about the namespace itself.
        [] | ["namespaces"] | ["namespaces", _] | ["namespaces", _, "finalize" | "status"] => ("", path),
        ["namespaces", namespace, path @ ..] => (*namespace, path),
        path => ("", path),
    };
    let part = |n: usize| Cow::Owned(path.get(n).copied().unwrap_or_default().to_owned());
    let is_core = *group == "core";
    let uri = if is_core {
        format!("/api/{version}{}", &resource_name[group.len() + 1 + version.len()..])
    } else {
        format!("/apis/{resource_name}")
    };
    let target = Target {
        group: Cow::Owned(if is_core { String::new() } else { (*group).to_owned() }),
        resource: part(0),
        name: part(1),
        subresource: Cow::Owned(path.get(2..).unwrap_or_default().join("/")),
        namespace: Cow::Owned(if namespace.is_empty() && path.first() == Some(&"namespaces") {
            path.get(1).copied().unwrap_or_default().to_owned()
        } else {
            namespace.to_owned()
        }),
    };
    (target, Cow::Owned(uri))
}

/// `io.k8s.core.v1.componentstatuses.list`: the resource, and perhaps a subresource, between version and verb.
fn target_of_method(method: &str) -> Target<'static> {
    let parts: Vec<&str> = method.split('.').collect();
    let is_version =
        |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let after = parts.iter().position(is_version).map_or(&[][..], |at| &parts[at + 1..]);
    let [resource, between @ .., _verb] = after else { return Target::default() };
    Target {
        resource: Cow::Owned((*resource).to_owned()),
        subresource: Cow::Owned(between.join("/")),
        ..Target::default()
    }
}

/// The HTTP status of a `google.rpc.Code`, as google/rpc/code.proto maps them.
const fn http_status(code: i64) -> u16 {
    match code {
        0 => 200,
        3 | 9 | 11 => 400,
        16 => 401,
        7 => 403,
        5 => 404,
        6 | 10 => 409,
        8 => 429,
        1 => 499,
        12 => 501,
        14 => 503,
        4 => 504,
        _ => 500,
    }
}
