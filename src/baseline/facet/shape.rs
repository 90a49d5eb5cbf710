//! What kind of credential a service account comes with.

use crate::event::Event;

/// What kind of credential a service account came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A token bound to a pod: what a kubelet gives.
    PodBound,
    /// A token of the TokenRequest API, bound to no pod.
    Bare,
    /// A long-lived token from a Secret.
    Legacy,
    /// A token without an id: legacy, or a cluster below 1.30.
    Unnamed,
    /// A token that its client should have replaced.
    Stale,
}

impl Shape {
    /// The shape that [`Shape::as_str`] calls `text`.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let all = [Self::PodBound, Self::Bare, Self::Legacy, Self::Unnamed, Self::Stale];
        all.into_iter().find(|shape| shape.as_str() == text)
    }

    /// The shape of the credential behind `event`.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        let credential = &event.credential;
        if event.facts.stale_token {
            return Self::Stale;
        }
        match (&credential.pod_name, &credential.id) {
            (Some(_), _) => Self::PodBound,
            (None, Some(_)) => Self::Bare,
            (None, None) if event.facts.legacy_token => Self::Legacy,
            (None, None) => Self::Unnamed,
        }
    }

    /// How it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodBound => "token bound to a pod",
            Self::Bare => "token bound to no pod",
            Self::Legacy => "long-lived token from a secret",
            Self::Unnamed => "token without an id",
            Self::Stale => "token past its lifetime",
        }
    }
}
