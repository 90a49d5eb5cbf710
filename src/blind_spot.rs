//! What cannot be seen in a log, and which detectors that blinds: said, because silence would pass for safety.

use std::collections::HashMap;
use std::fmt;

use crate::alert::Thousands;
use crate::baseline::map::Baselines;
use crate::baseline::{Baseline, Entry, Facet, Symbol};
use crate::cluster::Cluster;
use crate::credential::{Habit, Kind};
use crate::detector::MEANINGFUL;
use crate::event::Principal;
use crate::requests::{Requests, Starts};
use crate::text::Text;

/// Accounts, or credentials, of which fewer say nothing of a cluster.
const FEW: u32 = 4;

/// The client of the control plane's own controllers, which do share an address.
const CONTROLLERS: &str = "kube-controller-manager";

/// Something that detectors need and the log does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlindSpot {
    /// Most service accounts come from one address: a proxy or NAT stands before the API server.
    OneAddress {
        /// Which.
        address: Text,
        /// Service accounts that were seen there last.
        accounts: u32,
        /// All service accounts, controllers apart.
        of: u32,
    },
    /// Credentials of a kind come from second addresses so often that one more says nothing.
    Roaming(Kind, Habit),
    /// Addresses pass to pods of other nodes so often that one more says nothing.
    Moving(Habit),
    /// No event names its credential.
    NoCredentialIds,
    /// No `ResponseStarted` of some kinds of long-running requests.
    NoStarts(Vec<&'static str>),
    /// No `ResponseStarted` at all, so no 401 either.
    NoUnauthenticated,
    /// None of so many new writes came with a body that is read.
    NoBodies(u32),
}

impl fmt::Display for BlindSpot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneAddress { address, accounts, of } => write!(
                f,
                "addresses: {}% of {of} service accounts come from {address}: token-shared, token-elsewhere and new-source \
                 cannot judge what comes from there",
                100 * u64::from(*accounts) / u64::from((*of).max(1)),
            ),
            Self::Roaming(kind, Habit { credentials, exceptions }) => write!(
                f,
                "addresses: {} of {} credentials of the kind {} came from a second address: token-shared cannot judge them",
                Thousands((*exceptions).into()),
                Thousands((*credentials).into()),
                kind.as_str(),
            ),
            Self::Moving(Habit { credentials, exceptions }) => write!(
                f,
                "addresses: {} of {} came to pods from pods of other nodes: token-elsewhere cannot judge",
                Thousands((*exceptions).into()),
                Thousands((*credentials).into()),
            ),
            Self::NoCredentialIds => f.write_str(
                "credentials: no event names its own (Kubernetes before 1.30, or an export without user.extra): \
                 token-shared, token-elsewhere, token-agent, token-tainted and token-unissued cannot judge",
            ),
            Self::NoStarts(kinds) => write!(
                f,
                "stages: the policy omits ResponseStarted of {}: judged when they end, which may be hours later",
                kinds.join(", ")
            ),
            Self::NoUnauthenticated => {
                f.write_str("stages: there is no ResponseStarted, so no 401 either: unauthenticated-burst cannot judge")
            }
            Self::NoBodies(writes) => write!(
                f,
                "bodies: none of {} new kinds of writes has one (level Metadata): new-kind-of-object and token-long cannot \
                 judge, and a privileged pod is a pod",
                Thousands((*writes).into())
            ),
        }
    }
}

/// Every blind spot of what was read, in the order in which detectors are listed.
#[must_use]
pub fn blind_spots(requests: &Requests, baselines: &Baselines, cluster: &Cluster) -> Vec<BlindSpot> {
    let places = Places::of(baselines);
    let mut all: Vec<BlindSpot> = places.shared(baselines).into_iter().collect();
    let credentials = &cluster.credentials;
    let kinds = [Kind::PodBound, Kind::Bare, Kind::NodeCertificate];
    let habits = kinds.map(|kind| (kind, credentials.habit(kind)));
    all.extend(
        habits.into_iter().filter(|(_, habit)| tells_nothing(*habit)).map(|(k, habit)| BlindSpot::Roaming(k, habit)),
    );
    all.extend(Some(credentials.moves()).filter(|habit| tells_nothing(*habit)).map(BlindSpot::Moving));
    if places.accounts >= FEW && credentials.is_empty() {
        all.push(BlindSpot::NoCredentialIds);
    }
    all.extend(of_stages(requests.starts()));
    if cluster.bodies.writes > 0 && cluster.bodies.logged == 0 {
        all.push(BlindSpot::NoBodies(cluster.bodies.writes));
    }
    all
}

fn tells_nothing(habit: Habit) -> bool {
    habit.credentials >= FEW && habit.exceptions > 0 && habit.surprise() < MEANINGFUL
}

fn of_stages(feeds: &[Starts]) -> impl Iterator<Item = BlindSpot> {
    let missing = feeds.iter().fold(0, |bits, starts| bits | (starts.missed & !starts.seen));
    let silent = feeds.iter().any(|starts| starts.missed != 0 && starts.seen == 0);
    let starts = (missing != 0).then(|| BlindSpot::NoStarts(Starts::words(missing)));
    starts.into_iter().chain(silent.then_some(BlindSpot::NoUnauthenticated))
}

/// Where service accounts were seen last; controllers of the control plane share an address by right.
#[derive(Default)]
struct Places {
    accounts: u32,
    by_address: HashMap<u64, (u32, Symbol)>,
}

