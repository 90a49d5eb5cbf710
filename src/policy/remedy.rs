//! What to change in a policy, so that it records what it loses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::probe::OWN_GROUP;
use super::{Cause, Level, Need, PROBES, Policy, Probe, Request};

/// The verbs that come with a body.
const WRITES: &[&str] = &["create", "update", "patch"];

/// Verbs that a rule is about together.
const ALIKE: &[&[&str]] = &[&["get", "list", "watch"], WRITES, &["delete", "deletecollection"]];

/// A change of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Rules to put before the rule at this line.
    Before(usize, Vec<Wanted>),
    /// The rule at this line is for all requests, and needs this level.
    Raise(usize, Level),
    /// A stage to take out of what these lines omit.
    Keep(Vec<usize>, &'static str),
    /// A rule for whatever no other is for.
    CatchAll(Vec<Wanted>),
}

/// A rule that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    level: Level,
    verbs: &'static [&'static str],
    /// By group.
    resources: BTreeMap<&'static str, BTreeSet<String>>,
    paths: BTreeSet<&'static str>,
    /// Resources of groups that only the reader knows.
    own: bool,
}

impl Policy {
    /// What would record `lost`, which are lost for `cause`.
    pub(super) fn remedy(&self, cause: &Cause, lost: &[&'static Probe]) -> Remedy {
        let rules = wanted(lost);
        let needs_bodies = rules.iter().any(|rule| rule.level == Level::Request);
        match cause {
            Cause::Stage(lines, stage) => Remedy::Keep(lines.clone(), stage),
            // what else is lost, a rule for everything records
            Cause::NoRule => Remedy::CatchAll(rules.into_iter().filter(|rule| rule.level == Level::Request).collect()),
            Cause::Level(line, Level::None) if self.is_for_all(*line) && !needs_bodies => {
                Remedy::Raise(*line, Level::Metadata)
            }
            Cause::Level(line, _) => Remedy::Before(*line, rules),
        }
    }

    fn is_for_all(&self, line: usize) -> bool {
        self.rules.iter().any(|rule| rule.line == line && rule.matches_all())
    }
}

/// Rules that record such requests, and take nothing from those that stand below them: what comes with a body that is
/// read keeps it, whatever was asked for here.
fn wanted(probes: &[&Probe]) -> Vec<Wanted> {
    let mut rules: BTreeMap<(&[&'static str], bool, bool), Wanted> = BTreeMap::new();
    for Request { verb, path, group, resource, subresource, .. } in probes.iter().map(|probe| probe.request) {
        let with_body = WRITES.contains(&verb) && is_read(group, resource, subresource);
        let level = if with_body { Level::Request } else { Level::Metadata };
        let verbs = *ALIKE.iter().find(|verbs| verbs.contains(&verb)).expect("a test holds the table to these verbs");
        let new = || Wanted { level, verbs, resources: BTreeMap::new(), paths: BTreeSet::new(), own: false };
        let rule = rules.entry((verbs, with_body, path.is_empty())).or_insert_with(new);
        if !path.is_empty() {
            rule.paths.insert(path);
        } else if group == OWN_GROUP {
            rule.own = true;
        } else {
            let slash = if subresource.is_empty() { "" } else { "/" };
            rule.resources.entry(group).or_default().insert(format!("{resource}{slash}{subresource}"));
        }
    }
    rules.into_values().collect()
}

/// Whether a body of such an object is read.
fn is_read(group: &str, resource: &str, subresource: &str) -> bool {
    let same = |r: &Request<'_>| (r.group, r.resource, r.subresource) == (group, resource, subresource);
    PROBES.iter().any(|probe| probe.need == Need::Body && same(&probe.request))
}

impl fmt::Display for Wanted {
    /// As a policy has it, in the lines of one list item.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: Vec<&str>| words.join(", ");
        writeln!(f, "- level: {}", self.level.as_str())?;
        writeln!(f, "  verbs: [{}]", self.verbs.join(", "))?;
        if !self.paths.is_empty() {
            return writeln!(f, "  nonResourceURLs: [{}]", list(self.paths.iter().copied().collect()));
        }
        writeln!(f, "  resources:")?;
        if self.own {
            writeln!(f, "  - group: {OWN_GROUP} # in its place, the groups of your own resources")?;
        }
        for (group, resources) in &self.resources {
            writeln!(f, "  - group: \"{group}\"")?;
            writeln!(f, "    resources: [{}]", list(resources.iter().map(String::as_str).collect()))?;
        }
        Ok(())
    }
}
