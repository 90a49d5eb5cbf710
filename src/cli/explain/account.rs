//! What an account normally does.

use serde::Serialize;

use super::{Explained, Seen, shown, unknown};
use crate::alert::{Peers, Thousands};
use crate::baseline::{Baseline, Entry, Facet, Habit, SLOT, Standing};
use crate::engine::Learned;
use crate::event::{Principal, PrincipalKind, Timestamp};
use crate::format::text::page::{PLAIN, Page, STRONG};
use crate::format::time::period;
use crate::text::Text;

/// Values of a facet that are shown to a person.
const SHOWN: usize = 12;

/// An account's baseline.
#[derive(Serialize)]
pub(super) struct Account {
    account: Text,
    kind: &'static str,
    #[serde(serialize_with = "shown")]
    first: Timestamp,
    #[serde(serialize_with = "shown")]
    last: Timestamp,
    requests: u64,
    /// Minutes with a request; older ones count for less.
    active_minutes: u32,
    /// The most in five minutes, rounded up; none until five minutes have passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    busiest: Option<u32>,
    /// How many others it is compared with; none if nobody is like it.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<u32>,
    facets: Vec<Known>,
}

/// What is known of one facet.
#[derive(Serialize)]
struct Known {
    facet: &'static str,
    /// How surprising a new value would be now, in bits; none if the first is no change of anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    surprise_of_new: Option<f32>,
    /// The same while the person is at their usual address, with their usual client and credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    surprise_of_new_at_home: Option<f32>,
    evicted: u16,
    values: Vec<Value>,
}

#[derive(Serialize)]
struct Value {
    value: Text,
    #[serde(flatten)]
    seen: Seen,
    days: u8,
    /// How many of its peers know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<u32>,
}

impl Account {
    /// The account of this username, or the service account `namespace/name`.
    pub(super) fn find(learned: &Learned, name: &str) -> Result<Self, anyhow::Error> {
        let service_account = name.split_once('/').map(|(ns, name)| format!("system:serviceaccount:{ns}:{name}"));
        let candidates = [Some(name.to_owned()), service_account].into_iter().flatten();
        let mut found = candidates.filter_map(|username| {
            learned.baselines.peek(&username, |baseline| Self::of(learned, &username, baseline))
        });
        found.next().ok_or_else(|| {
            let usernames = learned.baselines.usernames();
            let known: Vec<String> = usernames.iter().map(|username| asked_for(username)).collect();
            unknown("account", name, "it made no request", known.iter().map(String::as_str))
        })
    }

    fn of(learned: &Learned, username: &str, baseline: &Baseline) -> Self {
        let principal = Principal::parse(username);
        let (first, last) = baseline.seen();
        let known = Facet::ALL.into_iter().map(|facet| Known::of(learned, principal, baseline, facet));
        Self {
            account: Text::new(username),
            kind: principal.kind().as_str(),
            first,
            last,
            requests: baseline.requests(),
            active_minutes: baseline.snapshot().minutes,
            busiest: baseline.volume().most(),
            peers: learned.cluster.peers.like(principal, Facet::Action, 0).map(|Peers { of, .. }| of),
            facets: known.filter(|known| !known.values.is_empty()).collect(),
        }
    }
}

impl Known {
    fn of(learned: &Learned, principal: Principal<'_>, baseline: &Baseline, facet: Facet) -> Self {
        let mut entries: Vec<&Entry> = baseline.entries().filter(|&(f, _)| f == facet).map(|(_, e)| e).collect();
        entries.sort_unstable_by_key(|e| (u32::MAX - e.count, e.first(), e.hash()));
        let symbols: Vec<_> = entries.iter().map(|entry| entry.symbol).collect();
        let value = |(entry, text): (&Entry, Box<str>)| Value {
            value: Text::new(&text),
            seen: Seen {
                count: entry.count.into(),
                first: entry.first(),
                last: entry.last(),
                quarantined: entry.standing() == Standing::Quarantined,
                blocked: entry.is_blocked(),
            },
            days: entry.days(),
            peers: learned.cluster.peers.like(principal, facet, entry.hash()).map(|p| p.doing),
        };
        let is_change = !facet.is_identity() || baseline.known(facet) > 0;
        let surprise = |habit| is_change.then(|| baseline.surprise(facet, habit).0);
        let is_person = principal.kind() == PrincipalKind::User;
        Self {
            facet: facet.as_str(),
            surprise_of_new: surprise(Habit::Steady),
            surprise_of_new_at_home: surprise(Habit::Exploring).filter(|_| is_person && !facet.is_identity()),
            evicted: baseline.snapshot().novelties[facet as usize].evicted,
            values: entries.into_iter().zip(learned.baselines.texts(&symbols)).map(value).collect(),
        }
    }

