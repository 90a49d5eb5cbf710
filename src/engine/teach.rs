//! What an analyst says of an incident is learnt.

use super::{Engine, Learned};
use crate::alert::{Feedback, Lesson};
use crate::baseline::{Facet, Standing};
use crate::event::{Principal, Timestamp};

/// What came of an analyst's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Taught {
    /// Values of principals that are now as the analyst said.
    pub values: u64,
    /// Addresses, clients and issues of credentials that are now as the analyst said.
    pub credentials: u64,
    /// Lessons about credentials that are forgotten, or of a facet that is not known.
    pub unknown: u64,
}

impl Engine {
    /// Learns what an analyst said, at `at`, of an incident with these lessons.
    ///
    /// Benign: what was new in it is normal at once, for its principals and their peers. Malicious: it is blocked, it
    /// does not become normal by being seen and counts as new whenever it is, until it is called benign.
    pub fn teach(&mut self, feedback: Feedback, lessons: &[Lesson], at: Timestamp) -> Taught {
        let mut taught = Taught::default();
        for lesson in lessons {
            let is_value = matches!(lesson, Lesson::Value { .. });
            let learnt = match (self.learned.take(feedback, lesson, at), is_value) {
                (false, _) => &mut taught.unknown,
                (true, true) => &mut taught.values,
                (true, false) => &mut taught.credentials,
            };
            *learnt += 1;
        }
        taught
    }
}

impl Engine {
    /// Forgets what a principal normally does; false if nothing was known.
    pub fn forget(&mut self, username: &str) -> bool {
        self.learned.baselines.remove(username)
    }
}

impl Learned {
    /// Takes one lesson; false if what it is about is not known.
    fn take(&mut self, feedback: Feedback, lesson: &Lesson, at: Timestamp) -> bool {
        let credentials = &mut self.cluster.credentials;
        match lesson {
            Lesson::Value { principal, facet, hash, shown } => {
                let facet = Facet::named(facet);
                facet.map(|facet| self.take_value(feedback, principal, (facet, *hash), shown, at)).is_some()
            }
            Lesson::Address { credential, ip } => credentials.teach_address(feedback, credential, *ip, at),
            Lesson::Client { credential, client } => credentials.teach_client(feedback, credential, *client),
            Lesson::Issue { credential } => credentials.teach_issue(feedback, credential),
        }
    }

