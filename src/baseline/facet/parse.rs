//! Values back from the way they are shown.

use std::net::IpAddr;

use super::object::hash_likeness;
use super::{Facet, Shape, hash_in, hash_of, hash_path, hash_resource, hash_source, hash_text};
use crate::impact::Deed;

impl Facet {
    /// The facet that [`Facet::as_str`] calls `word`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.as_str() == word)
    }

    /// The hash of the value that [`Facet::describe`] shows as `text`; none if it shows no value like this.
    ///
    /// A client can choose names that look like something else (a namespace `a in b`), and long texts are cut: whether
    /// a text stands for a certain hash is known by asking.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<u64> {
        let hash = match self {
            Self::Action => action(text)?,
            Self::ActionInNamespace | Self::Denied => match text.rsplit_once(" in ") {
                Some((deed, namespace)) => hash_in(action(deed)?, namespace),
                None => action(text)?,
            },
            Self::Name => {
                let (deed, object) = text.rsplit_once(' ')?;
                let (namespace, name) = object.split_once('/')?;
                hash_of(hash_in(action(deed)?, namespace), name)
            }
            Self::Reach => {
                let (end, _) = text.match_indices(' ').nth(1)?;
                hash_of(action(&text[..end])?, &text[end + 1..])
            }
            Self::Body => {
                let (deed, likeness) = text.split_once(": ")?;
                // whom it is about stands behind it
                let likeness = likeness.split_once(" (").map_or(likeness, |(likeness, _)| likeness);
                hash_likeness(action(deed)?, likeness)
            }
            Self::Source => hash_source(text.parse::<IpAddr>().ok()?),
            Self::Credential => 1 + Shape::named(text)? as u64,
            Self::Namespace | Self::Agent | Self::Impersonated => hash_text(text),
            Self::Forwarded => 1,
        };
        Some(hash.max(1))
    }
}

/// `list secrets`, `create deployments/scale.apps`, `get /metrics`, `get discovery`
fn action(text: &str) -> Option<u64> {
    let (word, object) = text.split_once(' ')?;
    let deed = Deed::ALL.into_iter().find(|deed| deed.as_str() == word)?;
    if object.is_empty() || object.starts_with('/') || matches!(object, "discovery" | "health") {
        return Some(hash_path(deed, object));
    }
    let (kind, group) = object.split_once('.').unwrap_or((object, ""));
    let (resource, subresource) = kind.split_once('/').unwrap_or((kind, ""));
    Some(hash_resource(deed, group, resource, subresource))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Observation;
    use crate::event::{Binding, Body, Event, Subject};
    use crate::sample::event;

    fn is_parsed(event: &Event<'_>) {
        for (facet, value) in Observation::of(event).iter() {
            let text = facet.describe(event);
            assert_eq!(facet.parse(&text), Some(value), "{facet:?}: {text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_as_what_it_was() {
        is_parsed(&event());
        is_parsed(&event().doing("get", "secrets").on("shop", "db").denied().bare("JTI=x"));
        is_parsed(&event().doing("list", "nodes").on("", ""));
        let mut exec = event().doing("create", "pods/exec");
        exec.uri = "/api/v1/namespaces/shop/pods/p/exec?command=cat&command=token".into();
        exec.impersonated = Some("alice".into());
        exec.facts.forwarded = true;
        is_parsed(&exec);
        let mut scale = event().doing("update", "deployments/scale").from("fd00::1");
        scale.target.group = "apps".into();
        is_parsed(&scale);
        for path in ["/metrics", "/version", "/readyz", ""] {
            let mut get = event().doing("get", "").on("", "");
            get.uri = path.into();
            is_parsed(&get);
        }
        let mut role = event().doing("create", "clusterroles").on("", "reader");
        role.target.group = "rbac.authorization.k8s.io".into();
        is_parsed(&role);
        let mut bind = event().doing("create", "rolebindings").on("shop", "");
        let subject = Subject { kind: "ServiceAccount".into(), namespace: "shop".into(), name: "cart".into() };
        let binding = Binding { role: "cluster-admin".into(), subjects: vec![subject], ..Binding::default() };
        bind.facts.body = Some(Box::new(Body::Binding(binding)));
        is_parsed(&bind);
    }

    #[test]
    fn what_only_looks_like_something_else_is_told_by_asking() {
        let strange = event().doing("list", "pods").on("a in b", "");
        let value = Observation::of(&strange).value(Facet::ActionInNamespace);
        assert_ne!(Facet::ActionInNamespace.parse(&Facet::ActionInNamespace.describe(&strange)), value);
    }

    #[test]
    fn what_shows_no_value_is_none() {
        for (facet, text) in [
            (Facet::Action, "steal secrets"),
            (Facet::Source, "10.0.0"),
            (Facet::Credential, "x"),
            (Facet::Name, "get x"),
        ] {
            assert_eq!(facet.parse(text), None, "{text}");
        }
    }
}
