//! The first command of the README prints what was agreed on.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::data;

/// The command's arguments, run in the folder of the project.
const COMMAND: [&str; 6] =
    ["replay", "--learn", "examples/lab/train.jsonl.zst", "examples/lab/attack.jsonl.zst", "--format", "text"];

/// The time it took and the speed: another on every machine.
fn without_speed(text: &str) -> String {
    let masked = |line: &str| match line.split_once(" in ") {
        Some((events, _)) if line.starts_with("  events ") => format!("{events} in N s, N events/s\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(masked).collect()
}

/// `BLESS=1` agrees to what is.
#[test]
fn the_first_command_prints_what_was_agreed_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO_BIN_EXE_sawatch")).args(COMMAND).current_dir(root).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let actual = without_speed(&String::from_utf8(output.stdout).unwrap());
    assert!(actual.contains("  events        67,615 in N s, N events/s\n"), "{actual}");
    let path = data("readme/expected.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &actual).unwrap();
    }
    let agreed = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(actual, agreed, "look at the difference, then run with BLESS=1");
}

#[test]
fn the_readme_shows_the_first_incident_of_that() {
    let agreed = fs::read_to_string(data("readme/expected.txt")).unwrap();
    let (first, _) = agreed.split_once("\n\n  next\n").unwrap();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&format!("```text\n{first}\n```\n")), "README.md does not say:\n{first}");
}
