//! The order of the house: a module names only those above it, the core is pure, files are short.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines in a file of source, at most.
const MAX_LINES: usize = 410;

/// Where the core ends: this module and those above it know no world outside.
const LAST_OF_CORE: &str = "checkpoint";

/// What the core may not name, and why not.
const IMPURE: [(&str, &str); 10] = [
    ("std::fs", "files"),
    ("std::io::", "input and output"),
    ("std::net::Tcp", "sockets"),
    ("std::net::Udp", "sockets"),
    ("SystemTime", "the clock"),
    ("Instant", "the clock"),
    ("std::env", "the environment"),
    ("std::thread", "threads"),
    ("tokio", "async"),
    ("tracing", "logging"),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned));
    names.collect()
}

/// Every file of a folder and those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Each file of the library with its module, without comments and without its tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let in_module = |path: PathBuf| {
        let first = path.strip_prefix(src()).unwrap().components().next().unwrap();
        let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (path, module, code)
    };
    let is_tests = |path: &PathBuf| path.file_name().is_some_and(|name| name == "tests.rs" || name == "sample.rs");
    files(&src())
        .into_iter()
        .filter(|path| !is_tests(path))
        .map(in_module)
        .filter(|(_, module, _)| module != "lib" && module != "main")
        .collect()
}

/// The modules that some code names as `crate::name`, whether alone or in braces.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, word)| code.split_at(at + word.len())) {
        let list = rest.strip_prefix('{').and_then(|list| list.split_once('}')).map_or(rest, |(list, _)| list);
        let parts = if rest.starts_with('{') { list.split(',').collect() } else { vec![rest] };
        let word = |part: &str| part.trim().split(|c: char| c != '_' && !c.is_alphanumeric()).next().map(str::to_owned);
        names.extend(parts.into_iter().filter_map(word).filter(|name| !name.is_empty()));
    }
    names
}

#[test]
fn names_are_found_alone_and_in_braces() {
    assert_eq!(named("use crate::text::Text;\nuse crate::{event, alert::Severity};"), ["text", "event", "alert"]);
}

#[test]
fn every_module_names_only_those_above_it() {
    let order = modules();
    let place = |name: &str| order.iter().position(|module| module == name);
    let sources = sources();
    assert!(sources.len() > 20, "found no sources");
    for (path, module, code) in sources {
        let own = place(&module).unwrap_or_else(|| panic!("{} is not in lib.rs", path.display()));
        for name in named(&code) {
            let other = place(&name).unwrap_or_else(|| panic!("{}: crate::{name} is no module", path.display()));
            assert!(other <= own, "{}: {module} names {name}, which stands below it", path.display());
        }
    }
}

#[test]
fn the_core_knows_no_world_outside() {
    let order = modules();
    let core = order.iter().position(|module| module == LAST_OF_CORE).unwrap();
    for (path, module, code) in sources() {
        if !order[..=core].contains(&module) {
            continue;
        }
        for (word, what) in IMPURE {
            assert!(!code.contains(word), "{}: {word}: the core knows no {what}", path.display());
        }
    }
}

#[test]
fn files_are_short() {
    for path in files(&src()) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{}: {lines} lines, and {MAX_LINES} are enough", path.display());
    }
}
