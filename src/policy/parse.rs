//! A policy's YAML, read more strictly than an API server reads it: a key that it would ignore is a mistake.

use saphyr::{MarkedYaml, Scalar, YamlData};

use super::{Level, OmitStages, Policy, Resources, Rule};
use crate::config::yaml::{document, kind};
use crate::config::{self, ConfigError, Problem};
use crate::event::Stage;
use crate::text::Text;
use std::path::Path;

/// How alike a key must be to be suggested (Jaro-Winkler, of 1).
const ALIKE: f64 = 0.85;

const POLICY: &[&str] = &["apiVersion", "kind", "metadata", "omitStages", "omitManagedFields", "rules"];

const RULE: &[&str] = &[
    "level",
    "users",
    "userGroups",
    "verbs",
    "resources",
    "namespaces",
    "nonResourceURLs",
    "omitStages",
    "omitManagedFields",
];

const RESOURCES: &[&str] = &["group", "resources", "resourceNames"];

const STAGES: [(&str, Stage); 4] = [
    ("RequestReceived", Stage::RequestReceived),
    ("ResponseStarted", Stage::ResponseStarted),
    ("ResponseComplete", Stage::ResponseComplete),
    ("Panic", Stage::Panic),
];

impl Policy {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or with everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        config::load(path, Self::parse)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let document = document(text, &mut problems);
        let mut reader = Reader { problems };
        let policy = match document {
            Some(node) => reader.policy(node),
            None if reader.problems.is_empty() => {
                reader.problem(1, "found nothing, wanted an audit policy".to_owned());
                Self::default()
            }
            None => Self::default(),
        };
        let mut problems = reader.problems;
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }
}

/// Reads nodes, and collects what is wrong with them.
struct Reader {
    problems: Vec<Problem>,
}

type Node<'a> = MarkedYaml<'a>;

impl Reader {
    fn problem(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }

    fn policy(&mut self, node: Node<'_>) -> Policy {
        let line = node.span.start.line();
        let (mut policy, mut version, mut of_kind) = (Policy::default(), String::new(), String::new());
        let mut rules = None;
        for (key, value) in self.section(node, "the policy", POLICY) {
            match key {
                "apiVersion" => version = self.text(value, key),
                "kind" => of_kind = self.text(value, key),
                "omitStages" => policy.omit_stages = self.stages(value),
                "rules" => rules = Some(self.list(value, key)),
                _ => {}
            }
        }
        if version != "audit.k8s.io/v1" || of_kind != "Policy" {
            let wanted = "wanted apiVersion: audit.k8s.io/v1 and kind: Policy";
            self.problem(line, format!("found {} of {}, {wanted}", Text::new(&of_kind), Text::new(&version)));
        }
        policy.rules = rules.into_iter().flatten().filter_map(|rule| self.rule(rule)).collect();
        if policy.rules.is_empty() && self.problems.is_empty() {
            self.problem(line, "found no rules, with which an API server does not start".to_owned());
        }
        policy
    }

    fn rule(&mut self, node: Node<'_>) -> Option<Rule> {
        let line = node.span.start.line();
        let mut level = None;
        let mut rule = Rule {
            line,
            level: Level::None,
            users: Vec::new(),
            groups: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            namespaces: Vec::new(),
            paths: Vec::new(),
            omit_stages: OmitStages::default(),
        };
        for (key, value) in self.section(node, "a rule", RULE) {
            match key {
                "level" => level = Some(self.level(value)),
                "users" => rule.users = self.texts(value, key),
                "userGroups" => rule.groups = self.texts(value, key),
                "verbs" => rule.verbs = self.texts(value, key),
                "resources" => rule.resources = self.resources(value),
                "namespaces" => rule.namespaces = self.texts(value, key),
                "nonResourceURLs" => rule.paths = self.paths(value),
                "omitStages" => rule.omit_stages = self.stages(value),
                _ => {}
            }
        }
        if level.is_none() {
            self.problem(line, "a rule needs a level".to_owned());
        }
        if !rule.paths.is_empty() && (!rule.resources.is_empty() || !rule.namespaces.is_empty()) {
            self.problem(
                line,
                "a rule is about nonResourceURLs, or about resources and namespaces: split it".to_owned(),
            );
        }
        rule.level = level.flatten()?;
        Some(rule)
    }

    fn level(&mut self, node: Node<'_>) -> Option<Level> {
        let line = node.span.start.line();
        let word = self.text(node, "level");
        let level = Level::ALL.into_iter().find(|level| level.as_str() == word);
        if level.is_none() {
            let names = Level::ALL.map(Level::as_str).join(", ");
            self.problem(line, format!("level: found {}, wanted {names}", Text::new(&word)));
        }
        level
    }

