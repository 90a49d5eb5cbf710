//! What is new in an incident's events, for an analyst's word to be learnt by.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::alert::Lesson;
use crate::baseline::facet::hash;
use crate::baseline::{Facet, Novel, Observation};
use crate::cluster::Cluster;
use crate::event::Event;

/// Lessons that one incident keeps; the first of the least risky makes room for a riskier one.
const MAX_LESSONS: usize = 256;

/// The lessons of one incident.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lessons {
    /// With the risk of the event and the hash by which it is recognised.
    kept: Vec<(u8, u64, Lesson)>,
    /// Lessons that found no room, or had to leave.
    pub(super) dropped: u64,
}

impl Lessons {
    /// Takes what is new about an event of this risk.
    pub(super) fn collect(
        &mut self,
        event: &Event<'_>,
        (seen, novel): (&Observation, Novel),
        cluster: &Cluster,
        risk: u8,
    ) {
        let username = &*event.username;
        for (facet, hash) in seen.iter().filter(|&(facet, _)| novel.contains(facet)) {
            self.add(risk, (username, facet, hash), || Lesson::Value {
                principal: username.into(),
                facet: facet.as_str().into(),
                hash,
                shown: facet.describe(event).into(),
            });
        }
        if let Some(id) = event.facts.issued_credential_id.as_deref() {
            self.add(risk, (id, "issue"), || Lesson::Issue { credential: id.into() });
        }
        self.collect_use(event, seen, cluster, risk);
    }

    /// Takes what is not normal about the use of the event's credential.
    fn collect_use(&mut self, event: &Event<'_>, seen: &Observation, cluster: &Cluster, risk: u8) {
        let Some(id) = event.credential.id.as_deref() else { return };
        let life = cluster.credentials.life(id);
        if let Some(ip) = event.source_ip.filter(|&ip| life.is_none_or(|life| life.normal_use(ip).is_none())) {
            self.add(risk, (id, ip), || Lesson::Address { credential: id.into(), ip });
        }
        let is_new = |client: &u64| life.is_none_or(|life| !life.clients.contains(client));
        if let Some(client) = seen.value(Facet::Agent).filter(is_new) {
            self.add(risk, (id, client), || Lesson::Client { credential: id.into(), client });
        }
        if life.is_some_and(|life| life.is_suspect) {
            self.add(risk, (id, "issue"), || Lesson::Issue { credential: id.into() });
        }
    }

    /// A lesson is made only if there is room for it and it is not there yet.
    fn add(&mut self, risk: u8, what: impl Hash, lesson: impl FnOnce() -> Lesson) {
        let key = hash(|h| what.hash(h));
        if let Some((most, ..)) = self.kept.iter_mut().find(|(_, known, _)| *known == key) {
            *most = risk.max(*most);
            return;
        }
        if self.kept.len() >= MAX_LESSONS {
            self.dropped += 1;
            let least =
                self.kept.iter().enumerate().min_by_key(|(_, (risk, ..))| *risk).map(|(n, (risk, ..))| (n, *risk));
            match least.filter(|&(_, least)| least < risk) {
                Some((n, _)) => drop(self.kept.remove(n)),
                None => return,
            }
        }
        self.kept.push((risk, key, lesson()));
    }

    /// All of them, in the order in which they were first seen.
    pub(super) fn all(&self) -> Vec<Lesson> {
        self.kept.iter().map(|(.., lesson)| lesson.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(n: usize) -> Lesson {
        Lesson::Issue { credential: n.to_string().into() }
    }

    #[test]
    fn a_flood_of_trifles_does_not_push_out_what_is_grave() {
        let mut lessons = Lessons::default();
        lessons.add(90, 0, || issue(0));
        for n in 1..1_000 {
            lessons.add(20, n, || issue(n));
        }
        lessons.add(80, 1_000, || issue(1_000));
        assert_eq!(lessons.dropped, 1_001 - MAX_LESSONS as u64);
        let all = lessons.all();
        assert_eq!(all.len(), MAX_LESSONS);
        assert!(all.contains(&issue(0)) && all.contains(&issue(1_000)) && !all.contains(&issue(1)));
    }

    #[test]
    fn the_same_is_one_lesson() {
        let mut lessons = Lessons::default();
        (0..3).for_each(|_| lessons.add(20, "x", || issue(1)));
        assert_eq!((lessons.dropped, lessons.all()), (0, vec![issue(1)]));
    }
}
