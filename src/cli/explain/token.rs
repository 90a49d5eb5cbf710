//! The life of a credential: from its issue over its uses to its end.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::{Explained, Seen, shown, unknown};
use crate::baseline::Facet;
use crate::credential::{Credentials, Habit, Kind, Life, Refusal, Use};
use crate::engine::Learned;
use crate::event::{Span, Timestamp};
use crate::format::text::page::{Page, STRONG};
use crate::format::time::{moment, period};
use crate::state::Names;
use crate::text::Text;

/// What an API server writes before the ids of tokens and of certificates.
const PREFIXES: [&str; 3] = ["", "JTI=", "X509SHA256="];

/// A credential's life.
#[derive(Serialize)]
pub(super) struct Token {
    id: Text,
    /// None if it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<Issue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<Pod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Period>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<End>,
    clients: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing: Option<Sharing>,
    addresses: Vec<Address>,
}

#[derive(Serialize)]
struct Period {
    #[serde(serialize_with = "shown")]
    first: Timestamp,
    #[serde(serialize_with = "shown")]
    last: Timestamp,
}

#[derive(Serialize)]
struct Issue {
    by: Text,
    #[serde(serialize_with = "shown")]
    at: Timestamp,
    /// The request that issued it came with an alert.
    in_incident: bool,
}

#[derive(Serialize)]
struct Pod {
    name: Text,
    node: Text,
}

