//! The judges. Each looks at one event against what was before it, and may say one thing about it.

mod connection;
mod denied;
mod lineage;
mod novelty;
mod pace;
mod token;

use crate::alert::{Bits, History, Impact, Peers, Reason, Signal};
use crate::baseline::facet::{agent_family, hash_of_deed};
use crate::baseline::map::Baselines;
use crate::baseline::{Baseline, Entry, Facet, Habit, Novel, Observation};
use crate::cluster::Cluster;
use crate::event::{Event, Principal, PrincipalKind};
use crate::impact::{self, Deed};
use crate::text::Text;
pub(crate) use token::MEANINGFUL;

/// One judge. Stateless: all memory is in the [`Context`].
pub trait Detector: Send + Sync {
    /// Its name in alerts, settings and documents.
    fn id(&self) -> &'static str;

    /// What it sees, in one line for a list.
    fn about(&self) -> &'static str;

    /// What it says of `event`; none if it sees nothing unusual.
    fn inspect(&self, event: &Event<'_>, context: &Context<'_>) -> Option<Signal>;
}

/// Every detector, in the order in which they are asked.
pub const ALL: &[&dyn Detector] = &[
    &token::Shared,
    &token::Elsewhere,
    &lineage::Minted,
    &lineage::Long,
    &lineage::Tainted,
    &lineage::Unissued,
    &lineage::Expired,
    &lineage::Revoked,
    &novelty::New {
        id: "token-unbound",
        about: "an account that came with one kind of credential comes with another",
        facet: Facet::Credential,
        finding: "credential of another kind",
    },
    &novelty::NewAction,
    &novelty::New {
        id: "new-namespace",
        about: "a namespace that the account never acted in",
        facet: Facet::Namespace,
        finding: "new namespace",
    },
    &novelty::NewActionInNamespace,
    &novelty::New {
        id: "new-object",
        about: "a known deed on a new object of a sensitive kind",
        facet: Facet::Name,
        finding: "new object of a sensitive kind",
    },
    &novelty::New {
        id: "new-kind-of-object",
        about: "the first object of a kind that is dangerous in this way (needs bodies)",
        facet: Facet::Body,
        finding: "first object of this kind",
    },
    &connection::NewReach,
    &novelty::New {
        id: "impersonation",
        about: "an identity that the account never acted as",
        facet: Facet::Impersonated,
        finding: "new identity acted as",
    },
    &novelty::NewSource,
    &novelty::New {
        id: "forwarded",
        about: "the account's first request with more than one entry in sourceIPs",
        facet: Facet::Forwarded,
        finding: "first request that says it was forwarded",
    },
    &token::Agent,
    &novelty::NewAgent,
    &pace::Spread,
    &pace::Dormant,
    &pace::Volume,
    &denied::Denied,
    &denied::DeniedBurst,
    &denied::UnauthenticatedBurst,
];

/// What an event is judged against: the state before it.
pub struct Context<'a> {
    /// The principal's own past.
    pub baseline: &'a Baseline,
    /// The facet values of the event.
    pub seen: &'a Observation,
    /// Which of them are new for the principal.
    pub novel: Novel,
    /// What is known of the cluster.
    pub cluster: &'a Cluster,
    /// All baselines, for the strings of their values.
    pub baselines: &'a Baselines,
    /// What the event could hurt.
    pub impact: Impact,
    /// The event carries out what somebody else's object asks for: a control plane's controller or a kubelet, with the
    /// address, agent and credential it always has. Where it goes is no choice of its own.
    pub routine_carrier: bool,
    /// The address, agent and credential are ones the account always has.
    pub at_home: bool,
    /// A person at home: what is new in what they do is work.
    pub person_at_home: bool,
    /// The event came through an API server, which then stands as its source.
    pub relayed: bool,
}

/// Something new for an account, and how surprising.
pub struct Novelty {
    /// How surprising.
    pub surprise: Bits,
    /// What the account's own past says.
    pub history: History,
    /// What those like it do.
    pub peers: Option<Peers>,
}

/// Bits that remain of a novelty when several accounts began it together.
const WAVE_BITS: f32 = 1.5;

/// Bits of what an analyst called malicious, at least: whatever the account has become used to, and whoever does it too.
const CONDEMNED_BITS: f32 = 10.0;

/// What a value is called that an analyst called malicious.
const CONDEMNED: &str = "what an analyst called malicious, again";

/// Impact from which a change in the whole cluster no longer excuses one account.
const INEXCUSABLE: u8 = 60;

/// Chances below which an account is young: it is compared with all others too.
const YOUNG: u32 = 64;

