//! The file, field by field. Where a name stands, `#` and sixteen digits may stand instead: the hash of one not known.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::scalar::{Hash, Time, unique};

/// What every file begins with, whatever its version.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) sawatch: Option<String>,
    pub(super) version: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) sawatch: String,
    pub(super) version: u64,
    pub(super) cluster: String,
    /// The first is number 0: requests are remembered by feed.
    pub(super) feeds: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Time>,
    /// Whether a period was declared normal and complete.
    pub(super) declared: bool,
    /// When the current half-life of what accounts have in common began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<Time>,
    /// The latest time that can be trusted, and how many events in a row were far ahead of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) now: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) ahead: u8,
    pub(super) control_plane: Vec<IpAddr>,
    #[serde(deserialize_with = "unique")]
    pub(super) accounts: BTreeMap<String, Account>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) accounts_evicted: u64,
    pub(super) peers: Peers,
    pub(super) addresses: Addresses,
    pub(super) credentials: Credentials,
    pub(super) denials: Vec<Burst>,
    pub(super) spreads: Vec<Burst>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) surges: Window,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) bodies: Bodies,
    pub(super) requests: Requests,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) first: Time,
    pub(super) last: Time,
    pub(super) requests: u64,
    pub(super) chances: u32,
    pub(super) minutes: u32,
    pub(super) hour: u32,
    pub(super) hour_chances: u16,
    pub(super) epoch: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) silence: Silence,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) volume: Volume,
    #[serde(deserialize_with = "unique")]
    pub(super) facets: BTreeMap<String, Facet>,
}

/// In seconds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Silence {
    pub(super) longest: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) last_dormancy: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) woke: Time,
}

/// How many new writes might have had a body that is read, and how many had one.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bodies {
    pub(super) writes: u32,
    pub(super) logged: u32,
}

/// Requests in slots of five minutes.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volume {
    /// The beginning of the current slot.
    pub(super) slot: Time,
    pub(super) requests: u32,
    /// How many slots had 1 request, 2 to 3, 4 to 7, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) slots: Vec<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) quarantined: bool,
    /// Separate days with a slot in quarantine, and the last of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) days: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) day: Time,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facet {
    pub(super) novel_minutes: u16,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) last_novel: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) evicted: u16,
    pub(super) values: Vec<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value {
    /// As it is shown.
    pub(super) value: String,
    /// Only if it is not that of what is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<Hash>,
    pub(super) count: u32,
    pub(super) days: u8,
    pub(super) first: Time,
    pub(super) last: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) quarantined: bool,
    /// An analyst called it malicious.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) blocked: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) declared: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peers {
    pub(super) members: Vec<Members>,
    /// In the whole cluster.
    pub(super) values: Vec<Adoption>,
    /// Among those alike.
    pub(super) known: Vec<Known>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) overflow: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    pub(super) pool: String,
    pub(super) accounts: u32,
}

/// A value in a pool: facet and value, or the hash of all this.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adoption {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) facet: Option<String>,
    pub(super) value: String,
    pub(super) accounts: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) in_wave: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) wave: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) facet: Option<String>,
    pub(super) value: String,
    pub(super) accounts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Addresses {
    pub(super) arrivals: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) node_joined: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) awaited: u32,
    pub(super) networks: Vec<Network>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) network: String,
    pub(super) arrivals: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Time>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) evicted: u64,
    pub(super) moves: Moves,
    /// By kind: how many came from a second address.
    pub(super) sharing: Vec<Habit>,
    /// By kind: how many were used that nobody was seen to issue.
    pub(super) unissued: Vec<Habit>,
    /// By account: how many came from a second address.
    pub(super) sharing_of_accounts: Vec<Habit>,
    pub(super) lives: Vec<Life>,
    pub(super) tenants: Vec<Tenant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) callers: Vec<Caller>,
}

/// Addresses that passed to a pod on another node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moves {
    pub(super) credentials: u32,
    pub(super) exceptions: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Habit {
    /// A kind of credential, or an account.
    pub(super) of: String,
    pub(super) credentials: u32,
    pub(super) exceptions: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Life {
    pub(super) id: String,
    /// Only if the id is longer than what is kept of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issued: Option<Issue>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) suspect: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) first: Time,
    pub(super) last: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refusal>,
    pub(super) clients: Vec<String>,
    pub(super) uses: Vec<Use>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issue {
    pub(super) by: String,
    pub(super) at: Time,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    pub(super) at: Time,
    pub(super) ip: IpAddr,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    pub(super) ip: IpAddr,
    pub(super) count: u64,
    pub(super) days: u8,
    pub(super) first: Time,
    pub(super) last: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) quarantined: bool,
    /// An analyst called it malicious.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) blocked: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenant {
    pub(super) ip: IpAddr,
    pub(super) pod: String,
    pub(super) node: String,
    pub(super) credential: String,
}

/// The credential that came last to an address.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) ip: IpAddr,
    pub(super) credential: String,
}

/// The windows of an account, or of whoever is nobody in particular at an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Burst {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// One for each span, the shortest first.
    pub(super) windows: Vec<Window>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usual: Option<u32>,
    pub(super) start: Time,
    pub(super) count: u32,
    pub(super) things: Vec<Hash>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    pub(super) recent: Vec<Hash>,
    pub(super) older: Vec<Hash>,
    /// When the first of both was written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) recent_since: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) older_since: Time,
    /// By feed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) starts: Vec<Starts>,
}

/// Which starts of long-running requests a feed has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Starts {
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) since: Time,
    pub(super) seen: Vec<String>,
    pub(super) missed: Vec<String>,
}

/// Left out, because it is what is read where nothing stands: 0, false, not yet.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
