//! The facets of a request: what of it is remembered, and compared, each on its own.

mod object;
mod parse;
mod shape;

use std::hash::{BuildHasher, Hash, Hasher as _};
use std::net::IpAddr;

use crate::event::{Event, PrincipalKind};
use crate::impact::{self, Deed};

pub use object::is_same_kind;
pub use shape::Shape;

/// One side of what an account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Facet {
    /// Deed on a group and resource, or on a path template.
    Action,
    /// The namespace acted in; none for cluster-wide requests.
    Namespace,
    /// Both of these together.
    ActionInNamespace,
    /// The address a request came from.
    Source,
    /// The user agent's family: its name without versions.
    Agent,
    /// What kind of credential: bound to a pod, bare, legacy, certificate, none.
    Credential,
    /// What was denied, and where.
    Denied,
    /// One object of a sensitive kind, and what was done to it.
    Name,
    /// What was reached through a connection: the program of an exec, the path behind a proxy.
    Reach,
    /// Who it acted as.
    Impersonated,
    /// That a request says it was forwarded for somebody else.
    Forwarded,
    /// What the object in a request's body is like: a privileged pod, a binding to cluster-admin.
    Body,
}

impl Facet {
    /// How many facets there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every facet, in order of its number.
    pub const ALL: [Self; 12] = [
        Self::Action,
        Self::Namespace,
        Self::ActionInNamespace,
        Self::Source,
        Self::Agent,
        Self::Credential,
        Self::Denied,
        Self::Name,
        Self::Reach,
        Self::Impersonated,
        Self::Forwarded,
        Self::Body,
    ];

    /// The word for it in alerts and exports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Namespace => "namespace",
            Self::ActionInNamespace => "action in namespace",
            Self::Source => "source",
            Self::Agent => "user agent",
            Self::Credential => "credential",
            Self::Denied => "denied action",
            Self::Name => "object",
            Self::Reach => "reach",
            Self::Impersonated => "impersonated identity",
            Self::Forwarded => "forwarding",
            Self::Body => "kind of object",
        }
    }

    /// Whether it says who is at work, rather than what is done.
    #[must_use]
    pub const fn is_identity(self) -> bool {
        matches!(self, Self::Source | Self::Agent | Self::Credential)
    }

    /// The most values of it that one baseline holds; the least recently seen makes room and is counted.
    #[must_use]
    pub const fn capacity(self) -> u16 {
        match self {
            Self::Credential | Self::Forwarded => 16,
            Self::Agent | Self::Impersonated => 64,
            Self::Source | Self::Reach | Self::Body => 128,
            Self::Action | Self::Namespace | Self::Denied | Self::Name => 512,
            Self::ActionInNamespace => 2_048,
        }
    }

    /// This facet's value in `event`, as it is shown.
    #[must_use]
    pub fn describe(self, event: &Event<'_>) -> String {
        match self {
            Self::Action => action(event),
            Self::Namespace => event.target.namespace.clone().into_owned(),
            Self::ActionInNamespace | Self::Denied => match &*event.target.namespace {
                "" => action(event),
                namespace => format!("{} in {namespace}", action(event)),
            },
            Self::Source => event.source_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            Self::Agent => agent_family(&event.user_agent).to_owned(),
            Self::Credential => Shape::of(event).as_str().to_owned(),
            Self::Name => format!("{} {}/{}", action(event), event.target.namespace, event.target.name),
            Self::Reach => format!("{} {}", action(event), reach(event).unwrap_or_default()),
            Self::Impersonated => event.impersonated.as_deref().unwrap_or_default().to_owned(),
            Self::Forwarded => "X-Forwarded-For or X-Real-Ip".to_owned(),
            Self::Body => object::describe(event),
        }
    }
}

/// The facet values of one event, as hashes: what a baseline is asked for.
///
/// The hash is fixed, so that two runs agree; a collision (2⁻⁶⁴ a pair) would make one new value pass for a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    values: [u64; Facet::COUNT],
    /// The request came with a pod's token.
    pod_bound: bool,
}

/// The bits of [`Novel`] that are no facet's.
const WAKING: u16 = 1 << 15;
const SURGING: u16 = 1 << 14;

