//! The rules of OCSF 1.6 that a Detection Finding of ours has to hold to, as a table: the attributes of every object that
//! is written, of what type, which are required, which numbers an enumeration has. From <https://schema.ocsf.io/1.6.0>.

use serde_json::{Map, Value};

/// Objects by name; an attribute reads `name type`, `!` after a name is required, `[]` after a type an array, and
/// numbers after an `int` are all that it may be.
const OBJECTS: &[(&str, &[&str])] = &[
    (
        "finding",
        &[
            "metadata! metadata",
            "category_uid! int 2",
            "class_uid! int 2004",
            "class_name str",
            "activity_id! int 1 2 3",
            "activity_name str",
            "type_uid! int 200401 200402 200403",
            "time! int",
            "start_time int",
            "end_time int",
            "count int",
            "severity_id! int 1 2 3 4 5",
            "severity str",
            "status_id int 1",
            "confidence_id int 1 2 3",
            "impact_score int",
            "risk_level_id int 0 1 2 3 4",
            "risk_score int",
            "is_alert bool",
            "message str",
            "finding_info! finding_info",
            "anomaly_analyses anomaly_analysis[]",
            "evidences evidences[]",
            "resources resource_details[]",
        ],
    ),
    ("metadata", &["version! str", "product! product", "log_name str", "log_provider str"]),
    ("product", &["name str", "vendor_name str", "version str"]),
    (
        "finding_info",
        &[
            "uid! str",
            "title str",
            "types str[]",
            "analytic analytic",
            "related_analytics analytic[]",
            "attacks attack[]",
            "data_sources str[]",
            "first_seen_time int",
            "last_seen_time int",
        ],
    ),
    ("analytic", &["uid str", "name str", "type_id! int 1 3"]),
    ("attack", &["technique entity", "sub_technique entity", "tactic entity"]),
    ("entity", &["uid str", "name str", "src_url str"]),
    ("anomaly_analysis", &["analysis_targets! analysis_target[]", "anomalies! anomaly[]", "baselines baseline[]"]),
    ("analysis_target", &["name! str", "type str"]),
    (
        "anomaly",
        &["observation_parameter! str", "observation_type str", "observed_pattern str", "observations! observation[]"],
    ),
    ("baseline", &["observation_parameter! str", "observed_pattern str", "observations! observation[]"]),
    ("observation", &["value! str", "count int", "timespan timespan"]),
    ("timespan", &["duration_days int", "duration_secs int", "type_id int 2 5"]),
    (
        "evidences",
        &[
            "actor actor",
            "user user",
            "api api",
            "src_endpoint network_endpoint",
            "http_request http_request",
            "resources resource_details[]",
            "data any",
        ],
    ),
    ("actor", &["user user"]),
    ("user", &["name str", "type str", "type_id int 0 1 3 4", "credential_uid str"]),
    ("api", &["operation! str", "group entity", "request! request", "response response", "service entity"]),
    ("request", &["uid! str"]),
    ("response", &["code int"]),
    ("network_endpoint", &["ip str"]),
    ("http_request", &["user_agent str", "url url"]),
    ("url", &["path str"]),
    ("resource_details", &["uid str", "name str", "type str", "namespace str", "role_id int 1 4"]),
];

/// Of these, one at least has to be there.
const AT_LEAST_ONE: &[(&str, &[&str])] = &[
    ("product", &["name", "uid"]),
    ("analytic", &["name", "uid"]),
    ("attack", &["tactic", "technique", "sub_technique"]),
    ("entity", &["name", "uid"]),
    ("timespan", &["duration_days", "duration_secs"]),
    ("evidences", &["actor", "api", "data", "resources", "src_endpoint", "user"]),
    ("user", &["name", "uid"]),
    ("url", &["path"]),
    ("resource_details", &["name", "uid"]),
];

