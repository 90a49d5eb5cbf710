//! A key of the file: one row of the tables from which everything else is made.

use super::Problem;
use super::setting::{At, Setting, Value};
use super::yaml::Entry;

/// What a key sets; none if what it is asked of has no such key.
type Field<T> = fn(&mut T) -> Option<Box<dyn Setting + '_>>;

/// One key of a `T`.
pub(super) struct Key<T: 'static> {
    /// Its path, parts joined by dots.
    pub(super) path: &'static str,
    /// What it means.
    pub(super) doc: &'static str,
    /// What the reference shows; none shows the default.
    example: Option<&'static str>,
    need: Need,
    field: Field<T>,
}

/// When a key cannot be left out.
#[derive(Clone, Copy)]
enum Need {
    Never,
    Always,
    /// With any of these.
    With(&'static [&'static str]),
}

/// A key that can be left out.
pub(super) const fn key<T>(path: &'static str, doc: &'static str, field: Field<T>) -> Key<T> {
    Key { path, doc, example: None, need: Need::Never, field }
}

/// What a key sets, as it is.
pub(super) fn it<S: Setting>(setting: &mut S) -> Option<Box<dyn Setting + '_>> {
    Some(Box::new(At(setting)))
}

impl<T> Key<T> {
    pub(super) const fn such_as(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    pub(super) const fn needed(mut self) -> Self {
        self.need = Need::Always;
        self
    }

    pub(super) const fn needed_with(mut self, others: &'static [&'static str]) -> Self {
        self.need = Need::With(others);
        self
    }

    /// Sets it; none if `of` has no such key.
    pub(super) fn set(&self, of: &mut T, value: &Value<'_>) -> Option<Result<(), String>> {
        Some((self.field)(of)?.set(value))
    }

    /// Its value in `of`; none if that has no such key.
    pub(super) fn show(&self, of: &mut T) -> Option<String> {
        Some((self.field)(of)?.show())
    }

    /// What the reference shows of `of` at its default.
    pub(super) fn example(&self, of: &mut T) -> Option<String> {
        let value = self.show(of)?;
        Some(self.example.map_or(value, str::to_owned))
    }

    /// What to say of its default: the value, or when it cannot be left out.
    #[cfg(test)]
    pub(super) fn default(&self, of: &mut T) -> Option<String> {
        let value = self.show(of)?;
        Some(match self.need {
            Need::Never => format!("`{value}`"),
            Need::Always => "needed".to_owned(),
            Need::With(others) => format!("needed with `{}`", others.join("`, `")),
        })
    }

    /// What is wrong if it is missing among the keys that are given.
    pub(super) fn missing(&self, of: &mut T, given: &[Entry<'_>]) -> Option<String> {
        let is_given = |path: &str| given.iter().any(|entry| entry.path == path);
        let example = self.example(of)?;
        let because = match self.need {
            Need::Always if !is_given(self.path) => String::new(),
            Need::With(others) if !is_given(self.path) => {
                format!(" beside {}", others.iter().find(|other| is_given(other))?)
            }
            _ => return None,
        };
        Some(format!("{} is missing{because}: {}, such as {example}", self.path, self.doc))
    }
}

/// Sets what is given; `foreign` says what is wrong with a key that `of` has not.
pub(super) fn set_all<T>(
    of: &mut T,
    keys: &[Key<T>],
    given: &[Entry<'_>],
    foreign: impl Fn(&Key<T>) -> String,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in given {
        let Some(key) = keys.iter().find(|key| key.path == entry.path) else { continue };
        let outcome = key.set(of, &entry.value).unwrap_or_else(|| Err(foreign(key)));
        let wrong = |what| Problem { line: entry.line, what: format!("{}{}: {what}", entry.at, entry.path) };
        problems.extend(outcome.map_err(wrong).err());
    }
    problems
}