    fn draw(&self, page: &mut Page) {
        let bits = match (self.surprise_of_new, self.surprise_of_new_at_home) {
            (Some(bits), Some(at_home)) => format!("a new one: {bits:.1} bits, {at_home:.1} at the usual desk"),
            (Some(bits), None) => format!("a new one: {bits:.1} bits"),
            (None, _) => "a new one would be no change".to_owned(),
        };
        let facet = page.painted(self.facet, STRONG);
        page.blank();
        page.wrapped(&format!("  {facet}  "), &bits, PLAIN);
        for value in self.values.iter().take(SHOWN) {
            value.seen.row(page, value.value.as_str());
        }
        let more = self.values.len().saturating_sub(SHOWN);
        if more > 0 {
            page.quiet(4, &format!("{more} more; --json has all"));
        }
        if self.evicted > 0 {
            page.quiet(4, &format!("{} had to leave: there are more than are kept", self.evicted));
        }
    }
}

impl Explained for Account {
    fn draw(&self, page: &mut Page) {
        page.wrapped("", &format!("{} ({})", self.account, self.kind), STRONG);
        page.field("seen", &period(self.first, self.last));
        page.field("requests", &format!("{} in {} active minutes", Thousands(self.requests), self.active_minutes));
        if let Some(most) = self.busiest {
            page.field("busiest", &format!("at most {} requests in {SLOT}", Thousands(most.into())));
        }
        if let Some(peers) = self.peers {
            page.field("peers", &format!("{peers} like it, whose habits count for it too"));
        }
        Seen::heading(page, "value");
        self.facets.iter().for_each(|known| known.draw(page));
        Seen::legend(page, self.facets.iter().flat_map(|known| &known.values).map(|value| value.seen));
    }
}

/// How one would ask for an account.
fn asked_for(username: &str) -> String {
    match Principal::parse(username) {
        Principal::ServiceAccount { namespace, name } => format!("{namespace}/{name}"),
        _ => username.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::learned_from;
    use super::*;
    use crate::alert::{Feedback, Lesson};
    use crate::engine::{Engine, Feed, Settings};
    use crate::event::Span;
    use crate::format::Style;
    use crate::sample::event;

    fn learned() -> Learned {
        let often = (0..100).map(|minute| event().after(Span::minutes(minute)));
        let once = event().doing("get", "secrets").on("shop", "db\u{1b}[2J").after(Span::minutes(100));
        let mut peer = event().after(Span::minutes(101));
        peer.username = "system:serviceaccount:till:cart".into();
        let person = event().by("alice").bare("").after(Span::minutes(102));
        learned_from(often.chain([once, peer, person]))
    }

    fn drawn(name: &str) -> String {
        let mut page = Page::new(Style::PLAIN);
        Account::find(&learned(), name).expect("it is known").draw(&mut page);
        page.into_text()
    }

    #[test]
    fn an_account_is_explained_by_what_it_does_and_how_often() {
        let text = drawn("shop/cart");
        let expected = "\
system:serviceaccount:shop:cart (ServiceAccount)
  seen      2026-11-24 10:00:00.000Z to 11:40:00.000Z
  requests  101 in 101 active minutes
  busiest   at most 7 requests in 5 min
  peers     1 like it, whose habits count for it too

       count  first             last                value

  action  a new one: 6.1 bits
         100  2026-11-24 10:00  2026-11-24 11:39    get configmaps
           1  2026-11-24 11:40  2026-11-24 11:40    get secrets
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("get secrets shop/db\\u{1b}[2J"), "{text}");
        assert_eq!(drawn("system:serviceaccount:shop:cart"), text);
    }

    #[test]
    fn what_is_not_normal_is_marked_with_the_reason() {
        let mut engine = Engine::new("test", &Settings::default());
        (0..100).for_each(|minute| _ = engine.learn(Feed(0), &event().after(Span::minutes(minute))));
        engine.process(Feed(0), &event().doing("list", "secrets").after(Span::minutes(100)));
        let lessons = engine.finish().into_iter().flat_map(|incident| incident.lessons);
        let actions: Vec<Lesson> =
            lessons.filter(|l| matches!(l, Lesson::Value { facet, .. } if facet == "action")).collect();
        engine.teach(Feedback::Malicious, &actions, event().at);
        let mut page = Page::new(Style::PLAIN);
        Account::find(&engine.into_learned(), "shop/cart").expect("it is known").draw(&mut page);
        let text = page.into_text();
        assert!(text.contains("2026-11-24 11:40  x list secrets\n"), "{text}");
        assert!(text.contains("2026-11-24 11:40  ! list secrets in shop\n"), "{text}");
        assert!(text.contains("  ! came with an alert") && text.contains("  x was called malicious by"), "{text}");
    }

    #[test]
    fn a_person_at_their_desk_surprises_less() {
        let text = drawn("alice");
        assert!(text.contains("at the usual desk") && !text.contains("peers"), "{text}");
    }

    #[test]
    fn an_unknown_account_is_told_with_the_nearest() {
        let error = |name: &str| Account::find(&learned(), name).map(drop).expect_err("unknown").to_string();
        assert_eq!(error("shop/crat"), "unknown account shop/crat: it made no request; did you mean shop/cart");
        assert_eq!(error("alice2"), "unknown account alice2: it made no request; did you mean alice");
        assert_eq!(error("x\u{1b}"), "unknown account x\\u{1b}: it made no request");
    }
}
