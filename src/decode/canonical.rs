//! The exact shape that the API server writes, read by scanning: about three times as fast as `native` (`benches/decode.rs`).
//!
//! `encoding/json` writes the fields of `audit.k8s.io/v1` in the order of the Go struct (`apis/audit/v1/types.go`),
//! map keys sorted, without blanks. Whatever deviates is left to the full parser, so that this file decides on speed
//! and never on meaning.

use super::cursor::{Cursor, Stops};
use super::fields::{self, Annotation, Annotations, Fields};
use super::time;
use crate::event::{Credential, Event, Target};

/// Appends the event that `record` is, or the events of an EventList; nothing, if any of it is not exactly as the API
/// server writes it.
#[inline]
pub(super) fn events<'a>(record: &'a str, out: &mut Vec<Event<'a>>) -> bool {
    if !record.starts_with(START_OF_LIST) {
        return event(record).map(|event| out.push(event)).is_some();
    }
    let before = out.len();
    let is_list = list(record, out).is_some();
    if !is_list {
        out.truncate(before);
    }
    is_list
}

const START_OF_LIST: &str = r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":["#;

fn list<'a>(record: &'a str, out: &mut Vec<Event<'a>>) -> Option<()> {
    let stops = Stops::of(record);
    let mut cursor = Cursor::new(record, &stops);
    cursor.expect(START_OF_LIST)?;
    loop {
        let mut fields = Fields::default();
        read(&mut cursor, &mut fields)?;
        out.push(fields.into_event().ok()?);
        if !cursor.goes_on(b']')? {
            break;
        }
    }
    cursor.expect("}")?;
    cursor.is_at_end().then_some(())
}

const START: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":""#;

/// The items of an EventList have no kind.
const START_OF_ITEM: &str = r#"{"level":""#;

/// The event that `record` is, if it is exactly as the API server writes it.
pub(super) fn event(record: &str) -> Option<Event<'_>> {
    if !record.starts_with(START) && !record.starts_with(START_OF_ITEM) {
        return None;
    }
    let stops = Stops::of(record);
    let mut cursor = Cursor::new(record, &stops);
    let mut fields = Fields::default();
    read(&mut cursor, &mut fields)?;
    if cursor.is_at_end() { fields.into_event().ok() } else { None }
}