/// Every rule that `finding` breaks, with the place.
pub(crate) fn broken(finding: &Value) -> Vec<String> {
    let mut out = Vec::new();
    check(finding, "finding", "$", &mut out);
    let number = |name: &str| finding[name].as_i64().unwrap_or(-1);
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
        out.push("$.type_uid: not of its class and activity".to_owned());
    }
    out
}

fn check(value: &Value, kind: &str, path: &str, out: &mut Vec<String>) {
    let Some((_, attributes)) = OBJECTS.iter().find(|(name, _)| *name == kind) else {
        return check_scalar(value, kind, path, out);
    };
    let Some(object) = value.as_object() else { return out.push(format!("{path}: no object")) };
    check_presence(object, kind, attributes, path, out);
    for (name, value) in object {
        let path = format!("{path}.{name}");
        match attributes.iter().filter_map(|a| a.split_once(' ')).find(|(known, _)| known.trim_end_matches('!') == name)
        {
            Some((_, kind)) => check_attribute(value, kind, &path, out),
            None => out.push(format!("{path}: unknown attribute")),
        }
    }
}

fn check_presence(object: &Map<String, Value>, kind: &str, attributes: &[&str], path: &str, out: &mut Vec<String>) {
    for name in attributes.iter().filter_map(|a| a.split_once("! ")).map(|(name, _)| name) {
        if !object.contains_key(name) {
            out.push(format!("{path}: {name} is missing"));
        }
    }
    for (_, names) in AT_LEAST_ONE.iter().filter(|(name, _)| *name == kind) {
        if !names.iter().any(|name| object.contains_key(*name)) {
            out.push(format!("{path}: none of {names:?}"));
        }
    }
}

fn check_attribute(value: &Value, kind: &str, path: &str, out: &mut Vec<String>) {
    match (kind.strip_suffix("[]"), value) {
        (Some(kind), Value::Array(values)) => {
            for (n, value) in values.iter().enumerate() {
                check(value, kind, &format!("{path}[{n}]"), out);
            }
        }
        (Some(_), _) => out.push(format!("{path}: no array")),
        (None, value) => check(value, kind, path, out),
    }
}

fn check_scalar(value: &Value, kind: &str, path: &str, out: &mut Vec<String>) {
    let mut words = kind.split(' ');
    let fits = match words.next() {
        Some("any") => !value.is_null(),
        Some("str") => value.is_string(),
        Some("bool") => value.is_boolean(),
        Some("int") => value.is_i64(),
        _ => false,
    };
    let numbers: Vec<i64> = words.filter_map(|word| word.parse().ok()).collect();
    if !fits || !(numbers.is_empty() || value.as_i64().is_some_and(|n| numbers.contains(&n))) {
        out.push(format!("{path}: {value} is no {kind}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::{Format, sample};

    #[test]
    fn broken_rules_are_found() {
        let whole: Value = serde_json::from_str(&sample::written(Format::Ocsf, &sample::secrets())).expect("JSON");
        let cases = [
            ("/time", json!("2026-11-24T10:15:02Z"), "$.time"),
            ("/time", json!(1.5), "$.time"),
            ("/severity_id", json!(7), "$.severity_id"),
            ("/activity_id", json!(2), "$.type_uid"),
            ("/message", Value::Null, "$.message"),
            ("/metadata", json!({"version": "1.6.0"}), "$.metadata: product"),
            ("/evidences/0/api", json!({"verb": "list"}), "$.evidences[0].api.verb: unknown"),
            ("/resources/0", json!({"type": "secrets"}), "$.resources[0]: none of"),
            ("/finding_info/types", json!("x"), "$.finding_info.types: no array"),
            ("/finding_info/analytic", json!("new-action"), "$.finding_info.analytic: no object"),
        ];
        for (pointer, wrong, place) in cases {
            let mut finding = whole.clone();
            *finding.pointer_mut(pointer).expect("the sample has it") = wrong;
            assert!(broken(&finding).iter().any(|rule| rule.starts_with(place)), "{pointer}: {:?}", broken(&finding));
        }
    }
}
