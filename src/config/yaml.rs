//! YAML to keys and values, with the lines where they stand.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::setting::Value;
use super::{KEYS, Problem};
use crate::text::Text;

/// How alike a key must be to be suggested (Jaro-Winkler, of 1).
const ALIKE: f64 = 0.85;

/// A known key and what it is given.
pub(super) struct Entry<'a> {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) value: Value<'a>,
}

/// The known keys of a text; everything else is a problem.
pub(super) fn entries<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Vec<Entry<'a>> {
    let document = document(text, problems);
    let mut walk = Walk { entries: Vec::new(), problems };
    document.into_iter().for_each(|document| walk.document(document));
    walk.entries
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

struct Walk<'a, 'p> {
    entries: Vec<Entry<'a>>,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Walk<'a, '_> {
    fn problem(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }

    fn document(&mut self, node: MarkedYaml<'a>) {
        match node.data {
            YamlData::Value(Scalar::Null) => {}
            YamlData::Mapping(_) => self.section("", node),
            other => {
                let what = format!("found {}, wanted keys with values, such as cluster: prod", kind(&other));
                self.problem(node.span.start.line(), what);
            }
        }
    }

    /// The keys below `parent`, which is empty or ends in a dot.
    fn section(&mut self, parent: &str, node: MarkedYaml<'a>) {
        let YamlData::Mapping(mapping) = node.data else {
            let keys: Vec<&str> = KEYS.iter().filter_map(|key| key.path.strip_prefix(parent)).collect();
            let (found, name) = (kind(&node.data), parent.trim_end_matches('.'));
            let what = format!("{name}: found {found}, wanted a section with the keys {}", keys.join(", "));
            return self.problem(node.span.start.line(), what);
        };
        for (key, value) in mapping {
            let line = key.span.start.line();
            let path = format!("{parent}{}", shown(&key.data));
            let below = format!("{path}.");
            if KEYS.iter().any(|key| key.path.starts_with(&below)) {
                self.section(&below, value);
            } else if KEYS.iter().all(|key| key.path != path) {
                self.problem(line, format!("unknown key {}{}", Text::new(&path), suggestion(&path)));
            } else {
                match value_of(value.data) {
                    Ok(value) => self.entries.push(Entry { path, line, value }),
                    Err(found) => self.problem(line, format!("{path}: found {found}, wanted a value")),
                }
            }
        }
    }
}

/// A value or a list of values, or what it is instead.
fn value_of<'a>(data: YamlData<'a, MarkedYaml<'a>>) -> Result<Value<'a>, &'static str> {
    let scalar = |node: MarkedYaml<'a>| match node.data {
        YamlData::Value(value) => Ok(value),
        other => Err(kind(&other)),
    };
    match data {
        YamlData::Value(value) => Ok(Value::One(value)),
        YamlData::Sequence(nodes) => nodes.into_iter().map(scalar).collect::<Result<_, _>>().map(Value::List),
        other => Err(kind(&other)),
    }
}

/// `; did you mean …?`, if a key or section is much like this one, or is called so elsewhere.
fn suggestion(path: &str) -> String {
    let sections = KEYS.iter().filter_map(|key| key.path.rsplit_once('.').map(|(section, _)| section));
    let alike = |known: &str| {
        let namesake = known.rsplit_once('.').is_some_and(|(_, name)| name == path);
        if namesake { 1.0 } else { strsim::jaro_winkler(known, path) }
    };
    let best = KEYS.iter().map(|key| key.path).chain(sections).map(|known| (alike(known), known));
    match best.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, known)) if likeness >= ALIKE => format!("; did you mean {known}?"),
        _ => String::new(),
    }
}

/// A key as it may be shown.
fn shown<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> String {
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
