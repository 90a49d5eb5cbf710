//! Sections with names that a user gives: `sources.NAME` and `sinks.NAME`, each of a kind that says which keys it has.

use saphyr::{MarkedYaml, YamlData};

use super::key::{Key, set_all};
use super::setting::Setting;
use super::yaml::{self, Entry, Place};
use super::{Config, Problem};

/// Sections of a sort, at most.
pub(super) const MAX_SECTIONS: usize = 64;

/// Characters of a name, at most: it stands in metrics and in the names of files.
const MAX_NAME: usize = 64;

/// A kind of section.
pub(super) struct Kind {
    /// What the file calls it.
    pub(super) name: &'static str,
    /// What the reference calls a section of it.
    pub(super) example: &'static str,
    /// What it is.
    pub(super) doc: &'static str,
}

/// Something that a section with a name describes.
pub(super) trait Named: Sized + 'static {
    /// What one is called.
    const ONE: &'static str;

    /// The section that they stand in.
    const SECTION: &'static str;

    /// Every kind.
    const KINDS: &'static [Kind];

    /// Every key of every kind, in the order of the reference.
    const KEYS: &'static [Key<Self>];

    /// One of a kind, with everything that can be left out at its default.
    fn new(kind: &Kind, name: &str, config: &Config) -> Self;

    /// What is wrong with it as a whole.
    fn problems(&self) -> Vec<String>;

    /// What no other can have beside it.
    fn claim(&self) -> Option<String>;
}

/// The sections below one that is called [`Named::SECTION`].
pub(super) fn read<T: Named>(node: MarkedYaml<'_>, config: &Config, problems: &mut Vec<Problem>) -> Vec<T> {
    let line = node.span.start.line();
    let YamlData::Mapping(mapping) = node.data else {
        let found = yaml::kind(&node.data);
        let what = format!("{}: found {found}, wanted a section for each {}, by its name", T::SECTION, T::ONE);
        problems.push(Problem { line, what });
        return Vec::new();
    };
    if mapping.len() > MAX_SECTIONS {
        let what = format!("{}: found {}, wanted {MAX_SECTIONS} at most", T::SECTION, mapping.len());
        problems.push(Problem { line, what });
    }
    let mut read: Vec<(String, T)> = Vec::new();
    for (key, node) in mapping.into_iter().take(MAX_SECTIONS) {
        let section = Section { name: yaml::shown(&key.data), line: key.span.start.line() };
        let mut wrong = Vec::new();
        if let Some(one) = section.read::<T>(node, config, &mut wrong) {
            wrong.extend(taken(&one, &read).map(|what| section.problem::<T>(&what)));
            read.push((section.name, one));
        }
        problems.append(&mut wrong);
    }
    read.into_iter().map(|(_, one)| one).collect()
}

/// What to say of one that has what another has already.
fn taken<T: Named>(one: &T, others: &[(String, T)]) -> Option<String> {
    let claim = one.claim()?;
    let (other, _) = others.iter().find(|(_, other)| other.claim().as_ref() == Some(&claim))?;
    Some(format!("it has {claim}, as {other} has: only one can"))
}

struct Section {
    name: String,
    line: usize,
}

impl Section {
    fn problem<T: Named>(&self, what: &str) -> Problem {
        Problem { line: self.line, what: format!("{}.{}: {what}", T::SECTION, self.name) }
    }

    /// What the section describes; none if its kind is not known. The whole is looked at once its parts are right.
    fn read<T: Named>(&self, node: MarkedYaml<'_>, config: &Config, problems: &mut Vec<Problem>) -> Option<T> {
        if !is_name(&self.name) {
            problems.push(self.problem::<T>("a name is up to 64 letters, digits, - and _"));
        }
        if !matches!(node.data, YamlData::Mapping(_)) {
            let found = yaml::kind(&node.data);
            problems.push(
                self.problem::<T>(&format!("found {found}, wanted a section with a kind and the keys of that kind")),
            );
            return None;
        }
        let keys = ["kind"].into_iter().chain(T::KEYS.iter().map(|key| key.path)).collect();
        let given =
            yaml::section(node, &Place { at: format!("{}.{}.", T::SECTION, self.name), keys, named: &[] }, problems);
        let kind = self.kind::<T>(&given).map_err(|problem| problems.push(problem)).ok()?;
        let mut one = T::new(kind, &self.name, config);
        problems.extend(set_all(&mut one, T::KEYS, &given, |key| foreign(key, kind)));
        let missing = T::KEYS.iter().filter_map(|key| key.missing(&mut T::new(kind, &self.name, config), &given));
        problems.extend(missing.map(|what| self.problem::<T>(&what)));
        if problems.is_empty() {
            problems.extend(one.problems().iter().map(|what| self.problem::<T>(what)));
        }
        Some(one)
    }

    fn kind<T: Named>(&self, given: &[Entry<'_>]) -> Result<&'static Kind, Problem> {
        let names: Vec<&str> = T::KINDS.iter().map(|kind| kind.name).collect();
        let wanted = names.join(", ");
        let Some(entry) = given.iter().find(|entry| entry.path == "kind") else {
            return Err(self.problem::<T>(&format!("kind is missing, wanted one of {wanted}")));
        };
        let mut name = String::new();
        let known = name.set(&entry.value).ok().and_then(|()| T::KINDS.iter().find(|kind| kind.name == name));
        known.ok_or_else(|| {
            let what = entry.value.refused(&format!("one of {wanted}"));
            Problem { line: entry.line, what: format!("{}kind: {what}", entry.at) }
        })
    }
}

/// What to say of a key that stands in a section of another kind.
fn foreign<T: Named>(key: &Key<T>, kind: &Kind) -> String {
    format!("kind {} has no such key, only {}", kind.name, kinds(key).join(", "))
}

/// The names of the kinds that have a key.
pub(super) fn kinds<T: Named>(key: &Key<T>) -> Vec<&'static str> {
    let config = Config::default();
    let has = |kind: &&Kind| key.show(&mut T::new(kind, kind.example, &config)).is_some();
    T::KINDS.iter().filter(has).map(|kind| kind.name).collect()
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}
