//! The list of detectors is true, in the command and in the document.

use std::fs;
use std::path::Path;
use std::process::Command;

use sawatch::detector::ALL;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A section of the document, with those below it.
fn section(title: &str) -> String {
    let text = fs::read_to_string(root().join("docs/DETECTORS.md")).unwrap();
    let section = text.split(&format!("\n## {title}\n")).nth(1).unwrap_or_else(|| panic!("no section {title}"));
    section.split("\n## ").next().unwrap().to_owned()
}

/// The ids in the first column of the document's table of detectors.
fn documented() -> Vec<String> {
    let section = section("The detectors");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(id, _)| id.to_owned()).collect()
}

/// What stands between an opening and a closing mark.
fn marked(text: &str, open: char, close: char) -> Vec<&str> {
    text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0)).collect()
}

/// The impact table, wherever it stands.
fn impact_table() -> String {
    let entries = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let of_impact = entries.filter(|path| path.file_stem().is_some_and(|stem| stem == "impact"));
    let files = of_impact.flat_map(|path| match fs::read_dir(&path) {
        Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![path],
    });
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn the_document_has_a_row_for_every_detector_and_for_nothing_else() {
    let (mut documented, mut known) = (documented(), ALL.iter().map(|d| d.id().to_owned()).collect::<Vec<_>>());
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}

#[test]
fn the_command_lists_every_detector_and_what_is_turned_off() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("sawatch.yaml");
    fs::write(&config, "detection: {disabled-detectors: [spread]}\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    let output = command.arg("detectors").arg("--config").arg(config).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for detector in ALL {
        let state = if detector.id() == "spread" { "off" } else { "on" };
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(detector.id())).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some(state), "{line}");
        assert!(line.ends_with(detector.about()), "{line}");
    }
}

#[test]
fn every_claim_of_coverage_names_what_there_is() {
    let (section, table) = (section("Against other rule sets"), impact_table());
    let phrases = marked(&section, '“', '”');
    assert!(phrases.len() > 50, "{phrases:?}");
    for phrase in phrases {
        assert!(phrase == "quotes" || table.contains(&format!("\"{phrase}\"")), "no row of the impact table: {phrase}");
    }
    let rows = section.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.rsplit(" | ").next());
    for row in rows {
        for id in row.split('`').skip(1).step_by(2) {
            assert!(ALL.iter().any(|detector| detector.id() == id), "no detector: {id}");
        }
    }
}

#[test]
fn the_counts_of_coverage_are_those_of_its_tables() {
    let section = section("Against other rule sets");
    let mut tables = section.split("\n### ");
    let sums = tables.next().unwrap();
    let mut counted = 0;
    for table in tables {
        let name = table.lines().next().unwrap();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.trim_matches('|').split(" | ").collect()).collect();
        let count = |grade: &str| -> usize {
            let rows = rows.iter().filter(|row| row.len() == 3 && row[1] == grade);
            rows.map(|row| row[0].split(" · ").count()).sum()
        };
        let [yes, body, below, no] = ["yes", "level Request", "below medium", "no"].map(count);
        let expected = format!("| {name} | {} | {yes} | {body} | {below} | {no} |", yes + body + below + no);
        assert!(sums.contains(&expected), "the sums do not say {expected}");
        counted += 1;
    }
    assert_eq!(counted, 4);
}
