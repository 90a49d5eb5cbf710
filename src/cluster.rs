//! What is known of a cluster as a whole, beside the baselines of its principals.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::address::Addresses;
use crate::baseline::map::Baselines;
use crate::baseline::peers::PeerValues;
use crate::baseline::{Baseline, Facet, HALF_LIFE_DAYS, Learning, Novel, Observation};
use crate::burst::{Bursts, Window, key_of_account};
use crate::clock::Clock;
use crate::credential::Credentials;
use crate::decode::is_read;
use crate::event::{Event, Outcome, Principal, PrincipalKind, Span, Timestamp};

/// Age at which an undeclared cluster counts as known.
const KNOWN_AFTER: Span = Span::days(7);

/// How long until what principals have in common counts for half, as in their baselines.
const HALF_LIFE: Span = Span::days(HALF_LIFE_DAYS as i64);

/// Addresses of the control plane that are remembered, at most.
const MAX_CONTROL_PLANE: usize = 64;

/// How close together accounts must surge for it to be one change in the cluster: a restart, an upgrade.
const SURGE: Span = Span::hours(1);

/// Accounts that must surge within [`SURGE`].
const SURGE_ACCOUNTS: u32 = 3;

/// Facets of which each new value is a step of looking around; a client of many names floods a baseline.
pub const STEPS: [Facet; 4] = [Facet::ActionInNamespace, Facet::Name, Facet::Reach, Facet::Agent];

/// How often a body was logged of what may have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// New writes of objects whose bodies are read.
    pub writes: u32,
    /// How many of these had one.
    pub logged: u32,
}

impl Bodies {
    fn count(&mut self, event: &Event<'_>) {
        // of what is refused before it is read no body is logged
        if event.code < 300 && is_read(&event.verb, &event.target) {
            self.writes = self.writes.saturating_add(1);
            self.logged = self.logged.saturating_add(u32::from(event.facts.body.is_some()));
        }
    }
}

/// What principals have in common: who else does what, whose credentials are where.
#[derive(Debug)]
pub struct Cluster {
    /// What others do.
    pub peers: PeerValues,
    /// The lives of credentials.
    pub credentials: Credentials,
    /// The networks that service accounts come from.
    pub addresses: Addresses,
    /// Recent denials.
    pub denials: Bursts,
    /// Recent new things.
    pub spreads: Bursts,
    /// Accounts that lately asked for more than ever.
    pub surges: Window,
    /// How often bodies were logged.
    pub bodies: Bodies,
    /// Addresses that the control plane comes from.
    pub control_plane: HashSet<IpAddr>,
    /// When it was first heard of.
    pub first: Option<Timestamp>,
    /// Whether a period of it was declared normal and complete.
    pub declared: bool,
    /// When the current half-life began.
    pub epoch: Option<Timestamp>,
    /// The time that is now.
    pub clock: Clock,
}

impl Cluster {
    /// Nothing known yet; at most `max_credentials` credentials.
    #[must_use]
    pub fn new(max_credentials: usize) -> Self {
        Self {
            peers: PeerValues::default(),
            credentials: Credentials::new(max_credentials),
            addresses: Addresses::default(),
            denials: Bursts::default(),
            spreads: Bursts::default(),
            surges: Window::default(),
            bodies: Bodies::default(),
            control_plane: HashSet::new(),
            first: None,
            declared: false,
            epoch: None,
            clock: Clock::default(),
        }
    }

    /// Lets what was learnt fade at each half-life: peers and habits of credentials are counted anew, of what is still
    /// remembered. Networks stay: when one was last in use nobody remembers.
    pub fn age(&mut self, baselines: &Baselines) {
        let at = self.clock.now;
        let epoch = self.epoch.get_or_insert(at);
        let Ok(times @ 1..) = u32::try_from(at.since(*epoch).0 / HALF_LIFE.0) else { return };
        epoch.0 += i64::from(times) * HALF_LIFE.0;
        self.peers.recount(baselines, at);
        self.credentials.fade(at, times);
    }

