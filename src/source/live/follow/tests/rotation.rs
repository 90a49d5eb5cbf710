//! A log that is written and rotated.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::Lab;
use crate::source::live::Standing;
use crate::source::live::follow::Start;

#[test]
fn a_record_is_handed_over_when_its_newline_is_there() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\ntw");
    assert_eq!((lab.read().as_str(), lab.lag()), ("one\n", 2));
    lab.append("o");
    assert_eq!((lab.read().as_str(), lab.lag()), ("", 3));
    lab.append("\n");
    assert_eq!((lab.read().as_str(), lab.lag()), ("two\n", 0));
    assert_eq!((lab.status.standing(), lab.status.bytes.load(Ordering::Relaxed)), (Standing::Reading, 8));
}

#[test]
fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    lab.append("two\n");
    lab.rotate();
    lab.append("three\n");
    assert_eq!(lab.read(), "two\nthree\n");
    assert_eq!(lab.missed(), 0);
}

#[test]
fn a_rotated_file_is_not_left_while_the_new_one_is_empty() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    let rotated = lab.rotate();
    lab.append("");
    assert_eq!(lab.read(), "");
    fs::write(lab.file(&rotated), "one\ntwo\n").expect("the writer still has it");
    assert_eq!(lab.read(), "two\n");
    lab.append("three\n");
    assert_eq!(lab.read(), "three\n");
}

#[test]
fn what_a_rotated_file_ends_with_is_not_glued_to_the_next() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\ntor");
    assert_eq!(lab.read(), "one\n");
    lab.rotate();
    lab.append("two\n");
    assert_eq!(lab.step().as_deref(), Some(&b"tor"[..]));
    assert_eq!(lab.step().as_deref(), Some(&b"two\n"[..]));
}

#[test]
fn several_rotations_between_two_polls_are_read_in_order() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    for record in ["two\n", "three\n", "four\n"] {
        lab.append(record);
        let name = lab.rotate();
        lab.gzip(&name);
    }
    lab.append("five\n");
    assert_eq!(lab.step().as_deref(), Some(&b"two\n"[..]), "by the open handle, though it was compressed");
    assert!(lab.lag() > 5, "the files that follow count: {}", lab.lag());
    assert_eq!(lab.read(), "three\nfour\nfive\n");
    assert_eq!((lab.missed(), lab.lag()), (0, 0));
}

#[test]
fn logrotate_renumbers_its_files() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    for record in ["two\n", "three\n", "four\n"] {
        lab.append(record);
        for n in (1..3).rev() {
            let _ = fs::rename(lab.file(&format!("audit.log.{n}")), lab.file(&format!("audit.log.{}", n + 1)));
        }
        fs::rename(lab.file("audit.log"), lab.file("audit.log.1")).expect("a live file");
    }
    lab.append("five\n");
    assert_eq!(lab.read(), "two\nthree\nfour\nfive\n");
    lab.restart();
    lab.append("six\n");
    assert_eq!((lab.read().as_str(), lab.missed()), ("six\n", 0));
}

#[test]
fn a_deleted_file_is_read_by_its_handle() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    lab.append("two\n");
    let name = lab.rotate();
    fs::remove_file(lab.file(&name)).expect("a file");
    lab.append("three\n");
    assert_eq!((lab.read().as_str(), lab.missed()), ("two\nthree\n", 0));
}

#[test]
fn a_new_log_is_followed_from_its_oldest_file_or_from_its_end() {
    for (from, before, rest) in [(Start::Beginning, "old\none\n", "two\nthree\n"), (Start::End, "", "three\n")] {
        let mut lab = Lab::new(from);
        lab.append("old\n");
        let name = lab.rotate();
        lab.gzip(&name);
        lab.append("one\ntw");
        assert_eq!(lab.read(), before);
        lab.append("o\nthree\n");
        assert_eq!(lab.read(), rest, "who begins at the end does not want the last record before it");
    }
}

#[test]
fn a_link_is_followed_to_wherever_it_points() {
    let mut lab = Lab::new(Start::Beginning);
    let pods = tempfile::tempdir().expect("a temporary folder");
    let point_to = |name: &str, link: &PathBuf| {
        let _ = fs::remove_file(link);
        std::os::unix::fs::symlink(pods.path().join(name), link).expect("a link");
    };
    let link = lab.file("audit.log");
    point_to("0.log", &link);
    assert!(lab.waits().contains("No such file"), "it points nowhere");
    fs::write(pods.path().join("0.log"), "one\n").expect("a file");
    assert_eq!(lab.read(), "one\n");
    fs::rename(pods.path().join("0.log"), pods.path().join("0.log.20261124-100000")).expect("a file");
    fs::write(pods.path().join("0.log"), "two\n").expect("a file");
    assert_eq!(lab.read(), "two\n");
    fs::write(pods.path().join("1.log"), "three\n").expect("a file");
    point_to("1.log", &link);
    assert_eq!((lab.read().as_str(), lab.missed()), ("three\n", 0), "the container was started again");
}
