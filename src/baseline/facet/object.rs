//! The object in a request's body as a value: of one kind of object all values have one half in common, so that what an
//! account asks for can be compared with what it asks for otherwise of such objects.

use super::{action, hash_text};
use crate::event::Event;
use crate::impact::body::likeness;

/// The value of `Facet::Body`: what is done to what kind of object, and what that object is like.
pub(super) fn hash_object(event: &Event<'_>, action: u64) -> Option<u64> {
    Some(hash_likeness(action, &likeness(event)?))
}

pub(super) fn hash_likeness(action: u64, likeness: &str) -> u64 {
    action & KIND | hash_text(likeness) & !KIND
}

/// The half of a value of `Facet::Body` that says what is done to what kind of object.
const KIND: u64 = u64::MAX << 32;

/// Whether two values of `Facet::Body` are about the same deed on the same kind of object.
#[must_use]
pub const fn is_same_kind(a: u64, b: u64) -> bool {
    (a ^ b) & KIND == 0
}

/// `create pods: privileged, hostPID`, `create clusterrolebindings…: cluster-admin (ServiceAccount default/default)`
pub(super) fn describe(event: &Event<'_>) -> String {
    let likeness = likeness(event).unwrap_or_default();
    match event.facts.body.as_ref().map(|body| body.whom()).filter(|whom| !whom.is_empty()) {
        Some(whom) => format!("{}: {likeness} ({whom})", action(event)),
        None => format!("{}: {likeness}", action(event)),
    }
}