impl<'a> Context<'a> {
    /// The context of `event`, of which `novel` is new for its principal.
    #[must_use]
    pub fn new(
        event: &Event<'_>,
        (seen, novel): (&'a Observation, Novel),
        baseline: &'a Baseline,
        baselines: &'a Baselines,
        cluster: &'a Cluster,
    ) -> Self {
        let at_home = !novel.intersects(&[Facet::Source, Facet::Agent, Facet::Credential]);
        Self {
            baseline,
            seen,
            novel,
            cluster,
            baselines,
            impact: impact::of(event),
            routine_carrier: is_routine_carrier(event, at_home, cluster),
            at_home,
            person_at_home: at_home && event.principal().kind() == PrincipalKind::User,
            relayed: cluster.is_relayed(event) && !novel.contains(Facet::Agent),
        }
    }

    /// Whether the event's credential has been in normal use with other clients only.
    #[must_use]
    pub fn changes_client(&self, event: &Event<'_>) -> bool {
        let life = event.credential.id.as_deref().and_then(|id| self.cluster.credentials.life(id));
        life.is_some_and(|life| life.is_other_client(self.seen, event.at))
    }

    /// Whether other accounts come from the event's address.
    #[must_use]
    pub fn others_come_from_there(&self) -> bool {
        let source = self.seen.value(Facet::Source);
        source.is_some_and(|source| self.cluster.peers.in_cluster(Facet::Source, source).doing > 0)
    }

    /// Whether the account writes such objects already, in another way: an operator that makes and changes its resource
    /// will tidy it up one day.
    #[must_use]
    pub fn writes_such_objects(&self, event: &Event<'_>) -> bool {
        let writes = [Deed::Create, Deed::Change, Deed::Delete, Deed::DeleteAll];
        let known =
            |deed| self.baseline.entry(Facet::Action, hash_of_deed(event, deed)).is_some_and(|e| !e.is_quarantined());
        writes.contains(&Deed::of(event)) && writes.into_iter().any(known)
    }

    /// How new the event's value of `facet` is; none if it is known, or if there is none.
    #[must_use]
    pub fn novelty(&self, event: &Event<'_>, facet: Facet) -> Option<Novelty> {
        let value = self.seen.value(facet).filter(|_| self.novel.contains(facet))?;
        if self.is_condemned(facet, value) {
            let habit = self.baseline.surprise(facet, Habit::Steady).0;
            let (history, peers) = (self.baseline.history(facet, event.at), None);
            return Some(Novelty { surprise: Bits(habit.max(CONDEMNED_BITS)), history, peers });
        }
        // The first value of what says who is at work is no change of it.
        if facet.is_identity() && self.baseline.known(facet) == 0 {
            return None;
        }
        let peers = self.cluster.peers.like(event.principal(), facet, value);
        let habit = if self.person_at_home { Habit::Exploring } else { Habit::Steady };
        let mut bits = self.baseline.surprise(facet, habit).0.max(self.surprise_of_the_young(event, facet, value));
        if facet == Facet::Body {
            bits = bits.min(self.baseline.surprise_of_body(value).0);
        }
        if let Some(Peers { doing, of }) = peers.filter(|p| p.doing > 0) {
            bits = bits.min(improbability(doing, of));
        }
        if self.impact.weight < INEXCUSABLE
            && !facet.is_identity()
            && self.cluster.peers.is_wave(facet, value, event.at)
        {
            bits = bits.min(WAVE_BITS);
        }
        Some(Novelty { surprise: Bits(bits), history: self.baseline.history(facet, event.at), peers })
    }

    /// Whether an analyst called this value malicious.
    fn is_condemned(&self, facet: Facet, value: u64) -> bool {
        self.baseline.entry(facet, value).is_some_and(Entry::is_blocked)
    }

    /// Whether the account has had too few chances to have habits.
    #[must_use]
    pub const fn is_young(&self) -> bool {
        self.baseline.chances() < YOUNG
    }

    /// A young account has no past to be surprising against: it is compared with everybody, at half weight, for new
    /// workloads come all the time. Users with a certificate of their own do not: they are made one by one, and one more
    /// is how an intruder stays.
    ///
    /// What is done across the cluster is compared with what is done across the cluster, not in one namespace.
    fn surprise_of_the_young(&self, event: &Event<'_>, facet: Facet, value: u64) -> f32 {
        let comparable = matches!(facet, Facet::Action | Facet::Impersonated | Facet::Reach);
        if !comparable || !self.is_young() {
            return 0.0;
        }
        let across = facet == Facet::Action && event.target.namespace.is_empty();
        let across = self.seen.value(Facet::ActionInNamespace).filter(|_| across);
        let peers = &self.cluster.peers;
        let Peers { doing, of } = across
            .map_or_else(|| peers.in_cluster(facet, value), |value| peers.in_cluster(Facet::ActionInNamespace, value));
        let weight = if is_certified_user(event) { 1.0 } else { 0.5 };
        weight * self.cluster.maturity(event.at) * improbability(doing, of)
    }

    /// The usual values of a facet, safe to show.
    #[must_use]
    pub fn usual(&self, facet: Facet) -> Vec<Text> {
        let symbols = self.baseline.usual(facet, self.seen.value(facet).unwrap_or_default(), 3);
        self.baselines.texts(&symbols).iter().map(|text| Text::new(text)).collect()
    }

    /// A signal about a new value.
    #[must_use]
    pub fn signal(&self, detector: &'static str, event: &Event<'_>, facet: Facet, weighed: Weighed) -> Option<Signal> {
        let novelty = self.novelty(event, facet)?;
        let is_condemned = self.seen.value(facet).is_some_and(|value| self.is_condemned(facet, value));
        let finding = if is_condemned { CONDEMNED } else { weighed.finding };
        Some(Signal {
            detector,
            surprise: novelty.surprise,
            impact: weighed.impact,
            reason: Reason {
                expected: if weighed.show_usual { self.usual(facet) } else { Vec::new() },
                history: Some(novelty.history),
                peers: novelty.peers,
                ..Reason::new(facet.as_str(), finding, Text::new(&facet.describe(event)))
            },
        })
    }
}

/// Whether an event carries out somebody else's orders ([`Context::routine_carrier`]).
///
/// Kubelets, and the controllers that run in the control plane: these are known by where they run and by the program
/// they run in, never by name alone, so that a controller's token in other hands gets no such excuse.
fn is_routine_carrier(event: &Event<'_>, at_home: bool, cluster: &Cluster) -> bool {
    match event.principal() {
        Principal::Node(_) => at_home,
        Principal::User(name) => name.starts_with("system:") && at_home,
        Principal::ServiceAccount { namespace: "kube-system", .. } => {
            cluster.is_from_control_plane(event) && agent_family(&event.user_agent) == "kube-controller-manager"
        }
        Principal::ServiceAccount { .. } | Principal::Anonymous => false,
    }
}

/// What a detector makes of a new value.
pub struct Weighed {
    /// How bad it would be.
    pub impact: Impact,
    /// What it is called.
    pub finding: &'static str,
    /// Whether the usual values help a reader: they do where there are few.
    pub show_usual: bool,
}

/// `-log2` of the share of accounts that do something, never quite zero or infinite.
fn improbability(doing: u32, of: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
    let share = (doing as f32 + 0.5) / (of as f32 + 1.0);
    0.0 - share.min(1.0).log2()
}

/// Two bits for every doubling over what is usual.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn doublings(now: u32, usual: u32) -> Bits {
    Bits(2.0 * ((now as f32 + 1.0) / (usual as f32 + 1.0)).log2())
}