fn read<'a>(cursor: &mut Cursor<'a, '_>, fields: &mut Fields<'a>) -> Option<()> {
    if !cursor.eat(START) {
        cursor.expect(START_OF_ITEM)?;
    }
    cursor.skip_string()?;
    cursor.expect(r#","auditID":""#)?;
    fields.audit_id = cursor.string()?.text()?;
    cursor.expect(r#","stage":""#)?;
    fields.stage = Some(fields::stage(cursor.string()?.plain()?)?);
    cursor.expect(r#","requestURI":""#)?;
    fields.uri = cursor.string()?.text()?;
    cursor.expect(r#","verb":""#)?;
    fields.verb = cursor.string()?.text()?;
    user(cursor, fields)?;
    impersonated_user(cursor, fields)?;
    if cursor.eat(r#","authenticationMetadata":"#) {
        cursor.skip_value()?;
    }
    source_ips(cursor, fields)?;
    if cursor.eat(r#","userAgent":""#) {
        fields.user_agent = cursor.string()?.text()?;
    }
    if cursor.eat(r#","objectRef":{"#) {
        object_ref(cursor, &mut fields.target)?;
    }
    if cursor.eat(r#","responseStatus":{"metadata":"#) {
        response_status(cursor, fields)?;
    }
    if cursor.eat(r#","requestObject":"#) {
        fields.body = cursor.value()?;
    }
    if cursor.eat(r#","responseObject":"#) {
        fields.response = cursor.value()?;
    }
    cursor.expect(r#","requestReceivedTimestamp":""#)?;
    fields.received = Some(time::timestamp(cursor.string()?.plain()?)?);
    cursor.expect(r#","stageTimestamp":""#)?;
    fields.at = Some(time::timestamp(cursor.string()?.plain()?)?);
    if cursor.eat(r#","annotations":{"#) {
        fields.annotations = Annotations::begin();
        annotations(cursor, &mut fields.annotations)?;
    }
    cursor.expect("}")
}

fn user<'a>(cursor: &mut Cursor<'a, '_>, fields: &mut Fields<'a>) -> Option<()> {
    // A 401 has no user.
    if cursor.eat(r#","user":{}"#) {
        return Some(());
    }
    cursor.expect(r#","user":{"username":""#)?;
    fields.username = cursor.string()?.text()?;
    if cursor.eat(r#","uid":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","groups":["#) {
        cursor.skip_strings()?;
    }
    if cursor.eat(r#","extra":{"#) {
        credential(cursor, &mut fields.credential)?;
    }
    cursor.expect("}")
}

fn credential<'a>(cursor: &mut Cursor<'a, '_>, credential: &mut Credential<'a>) -> Option<()> {
    loop {
        cursor.expect("\"")?;
        let key = cursor.string()?.plain()?;
        cursor.expect(":[\"")?;
        match fields::credential_slot(credential, key) {
            Some(Some(_)) => return None,
            Some(slot) => *slot = Some(cursor.string()?.text()?),
            None => drop(cursor.skip_string()?),
        }
        if cursor.goes_on(b']')? {
            cursor.skip_strings()?;
        }
        if !cursor.goes_on(b'}')? {
            return Some(());
        }
    }
}

fn impersonated_user<'a>(cursor: &mut Cursor<'a, '_>, fields: &mut Fields<'a>) -> Option<()> {
    if !cursor.eat(r#","impersonatedUser":{"username":""#) {
        return Some(());
    }
    fields.impersonated = Some(cursor.string()?.text()?);
    if cursor.eat(r#","uid":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","groups":["#) {
        let mut more = true;
        while more {
            cursor.expect("\"")?;
            fields.impersonates_masters |= cursor.string()?.text()? == "system:masters";
            more = cursor.goes_on(b']')?;
        }
    }
    // The client's own words: nothing in there says what token it holds.
    if cursor.eat(r#","extra":"#) {
        cursor.skip_value()?;
    }
    cursor.expect("}")
}

fn source_ips<'a>(cursor: &mut Cursor<'a, '_>, fields: &mut Fields<'a>) -> Option<()> {
    if !cursor.eat(r#","sourceIPs":[""#) {
        return Some(());
    }
    let mut last = cursor.string()?.text()?;
    while cursor.goes_on(b']')? {
        cursor.expect("\"")?;
        last = cursor.string()?.text()?;
        fields.forwarded = true;
    }
    fields.source_ip = fields::address(&last);
    Some(())
}

fn object_ref<'a>(cursor: &mut Cursor<'a, '_>, target: &mut Target<'a>) -> Option<()> {
    cursor.expect(r#""resource":""#)?;
    target.resource = cursor.string()?.text()?;
    if cursor.eat(r#","namespace":""#) {
        target.namespace = cursor.string()?.text()?;
    }
    if cursor.eat(r#","name":""#) {
        target.name = cursor.string()?.text()?;
    }
    if cursor.eat(r#","uid":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","apiGroup":""#) {
        target.group = cursor.string()?.text()?;
    }
    if cursor.eat(r#","apiVersion":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","resourceVersion":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","subresource":""#) {
        target.subresource = cursor.string()?.text()?;
    }
    cursor.expect("}")
}

fn response_status<'a>(cursor: &mut Cursor<'a, '_>, fields: &mut Fields<'a>) -> Option<()> {
    if !cursor.eat("{}") {
        cursor.skip_value()?;
    }
    if cursor.eat(r#","status":""#) {
        cursor.skip_string()?;
    }
    let message = if cursor.eat(r#","message":""#) { Some(cursor.string()?) } else { None };
    if cursor.eat(r#","reason":""#) {
        cursor.skip_string()?;
    }
    if cursor.eat(r#","details":"#) {
        cursor.skip_value()?;
    }
    cursor.expect(r#","code":"#)?;
    fields.code = cursor.number()?;
    if let Some(message) = message {
        fields.message = message.text()?;
    }
    cursor.expect("}")
}

fn annotations<'a>(cursor: &mut Cursor<'a, '_>, found: &mut Annotations<'a>) -> Option<()> {
    loop {
        cursor.expect("\"")?;
        let key = cursor.string()?.plain()?;
        cursor.expect(":\"")?;
        match Annotation::of(key) {
            Some(annotation) => found.set(annotation, cursor.string()?.text()?)?,
            None => drop(cursor.skip_string()?),
        }
        if !cursor.goes_on(b'}')? {
            return Some(());
        }
    }
}
