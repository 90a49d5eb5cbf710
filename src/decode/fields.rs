//! What both parsers gather from an audit event, and the rules that make an [`Event`] of it. One place, so that the
//! two can only disagree on what stands in the record, never on what it means.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{RejectReason, body};
use crate::event::{Credential, Event, Facts, Outcome, Stage, Target, Timestamp};

/// An audit event as far as a parser has read it.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) audit_id: Cow<'a, str>,
    pub(super) stage: Option<Stage>,
    pub(super) uri: Cow<'a, str>,
    pub(super) verb: Cow<'a, str>,
    pub(super) username: Cow<'a, str>,
    pub(super) credential: Credential<'a>,
    pub(super) impersonated: Option<Cow<'a, str>>,
    pub(super) impersonates_masters: bool,
    pub(super) source_ip: Option<IpAddr>,
    pub(super) forwarded: bool,
    pub(super) user_agent: Cow<'a, str>,
    pub(super) target: Target<'a>,
    pub(super) code: u16,
    pub(super) message: Cow<'a, str>,
    pub(super) received: Option<Timestamp>,
    pub(super) at: Option<Timestamp>,
    pub(super) annotations: Annotations<'a>,
    /// The request's body as it was logged; empty if it was not.
    pub(super) body: &'a str,
    /// The response's body likewise.
    pub(super) response: &'a str,
}

/// The annotations that matter.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a> {
    /// There were annotations, whatever they said.
    pub(super) present: bool,
    pub(super) decision: Option<Decision>,
    pub(super) issued_credential_id: Option<Cow<'a, str>>,
    pub(super) stale_token: bool,
    pub(super) legacy_token: bool,
    pub(super) revoked_token: bool,
    pub(super) truncated: bool,
    seen: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allow,
    Forbid,
}

impl Decision {
    pub(super) fn parse(value: &str) -> Self {
        if value == "allow" { Self::Allow } else { Self::Forbid }
    }
}

/// An annotation that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    Decision,
    IssuedCredential,
    StaleToken,
    LegacyToken,
    RevokedToken,
    Truncated,
}

impl Annotation {
    /// Which annotation `key` is. Elastic Agent writes dots as underscores.
    pub(super) fn of(key: &str) -> Option<Self> {
        Some(match key {
            "authorization.k8s.io/decision" | "authorization_k8s_io/decision" => Self::Decision,
            "authentication.kubernetes.io/issued-credential-id"
            | "authentication_kubernetes_io/issued-credential-id" => Self::IssuedCredential,
            "authentication.k8s.io/stale-token" | "authentication_k8s_io/stale-token" => Self::StaleToken,
            "authentication.k8s.io/legacy-token" | "authentication_k8s_io/legacy-token" => Self::LegacyToken,
            "authentication.k8s.io/legacy-token-invalidated" | "authentication_k8s_io/legacy-token-invalidated" => {
                Self::RevokedToken
            }
            "audit.k8s.io/truncated" | "audit_k8s_io/truncated" => Self::Truncated,
            _ => return None,
        })
    }
}

impl<'a> Annotations<'a> {
    /// None yet, of a map that is there.
    pub(super) fn begin() -> Self {
        Self { present: true, ..Self::default() }
    }

    /// Takes down what `annotation` says. `None` if it was said before: a duplicate key means that somebody else than
    /// the API server wrote this.
    pub(super) fn set(&mut self, annotation: Annotation, value: Cow<'a, str>) -> Option<()> {
        let bit = 1 << annotation as u8;
        if self.seen & bit != 0 {
            return None;
        }
        self.seen |= bit;
        match annotation {
            Annotation::Decision => self.decision = Some(Decision::parse(&value)),
            Annotation::IssuedCredential => self.issued_credential_id = Some(value),
            Annotation::StaleToken => self.stale_token = true,
            Annotation::LegacyToken => self.legacy_token = true,
            Annotation::RevokedToken => self.revoked_token = true,
            Annotation::Truncated => self.truncated = true,
        }
        Some(())
    }
}

/// The place of `user.extra[key]` in a credential, if it is one that is read.
pub(super) fn credential_slot<'c, 'a>(
    credential: &'c mut Credential<'a>,
    key: &str,
) -> Option<&'c mut Option<Cow<'a, str>>> {
    let key = key
        .strip_prefix("authentication.kubernetes.io/")
        .or_else(|| key.strip_prefix("authentication_kubernetes_io/"))?;
    match key {
        "credential-id" => Some(&mut credential.id),
        "pod-name" => Some(&mut credential.pod_name),
        "pod-uid" => Some(&mut credential.pod_uid),
        "node-name" => Some(&mut credential.node_name),
        _ => None,
    }
}

/// The stage of that name.
pub(super) fn stage(name: &str) -> Option<Stage> {
    match name {
        "RequestReceived" => Some(Stage::RequestReceived),
        "ResponseStarted" => Some(Stage::ResponseStarted),
        "ResponseComplete" => Some(Stage::ResponseComplete),
        "Panic" => Some(Stage::Panic),
        _ => None,
    }
}

