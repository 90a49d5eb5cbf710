//! What is known to be an attack: a file that names the audit ids of each.
//!
//! ```yaml
//! scenarios:
//!   - id: stolen-token
//!     audit_ids: [53e48d3e-7b2b-4d13-a0c4-ae8bbd1b44a1, 7c1a2e0c-5f3e-4c5e-9d0b-2f8a3e0f6a11]
//!     # and if wanted: name, tactic, technique, description
//! ```
//!
//! YAML or JSON, which is told by its first brace: JSON spells characters beyond the basic plane as surrogate pairs, and YAML
//! knows none. Keys that are not named here are nobody's business.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use saphyr::{MarkedYaml, Scalar, YamlData};
use serde::Deserialize;

use crate::config::yaml::{document, kind};
use crate::config::{self, ConfigError, Problem};
use crate::text::Text;

/// The attacks in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Each once, in the order of the file.
    pub scenarios: Vec<Scenario>,
    /// Those without an audit id, of which no log can tell.
    pub without_events: usize,
}

/// An attack, and the requests that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it is called.
    pub id: Text,
    /// What it is called at more length.
    pub name: Option<Text>,
    /// What it is for.
    pub tactic: Option<Text>,
    /// ATT&CK's number for it.
    pub technique: Option<Text>,
    /// What happens.
    pub description: Option<Text>,
    /// Its requests, as [`crate::alert::Alert::audit_id`] has them.
    pub audit_ids: Vec<Text>,
}

impl Labels {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or with everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        config::load(path, Self::parse)
    }

    /// Reads the text of a file. Scenarios of the same id and name are one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let is_json = text.trim_start().starts_with('{');
        let found = if is_json { from_json(text, &mut problems) } else { from_yaml(text, &mut problems) };
        let mut labels = Self::default();
        found.into_iter().for_each(|scenario| labels.add(scenario));
        if problems.is_empty() && labels.scenarios.is_empty() {
            problems.push(Problem { line: 1, what: format!("found no scenario with audit ids, wanted {WANTED}") });
        }
        if problems.is_empty() { Ok(labels) } else { Err(problems) }
    }

    fn add(&mut self, new: Scenario) {
        if new.audit_ids.is_empty() {
            self.without_events += 1;
            return;
        }
        match self.scenarios.iter_mut().find(|known| (&known.id, &known.name) == (&new.id, &new.name)) {
            Some(known) => known.audit_ids.extend(new.audit_ids),
            None => self.scenarios.push(new),
        }
    }
}

impl Scenario {
    /// Its id and its name.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.id),
            None => self.id.to_string(),
        }
    }
}

/// The least that a file of labels says.
const WANTED: &str = "scenarios: [{id: stolen-token, audit_ids: [...]}, ...]";

/// A file as JSON has it.
#[derive(Deserialize)]
struct File {
    scenarios: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    name: Option<String>,
    tactic: Option<String>,
    technique: Option<String>,
    description: Option<String>,
    audit_ids: Vec<String>,
}

impl From<Entry> for Scenario {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.into(),
            name: entry.name.map(Text::from),
            tactic: entry.tactic.map(Text::from),
            technique: entry.technique.map(Text::from),
            description: entry.description.map(Text::from),
            audit_ids: entry.audit_ids.into_iter().map(Text::from).collect(),
        }
    }
}

fn from_json(text: &str, problems: &mut Vec<Problem>) -> Vec<Scenario> {
    // the line is told apart from what is wrong in it
    let what = |said: &str| said.rsplit_once(" at line ").map_or(said, |(what, _)| what).to_owned();
    let file = serde_json::from_str::<File>(text);
    let file = file.map_err(|e| problems.push(Problem { line: e.line(), what: what(&e.to_string()) })).ok();
    file.map_or_else(Vec::new, |file| file.scenarios.into_iter().map(Scenario::from).collect())
}

fn from_yaml(text: &str, problems: &mut Vec<Problem>) -> Vec<Scenario> {
    let nodes = scenarios(text, problems).into_iter();
    nodes.filter_map(|node| scenario(node).map_err(|problem| problems.push(problem)).ok()).collect()
}

/// The entries of the list `scenarios`.
fn scenarios<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Vec<MarkedYaml<'a>> {
    let Some(node) = document(text, problems) else { return Vec::new() };
    let line = node.span.start.line();
    let found = match node.data {
        YamlData::Mapping(mapping) => mapping.into_iter().filter_map(named).find(|(key, _)| key == "scenarios"),
        _ => None,
    };
    let what = match found {
        Some((_, MarkedYaml { data: YamlData::Sequence(list), .. })) => return list,
        Some((_, other)) => format!("scenarios: found {}, wanted a list", kind(&other.data)),
        None => format!("found no key scenarios, wanted {WANTED}"),
    };
    problems.push(Problem { line, what });
    Vec::new()
}

fn scenario(node: MarkedYaml<'_>) -> Result<Scenario, Problem> {
    let line = node.span.start.line();
    let YamlData::Mapping(mapping) = node.data else {
        return Err(Problem { line, what: format!("found {}, wanted a scenario: id and audit_ids", kind(&node.data)) });
    };
    let mut fields: HashMap<Cow<'_, str>, MarkedYaml<'_>> = mapping.into_iter().filter_map(named).collect();
    let mut text = |key: &str| fields.remove(key).map(|node| words(key, node)).transpose();
    let missing = |key: &str| Problem { line, what: format!("found a scenario without {key}") };
    Ok(Scenario {
        id: text("id")?.ok_or_else(|| missing("id"))?,
        name: text("name")?,
        tactic: text("tactic")?,
        technique: text("technique")?,
        description: text("description")?,
        audit_ids: list("audit_ids", fields.remove("audit_ids").ok_or_else(|| missing("audit_ids"))?)?,
    })
}

