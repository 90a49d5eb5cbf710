//! `audit.k8s.io` events in any order and layout, by way of serde: the full parser.
//!
//! Every field is optional and unknown ones are passed over. A field or a key that is read must not stand there twice:
//! parsers differ on which one counts, and an attacker could use that to hide.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{self, Annotation, Annotations, Fields};
use super::{RejectReason, time};
use crate::event::{Credential, Stage, Target, Timestamp};

/// An audit event on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire<'a> {
    #[serde(borrow, default)]
    kind: Str<'a>,
    #[serde(borrow, default)]
    api_version: Str<'a>,
    #[serde(borrow, default, rename = "auditID")]
    audit_id: Str<'a>,
    #[serde(borrow, default)]
    stage: Str<'a>,
    #[serde(borrow, default, rename = "requestURI")]
    request_uri: Str<'a>,
    #[serde(borrow, default)]
    verb: Str<'a>,
    #[serde(borrow)]
    user: Option<User<'a>>,
    #[serde(borrow)]
    impersonated_user: Option<Impersonated<'a>>,
    #[serde(rename = "sourceIPs")]
    source_ips: Option<Vec<Str<'a>>>,
    #[serde(borrow, default)]
    user_agent: Str<'a>,
    #[serde(borrow)]
    object_ref: Option<ObjectRef<'a>>,
    #[serde(borrow)]
    response_status: Option<Status<'a>>,
    #[serde(borrow)]
    request_object: Option<&'a RawValue>,
    #[serde(borrow)]
    response_object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    request_received_timestamp: Str<'a>,
    #[serde(borrow, default)]
    stage_timestamp: Str<'a>,
    /// The time of an event before v1. Shippers use the name too, for what they like.
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<Notes<'a>>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow, default)]
    username: Str<'a>,
    #[serde(borrow)]
    extra: Option<Extra<'a>>,
}

#[derive(Deserialize)]
struct Impersonated<'a> {
    #[serde(borrow, default)]
    username: Str<'a>,
    groups: Option<Vec<Str<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRef<'a> {
    #[serde(borrow, default)]
    resource: Str<'a>,
    #[serde(borrow, default)]
    namespace: Str<'a>,
    #[serde(borrow, default)]
    name: Str<'a>,
    #[serde(borrow, default)]
    api_group: Str<'a>,
    #[serde(borrow, default)]
    subresource: Str<'a>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    message: Str<'a>,
    code: Option<i64>,
}

impl<'a> Wire<'a> {
    /// Whether this is an audit event, and not some other JSON that could be read as an empty one.
    pub(super) fn is_audit(&self) -> bool {
        let (kind, version) = (&*self.kind.0, &*self.api_version.0);
        let is_named = kind == "Event" && version.starts_with("audit.k8s.io/");
        let has_marks = !self.audit_id.0.is_empty() || !self.request_uri.0.is_empty() || self.object_ref.is_some();
        let is_other = !matches!(kind, "" | "Event") || !(version.is_empty() || version.starts_with("audit.k8s.io/"));
        is_named || has_marks && !is_other
    }

    /// What the event says; `envelope` is the time that its envelope tells, for an event that tells none.
    pub(super) fn into_fields(self, envelope: Option<Timestamp>) -> Result<Fields<'a>, RejectReason> {
        let user = self.user.unwrap_or(User { username: Str::default(), extra: None });
        let status = self.response_status.unwrap_or(Status { message: Str::default(), code: None });
        let ips = self.source_ips.unwrap_or_default();
        let received = moment(&self.request_received_timestamp)?;
        let legacy = self.timestamp.and_then(time::moment);
        let (impersonated, impersonates_masters) = match self.impersonated_user {
            Some(user) => (Some(user.username.0), user.groups.iter().flatten().any(|g| g.0 == "system:masters")),
            None => (None, false),
        };
        Ok(Fields {
            audit_id: self.audit_id.0,
            stage: stage(&self.stage)?,
            uri: self.request_uri.0,
            verb: self.verb.0,
            username: user.username.0,
            credential: user.extra.map(|e| e.0).unwrap_or_default(),
            impersonated,
            impersonates_masters,
            source_ip: ips.last().and_then(|ip| fields::address(&ip.0)),
            forwarded: ips.len() > 1,
            user_agent: self.user_agent.0,
            target: self.object_ref.map(ObjectRef::into_target).unwrap_or_default(),
            code: status.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
            message: status.message.0,
            received,
            at: moment(&self.stage_timestamp)?.or(received).or(legacy).or(envelope),
            annotations: self.annotations.map(|n| n.0).unwrap_or_default(),
            body: self.request_object.map(RawValue::get).unwrap_or_default(),
            response: self.response_object.map(RawValue::get).unwrap_or_default(),
        })
    }
}

impl<'a> ObjectRef<'a> {
    fn into_target(self) -> Target<'a> {
        Target {
            group: self.api_group.0,
            resource: self.resource.0,
            subresource: self.subresource.0,
            namespace: self.namespace.0,
            name: self.name.0,
        }
    }
}

fn moment(text: &Str<'_>) -> Result<Option<Timestamp>, RejectReason> {
    if text.0.is_empty() {
        return Ok(None);
    }
    time::timestamp(&text.0).map(Some).ok_or(RejectReason::BadTimestamp)
}

fn stage(text: &Str<'_>) -> Result<Option<Stage>, RejectReason> {
    if text.0.is_empty() {
        return Ok(None);
    }
    fields::stage(&text.0).map(Some).ok_or(RejectReason::Malformed)
}

/// A string, borrowed if it has no escape; `null` is the empty one. (`Option<Cow<str>>` never borrows in serde.)
#[derive(Default)]
pub(super) struct Str<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;
        impl<'de> Visitor<'de> for StrVisitor {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Str::default())
            }
        }
        deserializer.deserialize_any(StrVisitor)
    }
}

/// `user.extra`: of the lists of strings that are read, the first string.
struct Extra<'a>(Credential<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Extra<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExtraVisitor;
        impl<'de> Visitor<'de> for ExtraVisitor {
            type Value = Extra<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of lists of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut credential = Credential::default();
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    match fields::credential_slot(&mut credential, &key.0) {
                        Some(Some(_)) => return Err(A::Error::custom("duplicate key in user.extra")),
                        Some(slot) => *slot = map.next_value_seed(First)?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Extra(credential))
            }
        }
        deserializer.deserialize_map(ExtraVisitor)
    }
}

/// The first string of a list; a shipper may have flattened a list of one.
struct First;

impl<'de> DeserializeSeed<'de> for First {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for First {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first = list.next_element::<Str<'de>>()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.map(|text| text.0))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// `annotations`.
pub(super) struct Notes<'a>(pub(super) Annotations<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Notes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NotesVisitor;
        impl<'de> Visitor<'de> for NotesVisitor {
            type Value = Notes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Annotations::begin();
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    let Some(annotation) = Annotation::of(&key.0) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    let value = map.next_value::<Str<'de>>()?.0;
                    found.set(annotation, value).ok_or_else(|| A::Error::custom("duplicate annotation"))?;
                }
                Ok(Notes(found))
            }
        }
        deserializer.deserialize_map(NotesVisitor)
    }
}
