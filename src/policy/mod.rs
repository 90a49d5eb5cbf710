//! An API server's audit policy: what it records of a request, and what it loses of what detectors need.
//!
//! What a policy means is what the API server makes of it: `pkg/audit/policy/checker.go` of kubernetes/apiserver, and
//! `pkg/apis/audit/validation/validation.go` for what it refuses.

use crate::event::Stage;

mod parse;
mod probe;
mod remedy;
mod rule;

pub use probe::{Need, PROBES, Probe};
pub use remedy::{Remedy, Wanted};
pub use rule::{Request, Resources, Rule};

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    None,
    /// Who did what to what, without bodies.
    Metadata,
    /// The request's body too.
    Request,
    /// Both bodies.
    RequestResponse,
}

impl Level {
    const ALL: [Self; 4] = [Self::None, Self::Metadata, Self::Request, Self::RequestResponse];

    /// What a policy calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// Stages that are not recorded, where a policy says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OmitStages {
    /// The line, from 1.
    pub line: usize,
    /// Which.
    pub stages: Vec<Stage>,
}

/// An audit policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The first that matches a request decides on it.
    pub rules: Vec<Rule>,
    /// Stages that no rule records.
    pub omit_stages: OmitStages,
}

/// Why something is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The rule at this line, the first that matches, records less than is needed.
    Level(usize, Level),
    /// These lines omit the stage.
    Stage(Vec<usize>, &'static str),
    /// No rule matches, which is as good as level None.
    NoRule,
}

/// Requests that are lost for one cause.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Why.
    pub cause: Cause,
    /// Which, in the order of [`PROBES`].
    pub probes: Vec<&'static Probe>,
    /// What would record them.
    pub remedy: Remedy,
}

impl Cause {
    /// Where it is told: by its line, what no rule is for last.
    fn place(&self) -> (usize, &Self) {
        let line = match self {
            Self::Level(line, _) => *line,
            Self::Stage(lines, _) => lines.first().copied().unwrap_or_default(),
            Self::NoRule => usize::MAX,
        };
        (line, self)
    }
}

impl Policy {
    /// The rule that decides on `request`.
    #[must_use]
    pub fn rule(&self, request: &Request<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(request))
    }

    /// All that detectors need and this policy does not record, by cause in the order of lines.
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        let causes = |probe: &'static Probe| self.causes(probe).into_iter().map(move |cause| (cause, probe));
        let mut lost: Vec<(Cause, &Probe)> = PROBES.iter().flat_map(causes).collect();
        lost.sort_by(|a, b| a.0.place().cmp(&b.0.place()));
        let of_one_cause = lost.chunk_by(|a, b| a.0 == b.0).map(|lost| {
            let (cause, probes) = (lost[0].0.clone(), lost.iter().map(|(_, probe)| *probe).collect::<Vec<_>>());
            Loss { remedy: self.remedy(&cause, &probes), cause, probes }
        });
        of_one_cause.collect()
    }

    /// Why a probe is lost; nothing if it is not.
    fn causes(&self, probe: &Probe) -> Vec<Cause> {
        let rule = self.rule(&probe.request);
        let level = match rule {
            None => Some(Cause::NoRule),
            Some(rule) if rule.level < probe.need.level() => Some(Cause::Level(rule.line, rule.level)),
            Some(_) => None,
        };
        let (stage, name) = probe.need.stage();
        let places = [Some(&self.omit_stages), rule.map(|rule| &rule.omit_stages)];
        let omitted = places.into_iter().flatten().filter(|omit| omit.stages.contains(&stage));
        let lines: Vec<usize> = omitted.map(|omit| omit.line).collect();
        let stage = (!lines.is_empty()).then_some(Cause::Stage(lines, name));
        level.into_iter().chain(stage).collect()
    }
}

#[cfg(test)]
mod tests;