/// A key with its value, if it has one.
fn named<'a>((key, value): (MarkedYaml<'a>, MarkedYaml<'a>)) -> Option<(Cow<'a, str>, MarkedYaml<'a>)> {
    match (key.data, &value.data) {
        (_, YamlData::Value(Scalar::Null)) => None,
        (YamlData::Value(Scalar::String(key)), _) => Some((key, value)),
        _ => None,
    }
}

fn list(key: &str, node: MarkedYaml<'_>) -> Result<Vec<Text>, Problem> {
    match node.data {
        YamlData::Sequence(nodes) => nodes.into_iter().map(|node| words(key, node)).collect(),
        other => Err(wrong(key, node.span.start.line(), kind(&other), "a list of audit ids")),
    }
}

fn words(key: &str, node: MarkedYaml<'_>) -> Result<Text, Problem> {
    match node.data {
        YamlData::Value(Scalar::String(words)) if !words.is_empty() => Ok(Text::new(&words)),
        YamlData::Value(Scalar::Null | Scalar::String(_)) => {
            Err(wrong(key, node.span.start.line(), "nothing", "a text"))
        }
        YamlData::Value(_) => Err(wrong(key, node.span.start.line(), "another value", "a text: put it in quotes")),
        other => Err(wrong(key, node.span.start.line(), kind(&other), "a text")),
    }
}

fn wrong(key: &str, line: usize, found: &str, wanted: &str) -> Problem {
    Problem { line, what: format!("{key}: found {found}, wanted {wanted}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(labels: &Labels) -> Vec<(String, Vec<&str>)> {
        let ids = |scenario: &'_ Scenario| scenario.title();
        labels.scenarios.iter().map(|s| (ids(s), s.audit_ids.iter().map(Text::as_str).collect())).collect()
    }

    fn problems(text: &str) -> Vec<String> {
        let problems = Labels::parse(text).expect_err("it is wrong");
        problems.iter().map(|p| format!("{}: {}", p.line, p.what)).collect()
    }

    #[test]
    fn a_few_lines_by_hand_are_enough() {
        let labels = Labels::parse("scenarios:\n- id: stolen\n  audit_ids:\n  - a-1\n  - a-2\n").expect("all right");
        assert_eq!(ids(&labels), [("stolen".to_owned(), vec!["a-1", "a-2"])]);
    }

    #[test]
    fn json_is_read_with_all_else_that_it_holds() {
        let text = "\n{\n\t\"test\": {\"events\": 5},\n\t\"scenarios\": [\n\t\t{\"id\": \"S01\", \"name\": \"caf\\u00e9 \\ud83d\\ude00\", \
                    \"audit_ids\": [\"a\"], \"n\": [1, null, true], \"tactic\": \"impact\", \"technique\": \"T1485\"},\n\t\t\
                    {\"id\": \"S02\", \"audit_ids\": []}\n\t]\n}\n";
        let labels = Labels::parse(text).expect("all right");
        assert_eq!(ids(&labels), [("S01 café 😀".to_owned(), vec!["a"])]);
        assert_eq!((&labels.scenarios[0].tactic, labels.without_events), (&Some("impact".into()), 1));
    }

    #[test]
    fn scenarios_of_the_same_id_and_name_are_one() {
        let text = "scenarios: [{id: a, name: x, audit_ids: ['1']}, {id: a, name: y, audit_ids: ['2']}, \
                    {id: a, name: x, audit_ids: ['3']}]";
        let labels = Labels::parse(text).expect("all right");
        assert_eq!(ids(&labels), [("a x".to_owned(), vec!["1", "3"]), ("a y".to_owned(), vec!["2"])]);
    }

    #[test]
    fn all_problems_are_told_at_once_with_what_would_be_right() {
        let text = "scenarios:\n- name: x\n  audit_ids: [a]\n- id: b\n- id: c\n  audit_ids: a\n- id: d\n  audit_ids: [7]\n\
                    - e\n- id: f\n  tactic: [x]\n  audit_ids: [a]\n";
        let expected = [
            "2: found a scenario without id",
            "4: found a scenario without audit_ids",
            "6: audit_ids: found one value, wanted a list of audit ids",
            "8: audit_ids: found another value, wanted a text: put it in quotes",
            "9: found one value, wanted a scenario: id and audit_ids",
            "11: tactic: found a list, wanted a text",
        ];
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn a_file_without_scenarios_is_told_what_it_lacks() {
        let wanted = format!("wanted {WANTED}");
        assert_eq!(problems("a: 1\n"), [format!("1: found no key scenarios, {wanted}")]);
        assert_eq!(problems(""), [format!("1: found no scenario with audit ids, {wanted}")]);
        assert_eq!(problems("scenarios: []\n"), [format!("1: found no scenario with audit ids, {wanted}")]);
        assert_eq!(problems("scenarios: {}\n"), ["1: scenarios: found a section, wanted a list"]);
        assert_eq!(problems("{\"scenarios\": [{\n\"id\": \"a\"}]}"), ["2: missing field `audit_ids`"]);
    }
}
