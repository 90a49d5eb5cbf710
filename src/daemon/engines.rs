//! The engines of all clusters: what a batch or a word changes, and what there is to tell of it.

use std::collections::BTreeMap;

use crate::alert::Notice;
use crate::engine::{Engine, Feed, Settings, Taught, Verdict};
use crate::event::{Event, Timestamp};
use crate::state::{self, State};
use crate::store::{Kept, Known, Said};

/// Clusters at once, at most: names of clusters may come with records.
const MAX_CLUSTERS: usize = 256;

/// Feeds of one cluster, at most: a feed is remembered by its number.
const MAX_FEEDS: usize = 4_096;

/// What became of the events of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Judged and learnt.
    pub judged: u64,
    /// Of these, unusual.
    pub unusual: u64,
    /// Seen before.
    pub repeats: u64,
    /// Of a stage that is not judged.
    pub unjudged: u64,
    /// The latest of them.
    pub latest: Option<Timestamp>,
}

/// The engine of one cluster, with the names of its feeds.
struct Cluster {
    engine: Engine,
    feeds: Vec<String>,
}

/// Engines by cluster.
pub struct Engines {
    settings: Settings,
    clusters: BTreeMap<String, Cluster>,
}

impl Engines {
    /// Engines that go on from what was kept.
    #[must_use]
    pub fn resume(settings: Settings, kept: Vec<Kept>) -> Self {
        let mut engines = Self { settings, clusters: BTreeMap::new() };
        for Kept { state, incidents } in kept {
            engines.adopt(state).engine.take_up(incidents);
        }
        engines
    }

    /// What room there is.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes up what was learnt of a cluster, in place of what is known of it.
    fn adopt(&mut self, state: State) -> &mut Cluster {
        let mut engine = Engine::resume(&state.cluster, &self.settings, state.learned);
        engine.go_live();
        self.clusters.remove(&state.cluster);
        self.clusters.entry(state.cluster).or_insert(Cluster { engine, feeds: state.feeds })
    }

    /// Takes what was learnt of a cluster elsewhere, in place of what is known of it; open incidents are closed.
    pub fn import(&mut self, state: State) -> Vec<Notice> {
        let notices = self.clusters.get_mut(&state.cluster).map(|old| {
            old.engine.finish();
            old.engine.notices()
        });
        self.adopt(state);
        notices.unwrap_or_default()
    }

    /// Judges the events of one batch, in order; none if there are too many clusters, or feeds of this one.
    pub fn judge(&mut self, cluster: &str, feed: &str, events: &[Event<'_>]) -> Option<(Outcome, Vec<Notice>)> {
        let Cluster { engine, feeds } = self.cluster(cluster)?;
        let feed = numbered(feeds, feed)?;
        let mut outcome = Outcome::default();
        for event in events {
            match engine.process(feed, event) {
                Verdict::Repeat => outcome.repeats += 1,
                Verdict::Unjudged => outcome.unjudged += 1,
                Verdict::Quiet => outcome.judged += 1,
                Verdict::Unusual(_) => (outcome.judged, outcome.unusual) = (outcome.judged + 1, outcome.unusual + 1),
            }
            outcome.latest = outcome.latest.max(Some(event.at));
        }
        Some((outcome, engine.notices()))
    }

    /// Changes what is known as somebody said; none if the cluster is not known.
    pub fn hear(&mut self, cluster: &str, said: &Said) -> Option<Taught> {
        let engine = &mut self.clusters.get_mut(cluster)?.engine;
        Some(match said {
            Said::Teach { feedback, lessons, at } => engine.teach(*feedback, lessons, *at),
            Said::Forget { principal } => Taught { values: u64::from(engine.forget(principal)), ..Taught::default() },
        })
    }

    /// What there is to tell that is not due yet.
    pub fn flush(&mut self) -> Vec<Notice> {
        let all = self.clusters.values_mut().flat_map(|Cluster { engine, .. }| {
            engine.flush();
            engine.notices()
        });
        all.collect()
    }

    /// All that is known, to be kept.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        let known = |(name, cluster): (&String, &Cluster)| Known {
            cluster: name.clone(),
            learned: state::pack(name, &cluster.feeds, cluster.engine.learned()),
            incidents: cluster.engine.incidents(),
        };
        self.clusters.iter().map(known).collect()
    }

    /// What was learnt of one cluster, as [`pack`](state::pack) makes it.
    #[must_use]
    pub fn export(&self, cluster: &str) -> Option<Vec<u8>> {
        let known = self.clusters.get(cluster)?;
        Some(state::pack(cluster, &known.feeds, known.engine.learned()))
    }

    /// Every cluster with its engine, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Engine)> {
        self.clusters.iter().map(|(name, cluster)| (name.as_str(), &cluster.engine))
    }

    fn cluster(&mut self, name: &str) -> Option<&mut Cluster> {
        if !self.clusters.contains_key(name) {
            if self.clusters.len() >= MAX_CLUSTERS {
                return None;
            }
            let mut engine = Engine::new(name, &self.settings);
            engine.go_live();
            self.clusters.insert(name.to_owned(), Cluster { engine, feeds: Vec::new() });
        }
        self.clusters.get_mut(name)
    }
}

/// The number of a feed, a new one if it has none yet.
fn numbered(feeds: &mut Vec<String>, name: &str) -> Option<Feed> {
    let number = feeds.iter().position(|known| known == name).or_else(|| {
        feeds.push(name.to_owned());
        (feeds.len() <= MAX_FEEDS).then(|| feeds.len() - 1)
    });
    feeds.truncate(MAX_FEEDS);
    number.and_then(|n| u16::try_from(n).ok()).map(Feed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::event;

    #[test]
    fn clusters_know_nothing_of_each_other_and_are_bounded() {
        let mut engines = Engines::resume(Settings::default(), Vec::new());
        for n in 0..MAX_CLUSTERS {
            assert!(engines.judge(&format!("c-{n}"), "f", &[event()]).is_some());
        }
        assert!(engines.judge("one more", "f", &[event()]).is_none());
        assert!(engines.judge("c-0", "f", &[event()]).is_some_and(|(outcome, _)| outcome.repeats == 1));
        assert!(engines.iter().all(|(_, engine)| engine.census().principals == 1));
    }

    #[test]
    fn feeds_are_numbered_in_the_order_in_which_they_came_and_bounded() {
        let mut feeds = Vec::new();
        assert_eq!((numbered(&mut feeds, "a"), numbered(&mut feeds, "b")), (Some(Feed(0)), Some(Feed(1))));
        assert_eq!(numbered(&mut feeds, "a"), Some(Feed(0)));
        (0..2 * MAX_FEEDS).for_each(|n| _ = numbered(&mut feeds, &n.to_string()));
        assert_eq!((feeds.len(), numbered(&mut feeds, "z")), (MAX_FEEDS, None));
    }

    #[test]
    fn what_is_known_can_be_kept_and_taken_up() {
        let mut engines = Engines::resume(Settings::default(), Vec::new());
        engines.judge("a", "f", &[event()]);
        let bytes = engines.export("a").expect("it is known");
        let state = State::unpack(&bytes, &Settings::default()).expect("what was packed");
        let mut other = Engines::resume(Settings::default(), Vec::new());
        assert_eq!(other.import(state), []);
        assert_eq!(other.export("a"), Some(bytes));
        let forget = Said::Forget { principal: event().username.into_owned() };
        assert_eq!(other.hear("a", &forget).map(|taught| taught.values), Some(1));
        assert_eq!(other.hear("b", &forget), None);
    }
}
