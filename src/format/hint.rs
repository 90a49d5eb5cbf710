//! Where to look next: commands that answer what somebody asks who was just told of an incident.
//!
//! A command is to be copied into a shell, so that it holds only words that are inert there: a value from an event that
//! is more than a plain word takes its command with it. None prints a secret, and none changes anything but those that
//! say what they stop. `jq -a` because the log itself is not inert.

use crate::alert::{Alert, Incident, Severity};
use crate::event::Principal;
use crate::text::Text;

/// A command, and the question it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) why: &'static str,
    pub(super) command: String,
}

/// What to look at, in the order in which it is asked, what stops it last.
pub(super) fn hints(incident: &Incident) -> Vec<Hint> {
    let lead = incident.lead();
    let all = [request(lead), trail(lead), origin(lead), object(lead), rights(lead), keys(lead), stop(incident)];
    all.into_iter().flatten().collect()
}

fn hint(why: &'static str, command: String) -> Option<Hint> {
    Some(Hint { why, command })
}

/// The text, if it is a word that no shell, no `jq` and no `kubectl` reads more into.
fn plain(text: &Text) -> Option<&str> {
    Some(text.as_str()).filter(|word| is_plain(word))
}

/// Whether it is one word that stands for nothing but itself.
pub(super) fn is_plain(word: &str) -> bool {
    let inert = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '=' | '+');
    word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(inert)
}

