//! What SIEMs want to know of an ATT&CK technique beyond its id and name.

use crate::alert::Technique;

/// The id of an enterprise tactic, by its name.
const TACTICS: [(&str, &str); 14] = [
    ("Reconnaissance", "TA0043"),
    ("Resource Development", "TA0042"),
    ("Initial Access", "TA0001"),
    ("Execution", "TA0002"),
    ("Persistence", "TA0003"),
    ("Privilege Escalation", "TA0004"),
    ("Defense Evasion", "TA0005"),
    ("Credential Access", "TA0006"),
    ("Discovery", "TA0007"),
    ("Lateral Movement", "TA0008"),
    ("Collection", "TA0009"),
    ("Command and Control", "TA0011"),
    ("Exfiltration", "TA0010"),
    ("Impact", "TA0040"),
];

/// `TA0006` for `Credential Access`; nothing for a name outside the enterprise matrix.
pub(super) fn tactic_id(name: &str) -> Option<&'static str> {
    TACTICS.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}

/// The technique that a sub-technique refines: `T1552` of `T1552.007`. Nothing if it is no sub-technique.
pub(super) fn parent(technique: Technique) -> Option<&'static str> {
    technique.id.split_once('.').map(|(parent, _)| parent)
}

/// The page that describes a technique.
pub(super) fn reference(technique: Technique) -> String {
    format!("https://attack.mitre.org/techniques/{}/", technique.id.replace('.', "/"))
}

/// Each tactic once, in order of first mention.
pub(super) fn tactics(techniques: &[Technique]) -> Vec<&'static str> {
    let mut out = Vec::new();
    for technique in techniques {
        if !out.contains(&technique.tactic) {
            out.push(technique.tactic);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER_API: Technique = Technique { id: "T1552.007", name: "Container API", tactic: "Credential Access" };

    #[test]
    fn a_sub_technique_knows_its_technique_and_page() {
        assert_eq!(parent(CONTAINER_API), Some("T1552"));
        assert_eq!(reference(CONTAINER_API), "https://attack.mitre.org/techniques/T1552/007/");
        assert_eq!(parent(Technique { id: "T1609", ..CONTAINER_API }), None);
    }

    #[test]
    fn tactics_are_known_by_name_and_told_once() {
        assert_eq!(tactic_id("Credential Access"), Some("TA0006"));
        assert_eq!(tactic_id("credential access"), None);
        let other = Technique { id: "T1613", name: "Container and Resource Discovery", tactic: "Discovery" };
        assert_eq!(tactics(&[CONTAINER_API, other, CONTAINER_API]), ["Credential Access", "Discovery"]);
    }
}
