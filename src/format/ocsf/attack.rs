//! `attack`: a technique, and the tactic it serves.

use serde::Serialize;

use crate::alert::Technique;
use crate::format::attack;

#[derive(Serialize)]
pub(super) struct Attack {
    technique: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_technique: Option<Entry>,
    tactic: Tactic,
}

/// A technique or a sub-technique: the parent of the latter is known by its id alone.
#[derive(Serialize)]
struct Entry {
    uid: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_url: Option<String>,
}

#[derive(Serialize)]
struct Tactic {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'static str>,
    name: &'static str,
}

impl From<Technique> for Attack {
    fn from(technique: Technique) -> Self {
        let entry =
            Entry { uid: technique.id, name: Some(technique.name), src_url: Some(attack::reference(technique)) };
        let tactic = Tactic { uid: attack::tactic_id(technique.tactic), name: technique.tactic };
        match attack::parent(technique) {
            Some(uid) => {
                Self { technique: Entry { uid, name: None, src_url: None }, sub_technique: Some(entry), tactic }
            }
            None => Self { technique: entry, sub_technique: None, tactic },
        }
    }
}
