//! What the body of a request asks for ([`Body`]): of objects and patches of a few kinds, a few scalars.
//!
//! Of a response, nothing but when a token expires. Bodies of any other kind are not looked into. A patch is read as the part of the object that it is; one of JSON Patch
//! as many small parts. What cannot be read is no fact, and never a reason to reject the event.

use std::borrow::Cow;

use super::certificate;
use super::json::Json;
use super::time::timestamp;
use crate::event::{
    Binding, Body, Capabilities, CertificateRequest, HostPaths, Pod, Role, Subject, Target, Timestamp, TokenRequest,
    Webhook,
};

/// Names of one kind that are kept of one body.
const MAX_NAMES: usize = 8;

/// Bytes of a name that are kept; Kubernetes allows 253 for most.
const MAX_BYTES: usize = 256;

/// The lifetime of a token if none is asked for.
const DEFAULT_SECONDS: i64 = 3_600;

/// Whether the body of such a request is read, if it was logged.
#[must_use]
pub fn is_read(verb: &str, target: &Target<'_>) -> bool {
    matches!(verb, "create" | "update" | "patch" | "post" | "put" | "apply") && blank(target).is_some()
}

/// What `body` asks for when it is sent with `verb` to `target`; none if it is of a kind that does not matter. Either may
/// be empty.
pub(super) fn read(verb: &str, target: &Target<'_>, body: &str, response: &str) -> Option<Box<Body>> {
    if body.is_empty() || !is_read(verb, target) {
        return None;
    }
    let mut facts = blank(target)?;
    let whole = Json::parse(body)?;
    if body.trim_ascii_start().starts_with('[') {
        json_patch(whole, |part| fill(&mut facts, target, part));
    } else {
        fill(&mut facts, target, whole);
    }
    if let Body::Token(token) = &mut facts {
        token.expires = expiry(response);
    }
    Some(Box::new(facts))
}

/// What nothing is known of yet, by the kind of object; none for kinds that do not matter.
fn blank(target: &Target<'_>) -> Option<Body> {
    Some(match (&*target.resource, &*target.subresource) {
        ("pods", "" | "ephemeralcontainers") => Body::Pod(Pod::default()),
        (resource, "") if template(resource).is_some() => Body::Pod(Pod::default()),
        ("clusterrolebindings" | "rolebindings", "") => Body::Binding(Binding::default()),
        ("clusterroles" | "roles", "") => Body::Role(Role::default()),
        ("serviceaccounts", "token") => {
            Body::Token(TokenRequest { seconds: DEFAULT_SECONDS, ..TokenRequest::default() })
        }
        ("certificatesigningrequests", "" | "approval") => Body::Certificate(CertificateRequest::default()),
        ("secrets", "") => Body::Secret(None),
        ("mutatingwebhookconfigurations" | "validatingwebhookconfigurations", "") => Body::Webhook(Webhook::default()),
        _ => return None,
    })
}

