//! The text of `config/sawatch.yaml`, made of the tables.

use crate::sink::SinkSettings;
use std::fmt::Write;

use super::key::Key;
use super::named::{MAX_SECTIONS, Named};
use super::source::SourceSettings;
use super::{Config, KEYS};

/// Stands before each line of an example: without it, the line is in force.
const MARK: &str = "#";

/// The text of `config/sawatch.yaml`: every key with its meaning, at its default, and an example of every kind of source
/// and sink.
#[must_use]
pub fn reference() -> String {
    let mut out = "# Every key of Sawatch at its default. Leave out what you do not change.\n".to_owned();
    let mut config = Config::default();
    let mut section = "";
    for key in KEYS {
        let parent = parent(key.path);
        let value = key.example(&mut config).expect("every configuration has every key");
        let gap = if parent.is_empty() { "\n" } else { "" };
        let heading = if parent == section { String::new() } else { format!("\n{parent}:\n") };
        let indent = if parent.is_empty() { "" } else { "  " };
        write!(out, "{heading}{gap}{}", line(key, &value, indent)).expect("a string takes all");
        section = parent;
    }
    out.push_str(&examples::<SourceSettings>(&config));
    out.push_str(&examples::<SinkSettings>(&config));
    out
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// A key with its meaning.
fn line<T>(key: &Key<T>, value: &str, indent: &str) -> String {
    let name = key.path.rsplit('.').next().unwrap_or(key.path);
    format!("{indent}# {}\n{indent}{name}: {value}\n", key.doc)
}

/// A section of each kind with all of its keys, as a comment.
fn examples<T: Named>(config: &Config) -> String {
    let (section, one) = (T::SECTION, T::ONE);
    let mut out = format!(
        "{section}:\n  # each {one} under a name of yours: letters, digits, - and _; up to {MAX_SECTIONS} of them\n"
    );
    for kind in T::KINDS {
        let mut example = T::new(kind, kind.example, config);
        write!(out, "\n  {}:\n    # {}\n    kind: {}\n", kind.example, kind.doc, kind.name)
            .expect("a string takes all");
        let mut section = "";
        for key in T::KEYS {
            let Some(value) = key.example(&mut example) else { continue };
            let parent = parent(key.path);
            if parent != section {
                writeln!(out, "    {parent}:").expect("a string takes all");
                section = parent;
            }
            out.push_str(&line(key, &value, if parent.is_empty() { "    " } else { "      " }));
        }
    }
    let marked = out.lines().map(|line| format!("{MARK}{line}\n"));
    format!("\n{}", marked.collect::<String>())
}

#[cfg(test)]
pub(super) fn without_marks() -> String {
    let text = reference();
    let at = text.find("\n#sources:").expect("the examples begin so");
    let (keys, examples) = text.split_at(at);
    let examples = examples.lines().map(|line| line.strip_prefix(MARK).unwrap_or(line));
    format!("{keys}{}\n", examples.collect::<Vec<_>>().join("\n"))
}
