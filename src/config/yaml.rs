//! YAML to keys and values, with the lines where they stand.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::Problem;
use super::setting::Value;
use crate::text::Text;

/// How alike a key must be to be suggested (Jaro-Winkler, of 1).
const ALIKE: f64 = 0.85;

/// A known key and what it is given.
pub(super) struct Entry<'a> {
    /// What stands before its path in messages.
    pub(super) at: String,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) value: Value<'a>,
}

/// What may stand in a section.
pub(super) struct Place<'k> {
    /// The section's path and a dot, or nothing.
    pub(super) at: String,
    /// The paths of its keys.
    pub(super) keys: Vec<&'k str>,
    /// Its sections whose keys are names that a user gives.
    pub(super) named: &'k [&'k str],
}

/// What stands in a section.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// Known keys.
    pub(super) entries: Vec<Entry<'a>>,
    /// Sections of names, with the names of the sections.
    pub(super) named: Vec<(String, MarkedYaml<'a>)>,
}

/// The one document of a text, JSON included; none if it is empty or no YAML.
pub(crate) fn document<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Option<MarkedYaml<'a>> {
    let mut problem = |line, what: &str| problems.push(Problem { line, what: what.to_owned() });
    let documents = MarkedYaml::load_from_str(text).map_err(|e| problem(e.marker().line(), e.info())).ok()?;
    let mut documents = documents.into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        problem(second.span.start.line(), "found a second document, wanted one");
    }
    first
}

/// The known keys of a whole document; everything else is a problem.
pub(super) fn entries<'a>(node: MarkedYaml<'a>, place: &Place<'_>, problems: &mut Vec<Problem>) -> Found<'a> {
    let mut walk = Walk { place, found: Found::default(), problems };
    match node.data {
        YamlData::Value(Scalar::Null) => {}
        YamlData::Mapping(_) => walk.section("", node),
        other => {
            let what = format!("found {}, wanted keys with values, such as cluster: prod", kind(&other));
            walk.problem(node.span.start.line(), what);
        }
    }
    walk.found
}

/// The known keys of the section at `place`; everything else is a problem.
pub(super) fn section<'a>(node: MarkedYaml<'a>, place: &Place<'_>, problems: &mut Vec<Problem>) -> Vec<Entry<'a>> {
    let mut walk = Walk { place, found: Found::default(), problems };
    walk.section("", node);
    walk.found.entries
}

struct Walk<'a, 'w> {
    place: &'w Place<'w>,
    found: Found<'a>,
    problems: &'w mut Vec<Problem>,
}

impl<'a> Walk<'a, '_> {
    fn problem(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }

    /// The keys below `parent`, which is empty or ends in a dot.
    fn section(&mut self, parent: &str, node: MarkedYaml<'a>) {
        let Place { at, keys, named } = self.place;
        let YamlData::Mapping(mapping) = node.data else {
            let keys: Vec<&str> = keys.iter().filter_map(|key| key.strip_prefix(parent)).collect();
            let (found, path) = (kind(&node.data), format!("{at}{parent}"));
            let what = format!(
                "{}: found {found}, wanted a section with the keys {}",
                path.trim_end_matches('.'),
                keys.join(", ")
            );
            return self.problem(node.span.start.line(), what);
        };
        for (key, value) in mapping {
            let line = key.span.start.line();
            let path = format!("{parent}{}", shown(&key.data));
            let below = format!("{path}.");
            if named.contains(&&*path) {
                self.found.named.push((path, value));
            } else if keys.iter().any(|key| key.starts_with(&below)) {
                self.section(&below, value);
            } else if !keys.contains(&&*path) {
                let suggestion = self.place.suggestion(&path);
                self.problem(line, format!("unknown key {at}{}{suggestion}", Text::new(&path)));
            } else {
                match value_of(value.data) {
                    Ok(value) => self.found.entries.push(Entry { at: at.clone(), path, line, value }),
                    Err(found) => self.problem(line, format!("{at}{path}: found {found} within, wanted values")),
                }
            }
        }
    }
}

impl Place<'_> {
    /// `; did you mean …?`, if a key or section is much like this one, or is called so elsewhere.
    fn suggestion(&self, path: &str) -> String {
        let sections = self.keys.iter().filter_map(|key| key.rsplit_once('.').map(|(section, _)| section));
        let alike = |known: &str| {
            let namesake = known.rsplit_once('.').is_some_and(|(_, name)| name == path);
            if namesake { 1.0 } else { strsim::jaro_winkler(known, path) }
        };
        let known = self.keys.iter().chain(self.named).copied().chain(sections);
        match known.map(|known| (alike(known), known)).max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((likeness, known)) if likeness >= ALIKE => format!("; did you mean {known}?"),
            _ => String::new(),
        }
    }
}

/// A value, a list or a map of values, or what is in it instead.
fn value_of<'a>(data: YamlData<'a, MarkedYaml<'a>>) -> Result<Value<'a>, &'static str> {
    let scalar = |node: MarkedYaml<'a>| match node.data {
        YamlData::Value(value) => Ok(value),
        other => Err(kind(&other)),
    };
    match data {
        YamlData::Value(value) => Ok(Value::One(value)),
        YamlData::Sequence(nodes) => nodes.into_iter().map(scalar).collect::<Result<_, _>>().map(Value::List),
        YamlData::Mapping(pairs) => {
            let pairs = pairs.into_iter().map(|(name, value)| Ok((scalar(name)?, scalar(value)?)));
            pairs.collect::<Result<_, _>>().map(Value::Map)
        }
        other => Err(kind(&other)),
    }
}

/// A key as it may be shown.
pub(super) fn shown<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> String {
    match data {
        YamlData::Value(scalar) => super::setting::shown(scalar),
        other => kind(other).to_owned(),
    }
}

/// What a value is, for one who wanted another.
pub(crate) fn kind<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> &'static str {
    match data {
        YamlData::Sequence(_) => "a list",
        YamlData::Mapping(_) => "a section",
        YamlData::Value(Scalar::Null) => "nothing",
        YamlData::Value(_) => "one value",
        _ => "a tag or alias",
    }
}
