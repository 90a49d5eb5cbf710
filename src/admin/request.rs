//! What people can ask, in one form for the control socket and for a store that no daemon has.

use glob::Pattern;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alert::Severity;
use crate::daemon::control::{Answer, ControlError, Wish};
use crate::detector;
use crate::event::{Principal, Span};
use crate::sink::wall_clock;
use crate::store::{LONGEST, MAX_SUPPRESSIONS, Record, Status, Store, Suppression};
use crate::text::Text;

/// Incidents that one answer lists, at most.
pub const MAX_LISTED: usize = 1_000;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Of the store: it needs nobody who judges.
    Store(StoreRequest),
    /// Of whoever judges.
    Judge(Wish),
}

/// What is asked of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreRequest {
    /// The latest incidents.
    List(Filter),
    /// One incident.
    Show {
        /// Which.
        incident: Uuid,
    },
    /// Sinks are not to be told of some incidents for a while.
    Suppress(Wanted),
    /// What sinks are not told of.
    Suppressions,
    /// Sinks are to be told again.
    Unsuppress {
        /// The suppression's id.
        id: String,
    },
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Incidents, the latest first.
    Incidents(Vec<Record>),
    /// One incident.
    Incident(Box<Record>),
    /// A suppression that holds from now on.
    Suppressed(Suppression),
    /// Every suppression.
    Suppressions(Vec<Suppression>),
    /// A suppression was taken out.
    Unsuppressed,
    /// What came of what was asked of whoever judges.
    Judge(Answer),
}

/// Which incidents are listed; what is none says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Those as bad as this, or worse.
    pub severity: Option<Severity>,
    /// Those that stand so.
    pub status: Option<Status>,
    /// Those of this cluster.
    pub cluster: Option<String>,
    /// Those that this username has a part in; a service account may be called `NAMESPACE/NAME`.
    pub account: Option<String>,
    /// So many at most, and never more than [`MAX_LISTED`].
    pub limit: usize,
}

impl Filter {
    fn matches(&self, Record { incident, status, .. }: &Record) -> bool {
        self.severity.is_none_or(|least| incident.severity >= least)
            && self.status.is_none_or(|wanted| *status == wanted)
            && self.cluster.as_ref().is_none_or(|cluster| incident.cluster == Text::new(cluster))
            && self.account.as_ref().is_none_or(|account| {
                std::iter::once(&incident.principal).chain(&incident.related).any(|name| is_called(name, account))
            })
    }
}

fn is_called(username: &Text, account: &str) -> bool {
    match (Principal::parse(username.as_str()), account.split_once('/')) {
        (Principal::ServiceAccount { namespace, name }, Some(asked)) if (namespace, name) == asked => true,
        _ => *username == Text::new(account),
    }
}

/// A suppression as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Whose incidents: a username, `*` for any text.
    pub principal: String,
    /// Only those in which nothing but this detector spoke.
    #[serde(default)]
    pub detector: Option<String>,
    /// Only those of this cluster.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Why.
    pub reason: Text,
    /// Who answers for it.
    pub owner: Text,
    /// For how long from now.
    pub seconds: u32,
}

impl Wanted {
    fn suppression(self) -> Result<Suppression, ControlError> {
        let (since, span) = (wall_clock(), Span::seconds(self.seconds.into()));
        if span > LONGEST || span == Span::default() {
            return Err(ControlError::refused(format!("a suppression lasts {LONGEST} at most, and at least a second")));
        }
        if self.reason.is_empty() || self.owner.is_empty() {
            return Err(ControlError::refused("a suppression needs a reason and an owner".to_owned()));
        }
        if let Err(what) = Pattern::new(&self.principal) {
            return Err(ControlError::refused(format!("{:?} is no pattern of a username: {what}", self.principal)));
        }
        if let Some(id) = self.detector.as_ref().filter(|id| detector::ALL.iter().all(|known| known.id() != *id)) {
            return Err(ControlError::refused(format!("there is no detector {id:?}: see sawatch detectors")));
        }
        let Self { principal, detector, cluster, reason, owner, .. } = self;
        let name = format!("{principal}\n{detector:?}\n{cluster:?}\n{}", since.0);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string()[..12].to_owned();
        let until = crate::event::Timestamp(since.0 + span.0);
        Ok(Suppression { id, principal, detector, cluster, reason, owner, since, until })
    }
}

impl StoreRequest {
    /// Does what is asked.
    ///
    /// # Errors
    ///
    /// If it cannot be done.
    pub fn answer(self, store: &Store) -> Result<Reply, ControlError> {
        match self {
            Self::List(filter) => {
                let most = filter.limit.min(MAX_LISTED);
                Ok(Reply::Incidents(store.incidents(most, |record| filter.matches(record))?))
            }
            Self::Show { incident } => {
                let record = store
                    .incident(incident)?
                    .ok_or_else(|| ControlError::unknown("incident", &incident.to_string()))?;
                Ok(Reply::Incident(Box::new(record)))
            }
            Self::Suppress(wanted) => {
                let suppression = wanted.suppression()?;
                if store.suppress(&suppression)? {
                    Ok(Reply::Suppressed(suppression))
                } else {
                    Err(ControlError::refused(format!(
                        "there are {MAX_SUPPRESSIONS} suppressions, which is all there may be"
                    )))
                }
            }
            Self::Suppressions => Ok(Reply::Suppressions(store.suppressions()?)),
            Self::Unsuppress { id } => {
                if store.unsuppress(&id)? {
                    Ok(Reply::Unsuppressed)
                } else {
                    Err(ControlError::unknown("suppression", &id))
                }
            }
        }
    }
}
