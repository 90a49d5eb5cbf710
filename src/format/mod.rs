//! An incident as bytes: one structure, one view of it for each kind of reader.

pub(crate) mod alertmanager;
mod attack;
mod detail;
mod ecs;
mod falco;
mod hint;
mod ocsf;
pub(crate) mod rows;
#[cfg(test)]
mod sample;
pub(crate) mod text;
pub(crate) mod time;

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::Serialize;

use crate::alert::{Activity, Incident};
#[cfg(test)]
pub(crate) use ocsf::rules as ocsf_rules;

/// The name under which findings are published.
const PRODUCT: &str = "Sawatch";

/// The version under which findings are published.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The form of an incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// A block for a person on a terminal.
    Text,
    /// One line of JSON: an OCSF 1.6 Detection Finding.
    #[default]
    Ocsf,
    /// One line of JSON: Elastic Common Schema 9.4.
    Ecs,
    /// One line of JSON: a Falco alert, as Falcosidekick takes it.
    Falco,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Text, Self::Ocsf, Self::Ecs, Self::Falco];

    /// Its name in options and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Falco => "falco",
        }
    }

    /// Writes `incident` to `out` in one piece, so that a line is never torn by a writer beside this one.
    ///
    /// Only [`Format::Text`] looks at `style`, only [`Format::Ocsf`] and [`Format::Ecs`] can say `activity`.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(
        self,
        incident: &Incident,
        activity: Activity,
        style: Style,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        match self {
            Self::Text => out.write_all(text::render(incident, style).as_bytes()),
            Self::Ocsf => write_line(&ocsf::finding(incident, activity), out),
            Self::Ecs => write_line(&ecs::document(incident, activity), out),
            Self::Falco => write_line(&falco::alert(incident), out),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}: use text, ocsf, ecs or falco")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour it.
    pub color: bool,
    /// Columns to wrap at; commands are left whole, so that they can be copied.
    pub width: usize,
}

impl Style {
    /// For files and pipes.
    pub const PLAIN: Self = Self { color: false, width: 100 };
}

impl Default for Style {
    fn default() -> Self {
        Self::PLAIN
    }
}

fn write_line(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formats_are_known_by_their_names() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "OCSF\u{1b}".parse::<Format>().expect_err("names are lower case");
        assert_eq!(error.to_string(), r#"unknown format "OCSF\u{1b}": use text, ocsf, ecs or falco"#);
    }

    #[test]
    fn samples_read_as_agreed() {
        for (name, incident) in sample::all() {
            for format in Format::ALL {
                sample::assert_agreed(&format!("{name}.{format}"), &sample::written(format, &incident));
            }
        }
    }

    proptest! {
        #![proptest_config(sample::config())]

        #[test]
        fn whatever_an_event_says_json_stays_one_line_of_printable_characters(incident in sample::any_incident()) {
            for format in [Format::Ocsf, Format::Ecs, Format::Falco] {
                let line = sample::written(format, &incident);
                let value: serde_json::Value = serde_json::from_str(&line).expect("one JSON value");
                prop_assert!(sample::nulls(&value).is_empty(), "{format} has nulls: {line}");
                let inner = line.strip_suffix('\n').expect("a line ends");
                prop_assert!(!inner.contains(char::is_control), "{format}: {line:?}");
            }
        }

        #[test]
        fn whatever_an_event_says_text_moves_no_cursor(incident in sample::any_incident(), width in 0_usize..200) {
            let text = text::render(&incident, Style { color: false, width });
            prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}