impl Places {
    fn of(baselines: &Baselines) -> Self {
        let mut places = Self::default();
        let controllers = Facet::Agent.parse(CONTROLLERS).expect("any text is an agent");
        for username in baselines.usernames() {
            if matches!(Principal::parse(&username), Principal::ServiceAccount { .. }) {
                let place = |baseline: &Baseline| {
                    let is_controller = baseline.entry(Facet::Agent, controllers).is_some();
                    last_source(baseline).filter(|_| !is_controller).copied()
                };
                baselines.peek(&username, place).flatten().into_iter().for_each(|entry| places.add(&entry));
            }
        }
        places
    }

    fn add(&mut self, place: &Entry) {
        self.accounts += 1;
        self.by_address.entry(place.hash()).or_insert((0, place.symbol)).0 += 1;
    }

    /// The address that more than half of them share.
    fn shared(&self, baselines: &Baselines) -> Option<BlindSpot> {
        let &(accounts, symbol) = self.by_address.values().max_by_key(|(accounts, _)| *accounts)?;
        (self.accounts >= FEW && 2 * accounts > self.accounts).then(|| BlindSpot::OneAddress {
            address: Text::from(baselines.texts(&[symbol]).concat()),
            accounts,
            of: self.accounts,
        })
    }
}

fn last_source(baseline: &Baseline) -> Option<&Entry> {
    let sources = baseline.entries().filter(|&(facet, entry)| facet == Facet::Source && !entry.is_quarantined());
    sources.map(|(_, entry)| entry).max_by_key(|entry| (entry.last(), entry.hash()))
}

#[cfg(test)]
mod tests {
    use crate::engine::{Engine, Feed, Settings};
    use crate::event::{Event, Outcome, Span, Stage};
    use crate::sample::event;

    /// What is said of a log of `events`, a minute apart.
    fn said(events: impl IntoIterator<Item = Event<'static>>) -> Vec<String> {
        let mut engine = Engine::new("test", &Settings::default());
        for (event, minute) in events.into_iter().zip(0..) {
            let at = event.clone().after(Span::minutes(minute));
            engine.learn(Feed(0), &Event { received: event.received.max(at.received), ..at });
        }
        engine.census().blind_spots.iter().map(ToString::to_string).collect()
    }

    /// An event of the `n`-th of many accounts, in a pod of its own.
    fn pod(n: usize) -> Event<'static> {
        let mut event = event().from(&format!("10.1.0.{n}"));
        event.username = format!("system:serviceaccount:shop:cart-{n}").into();
        event.credential.id = Some(format!("JTI={n}").into());
        event.credential.pod_name = Some(format!("cart-{n}").into());
        event
    }

    #[test]
    fn a_log_that_shows_all_there_is_to_see_has_none() {
        assert_eq!(said((1..40).map(pod)), Vec::<String>::new());
    }

    #[test]
    fn accounts_behind_one_address_are_counted() {
        let behind = |n: usize| if n == 7 { pod(n) } else { pod(n).from("10.0.0.1") };
        let expected = "addresses: 97% of 40 service accounts come from 10.0.0.1: token-shared, token-elsewhere and \
                        new-source cannot judge what comes from there";
        assert_eq!(said((0..40).map(behind)), [expected]);
    }

    #[test]
    fn controllers_share_an_address_by_right() {
        let controller = |n: usize| pod(n).from("10.0.0.1").with("kube-controller-manager/v1.36");
        assert_eq!(said((0..20).map(controller).chain((20..30).map(pod))), Vec::<String>::new());
    }

    #[test]
    fn credentials_that_roam_are_counted() {
        let roaming = (1..40).map(pod).chain((1..30).map(|n| pod(n).from(&format!("10.2.0.{n}"))));
        let expected = "addresses: 29 of 39 credentials of the kind token bound to a pod came from a second address: \
                        token-shared cannot judge them";
        assert_eq!(said(roaming), [expected]);
    }

    #[test]
    fn addresses_that_wander_between_nodes_are_counted() {
        let wandering = (0..40).map(|n| {
            let mut pod = pod(n).from(&format!("10.1.0.{}", n % 5));
            pod.credential.node_name = Some(format!("node-{n}").into());
            pod
        });
        assert_eq!(
            said(wandering),
            ["addresses: 35 of 40 came to pods from pods of other nodes: token-elsewhere cannot judge"]
        );
    }

    #[test]
    fn a_log_without_ids_of_credentials_is_told() {
        let before = |n| {
            let mut pod = pod(n);
            pod.credential.id = None;
            pod
        };
        let said = said((0..9).map(before));
        assert!(
            matches!(&said[..], [one] if one.starts_with("credentials: no event names its own (Kubernetes before 1.30"))
        );
    }

    #[test]
    fn a_policy_that_omits_starts_is_told_by_what_ends() {
        let watch = |n: usize| Event { stage: Stage::ResponseComplete, ..pod(n).doing("watch", "pods") };
        let without = said((1..9).map(pod).chain([watch(1)]));
        assert_eq!(without.len(), 2, "{without:?}");
        assert!(without[0].contains("omits ResponseStarted of watch:") && without[1].contains("no 401 either"));
        let start = Event { stage: Stage::ResponseStarted, ..pod(2).doing("watch", "pods") };
        assert_eq!(said((1..9).map(pod).chain([start, watch(1)])), Vec::<String>::new());
    }

    #[test]
    fn writes_without_bodies_are_told() {
        let write = |n: usize| pod(n).doing("create", "pods");
        let refused = |n: usize| Event { outcome: Outcome::Denied, code: 403, ..write(n) };
        assert_eq!(said((1..9).map(refused)), Vec::<String>::new(), "of what is denied no body is logged");
        let said_of = said((1..9).map(write));
        assert!(
            matches!(&said_of[..], [one] if one.starts_with("bodies: none of 8 new kinds of writes has one")),
            "{said_of:?}"
        );
        let with = write(9).asking(crate::event::Body::Secret(None));
        assert_eq!(said((1..9).map(write).chain([with])), Vec::<String>::new());
    }
}
