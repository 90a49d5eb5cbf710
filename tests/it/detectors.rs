//! The list of detectors is true, in the command and in the document.

use std::fs;
use std::path::Path;
use std::process::Command;

use sawatch::detector::ALL;

/// The ids in the first column of the document's table of detectors.
fn documented() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/DETECTORS.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split("\n## The detectors\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(id, _)| id.to_owned()).collect()
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
