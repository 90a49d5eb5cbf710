//! What people ask of a running daemon: done by the judge, between batches, so that it has its place in the order.

use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::judge::Judge;
use crate::alert::{Activity, Feedback, Notice};
use crate::engine::Taught;
use crate::sink::wall_clock;
use crate::state::State;
use crate::store::{Deed, Entry, Record, Said, Status, Store, StoreError, Word};
use crate::text::Text;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing.
    #[error("there is no {0}")]
    Unknown(Text),
    /// What was given cannot be used.
    #[error("{0}")]
    Refused(Text),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The daemon ends.
    #[error("sawatch is ending: ask again when it is back")]
    Ending,
}

impl ControlError {
    /// There is no `what` of that name.
    pub(crate) fn unknown(what: &str, name: &str) -> Self {
        Self::Unknown(Text::from(format!("{what} {name}")))
    }

    /// What was given cannot be used, and why.
    pub(crate) fn refused(why: String) -> Self {
        Self::Refused(Text::from(why))
    }
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// An incident is put to a status; benign and malicious teach.
    Put {
        /// Which.
        incident: Uuid,
        /// To what.
        status: Status,
        /// Who says so.
        who: Text,
        /// Why.
        why: Text,
    },
    /// What was learnt of a cluster is wanted, as the bytes of a compressed state file.
    Export {
        /// Which.
        cluster: String,
    },
    /// What was learnt elsewhere is to take the place of what is known of its cluster.
    Import {
        /// A state file, compressed or not.
        #[serde(with = "in_base64")]
        state: Vec<u8>,
    },
    /// What is known of a principal is to be forgotten.
    Forget {
        /// Of which cluster.
        cluster: String,
        /// Its username.
        principal: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An incident as it now stands, and what was learnt by it.
    Put(Box<Record>, Taught),
    /// A state file.
    Exported(#[serde(with = "in_base64")] Vec<u8>),
    /// The cluster that was imported, with how many principals.
    Imported(String, usize),
    /// Done.
    Forgotten,
}

/// Bytes in JSON.
mod in_base64 {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A wish with whoever waits for the answer.
pub struct Order {
    wish: Wish,
    answer: oneshot::Sender<Result<Answer, ControlError>>,
}

/// Where wishes go.
#[derive(Clone)]
pub struct Control(Sender<Order>);

impl Control {
    /// Hands wishes to whoever reads `orders`.
    #[must_use]
    pub const fn new(orders: Sender<Order>) -> Self {
        Self(orders)
    }

    /// Asks for something, and waits until it is done and on disk.
    ///
    /// # Errors
    ///
    /// If it cannot be done.
    pub async fn ask(&self, wish: Wish) -> Result<Answer, ControlError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Order { wish, answer }).map_err(|_| ControlError::Ending)?;
        answered.await.map_err(|_| ControlError::Ending)?
    }
}

/// Does what is asked for.
pub(super) fn obey(judge: &mut Judge, order: Order, abandon: &CancellationToken) {
    // whoever asked may have gone
    _ = order.answer.send(fulfil(judge, order.wish, abandon));
}

/// Does what is asked for, and keeps it; `abandon` ends waiting for a disk that fails.
pub(super) fn fulfil(judge: &mut Judge, wish: Wish, abandon: &CancellationToken) -> Result<Answer, ControlError> {
    let answer = match wish {
        Wish::Put { incident, status, who, why } => {
            put(judge, incident, Deed { at: wall_clock(), who, status, why }, abandon)?
        }
        Wish::Export { cluster } => {
            let state = judge.engines.export(&cluster).ok_or_else(|| ControlError::unknown("cluster", &cluster))?;
            return Ok(Answer::Exported(state));
        }
        Wish::Import { state } => return import(judge, &state, abandon),
        Wish::Forget { cluster, principal } => forget(judge, cluster, principal)?,
    };
    judge.keep(abandon)?;
    Ok(answer)
}

/// Puts an incident to a status. What it teaches is in the journal before the record says so: if the process dies in
/// between, the word is heard and can be said again.
fn put(judge: &mut Judge, id: Uuid, deed: Deed, abandon: &CancellationToken) -> Result<Answer, ControlError> {
    let record = judge.store.incident(id)?.ok_or_else(|| ControlError::unknown("incident", &id.to_string()))?;
    let feedback = match deed.status {
        Status::Benign => Some(Feedback::Benign),
        Status::Malicious => Some(Feedback::Malicious),
        Status::New | Status::Acknowledged => None,
    };
    let mut taught = Taught::default();
    if let Some(feedback) = feedback {
        let cluster = record.incident.cluster.as_str().to_owned();
        let said = Said::Teach { feedback, lessons: record.incident.lessons, at: record.incident.last };
        taught = hear(judge, cluster, said)?;
        judge.keep(abandon)?;
    }
    let record = change(&judge.store, id, deed)?;
    Ok(Answer::Put(Box::new(record), taught))
}

/// Writes what a person did into an incident's record.
fn change(store: &Store, id: Uuid, deed: Deed) -> Result<Record, ControlError> {
    store.change(id, |record| record.put(deed))?.ok_or_else(|| ControlError::unknown("incident", &id.to_string()))
}

fn forget(judge: &mut Judge, cluster: String, principal: String) -> Result<Answer, ControlError> {
    let shown = principal.clone();
    let taught = hear(judge, cluster, Said::Forget { principal })?;
    if taught.values == 0 { Err(ControlError::unknown("account", &shown)) } else { Ok(Answer::Forgotten) }
}

fn hear(judge: &mut Judge, cluster: String, said: Said) -> Result<Taught, ControlError> {
    let taught = judge.engines.hear(&cluster, &said).ok_or_else(|| ControlError::unknown("cluster", &cluster))?;
    judge.commit.journal.push(Entry::Word(Word { cluster, said }));
    Ok(taught)
}

fn import(judge: &mut Judge, bytes: &[u8], abandon: &CancellationToken) -> Result<Answer, ControlError> {
    let state = State::unpack(bytes, judge.engines.settings()).map_err(ControlError::refused)?;
    let (cluster, principals) = (state.cluster.clone(), state.learned.baselines.len());
    // what is under way belongs to what was known before
    judge.keep(abandon)?;
    let closed: Vec<Notice> = judge.engines.import(state);
    debug_assert!(closed.iter().all(|notice| notice.activity == Activity::Closed));
    judge.tell(closed, wall_clock());
    judge.keep(abandon)?;
    judge.snapshot()?;
    Ok(Answer::Imported(cluster, principals))
}
