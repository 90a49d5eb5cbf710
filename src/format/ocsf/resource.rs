//! `resource_details`: the objects of a cluster that a request is about or comes from.

use std::borrow::Cow;

use serde::Serialize;

use crate::alert::{Action, Alert, Incident};
use crate::event::Principal;
use crate::text::Text;

#[derive(PartialEq, Eq, Serialize)]
pub(super) struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Text>,
    r#type: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a Text>,
    role_id: u8,
}

const TARGET: u8 = 1;
const RELATED: u8 = 4;

/// All that an incident touched, each once, then the principals drawn in and the cluster it happened in.
pub(super) fn affected(incident: &Incident) -> Vec<Resource<'_>> {
    let targets = incident.alerts.iter().filter_map(|alert| target(&alert.action));
    let principals = incident.related.iter().filter(|text| !text.is_empty());
    let principals = principals.map(|text| related(text, Principal::parse(text.as_str()).kind().as_str()));
    let cluster = Some(&incident.cluster).filter(|text| !text.is_empty()).map(|text| related(text, "cluster"));
    let mut out: Vec<Resource<'_>> = Vec::new();
    for resource in targets.chain(principals).chain(cluster) {
        if !out.contains(&resource) {
            out.push(resource);
        }
    }
    out
}

/// What one request was about, and the pod and the node that its token is bound to: not where it came from, which is
/// just what a stolen token makes a difference of.
pub(super) fn involved(alert: &Alert) -> Vec<Resource<'_>> {
    let pod = alert.actor.pod.as_ref().map(|pod| related(pod, "pods"));
    let node = alert.actor.node.as_ref().map(|node| related(node, "nodes"));
    target(&alert.action).into_iter().chain(pod).chain(node).collect()
}

fn related<'a>(name: &'a Text, kind: &'static str) -> Resource<'a> {
    Resource { uid: None, name: Some(name), r#type: kind.into(), namespace: None, role_id: RELATED }
}

fn target(action: &Action) -> Option<Resource<'_>> {
    let filled = |text: &Text| !text.is_empty();
    if !filled(&action.resource) {
        let path = filled(&action.path).then_some(&action.path)?;
        return Some(Resource {
            uid: Some(path.to_string()),
            r#type: "nonResourceURL".into(),
            name: None,
            namespace: None,
            role_id: TARGET,
        });
    }
    let parts = [&action.namespace, &action.resource, &action.name];
    let parts: Vec<&str> = parts.into_iter().filter(|t| filled(t)).map(Text::as_str).collect();
    Some(Resource {
        uid: Some(parts.join("/")),
        name: Some(&action.name).filter(|t| filled(t)),
        r#type: if filled(&action.subresource) {
            format!("{}/{}", action.resource, action.subresource).into()
        } else {
            action.resource.as_str().into()
        },
        namespace: Some(&action.namespace).filter(|t| filled(t)),
        role_id: TARGET,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::sample;

    #[test]
    fn targets_are_told_once_with_the_cluster_last() {
        let value = serde_json::to_value(affected(&sample::secrets())).expect("it serializes");
        assert_eq!(
            value,
            json!([
                {"uid": "kube-system/secrets", "type": "secrets", "namespace": "kube-system", "role_id": 1},
                {"uid": "pods", "type": "pods", "role_id": 1},
                {"name": "prod", "type": "cluster", "role_id": 4},
            ])
        );
    }

    #[test]
    fn a_path_that_is_no_resource_is_a_target_too() {
        let incident = sample::anonymous();
        let target = serde_json::to_value(target(&incident.lead().action)).expect("it serializes");
        assert_eq!(target, json!({"uid": "/debug/pprof/", "type": "nonResourceURL", "role_id": 1}));
    }
}