/// Which facets of an event are new for its account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Novel(u16);

impl Novel {
    /// Whether nothing is new.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `facet` is new.
    #[must_use]
    pub const fn contains(self, facet: Facet) -> bool {
        self.0 & (1 << facet as u16) != 0
    }

    /// Whether the account has only just woken from a long silence.
    #[must_use]
    pub const fn is_waking(self) -> bool {
        self.0 & WAKING != 0
    }

    /// Says that the account has only just woken from a long silence: that is news, whatever it does.
    pub const fn wake(&mut self) {
        self.0 |= WAKING;
    }

    /// Whether with this request the account has asked for twice as much as ever before, or four times, and so on.
    #[must_use]
    pub const fn is_surging(self) -> bool {
        self.0 & SURGING != 0
    }

    /// Says that the account asks for twice as much as ever, or four times: that is news, whatever it asks for.
    pub const fn surge(&mut self) {
        self.0 |= SURGING;
    }

    /// Adds `facet`.
    pub const fn insert(&mut self, facet: Facet) {
        self.0 |= 1 << facet as u16;
    }

    /// Whether any of `facets` is new.
    #[must_use]
    pub fn intersects(self, facets: &[Facet]) -> bool {
        facets.iter().any(|&facet| self.contains(facet))
    }
}

/// Stands for a facet that an event does not have.
const ABSENT: u64 = 0;

impl Observation {
    /// Reads the facets of `event`.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        let mut values = [ABSENT; Facet::COUNT];
        let mut set = |facet: Facet, value: u64| values[facet as usize] = value.max(1);
        let deed = Deed::of(event);
        let namespace = &*event.target.namespace;
        let action = hash_action(event, deed);
        let action_in = hash_in(action, namespace);
        set(Facet::Action, action);
        set(Facet::ActionInNamespace, action_in);
        if !namespace.is_empty() {
            set(Facet::Namespace, hash_text(namespace));
        }
        if let Some(ip) = event.source_ip {
            set(Facet::Source, hash_source(ip));
        }
        if !event.user_agent.is_empty() {
            set(Facet::Agent, hash_text(agent_family(&event.user_agent)));
        }
        if event.principal().kind() == PrincipalKind::ServiceAccount {
            set(Facet::Credential, 1 + Shape::of(event) as u64);
        }
        if event.outcome.is_denied() {
            set(Facet::Denied, action_in);
        }
        if !event.target.name.is_empty() && impact::is_sensitive_by_name(event, deed) {
            set(Facet::Name, hash_of(action_in, &event.target.name));
        }
        if deed == Deed::Connect
            && let Some(reach) = reach(event)
        {
            set(Facet::Reach, hash_of(action, reach));
        }
        if let Some(who) = &event.impersonated {
            set(Facet::Impersonated, hash_text(who));
        }
        if event.facts.forwarded {
            set(Facet::Forwarded, 1);
        }
        if let Some(object) = object::hash_object(event, action) {
            set(Facet::Body, object);
        }
        Self { values, pod_bound: event.credential.pod_name.is_some() }
    }

    /// Whether a value of `facet` that has only just appeared is on probation: of what says who is at work, all but the
    /// address of a pod, which is new whenever the pod is.
    #[must_use]
    pub const fn is_probationary(&self, facet: Facet) -> bool {
        facet.is_identity() && !(self.pod_bound && matches!(facet, Facet::Source))
    }

    /// The hash of `facet`'s value; none if the event does not have it.
    #[must_use]
    pub fn value(&self, facet: Facet) -> Option<u64> {
        Some(self.values[facet as usize]).filter(|&v| v != ABSENT)
    }

    /// The facets that the event has, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Facet, u64)> {
        Facet::ALL.into_iter().filter_map(|facet| Some((facet, self.value(facet)?)))
    }
}

/// The hash of the action that `event` would be if it did `deed`.
#[must_use]
pub fn hash_of_deed(event: &Event<'_>, deed: Deed) -> u64 {
    hash_action(event, deed).max(1)
}