/// Where a kind of object has the specification of its pods.
fn template(resource: &str) -> Option<&'static [&'static str]> {
    Some(match resource {
        "pods" => &["spec"],
        "deployments" | "daemonsets" | "statefulsets" | "replicasets" | "replicationcontrollers" | "jobs" => {
            &["spec", "template", "spec"]
        }
        "cronjobs" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

/// Tells what each operation of a JSON Patch (RFC 6902) puts where.
fn json_patch<'a>(patch: Json<'a>, mut tell: impl FnMut(Json<'_>)) {
    patch.elements(|operation| {
        let (mut paths, mut values, mut writes) = (Vec::new(), Vec::new(), false);
        operation.members(|key, value| match key {
            "op" => writes |= value.text().is_some_and(|op| matches!(&*op, "add" | "replace")),
            "path" => paths.extend(value.text()),
            "value" => values.push(value),
            _ => {}
        });
        if writes {
            paths.iter().for_each(|path| values.iter().for_each(|value| tell(value.at(path))));
        }
    });
}

/// Adds what `part` of a body says.
fn fill(facts: &mut Body, target: &Target<'_>, part: Json<'_>) {
    match facts {
        Body::Pod(pod) => {
            part.below(template(&target.resource).unwrap_or_default(), &mut |spec| pod_spec(spec, pod));
        }
        Body::Binding(binding) => self::binding(part, binding),
        Body::Role(role) => part.below(&["rules"], &mut |rules| rules.elements(|rule| self::rule(rule, role))),
        Body::Token(token) => part.below(&["spec"], &mut |spec| token_spec(spec, token)),
        Body::Certificate(request) => part.below(&["spec"], &mut |spec| certificate_spec(spec, request)),
        Body::Secret(account) => secret(part, account),
        Body::Webhook(webhook) => part.below(&["webhooks"], &mut |list| {
            list.elements(|each| each.below(&["rules"], &mut |rules| rules.elements(|rule| sees(rule, webhook))));
        }),
    }
}

fn pod_spec(spec: Json<'_>, pod: &mut Pod) {
    spec.members(|key, value| match key {
        "hostPID" => pod.host_pid |= value.is_true(),
        "hostIPC" => pod.host_ipc |= value.is_true(),
        "hostNetwork" => pod.host_network |= value.is_true(),
        "volumes" => value.elements(|volume| {
            volume.below(&["hostPath", "path"], &mut |path| pod.host_paths = pod.host_paths.max(host_path(path)));
        }),
        "containers" | "initContainers" | "ephemeralContainers" => value.elements(|container| {
            container.below(&["securityContext"], &mut |context| security_context(context, pod));
        }),
        _ => {}
    });
}

/// Sensitive is what holds credentials, configuration or a container runtime's socket, and what lies above it.
fn host_path(path: Json<'_>) -> HostPaths {
    let Some(path) = path.text() else { return HostPaths::None };
    let steps: Vec<&str> = path.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    // /var/run is a link to /run.
    let steps = if steps.starts_with(&["var", "run"]) { &steps[1..] } else { &steps[..] };
    match steps {
        []
        | ["dev" | "etc" | "run" | "var"]
        | ["var", "lib"]
        | ["proc" | "root", ..]
        | ["etc", "cron.d" | "kubernetes" | "shadow" | "ssh" | "systemd", ..]
        | ["run", "containerd" | "crio" | "docker" | "docker.sock", ..]
        | ["var", "lib", "kubelet"]
        | ["var", "lib", "kubelet", "pki" | "pods", ..]
        | ["var", "lib", "containerd" | "containers" | "docker" | "etcd" | "rancher", ..] => HostPaths::Sensitive,
        [.., last] if last.ends_with(".sock") && last.contains("docker") => HostPaths::Sensitive,
        _ => HostPaths::Some,
    }
}

fn security_context(context: Json<'_>, pod: &mut Pod) {
    context.members(|key, value| match key {
        "privileged" => pod.privileged |= value.is_true(),
        "capabilities" => value.below(&["add"], &mut |added| {
            added.elements(|name| pod.capabilities = pod.capabilities.max(capability(name)));
        }),
        _ => {}
    });
}

fn capability(name: Json<'_>) -> Capabilities {
    let name = name.text().unwrap_or_default().to_ascii_uppercase();
    match name.trim_start_matches("CAP_") {
        "ALL" | "SYS_ADMIN" | "SYS_PTRACE" | "SYS_MODULE" | "SYS_RAWIO" | "SYS_BOOT" | "SYS_CHROOT" | "BPF"
        | "PERFMON" | "DAC_READ_SEARCH" | "MAC_ADMIN" | "SYSLOG" => Capabilities::Breaking,
        "NET_ADMIN" | "NET_RAW" => Capabilities::Network,
        _ => Capabilities::Harmless,
    }
}

fn binding(part: Json<'_>, binding: &mut Binding) {
    part.members(|key, value| match key {
        "roleRef" => value.below(&["name"], &mut |role| keep_last(&mut binding.role, role)),
        "subjects" => value.elements(|subject| self::subject(subject, binding)),
        _ => {}
    });
}

fn subject(part: Json<'_>, binding: &mut Binding) {
    let mut subject = Subject::default();
    part.members(|key, value| match key {
        "kind" => keep_last(&mut subject.kind, value),
        "namespace" => keep_last(&mut subject.namespace, value),
        "name" => keep_last(&mut subject.name, value),
        _ => {}
    });
    let name = &*subject.name;
    binding.masters |= name == "system:masters";
    binding.anybody |= matches!(name, "system:anonymous" | "system:unauthenticated");
    binding.everybody |= matches!(name, "system:authenticated" | "system:serviceaccounts");
    if binding.subjects.len() < MAX_NAMES {
        binding.subjects.push(subject);
    }
}

/// What one rule of a role allows. Groups do not matter: what is called a secret is taken for one.
fn rule(part: Json<'_>, role: &mut Role) {
    let (mut verbs, mut resources) = (Vec::new(), Vec::new());
    part.members(|key, value| match key {
        "verbs" => value.elements(|verb| verbs.extend(verb.text())),
        "resources" => value.elements(|resource| resources.extend(resource.text())),
        _ => {}
    });
    let any = |list: &[Cow<'_, str>], words: &[&str]| list.iter().any(|word| words.contains(&&**word));
    let may = |words: &[&str]| any(&verbs, &["*"]) || any(&verbs, words);
    let on = |words: &[&str]| any(&resources, words);
    role.writes |= may(&["create", "update", "patch", "delete", "deletecollection"]);
    role.reads |= may(&["get", "list", "watch"]);
    let (any_verb, any_resource) = (any(&verbs, &["*"]), on(&["*", "*/*"]));
    role.everything |= any_verb && any_resource;
    role.wildcard |= any_verb != any_resource && !resources.is_empty();
    role.escalate |= any(&verbs, &["escalate"]);
    role.bind |= any(&verbs, &["bind"]);
    role.impersonate |= any(&verbs, &["impersonate"]);
    role.secrets |= may(&["get", "list", "watch"]) && on(&["secrets"]);
    role.exec |= may(&["create", "get", "update", "patch"])
        && on(&["pods/*", "pods/exec", "pods/attach", "pods/ephemeralcontainers", "*/exec", "*/attach"]);
    role.nodes_proxy |= may(&["create", "get"]) && on(&["nodes/*", "nodes/proxy", "*/proxy"]);
    role.tokens |= may(&["create"]) && on(&["serviceaccounts/*", "serviceaccounts/token", "*/token"]);
}

fn token_spec(spec: Json<'_>, token: &mut TokenRequest) {
    spec.members(|key, value| match key {
        "expirationSeconds" => token.seconds = value.number().unwrap_or(token.seconds),
        "audiences" => value.elements(|audience| keep_one_more(&mut token.audiences, audience)),
        "boundObjectRef" => value.below(&["kind"], &mut |kind| keep_last(&mut token.bound_to, kind)),
        _ => {}
    });
}

/// Of a response that holds a token: when it expires, and nothing else.
fn expiry(response: &str) -> Option<Timestamp> {
    let mut expires = None;
    Json::parse(response)?.below(&["status", "expirationTimestamp"], &mut |time| {
        expires = time.text().and_then(|time| timestamp(&time));
    });
    expires
}

fn certificate_spec(spec: Json<'_>, request: &mut CertificateRequest) {
    spec.members(|key, value| match key {
        "signerName" => keep_last(&mut request.signer, value),
        "request" => {
            let subject = value.text().and_then(|encoded| certificate::subject(&encoded)).unwrap_or_default();
            request.common_name = short(&subject.common_name);
            request.organizations = subject.organizations.iter().take(MAX_NAMES).map(|name| short(name)).collect();
        }
        _ => {}
    });
}

/// Of a secret nothing but its type and the account it is for: its data is not even stepped into.
fn secret(part: Json<'_>, account: &mut Option<String>) {
    let (mut holds_token, mut name) = (false, String::new());
    part.members(|key, value| match key {
        "type" => holds_token |= value.text().is_some_and(|t| t == "kubernetes.io/service-account-token"),
        "metadata" => value.below(&["annotations", "kubernetes.io/service-account.name"], &mut |value| {
            keep_last(&mut name, value);
        }),
        _ => {}
    });
    if holds_token {
        *account = Some(name);
    }
}

/// What one rule of a webhook lets it see.
fn sees(rule: Json<'_>, webhook: &mut Webhook) {
    rule.below(&["resources"], &mut |resources| {
        resources.elements(|resource| {
            let resource = resource.text().unwrap_or_default();
            let all = matches!(&*resource, "*" | "*/*");
            webhook.secrets |= all || matches!(&*resource, "secrets" | "secrets/*" | "serviceaccounts/token");
            webhook.pods |= all || matches!(&*resource, "pods" | "pods/*");
        });
    });
}

fn keep_last(slot: &mut String, value: Json<'_>) {
    if let Some(text) = value.text() {
        *slot = short(&text);
    }
}

fn keep_one_more(list: &mut Vec<String>, value: Json<'_>) {
    if let Some(text) = value.text().filter(|_| list.len() < MAX_NAMES) {
        list.push(short(&text));
    }
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_BYTES)].to_owned()
}

#[cfg(test)]
mod tests;