    /// Counts what an event shows that is no news; false if its credential or its outcome asks for a closer look.
    pub fn touch(&mut self, event: &Event<'_>, seen: &Observation, declared: bool) -> bool {
        self.first.get_or_insert(event.at);
        let familiar = self.credentials.touch(event, seen);
        self.credentials.refuse(event);
        let refused = event.outcome.is_denied() || event.outcome == Outcome::Unauthenticated;
        if let Some(what) = seen.value(Facet::ActionInNamespace).filter(|_| refused) {
            self.denials.count(event, what, declared);
        }
        familiar && !refused
    }

    /// Counts what is new about an event as steps of looking around.
    pub fn count_steps(&mut self, event: &Event<'_>, seen: &Observation, novel: Novel, declared: bool) {
        for what in STEPS.into_iter().filter(|&facet| novel.contains(facet)).filter_map(|facet| seen.value(facet)) {
            self.spreads.count(event, what, declared);
        }
        if novel.is_surging() && !declared {
            self.surges.count(event.at, SURGE, key_of_account(&event.username), false);
        }
    }

    /// Whether several accounts have begun to ask for more than ever, at `at`.
    #[must_use]
    pub fn is_surge(&self, at: Timestamp) -> bool {
        self.surges.distinct() >= SURGE_ACCOUNTS && at.since(self.surges.start) <= SURGE
    }

    /// Learns what is new about an event, of its principal and of the cluster.
    pub fn learn(
        &mut self,
        (event, seen, novel): (&Event<'_>, &Observation, Novel),
        baseline: &mut Baseline,
        baselines: &Baselines,
        learning: Learning,
    ) {
        self.declared |= learning.declared;
        let principal = event.principal();
        if baseline.requests() == 1 {
            self.join(principal, event.at);
        }
        if learning.quarantine {
            baseline.quarantine_volume();
        }
        self.bodies.count(event);
        self.credentials.issue(event, learning.quarantine);
        self.credentials.learn(event, seen, learning.quarantine, self.is_relayed(event));
        for (facet, value) in seen.iter().filter(|&(facet, _)| novel.contains(facet)) {
            let symbol = || baselines.intern(&facet.describe(event));
            if baseline.learn((facet, value), event.at, learning, symbol) && !learning.quarantine {
                self.peers.learn(principal, facet, value, (!learning.declared).then_some(event.at));
                if facet == Facet::Source {
                    self.arrive(principal, event);
                }
            }
        }
    }

    fn join(&mut self, principal: Principal<'_>, at: Timestamp) {
        self.peers.join(principal);
        if principal.kind() == PrincipalKind::Node {
            self.addresses.join(at);
        }
    }

    fn arrive(&mut self, principal: Principal<'_>, event: &Event<'_>) {
        self.addresses.arrive(event);
        let control_plane = matches!(principal, Principal::User("system:kube-controller-manager" | "system:apiserver"));
        if let (true, Some(ip)) = (control_plane && self.control_plane.len() < MAX_CONTROL_PLANE, event.source_ip) {
            self.control_plane.insert(ip);
        }
    }

    /// Whether the event comes from where the control plane is.
    #[must_use]
    pub fn is_from_control_plane(&self, event: &Event<'_>) -> bool {
        event.source_ip.is_some_and(|ip| self.control_plane.contains(&ip))
    }

    /// Whether a pod's token comes from where an API server is: aggregation and peer proxying do this.
    #[must_use]
    pub fn is_relayed(&self, event: &Event<'_>) -> bool {
        event.credential.pod_name.is_some() && self.is_from_control_plane(event)
    }

    /// Who asked for the event's token; none if nobody was seen to.
    #[must_use]
    pub fn issuer(&self, event: &Event<'_>) -> Option<&str> {
        let life = self.credentials.life(event.credential.id.as_deref()?)?;
        life.issued.as_ref().map(|(by, _)| &**by)
    }

    /// How much of the cluster has been seen at `at`: 0 (nothing yet) to 1 (a declared period, or a week).
    #[must_use]
    pub fn maturity(&self, at: Timestamp) -> f32 {
        if self.declared {
            return 1.0;
        }
        let age = self.first.map_or(Span::default(), |first| at.since(first));
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = age.0 as f32 / KNOWN_AFTER.0 as f32;
        share.min(1.0)
    }
}