/// `impact` scaled to `percent`, then raised by `base`.
fn scaled(impact: Impact, base: u8, percent: u16) -> Impact {
    let part = u16::from(impact.weight) * percent / 100 + u16::from(base);
    Impact { weight: u8::try_from(part.min(100)).unwrap_or(100), ..impact }
}

/// Whether whoever made the request is somebody: an account that a credential stands for.
fn is_somebody(event: &Event<'_>) -> bool {
    event.principal().kind() != PrincipalKind::Anonymous
}

/// Whether the request was made by a user, not a kubelet, with a certificate (1.32 and later: before, none can be told).
fn is_certified_user(event: &Event<'_>) -> bool {
    let certified = event.credential.id.as_deref().is_some_and(|id| id.starts_with("X509SHA256="));
    certified && event.principal().kind() == PrincipalKind::User
}

/// The impact of a denied request is what it was meant to do, at part of its weight.
fn as_attempted(event: &Event<'_>, impact: Impact) -> Impact {
    if event.outcome.is_denied() { scaled(impact, 0, 60) } else { impact }
}

/// A row of the impact table with another weight and name: for findings that are about an identity, not an action.
fn about(technique: crate::alert::Technique, weight: u8, what: &'static str) -> Impact {
    Impact { weight, what, technique }
}

use impact::{BRUTE_FORCE, USE_TOKEN, VALID_ACCOUNTS};

#[cfg(test)]
mod tests;
