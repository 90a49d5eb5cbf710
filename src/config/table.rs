//! The table of every key in `docs/OPERATIONS.md` is true.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::named::{Named, kinds};
use super::source::SourceSettings;
use super::{Config, KEYS};
use crate::sink::SinkSettings;

const BEGIN: &str = "<!-- keys, made by `BLESS=1 cargo test` -->\n";
const END: &str = "<!-- end of keys -->\n";

fn table() -> String {
    let mut out = "| key | default | meaning |\n|---|---|---|\n".to_owned();
    for key in KEYS {
        let default = key.default(&mut Config::default()).expect("every configuration has every key");
        writeln!(out, "| `{}` | {default} | {} |", key.path, key.doc).expect("a string takes all");
    }
    out + &rows::<SourceSettings>() + &rows::<SinkSettings>()
}

fn rows<T: Named>() -> String {
    let (section, one) = (T::SECTION, T::ONE);
    let mut out =
        format!("\n`{section}.NAME`, for each {one}:\n\n| key | of kind | default | meaning |\n|---|---|---|---|\n");
    let all: Vec<String> = T::KINDS.iter().map(|kind| format!("`{}`: {}", kind.name, kind.doc)).collect();
    writeln!(out, "| `kind` | | needed | {} |", all.join("; ")).expect("a string takes all");
    for key in T::KEYS {
        let kinds = kinds(key);
        let of = if kinds.len() == T::KINDS.len() { "every".to_owned() } else { kinds.join(", ") };
        let mut defaults: Vec<(String, Vec<&str>)> = Vec::new();
        for kind in T::KINDS.iter().filter(|kind| kinds.contains(&kind.name)) {
            let mut one = T::new(kind, kind.example, &Config::default());
            let default = key.default(&mut one).expect("the kind has the key");
            match defaults.iter_mut().find(|(known, _)| *known == default) {
                Some((_, of)) => of.push(kind.name),
                None => defaults.push((default, vec![kind.name])),
            }
        }
        let default = match &defaults[..] {
            [(default, _)] => default.clone(),
            several => several.iter().map(|(d, of)| format!("{d} ({})", of.join(", "))).collect::<Vec<_>>().join("; "),
        };
        writeln!(out, "| `{}` | {of} | {default} | {} |", key.path, key.doc).expect("a string takes all");
    }
    out
}

/// `BLESS=1` writes it anew.
#[test]
fn the_manual_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let text = fs::read_to_string(&path).expect("the manual");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins with its mark");
    let (written, after) = rest.split_once(END).expect("the table ends with its mark");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).expect("written");
        return;
    }
    assert_eq!(written, table(), "docs/OPERATIONS.md: run with BLESS=1, then look at the difference");
}