    fn take_value(&mut self, feedback: Feedback, username: &str, value: (Facet, u64), shown: &str, at: Timestamp) {
        let Self { baselines, cluster, .. } = self;
        let symbol = || baselines.intern(shown);
        let before = baselines.with(username, at, |baseline| baseline.teach(feedback, value, at, symbol));
        let (principal, was_normal) = (Principal::parse(username), before == Some(Standing::Normal));
        match (feedback, was_normal) {
            // An analyst's word is how things are, no change that accounts make together.
            (Feedback::Benign, false) => cluster.peers.learn(principal, value.0, value.1, None),
            (Feedback::Malicious, true) => cluster.peers.forget(principal, value.0, value.1),
            (Feedback::Benign, true) | (Feedback::Malicious, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Incident;
    use crate::engine::{Feed, Settings, Verdict};
    use crate::event::{Event, Span};
    use crate::sample::{START, event};

    /// After a quiet period a stolen token lists secrets from elsewhere, with another client.
    fn attacked() -> (Engine, Vec<Lesson>) {
        let mut engine = Engine::new("test", &Settings::default());
        for minute in 0..120 {
            engine.learn(Feed(0), &event().after(Span::minutes(minute)));
        }
        assert!(is_told(&mut engine, Span::hours(2)));
        let lessons = lessons(&mut engine);
        assert!(!lessons.is_empty());
        (engine, lessons)
    }

    fn theft(span: Span) -> Event<'static> {
        event().doing("list", "secrets").on("bank", "").from("203.0.113.7").with("curl/8").after(span)
    }

    fn is_told(engine: &mut Engine, span: Span) -> bool {
        matches!(engine.process(Feed(0), &theft(span)), Verdict::Unusual(_))
    }

    fn lessons(engine: &mut Engine) -> Vec<Lesson> {
        engine.finish().into_iter().flat_map(|incident| incident.lessons).collect()
    }

    fn at(span: Span) -> Timestamp {
        Timestamp(START.0 + span.0)
    }

    /// Days, counted from the attack, on which the same is told again, if it happens on each of ten.
    fn days_told(engine: &mut Engine) -> Vec<i64> {
        (1..=10).filter(|&day| is_told(engine, Span::days(day))).collect()
    }

    #[test]
    fn benign_makes_the_same_quiet_at_once_and_for_peers_too() {
        let (mut engine, lessons) = attacked();
        let taught = engine.teach(Feedback::Benign, &lessons, at(Span::hours(3)));
        assert_eq!((taught.values > 0, taught.credentials, taught.unknown), (true, 2, 0));
        assert_eq!(engine.process(Feed(0), &theft(Span::minutes(181))), Verdict::Quiet);
        let other = Principal::ServiceAccount { namespace: "till", name: "cart" };
        engine.learned.cluster.peers.join(other);
        let namespace = Facet::Namespace.parse("bank").unwrap();
        let peers = engine.learned.cluster.peers.like(other, Facet::Namespace, namespace);
        assert_eq!(peers.map(|peers| peers.doing), Some(1));
    }

    #[test]
    fn quarantine_alone_ends_after_three_days() {
        let (mut engine, _) = attacked();
        assert_eq!(days_told(&mut engine), [1, 2]);
    }

    #[test]
    fn malicious_is_told_for_ever_and_said_to_be() {
        let (mut engine, lessons) = attacked();
        engine.teach(Feedback::Malicious, &lessons, at(Span::hours(3)));
        assert_eq!(days_told(&mut engine), (1..=10).collect::<Vec<_>>());
        let last: Incident = engine.finish().pop().unwrap();
        assert!(
            last.message().contains("what an analyst called malicious, again: \"list secrets\""),
            "{}",
            last.message()
        );
        assert!(last.signals().any(|s| s.detector == "new-action" && s.surprise.0 >= 10.0));
    }

    #[test]
    fn benign_after_malicious_releases() {
        let (mut engine, lessons) = attacked();
        engine.teach(Feedback::Malicious, &lessons, at(Span::hours(3)));
        assert!(is_told(&mut engine, Span::hours(4)));
        engine.teach(Feedback::Benign, &lessons, at(Span::hours(5)));
        assert!(!is_told(&mut engine, Span::hours(6)));
    }

    #[test]
    fn what_had_become_normal_is_blocked_too_and_no_habit_of_peers_any_more() {
        let (mut engine, lessons) = attacked();
        engine.teach(Feedback::Benign, &lessons, at(Span::hours(3)));
        engine.teach(Feedback::Malicious, &lessons, at(Span::hours(4)));
        assert!(is_told(&mut engine, Span::hours(5)));
        let action = Facet::Action.parse("list secrets").unwrap();
        assert_eq!(engine.learned.cluster.peers.in_cluster(Facet::Action, action).doing, 0);
    }

    #[test]
    fn what_had_to_leave_can_still_be_taught() {
        let (_, lessons) = attacked();
        for (feedback, told) in [(Feedback::Benign, false), (Feedback::Malicious, true)] {
            let mut engine = Engine::new("test", &Settings::default());
            let taught = engine.teach(feedback, &lessons, START);
            assert_eq!((taught.values > 0, taught.unknown), (true, 2), "the credential is forgotten");
            for minute in 1..120 {
                engine.learn(Feed(0), &event().from("203.0.113.7").with("curl/8").after(Span::minutes(minute)));
            }
            assert_eq!(is_told(&mut engine, Span::hours(2)), told);
        }
    }

    #[test]
    fn a_lesson_survives_being_stored() {
        let (_, lessons) = attacked();
        let stored = serde_json::to_string(&lessons).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Lesson>>(&stored).unwrap(), lessons);
    }
}