/// An address; an IPv4 address in IPv6's clothes is an IPv4 address. What is none is unknown.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Go's zero time: a field that nobody filled in.
const NEVER: Timestamp = Timestamp(-62_135_596_800_000_000);

impl<'a> Fields<'a> {
    /// The event, if the record says what was done and when.
    pub(super) fn into_event(self) -> Result<Event<'a>, RejectReason> {
        if self.verb.is_empty() && self.uri.is_empty() && self.target.resource.is_empty() {
            return Err(RejectReason::MissingField);
        }
        let received = self.received.filter(|&t| t != NEVER);
        let at = self.at.filter(|&t| t != NEVER).or(received).ok_or(RejectReason::MissingField)?;
        Ok(Event {
            at,
            received: received.unwrap_or(at),
            outcome: self.outcome(),
            stage: self.stage.unwrap_or(Stage::ResponseComplete),
            facts: Facts {
                issued_credential_id: self.annotations.issued_credential_id,
                stale_token: self.annotations.stale_token,
                legacy_token: self.annotations.legacy_token,
                revoked_token: self.annotations.revoked_token,
                truncated: self.annotations.truncated,
                forwarded: self.forwarded,
                body: body::read(&self.verb, &self.target, self.body, self.response),
            },
            audit_id: self.audit_id,
            username: self.username,
            credential: self.credential,
            impersonated: self.impersonated,
            impersonates_masters: self.impersonates_masters,
            verb: self.verb,
            target: self.target,
            uri: self.uri,
            source_ip: self.source_ip,
            user_agent: self.user_agent,
            code: self.code,
        })
    }

    fn outcome(&self) -> Outcome {
        match (self.code, self.annotations.decision) {
            (401, _) => Outcome::Unauthenticated,
            (403, Some(Decision::Allow)) => Outcome::Refused,
            (403, None) if self.is_impersonation_denied() => Outcome::ImpersonationDenied,
            (403, _) | (_, Some(Decision::Forbid)) => Outcome::Denied,
            (429, None) => Outcome::Throttled,
            _ => Outcome::Allowed,
        }
    }

    /// Impersonation is judged before authorization, so its denial has no decision, and mostly no annotation at all.
    /// Data sets without annotations look alike: there, only the API server's own words tell.
    fn is_impersonation_denied(&self) -> bool {
        self.impersonated.is_none() && (self.annotations.present || self.message.contains("cannot impersonate"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields<'static> {
        Fields { verb: "get".into(), at: Some(Timestamp(7)), ..Fields::default() }
    }

    fn outcome(code: u16, decision: Option<Decision>) -> Outcome {
        let annotations = Annotations { present: decision.is_some(), decision, ..Annotations::default() };
        Fields { code, annotations, ..fields() }.outcome()
    }

    #[test]
    fn the_outcome_follows_code_and_decision() {
        assert_eq!(outcome(200, Some(Decision::Allow)), Outcome::Allowed);
        assert_eq!(outcome(404, Some(Decision::Allow)), Outcome::Allowed);
        assert_eq!(outcome(200, None), Outcome::Allowed);
        assert_eq!(outcome(401, None), Outcome::Unauthenticated);
        assert_eq!(outcome(403, Some(Decision::Allow)), Outcome::Refused);
        assert_eq!(outcome(403, Some(Decision::Forbid)), Outcome::Denied);
        assert_eq!(outcome(0, Some(Decision::Forbid)), Outcome::Denied);
        assert_eq!(outcome(429, None), Outcome::Throttled);
        assert_eq!(outcome(429, Some(Decision::Allow)), Outcome::Allowed);
    }

    #[test]
    fn a_403_without_a_decision_is_about_impersonation_only_if_something_says_so() {
        let denied = || Fields { code: 403, ..fields() };
        assert_eq!(denied().outcome(), Outcome::Denied);
        let message = "User \"x\" cannot impersonate resource \"users\"".into();
        assert_eq!(Fields { message, ..denied() }.outcome(), Outcome::ImpersonationDenied);
        let annotations = Annotations::begin;
        assert_eq!(Fields { annotations: annotations(), ..denied() }.outcome(), Outcome::ImpersonationDenied);
        let impersonated = Some("bob".into());
        assert_eq!(Fields { impersonated, annotations: annotations(), ..denied() }.outcome(), Outcome::Denied);
    }

    #[test]
    fn an_event_must_say_what_and_when() {
        assert!(fields().into_event().is_ok());
        assert_eq!(Fields { at: None, ..fields() }.into_event(), Err(RejectReason::MissingField));
        assert_eq!(Fields { verb: "".into(), ..fields() }.into_event(), Err(RejectReason::MissingField));
        let late = Fields { at: None, received: Some(Timestamp(5)), ..fields() }.into_event().unwrap();
        assert_eq!((late.at, late.received), (Timestamp(5), Timestamp(5)));
    }

    #[test]
    fn an_address_is_the_same_in_either_clothing() {
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert!(address("fe80::1").is_some());
        assert_eq!(address("private"), None);
    }
}