    fn stages(&mut self, node: Node<'_>) -> OmitStages {
        let line = node.span.start.line();
        let mut stages = Vec::new();
        for word in self.texts(node, "omitStages") {
            match STAGES.iter().find(|(name, _)| *name == word) {
                Some((_, stage)) => stages.push(*stage),
                None => {
                    let names = STAGES.map(|(name, _)| name).join(", ");
                    self.problem(line, format!("omitStages: found {}, wanted of {names}", Text::new(&word)));
                }
            }
        }
        OmitStages { line, stages }
    }

    fn resources(&mut self, node: Node<'_>) -> Vec<Resources> {
        let nodes = self.list(node, "resources");
        nodes.into_iter().map(|node| self.resources_of_group(node)).collect()
    }

    fn resources_of_group(&mut self, node: Node<'_>) -> Resources {
        let line = node.span.start.line();
        let mut some = Resources::default();
        for (key, value) in self.section(node, "resources", RESOURCES) {
            match key {
                "group" => some.group = self.text(value, key),
                "resources" => some.resources = self.texts(value, key),
                _ => some.names = self.texts(value, key),
            }
        }
        if some.group.contains('/') {
            let what = format!("group: found {}, wanted a group without its version", Text::new(&some.group));
            self.problem(line, what);
        }
        if !some.names.is_empty() && some.resources.is_empty() {
            self.problem(line, "resourceNames need at least one of resources".to_owned());
        }
        some
    }

    fn paths(&mut self, node: Node<'_>) -> Vec<String> {
        let line = node.span.start.line();
        let paths = self.texts(node, "nonResourceURLs");
        let is_sound = |path: &String| {
            let inner = path.strip_suffix('*').unwrap_or(path);
            path == "*" || inner.starts_with('/') && !inner.contains('*')
        };
        for path in paths.iter().filter(|path| !is_sound(path)) {
            let what = "wanted *, or a path that begins with / and has a * at its end at most";
            self.problem(line, format!("nonResourceURLs: found {}, {what}", Text::new(path)));
        }
        paths
    }

    /// The values of the known keys of a section.
    fn section<'a>(&mut self, node: Node<'a>, what: &str, keys: &[&'static str]) -> Vec<(&'static str, Node<'a>)> {
        let line = node.span.start.line();
        let YamlData::Mapping(pairs) = node.data else {
            let keys = keys.join(", ");
            self.problem(line, format!("{what}: found {}, wanted a section with keys of {keys}", kind(&node.data)));
            return Vec::new();
        };
        let mut known = Vec::new();
        for (key, value) in pairs {
            let line = key.span.start.line();
            let word = self.text(key, "a key");
            match keys.iter().find(|key| **key == word) {
                Some(key) => known.push((*key, value)),
                None => self.problem(line, format!("unknown key {}{}", Text::new(&word), suggestion(&word, keys))),
            }
        }
        known
    }

    /// The nodes of a list; nothing is an empty list, as it is to an API server.
    fn list<'a>(&mut self, node: Node<'a>, key: &str) -> Vec<Node<'a>> {
        match node.data {
            YamlData::Sequence(nodes) => nodes,
            YamlData::Value(Scalar::Null) => Vec::new(),
            other => {
                self.problem(node.span.start.line(), format!("{key}: found {}, wanted a list", kind(&other)));
                Vec::new()
            }
        }
    }

    fn texts(&mut self, node: Node<'_>, key: &str) -> Vec<String> {
        self.list(node, key).into_iter().map(|node| self.text(node, key)).collect()
    }

    fn text(&mut self, node: Node<'_>, key: &str) -> String {
        match node.data {
            YamlData::Value(Scalar::String(text)) => text.into_owned(),
            YamlData::Value(Scalar::Null) => String::new(),
            other => {
                let found = format!("{key}: found {} that is no text: put it in quotes", kind(&other));
                self.problem(node.span.start.line(), found);
                String::new()
            }
        }
    }
}

/// `; did you mean …?`, if a key is much like this one.
fn suggestion(word: &str, keys: &[&str]) -> String {
    let alike = |key: &&str| strsim::jaro_winkler(&key.to_lowercase(), &word.to_lowercase());
    let best = keys.iter().map(|key| (alike(key), key)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE)
        .map_or_else(String::new, |(_, key)| format!("; did you mean {key}?"))
}
