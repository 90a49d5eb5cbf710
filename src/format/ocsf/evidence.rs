//! `evidences`: the requests themselves.

use std::net::IpAddr;

use serde::Serialize;

use super::resource::{self, Resource};
use crate::alert::{Actor, Alert};
use crate::event::{Principal, PrincipalKind};
use crate::format::detail::Detail;
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct Evidence<'a> {
    /// Absent when nobody was authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ActorObject<'a>>,
    /// Whom the actor acted as.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    api: Api<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "HttpRequest::is_empty")]
    http_request: HttpRequest<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource<'a>>,
    data: Detail<'a>,
}

#[derive(Serialize)]
struct ActorObject<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a Text,
    r#type: &'static str,
    type_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_uid: Option<&'a Text>,
}

#[derive(Serialize)]
struct Api<'a> {
    operation: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Named<'a>>,
    request: Request<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Response>,
    service: Service,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a Text,
}

#[derive(Serialize)]
struct Service {
    name: &'static str,
}

#[derive(Serialize)]
struct Request<'a> {
    uid: &'a Text,
}

#[derive(Serialize)]
struct Response {
    code: u16,
}

#[derive(Serialize)]
struct Endpoint {
    ip: IpAddr,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    #[serde(skip_serializing_if = "Text::is_empty")]
    user_agent: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url<'a>>,
}

#[derive(Serialize)]
struct Url<'a> {
    path: &'a Text,
}

impl HttpRequest<'_> {
    fn is_empty(&self) -> bool {
        self.user_agent.is_empty() && self.url.is_none()
    }
}

impl<'a> From<&'a Alert> for Evidence<'a> {
    fn from(alert: &'a Alert) -> Self {
        let (actor, action) = (&alert.actor, &alert.action);
        Self {
            actor: (!actor.username.is_empty()).then(|| ActorObject { user: User::from(actor) }),
            user: actor.impersonated.as_ref().map(User::from),
            api: Api {
                operation: &action.verb,
                group: (!action.group.is_empty()).then_some(Named { name: &action.group }),
                request: Request { uid: &alert.audit_id },
                response: (alert.code != 0).then_some(Response { code: alert.code }),
                service: Service { name: "kube-apiserver" },
            },
            src_endpoint: alert.source_ip.map(|ip| Endpoint { ip }),
            http_request: HttpRequest {
                user_agent: &alert.user_agent,
                url: (!action.path.is_empty()).then_some(Url { path: &action.path }),
            },
            resources: resource::involved(alert),
            data: Detail::from(alert),
        }
    }
}

impl<'a> From<&'a Actor> for User<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self {
            name: &actor.username,
            r#type: actor.kind.as_str(),
            type_id: type_id(actor.kind),
            credential_uid: actor.credential.as_ref(),
        }
    }
}

impl<'a> From<&'a Text> for User<'a> {
    fn from(name: &'a Text) -> Self {
        let kind = Principal::parse(name.as_str()).kind();
        Self { name, r#type: kind.as_str(), type_id: type_id(kind), credential_uid: None }
    }
}

/// OCSF's kinds of user: 4 service, 3 system, 1 user, 0 unknown.
const fn type_id(kind: PrincipalKind) -> u8 {
    match kind {
        PrincipalKind::ServiceAccount => 4,
        PrincipalKind::Node => 3,
        PrincipalKind::User => 1,
        PrincipalKind::Anonymous => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::sample;

    fn evidence(alert: &Alert) -> Value {
        serde_json::to_value(Evidence::from(alert)).expect("it serializes")
    }

    #[test]
    fn a_request_says_who_what_and_where_from() {
        let value = evidence(sample::secrets().lead());
        assert_eq!(value["actor"]["user"]["type_id"], json!(4));
        assert_eq!(value["api"]["operation"], json!("list"));
        assert_eq!(value["api"]["response"]["code"], json!(200));
        assert_eq!(value["src_endpoint"], json!({"ip": "10.1.2.33"}));
        assert_eq!(value["http_request"]["user_agent"], json!("curl/8.5.0"));
    }

    #[test]
    fn nobody_and_nothing_leave_no_trace() {
        let mut incident = sample::anonymous();
        let alert = &mut incident.alerts[0];
        (alert.source_ip, alert.code) = (None, 0);
        (alert.user_agent, alert.action.path) = (Text::new(""), Text::new(""));
        let value = evidence(alert);
        for absent in ["actor", "user", "src_endpoint", "http_request", "resources"] {
            assert_eq!(value.get(absent), None, "{absent}");
        }
        assert_eq!(value["api"].get("response"), None);
    }

    #[test]
    fn who_was_impersonated_is_told() {
        let value = evidence(sample::hostile().lead());
        assert_eq!(
            value["user"],
            json!({"name": "system:serviceaccount:kube-system:root-ca", "type": "ServiceAccount", "type_id": 4})
        );
    }
}
