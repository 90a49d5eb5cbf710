//! What an audit policy loses of what detectors need.

use std::fmt::{self, Display};
use std::path::Path;

use crate::cli::{Exit, Failure};
use crate::format::rows::rows;
use crate::policy::{Cause, Loss, Need, PROBES, Policy, Probe, Remedy, Wanted};
use crate::sink::stream::Stream;

pub(super) fn examine(path: &Path, width: usize) -> Result<Exit, Failure> {
    let policy = Policy::load(path).map_err(|e| Failure::Usage(e.into()))?;
    let losses = policy.losses();
    Stream::stdout().say(&Report { losses: &losses, width })?;
    Ok(if losses.is_empty() { Exit::Done } else { Exit::Blind })
}

struct Report<'a> {
    losses: &'a [Loss],
    width: usize,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_lost = |probe: &&Probe| self.losses.iter().any(|loss| loss.probes.contains(probe));
        let (lost, all) = (PROBES.iter().filter(is_lost).count(), PROBES.len());
        if lost == 0 {
            return writeln!(f, "audit policy: records all {all} kinds of requests that detectors need");
        }
        writeln!(f, "audit policy: loses {lost} of {all} kinds of requests that detectors need")?;
        for Loss { cause, probes, remedy } in self.losses {
            writeln!(f)?;
            let lines = probes.iter().map(|probe| of_probe(cause, probe));
            let lines = std::iter::once(said(cause, probes)).chain(lines);
            rows(f, self.width, &title(cause), lines)?;
            self.remedy(f, remedy)?;
        }
        Ok(())
    }
}

fn of_probe(cause: &Cause, probe: &Probe) -> String {
    // whoever is not authenticated has a start alone
    let has_end = probe.need == Need::Start && !probe.request.user.is_empty();
    let verdict = if matches!(cause, Cause::Stage(..)) && has_end { "judge late" } else { "cannot judge" };
    format!("{}: {} {verdict}", probe.about, probe.blinds.join(", "))
}

fn title(cause: &Cause) -> String {
    match cause {
        Cause::Level(line, _) => format!("line {line}"),
        Cause::Stage(lines, _) => lines_of(lines),
        Cause::NoRule => "no rule".to_owned(),
    }
}

fn lines_of(lines: &[usize]) -> String {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    format!("line {}", lines.join(", "))
}

fn said(cause: &Cause, probes: &[&Probe]) -> String {
    let only_bodies = probes.iter().all(|probe| probe.need == Need::Body);
    match cause {
        Cause::Level(_, level) if only_bodies => format!("level {} is without the bodies of", level.as_str()),
        Cause::Level(_, level) => format!("level {} loses", level.as_str()),
        Cause::Stage(_, "ResponseStarted") => {
            "omits ResponseStarted: what is long-running is seen when it ends, maybe hours later, and a 401 never"
                .to_owned()
        }
        Cause::Stage(_, stage) => format!("omits {stage}, and so loses"),
        Cause::NoRule => "matches, which is as good as level None, and loses".to_owned(),
    }
}

impl Report<'_> {
    fn remedy(&self, f: &mut fmt::Formatter<'_>, remedy: &Remedy) -> fmt::Result {
        let (what, rules): (String, &[Wanted]) = match remedy {
            Remedy::Before(line, rules) => (format!("put before line {line}:"), rules),
            Remedy::Raise(line, level) => (format!("set the level of line {line} to {}", level.as_str()), &[]),
            Remedy::Keep(lines, stage) => (format!("take {stage} out of omitStages in {}", lines_of(lines)), &[]),
            Remedy::CatchAll(rules) => ("end the rules with:".to_owned(), rules),
        };
        rows(f, self.width, "to change", [what])?;
        // not wrapped: it is to be copied
        let last = matches!(remedy, Remedy::CatchAll(_)).then(|| "- level: Metadata\n".to_owned());
        for line in rules.iter().map(ToString::to_string).chain(last).collect::<String>().lines() {
            writeln!(f, "                {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(rules: &str) -> String {
        let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{rules}");
        let losses = Policy::parse(&text).expect("a policy").losses();
        Report { losses: &losses, width: 120 }.to_string()
    }

    #[test]
    fn a_policy_that_loses_nothing_is_told_in_one_line() {
        let expected = format!("audit policy: records all {} kinds of requests that detectors need\n", PROBES.len());
        assert_eq!(said_of("rules: [{level: Request}]"), expected);
    }

    #[test]
    fn a_loss_names_the_rule_the_detectors_and_the_change() {
        let kubelets = "rules:\n- level: None\n  users: ['system:node:node-1']\n  verbs: [create]\n- level: Request\n";
        let expected = format!(
            "audit policy: loses 1 of {} kinds of requests that detectors need\n
  line 4        level None loses
                a kubelet asks for a pod's token: token-minted, token-tainted, token-unissued cannot judge
  to change     put before line 4:
                - level: Request
                  verbs: [create, update, patch]
                  resources:
                  - group: \"\"
                    resources: [serviceaccounts/token]\n",
            PROBES.len()
        );
        assert_eq!(said_of(kubelets), expected);
    }

    #[test]
    fn omitted_stages_and_missing_rules_are_told() {
        let said = said_of("omitStages: [ResponseStarted]\nrules:\n- {level: Request, resources: [{group: ''}]}\n");
        assert!(said.contains("  line 3        omits ResponseStarted: what is long"), "{said}");
        assert!(said.contains("attach begins: new-action, new-reach judge late\n"), "{said}");
        assert!(said.contains("refused (401): unauthenticated-burst cannot judge\n"), "{said}");
        assert!(said.contains("  to change     take ResponseStarted out of omitStages in line 3\n"), "{said}");
        assert!(said.contains("  no rule       matches, which is as good as level None, and loses\n"), "{said}");
        assert!(said.ends_with("                - level: Metadata\n"), "{said}");
    }
}
