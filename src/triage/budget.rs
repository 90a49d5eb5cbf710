//! How many incidents a person is told of in a day. What is held back keeps its severity and is written all the same.

use std::collections::BTreeMap;

use crate::alert::Severity;
use crate::event::{Span, Timestamp};

/// Days of which it is known how much was spent, at most: incidents stay open for one.
const DAYS: usize = 8;

/// A day's first few, and whatever is critical.
#[derive(Debug)]
pub(super) struct Budget {
    a_day: usize,
    /// By day since the Unix epoch.
    pub(super) spent: BTreeMap<i64, usize>,
}

impl Budget {
    pub(super) const fn new(a_day: usize) -> Self {
        Self { a_day, spent: BTreeMap::new() }
    }

    /// Whether a person is told of an incident that began at `first`, was `before` bad and is `now`. One that was held
    /// back when it became medium is told of only if it becomes critical.
    pub(super) fn allows(&mut self, before: Option<Severity>, now: Severity, first: Timestamp) -> bool {
        let is_new = before.is_none_or(|before| before < Severity::Medium) && now >= Severity::Medium;
        let spent = self.spent.entry(first.0.div_euclid(Span::days(1).0)).or_default();
        let allowed = now == Severity::Critical || (is_new && *spent < self.a_day);
        *spent += usize::from(allowed);
        if self.spent.len() > DAYS {
            self.spent.pop_first();
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_first_few_and_whatever_is_critical() {
        let mut budget = Budget::new(1);
        let (monday, tuesday) = (Timestamp::default(), Timestamp(Span::days(1).0));
        assert!(budget.allows(None, Severity::Medium, monday));
        assert!(!budget.allows(Some(Severity::Low), Severity::High, monday));
        assert!(budget.allows(Some(Severity::High), Severity::Critical, monday));
        assert!(budget.allows(None, Severity::Medium, tuesday));
        assert!(!budget.allows(None, Severity::Low, Timestamp(Span::days(2).0)));
    }

    #[test]
    fn only_a_few_days_are_kept() {
        let mut budget = Budget::new(1);
        for day in 0..100 {
            budget.allows(None, Severity::Medium, Timestamp(Span::days(day).0));
        }
        assert_eq!(budget.spent.len(), DAYS);
    }
}
