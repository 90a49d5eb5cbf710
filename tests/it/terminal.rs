//! The real binary on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};

use crate::data;

/// What a replay of the excerpt shows on a terminal of this width, with `NO_COLOR` as given.
fn shown(columns: u16, no_color: Option<&str>) -> String {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sawatch"));
    command.args(["replay", "--learn"]).args([data("replay/learn.jsonl"), data("replay/excerpt.jsonl")]);
    command.env_remove("NO_COLOR").envs(no_color.map(|value| ("NO_COLOR", value)));
    let mut child = command.stdin(Stdio::null()).stdout(slave).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut bytes = Vec::new();
    // some systems end a terminal that nobody has open any more with an error
    _ = File::from(master).read_to_end(&mut bytes);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_terminal_gets_coloured_text_with_the_summary() {
    // an empty NO_COLOR says nothing
    for no_color in [None, Some("")] {
        let text = shown(100, no_color);
        assert!(text.contains("\u{1b}[") && text.contains("incidents "), "{text:?}");
    }
}

#[test]
fn no_color_is_obeyed() {
    let text = shown(100, Some("1"));
    assert!(text.contains("incidents ") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn text_is_as_wide_as_the_terminal() {
    let widest = |columns| shown(columns, Some("1")).lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest(200) > 100);
    assert!(shown(80, Some("1")).lines().filter(|line| line.starts_with(" CRITICAL")).all(|line| line.len() <= 80));
}