/// A hash that is the same in every run and on every machine.
pub(crate) fn hash(feed: impl FnOnce(&mut foldhash::fast::FoldHasher<'static>)) -> u64 {
    let mut hasher = foldhash::fast::FixedState::with_seed(0x5a3a_7c4e_11d0_9f27).build_hasher();
    feed(&mut hasher);
    hasher.finish()
}

/// The hash of an address as a source.
#[must_use]
pub fn hash_source(ip: IpAddr) -> u64 {
    hash(|h| ip.hash(h)).max(1)
}

fn hash_action(event: &Event<'_>, deed: Deed) -> u64 {
    let target = &event.target;
    if target.resource.is_empty() {
        return hash_path(deed, path_template(event.path()));
    }
    hash_resource(deed, &target.group, &target.resource, &target.subresource)
}

fn hash_path(deed: Deed, template: &str) -> u64 {
    hash(|h| (deed as u8, template).hash(h))
}

fn hash_resource(deed: Deed, group: &str, resource: &str, subresource: &str) -> u64 {
    hash(|h| (deed as u8, group, resource, subresource).hash(h))
}

/// An action in a namespace; without one, the action itself.
fn hash_in(action: u64, namespace: &str) -> u64 {
    if namespace.is_empty() { action } else { hash_of(action, namespace) }
}

fn hash_of(action: u64, object: &str) -> u64 {
    hash(|h| (action, object).hash(h))
}

fn hash_text(text: &str) -> u64 {
    hash(|h| text.hash(h))
}

/// `list secrets`, `create apps/deployments`, `connect pods/exec`, `get /metrics`.
fn action(event: &Event<'_>) -> String {
    let (deed, target) = (Deed::of(event).as_str(), &event.target);
    if target.resource.is_empty() {
        return format!("{deed} {}", path_template(event.path()));
    }
    let mut out = format!("{deed} {}", target.resource);
    if !target.subresource.is_empty() {
        out.push('/');
        out.push_str(&target.subresource);
    }
    if !target.group.is_empty() {
        out.push('.');
        out.push_str(&target.group);
    }
    out
}

/// A path outside the resources by what it is for. Discovery is one thing, however a client walks it; so are health
/// checks; any other path counts by its first two segments.
fn path_template(path: &str) -> &str {
    let first = path.get(1..).and_then(|p| p.split('/').next()).unwrap_or_default();
    match first {
        "api" | "apis" | "openapi" | "version" | ".well-known" => "discovery",
        "healthz" | "livez" | "readyz" => "health",
        _ => {
            let second_slash = path.char_indices().filter(|&(_, c)| c == '/').nth(2);
            second_slash.map_or(path, |(end, _)| &path[..end])
        }
    }
}

/// A user agent's name: what stands before the first version, space or bracket.
#[must_use]
pub fn agent_family(agent: &str) -> &str {
    let end = agent.bytes().position(|b| matches!(b, b'/' | b' ' | b'(' | b';')).unwrap_or(agent.len());
    let name = &agent[..end];
    // Tools that sign each run (`tool_<uuid>`) are one family.
    match name.rsplit_once(['_', '-']) {
        Some((stem, tail)) if tail.len() >= 8 && tail.bytes().all(|b| b.is_ascii_hexdigit()) => {
            stem.trim_end_matches(|c: char| c.is_ascii_hexdigit() || c == '-')
        }
        _ => name,
    }
}

/// What a connection reaches: the program that an exec runs, the path behind a proxy.
fn reach<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match &*event.target.subresource {
        "exec" => {
            let (_, query) = event.uri.split_once('?')?;
            program(query.split('&').filter_map(|pair| pair.strip_prefix("command=")))
        }
        "proxy" => {
            let (_, behind) = event.path().split_once("/proxy/")?;
            behind.split('/').next()
        }
        _ => None,
    }
}

/// The program that a command line runs: its first word, or behind a shell the first word of the shell's script.
fn program<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = words.next()?;
    // Words are percent-encoded; a script's begin with its program, and `+` or `%20` stands for a blank.
    let name = first.rsplit("%2F").next()?.rsplit('/').next()?;
    if !matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "busybox") {
        return Some(first);
    }
    let script = words.find(|word| !word.starts_with('-'));
    Some(script.map_or(first, |script| script.split(['+', '%', ';', '|']).find(|w| !w.is_empty()).unwrap_or(script)))
}

#[cfg(test)]
mod tests;
