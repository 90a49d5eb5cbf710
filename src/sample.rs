//! Events for tests, made by naming only what matters.

use crate::event::{Body, Credential, Event, Facts, Outcome, Span, Stage, Target, Timestamp};

/// The moment at which tests begin: 2026-11-24T10:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_795_514_400_000_000);

/// A pod's `get` of a config map in its namespace, allowed, at [`START`].
pub(crate) fn event() -> Event<'static> {
    Event {
        audit_id: "a-1".into(),
        at: START,
        received: START,
        stage: Stage::ResponseComplete,
        username: "system:serviceaccount:shop:cart".into(),
        credential: Credential {
            id: Some("JTI=cart".into()),
            pod_name: Some("cart-0".into()),
            pod_uid: None,
            node_name: Some("node-1".into()),
        },
        impersonated: None,
        impersonates_masters: false,
        verb: "get".into(),
        target: Target {
            resource: "configmaps".into(),
            namespace: "shop".into(),
            name: "settings".into(),
            ..Target::default()
        },
        uri: "/api/v1/namespaces/shop/configmaps/settings".into(),
        source_ip: "10.1.0.5".parse().ok(),
        user_agent: "cart/1.0".into(),
        code: 200,
        outcome: Outcome::Allowed,
        facts: Facts::default(),
    }
}

impl Event<'static> {
    /// The same a while after [`START`], as a request of its own.
    pub(crate) fn after(mut self, span: Span) -> Self {
        self.at = Timestamp(START.0 + span.0);
        self.received = self.at;
        self.audit_id = format!("a-{}", span.0).into();
        self
    }

    /// The same by a user.
    pub(crate) fn by(mut self, username: &'static str) -> Self {
        self.username = username.into();
        self
    }

    /// The same with a credential of this id, bound to no pod; none if empty.
    pub(crate) fn bare(mut self, id: &'static str) -> Self {
        self.credential = Credential { id: (!id.is_empty()).then(|| id.into()), ..Credential::default() };
        self
    }

    /// The same with a pod's token of this id.
    pub(crate) fn pod(mut self, id: &'static str, pod: &'static str, node: &'static str) -> Self {
        self.credential.id = Some(id.into());
        self.credential.pod_name = Some(pod.into());
        self.credential.node_name = Some(node.into());
        self
    }

    /// The same with another verb on another kind of object.
    pub(crate) fn doing(mut self, verb: &'static str, resource: &'static str) -> Self {
        self.verb = verb.into();
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        self.target.resource = resource.into();
        self.target.subresource = subresource.into();
        self
    }

    /// The same in another namespace, on another object; either may be empty.
    pub(crate) fn on(mut self, namespace: &'static str, name: &'static str) -> Self {
        self.target.namespace = namespace.into();
        self.target.name = name.into();
        self
    }

    /// The same from another address.
    pub(crate) fn from(mut self, ip: &str) -> Self {
        self.source_ip = ip.parse().ok();
        self
    }

    /// The same with another client.
    pub(crate) fn with(mut self, agent: &'static str) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// The same with what its body asks for.
    pub(crate) fn asking(mut self, body: Body) -> Self {
        self.facts.body = Some(Box::new(body));
        self
    }

    /// The same, denied.
    pub(crate) fn denied(mut self) -> Self {
        self.outcome = Outcome::Denied;
        self.code = 403;
        self
    }
}