fn request(lead: &Alert) -> Option<Hint> {
    let id = plain(&lead.audit_id)?;
    hint("the request as it was logged", format!(r#"jq -a 'select(.auditID == "{id}")' audit.log"#))
}

fn trail(lead: &Alert) -> Option<Hint> {
    const COLUMNS: &str = "[.stageTimestamp, .verb, .requestURI, .sourceIPs[-1], .responseStatus.code]";
    if let Some(id) = lead.actor.credential.as_ref().and_then(plain) {
        let key = r#".user.extra["authentication.kubernetes.io/credential-id"][0]"#;
        let command = format!(r#"jq -ac 'select({key} == "{id}") | {COLUMNS}' audit.log"#);
        return hint("all that this credential did", command);
    }
    if let Some(username) = plain(&lead.actor.username) {
        let command = format!(r#"jq -ac 'select(.user.username == "{username}") | {COLUMNS}' audit.log"#);
        return hint("all that this account did", command);
    }
    let command = format!(r#"jq -ac 'select(.sourceIPs[-1] == "{}") | {COLUMNS}' audit.log"#, lead.source_ip?);
    hint("all that came from this address", command)
}

fn origin(lead: &Alert) -> Option<Hint> {
    match (principal(lead), lead.actor.pod.as_ref().and_then(plain)) {
        (Some(Principal::ServiceAccount { namespace, .. }), Some(pod)) => hint(
            "whether its pod is still there, at which address",
            format!("kubectl -n {namespace} get pod {pod} -o wide"),
        ),
        (Some(Principal::Node(name)), _) => {
            hint("whether its node is at that address", format!("kubectl get node {name} -o wide"))
        }
        _ => {
            let command = format!("kubectl get pods -A -o wide --field-selector status.podIP={}", lead.source_ip?);
            hint("whether a pod has that address", command)
        }
    }
}

/// The object of the request as it is now; nothing if it was kept from it.
fn object(lead: &Alert) -> Option<Hint> {
    let action = &lead.action;
    if lead.outcome.is_denied() {
        return None;
    }
    let resource = plain(&action.resource)?;
    let (scope, everywhere) = match action.namespace.is_empty() {
        true => (String::new(), " -A"),
        false => (format!("-n {} ", plain(&action.namespace)?), ""),
    };
    if action.name.is_empty() {
        let read = || {
            hint("what may have been read, and has to be rotated", format!("kubectl {scope}get secrets{everywhere}"))
        };
        return (resource == "secrets").then(read)?;
    }
    let name = plain(&action.name)?;
    match (resource, action.subresource.as_str()) {
        ("secrets", _) => {
            hint("what may have been read (sizes only)", format!("kubectl {scope}describe secret {name}"))
        }
        ("serviceaccounts", "token") => {
            let account = format!("system:serviceaccount:{}:{name}", plain(&action.namespace)?);
            hint("what the token it got may do", format!("kubectl {scope}auth can-i --list --as={account}"))
        }
        ("pods", "exec" | "attach" | "portforward" | "ephemeralcontainers") => {
            hint("what runs in the pod that was entered", format!("kubectl {scope}describe pod {name}"))
        }
        (resource, _) => {
            let group = if action.group.is_empty() { String::new() } else { format!(".{}", plain(&action.group)?) };
            let options = "-o yaml --show-managed-fields --ignore-not-found";
            let command = format!("kubectl {scope}get {resource}{group} {name} {options}");
            hint("the object as it is now, and who changed it last", command)
        }
    }
}

/// Of service accounts only: `--as` alone leaves out the groups of anybody else.
fn rights(lead: &Alert) -> Option<Hint> {
    let Some(Principal::ServiceAccount { namespace, name }) = principal(lead) else { return None };
    let there = plain(&lead.action.namespace).unwrap_or(namespace);
    let command = format!("kubectl -n {there} auth can-i --list --as=system:serviceaccount:{namespace}:{name}");
    hint("what else this account may do there", command)
}

fn keys(lead: &Alert) -> Option<Hint> {
    lead.signals.iter().any(|signal| matches!(signal.detector, "token-unissued" | "token-expired")).then_some(())?;
    hint("which keys sign tokens, and whether all are yours", "kubectl get --raw /openid/v1/jwks".to_owned())
}

/// What ends it, for a token that is in wrong hands: bound tokens die with their pod.
fn stop(incident: &Incident) -> Option<Hint> {
    let lead = incident.lead();
    let token = lead.signals.iter().any(|signal| signal.detector.starts_with("token-"));
    if !token || incident.severity < Severity::High {
        return None;
    }
    let Some(Principal::ServiceAccount { namespace, .. }) = principal(lead) else { return None };
    match lead.actor.pod.as_ref().and_then(plain) {
        Some(pod) => {
            let command = format!("kubectl -n {namespace} delete pod {pod}");
            hint("to stop it, evidence saved: the token dies with its pod", command)
        }
        None => {
            let selector = "--field-selector type=kubernetes.io/service-account-token";
            hint(
                "whether its token is one of these, which never expire",
                format!("kubectl -n {namespace} get secrets {selector}"),
            )
        }
    }
}

/// Who it was, if every part of the name can stand in a command.
fn principal(lead: &Alert) -> Option<Principal<'_>> {
    let principal = Principal::parse(lead.actor.username.as_str());
    let usable = match principal {
        Principal::ServiceAccount { namespace, name } => is_plain(namespace) && is_plain(name),
        Principal::Node(name) | Principal::User(name) => is_plain(name),
        Principal::Anonymous => false,
    };
    usable.then_some(principal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Outcome;
    use crate::format::sample;

    fn commands(incident: &Incident) -> Vec<String> {
        hints(incident).into_iter().map(|hint| hint.command).collect()
    }

    #[test]
    fn the_request_comes_first_and_is_found_by_its_id() {
        let first = &hints(&sample::secrets())[0];
        assert_eq!(first.command, r#"jq -a 'select(.auditID == "3f1d7b52-8f5e-4f0b-a7c6-0b6d4a0f9c11")' audit.log"#);
    }

    #[test]
    fn what_is_no_plain_word_takes_its_command_with_it() {
        for word in ["", "-oyaml", "a b", "$(id)", "x'y", "a\"b", "`id`", "a;b", "~root", "a\\b", "=ls", "é"] {
            assert_eq!(plain(&Text::new(word)), None, "{word:?}");
        }
        assert_eq!(plain(&Text::new("JTI=1-a_b.c:d/e@f+g")), Some("JTI=1-a_b.c:d/e@f+g"));
        let commands = commands(&sample::hostile());
        assert!(commands.iter().all(|c| !c.contains("evil")), "{commands:?}");
    }

    #[test]
    fn a_stolen_token_is_stopped_by_deleting_its_pod_and_only_when_it_is_bad() {
        let mut incident = sample::hostile();
        let last = "kubectl -n payments delete pod api-7d9c5b6f4-x2x8k";
        assert_eq!(commands(&incident).last().map(String::as_str), Some(last));
        incident.severity = Severity::Medium;
        assert!(commands(&incident).iter().all(|c| !c.contains("delete")));
    }

    #[test]
    fn a_denied_request_changed_nothing_worth_a_look() {
        let mut incident = sample::secrets();
        assert!(commands(&incident).contains(&"kubectl -n kube-system get secrets".to_owned()));
        incident.alerts[0].outcome = Outcome::Denied;
        assert!(!commands(&incident).contains(&"kubectl -n kube-system get secrets".to_owned()));
    }

    #[test]
    fn no_hint_prints_a_secret() {
        let mut incident = sample::secrets();
        incident.alerts[0].action.name = "db-password".into();
        let commands = commands(&incident);
        assert!(commands.contains(&"kubectl -n kube-system describe secret db-password".to_owned()));
        assert!(commands.iter().all(|c| !c.contains("yaml")), "{commands:?}");
    }

    #[test]
    fn a_minted_token_is_asked_for_its_rights() {
        let mut incident = sample::secrets();
        let action = &mut incident.alerts[0].action;
        (action.resource, action.subresource) = ("serviceaccounts".into(), "token".into());
        action.name = "replicaset-controller".into();
        let expected =
            "kubectl -n kube-system auth can-i --list --as=system:serviceaccount:kube-system:replicaset-controller";
        assert!(commands(&incident).iter().any(|c| c == expected));
    }

    #[test]
    fn each_kind_of_actor_is_looked_for_where_it_lives() {
        let asked = |username: &str, pod: Option<&str>, detector: &'static str| {
            let mut incident = sample::hostile();
            let lead = &mut incident.alerts[0];
            (lead.actor.username, lead.actor.pod, lead.actor.credential) = (username.into(), pod.map(Text::from), None);
            lead.signals[0].detector = detector;
            commands(&incident).join("\n")
        };
        let api = "system:serviceaccount:payments:api";
        for (commands, expected) in [
            (asked("system:node:node-3", None, "new-action"), "kubectl get node node-3 -o wide"),
            (asked("alice@example.com", None, "new-action"), r#".user.username == "alice@example.com""#),
            (asked("", None, "anonymous"), r#".sourceIPs[-1] == "203.0.113.7""#),
            (asked(api, None, "token-legacy"), "get secrets --field-selector type=kubernetes.io/service-account-token"),
            (asked(api, Some("api-0"), "token-unissued"), "kubectl get --raw /openid/v1/jwks"),
        ] {
            assert!(commands.contains(expected), "{expected}: {commands}");
        }
        assert!(!asked("system:node:--kubeconfig", None, "new-action").contains("get node"));
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn commands_hold_no_word_of_an_event_that_a_shell_reads_more_into(incident in sample::any_incident()) {
            for command in commands(&incident) {
                let outside: String = command.split('\'').step_by(2).collect();
                prop_assert_eq!(command.matches('\'').count() % 2, 0, "{}", command);
                prop_assert!(!outside.contains(['$', '`', ';', '|', '&', '<', '>', '\\', '"', '*', '~', '#', '\n']), "{}", command);
            }
        }
    }
}