/// What is known of how it ended; nothing of a credential that is still in use at the end of what was learned.
#[derive(Serialize)]
struct End {
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_for_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

#[derive(Serialize)]
struct Moment(#[serde(serialize_with = "shown")] Timestamp);

/// A 401 at an address from which it had just been used.
#[derive(Serialize)]
struct Refused {
    #[serde(serialize_with = "shown")]
    at: Timestamp,
    address: IpAddr,
}

/// How usual it is that credentials like this one come from a second address.
#[derive(Serialize)]
struct Sharing {
    credentials: u32,
    from_second_address: u32,
    surprise: f32,
}

#[derive(Serialize)]
struct Address {
    address: IpAddr,
    #[serde(flatten)]
    seen: Seen,
}

impl Token {
    /// The credential with this id; what API servers write before it may be left out.
    pub(super) fn find(learned: &Learned, id: &str) -> Result<Self, anyhow::Error> {
        let credentials = &learned.cluster.credentials;
        let life = PREFIXES.iter().find_map(|prefix| credentials.life(&format!("{prefix}{id}")));
        let why = "it was not issued and not used, or it was silent for long enough to be forgotten";
        let known = || credentials.lives().map(|life| life.id.split_once('=').map_or(&*life.id, |(_, id)| id));
        let asked = id.split_once('=').map_or(id, |(_, id)| id);
        life.map(|life| Self::of(learned, life)).ok_or_else(|| unknown("token", asked, why, known()))
    }

    fn of(learned: &Learned, life: &Life) -> Self {
        let credentials = &learned.cluster.credentials;
        let names = Names::of(learned);
        let forgotten = |_: &u64| "…".to_owned();
        let client =
            |hash: &u64| Text::from(names.value(Facet::Agent, *hash).map_or_else(|| forgotten(hash), str::to_owned));
        let account = life.account.and_then(|key| names.account(key.get()));
        let issue =
            |(by, at): &(Box<str>, Timestamp)| Issue { by: Text::new(by), at: *at, in_incident: life.is_suspect };
        let mut uses: Vec<&Use> = life.uses.iter().collect();
        uses.sort_unstable_by_key(|used| (used.first, used.ip));
        Self {
            id: Text::new(&life.id),
            kind: life.kind.map(Kind::as_str),
            account: account.map(Text::new),
            issued: life.issued.as_ref().map(issue),
            pod: pod(credentials, life),
            used: (!life.uses.is_empty()).then_some(Period { first: life.first, last: life.last }),
            end: End::of(credentials, life),
            clients: life.clients.iter().map(client).collect(),
            sharing: life.kind.zip(life.account).map(|(kind, key)| sharing(credentials.sharing(kind, key.get()))),
            addresses: uses.into_iter().map(address).collect(),
        }
    }
}

impl End {
    fn of(credentials: &Credentials, life: &Life) -> Option<Self> {
        let now = credentials.lives().map(|life| life.last).max().unwrap_or_default();
        let refused = |Refusal { at, ip }| Refused { at, address: ip };
        let end = Self {
            unused_for_seconds: Some(now.since(life.last).0 / 1_000_000).filter(|&s| s > 0 && !life.uses.is_empty()),
            expires: life.expires.map(Moment),
            refused: life.final_refusal().map(refused),
        };
        (end.unused_for_seconds.is_some() || end.expires.is_some() || end.refused.is_some()).then_some(end)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unused = self.unused_for_seconds.map(|s| format!("not seen in the {} since", Span::seconds(s)));
        let expires = self.expires.as_ref().map(|Moment(at)| format!("expires {}", moment(*at)));
        let refused = self.refused.as_ref();
        let refused = refused.map(|Refused { at, address }| format!("refused {} at {address} (401)", moment(*at)));
        let known: Vec<String> = [unused, expires, refused].into_iter().flatten().collect();
        f.write_str(&known.join("; "))
    }
}

/// Known as long as no other pod was seen at one of its addresses.
fn pod(credentials: &Credentials, life: &Life) -> Option<Pod> {
    let mut tenants = life.uses.iter().filter_map(|used| credentials.tenant(used.ip));
    let tenant = tenants.find(|tenant| tenant.credential == life.key)?;
    Some(Pod { name: Text::new(&tenant.pod), node: Text::new(&tenant.node) })
}

fn sharing(habit: Habit) -> Sharing {
    Sharing { credentials: habit.credentials, from_second_address: habit.exceptions, surprise: habit.surprise().0 }
}

const fn address(used: &Use) -> Address {
    let Use { ip, first, last, count, quarantined, blocked, .. } = *used;
    Address { address: ip, seen: Seen { count, first, last, quarantined: quarantined && !blocked, blocked } }
}

impl Explained for Token {
    fn draw(&self, page: &mut Page) {
        page.wrapped("", &format!("{} ({})", self.id, self.kind.unwrap_or("never used")), STRONG);
        if let Some(account) = &self.account {
            page.field("account", account);
        }
        page.field("issued", &self.issue());
        if let Some(Pod { name, node }) = &self.pod {
            page.field("pod", &format!("{name} on {node}"));
        }
        if let Some(Period { first, last }) = self.used {
            page.field("used", &period(first, last));
        }
        if let Some(end) = &self.end {
            page.field("end", end);
        }
        if !self.clients.is_empty() {
            let clients: Vec<&str> = self.clients.iter().map(Text::as_str).collect();
            page.field("clients", &clients.join(", "));
        }
        if let Some(Sharing { credentials, from_second_address, surprise }) = &self.sharing {
            let others = format!("{from_second_address} of {credentials} like it came from a second address");
            page.field("sharing", &format!("{others}: the next one surprises by {surprise:.1} bits"));
        }
        if self.addresses.is_empty() {
            return;
        }
        Seen::heading(page, "address");
        self.addresses.iter().for_each(|used| used.seen.row(page, &used.address.to_string()));
        Seen::legend(page, self.addresses.iter().map(|used| used.seen));
    }
}

impl Token {
    fn issue(&self) -> String {
        match &self.issued {
            None => "nobody was seen to issue it".to_owned(),
            Some(Issue { by, at, in_incident }) => {
                let incident = if *in_incident { ", in an incident" } else { "" };
                format!("{}, asked for by {by}{incident}", moment(*at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::learned_from;
    use super::*;
    use crate::event::{Body, Event, Outcome, TokenRequest};
    use crate::format::Style;
    use crate::sample::event;

    fn learned() -> Learned {
        let mut issue = event().by("system:node:node-1").bare("X509SHA256=0f").doing("create", "serviceaccounts/token");
        issue.facts.issued_credential_id = Some("JTI=cart".into());
        let mut unused = issue.clone().after(Span::seconds(1));
        unused.facts.issued_credential_id = Some("JTI=unused-7".into());
        let uses = (1..4).map(|minute| event().after(Span::minutes(minute)));
        let elsewhere = event().from("10.1.0.6").after(Span::minutes(9));
        learned_from([issue, unused].into_iter().chain(uses).chain([elsewhere]))
    }

    fn drawn(id: &str) -> String {
        let mut page = Page::new(Style::PLAIN);
        Token::find(&learned(), id).expect("it is known").draw(&mut page);
        page.into_text()
    }

    #[test]
    fn a_life_is_told_from_issue_to_last_use() {
        let expected = "\
JTI=cart (token bound to a pod)
  account   system:serviceaccount:shop:cart
  issued    2026-11-24 10:00:00.000Z, asked for by system:node:node-1
  pod       cart-0 on node-1
  used      2026-11-24 10:01:00.000Z to 10:09:00.000Z
  clients   cart
  sharing   1 of 1 like it came from a second address: the next one surprises by 0.4 bits

       count  first             last                address
           3  2026-11-24 10:01  2026-11-24 10:03    10.1.0.5
           1  2026-11-24 10:09  2026-11-24 10:09    10.1.0.6
";
        assert_eq!(drawn("cart"), expected);
        assert_eq!(drawn("JTI=cart"), expected);
    }

    #[test]
    fn its_end_is_told_as_far_as_it_is_known() {
        let request = TokenRequest { seconds: 3_607, bound_to: "Pod".to_owned(), ..TokenRequest::default() };
        let mut issue = event().by("system:node:node-1").bare("X509SHA256=0f").asking(Body::Token(request));
        issue.facts.issued_credential_id = Some("JTI=cart".into());
        let refused = event().by("").bare("").after(Span::minutes(2));
        let refused = Event { outcome: Outcome::Unauthenticated, ..refused };
        let later = event().pod("JTI=other", "cart-1", "node-1").from("10.1.0.6").after(Span::minutes(8));
        let learned = learned_from([issue, event().after(Span::minutes(1)), refused, later]);
        let drawn = |id| {
            let mut page = Page::new(Style { width: 160, ..Style::PLAIN });
            Token::find(&learned, id).expect("it is known").draw(&mut page);
            page.into_text()
        };
        let end = "\n  end       not seen in the 7 min since; expires 2026-11-24 11:00:07.000Z; refused 2026-11-24 10:02:00.000Z at 10.1.0.5 (401)\n";
        assert!(drawn("cart").contains(end), "{}", drawn("cart"));
        assert!(!drawn("other").contains("\n  end"), "{}", drawn("other"));
    }

    #[test]
    fn a_certificate_is_found_by_its_digits_and_a_token_before_its_use() {
        assert!(drawn("0f").starts_with("X509SHA256=0f (certificate of a node)\n"));
        assert!(drawn("unused-7").starts_with("JTI=unused-7 (never used)\n  issued    2026-11-24 10:00:01"));
    }

    #[test]
    fn an_unknown_token_is_told_with_the_nearest() {
        let error = Token::find(&learned(), "JTI=unused-8").map(drop).expect_err("unknown").to_string();
        assert!(error.starts_with("unknown token unused-8: it was not issued"), "{error}");
        assert!(error.ends_with("; did you mean unused-7"), "{error}");
    }
}
