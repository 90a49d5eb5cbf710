//! What Sawatch says: signals of one event make an alert, alerts that belong together make an incident.
//!
//! One structure, of which every format is a view: numbers inside, sentences rendered from them. Every string that came
//! from an event is a [`Text`].

mod lesson;
mod literal;
mod notice;
mod reason;
mod severity;

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{Outcome, PrincipalKind, Timestamp};
use crate::text::Text;
pub use lesson::{Feedback, Lesson};
pub use literal::Literal;
use literal::literal;
pub use notice::{Activity, Notice};
pub use reason::{Grade, History, Peers, Reason, Thousands};
pub use severity::Severity;

/// Surprise in bits: `-log2` of how probable something new was here and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Bits(pub f32);

/// A MITRE ATT&CK technique with the tactic it serves here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Technique {
    /// `T1552.007`
    #[serde(deserialize_with = "literal")]
    pub id: Literal,
    /// `Container API`
    #[serde(deserialize_with = "literal")]
    pub name: Literal,
    /// `Credential Access`
    #[serde(deserialize_with = "literal")]
    pub tactic: Literal,
}

/// What could come of an action: a row of the impact table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// 0 (harmless) to 100 (the cluster is lost).
    pub weight: u8,
    /// What it is, in a few words: `list secrets across namespaces`.
    #[serde(deserialize_with = "literal")]
    pub what: Literal,
    /// Its technique.
    pub technique: Technique,
}

/// One detector's word on one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The detector's id: `new-action`, `token-shared`…
    #[serde(deserialize_with = "literal")]
    pub detector: Literal,
    /// How unlikely it was.
    pub surprise: Bits,
    /// What it could hurt.
    pub impact: Impact,
    /// Why.
    pub reason: Reason,
}

/// Who made the request that an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The username as the API server writes it.
    pub username: Text,
    /// What kind of principal.
    pub kind: PrincipalKind,
    /// The credential's id, `JTI=…` or `X509SHA256=…`.
    pub credential: Option<Text>,
    /// The pod the token is bound to.
    pub pod: Option<Text>,
    /// The node the token is bound to.
    pub node: Option<Text>,
    /// The username it acted as.
    pub impersonated: Option<Text>,
}

/// What was asked for, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// `get`, `list`, `create`…
    pub verb: Text,
    /// API group; empty for core and for paths.
    pub group: Text,
    /// Resource; empty for paths.
    pub resource: Text,
    /// Subresource; empty if none.
    pub subresource: Text,
    /// Namespace; empty for cluster-wide.
    pub namespace: Text,
    /// Object name; empty if none.
    pub name: Text,
    /// The request path without its query.
    pub path: Text,
}

impl fmt::Display for Action {
    /// `list secrets in kube-system`, `create pods/exec shop/cart-0`, `get /version`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.resource.is_empty() {
            return write!(f, "{} {}", self.verb, self.path);
        }
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        match (self.namespace.is_empty(), self.name.is_empty()) {
            (false, false) => write!(f, " {}/{}", self.namespace, self.name),
            (false, true) => write!(f, " in {}", self.namespace),
            (true, false) => write!(f, " {}", self.name),
            (true, true) => f.write_str(" cluster-wide"),
        }
    }
}

/// All signals of one event: the evidence that an incident cites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// When.
    pub at: Timestamp,
    /// The request's id, by which it is found in the audit log.
    pub audit_id: Text,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status; 0 if none was written.
    pub code: u16,
    /// Where from.
    pub source_ip: Option<IpAddr>,
    /// With what, by its own word.
    pub user_agent: Text,
    /// Why, the strongest first; never empty.
    pub signals: Vec<Signal>,
    /// 0 to 100, of this event alone.
    pub risk: u8,
}

/// Alerts that belong together: what a person is told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// UUIDv5 of what makes it this incident: cluster, principal, first evidence. A replay names it the same.
    pub id: Uuid,
    /// The cluster.
    pub cluster: Text,
    /// The principal it opened with.
    pub principal: Text,
    /// What kind of principal that is.
    pub kind: PrincipalKind,
    /// Other principals drawn in: by an issued token, an impersonation, a shared source.
    pub related: Vec<Text>,
    /// How bad, all in all.
    pub severity: Severity,
    /// 0 to 100, all in all.
    pub risk: u8,
    /// The first unusual event.
    pub first: Timestamp,
    /// The last unusual event.
    pub last: Timestamp,
    /// Whether a person is to be told: it is medium or worse, and the day's budget allows it or it is critical.
    pub notifies: bool,
    /// Unusual events, those without an alert of their own included.
    pub events: u64,
    /// The evidence, one for each distinct unusual thing, most severe first; capped, never empty.
    pub alerts: Vec<Alert>,
    /// What was new in it, for an analyst's word to be learnt by; capped, no part of what is told.
    pub lessons: Vec<Lesson>,
}

impl Incident {
    /// The alert that says most.
    ///
    /// # Panics
    ///
    /// Never: an incident opens with an alert and keeps at least that one.
    #[must_use]
    pub fn lead(&self) -> &Alert {
        self.alerts.first().expect("an incident keeps at least one alert")
    }

    /// The order in which incidents are listed: by their first alert, and always the same one.
    #[must_use]
    pub fn by_beginning(&self, other: &Self) -> Ordering {
        (self.first, &self.principal, self.id).cmp(&(other.first, &other.principal, other.id))
    }

    /// One line for a list: what happened and who did it.
    #[must_use]
    pub fn title(&self) -> String {
        let lead = self.lead();
        let what = lead.signals.first().map_or("unusual request", |s| s.reason.finding);
        format!("{what}: {} by {}", lead.action, self.principal)
    }

    /// One paragraph: who, what, where from, why.
    #[must_use]
    pub fn message(&self) -> String {
        let lead = self.lead();
        let from = lead.source_ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
        let reasons: Vec<String> = lead.signals.iter().map(|s| s.reason.to_string()).collect();
        let more = match self.events {
            0 | 1 => String::new(),
            n => format!(" {} unusual requests in {}.", Thousands(n), self.last.since(self.first)),
        };
        let outcome = match lead.code {
            0 => lead.outcome.as_str().to_owned(),
            code => format!("{}, {code}", lead.outcome.as_str()),
        };
        format!("{} did {} ({outcome}) from {from}: {}.{more}", self.principal, lead.action, reasons.join("; "))
    }

    /// The techniques of all its signals, each once, the heaviest first.
    #[must_use]
    pub fn techniques(&self) -> Vec<Technique> {
        let mut all: Vec<(u8, Technique)> =
            self.signals().map(|s| (u8::MAX - s.impact.weight, s.impact.technique)).collect();
        all.sort_unstable();
        let mut out = Vec::new();
        for (_, technique) in all {
            if !out.contains(&technique) {
                out.push(technique);
            }
        }
        out
    }

    /// The ids of the detectors that spoke, each once, in order of first mention.
    #[must_use]
    pub fn detectors(&self) -> Vec<&'static str> {
        let mut out = Vec::new();
        for signal in self.signals() {
            if !out.contains(&signal.detector) {
                out.push(signal.detector);
            }
        }
        out
    }

    /// Every signal of every alert.
    pub fn signals(&self) -> impl Iterator<Item = &Signal> {
        self.alerts.iter().flat_map(|a| &a.signals)
    }
}
