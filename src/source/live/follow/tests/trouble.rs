//! A log that is not there, or not what it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Lab;
use crate::source::live::Standing;
use crate::source::live::follow::Start;

#[test]
fn files_that_may_have_been_deleted_unread_are_a_gap() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    for record in ["two\n", "lost\n", "three\n"] {
        lab.append(record);
        lab.rotate();
    }
    for n in 0..2 {
        fs::remove_file(lab.file(&format!("audit-2026-11-24T10-00-00.{n:03}.log"))).expect("a file");
    }
    lab.append("four\n");
    assert_eq!((lab.read().as_str(), lab.missed()), ("two\nthree\nfour\n", 1));
}

#[test]
fn all_of_a_log_that_is_not_there_yet_comes_after_its_end() {
    let mut lab = Lab::new(Start::End);
    assert!(lab.waits().contains("No such file"));
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
}

#[test]
fn what_is_not_there_or_no_file_is_waited_for() {
    let mut lab = Lab::new(Start::Beginning);
    let folder = lab.dir.path().join("later");
    lab.settings.path = folder.join("audit.log");
    lab.restart();
    assert!(lab.waits().contains("No such file"));
    fs::create_dir_all(folder.join("audit.log")).expect("a folder");
    assert!(lab.waits().contains("is a folder"));
    fs::remove_dir(folder.join("audit.log")).expect("a folder");
    fs::write(folder.join("audit.log"), "one\n").expect("a file");
    assert_eq!(lab.read(), "one\n");
    assert_eq!(lab.status.standing(), Standing::Reading);
    fs::remove_dir_all(&folder).expect("a folder");
    assert!(lab.waits().contains("No such file"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("audit.log"), "two\n").expect("a file");
    assert_eq!((lab.read().as_str(), lab.missed()), ("two\n", 0));
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_and_what_was_not_read_is_counted() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\ntwo\n12345");
    assert_eq!(lab.read(), "one\ntwo\n");
    fs::write(lab.file("audit.log"), "new\n").expect("a file");
    assert_eq!((lab.read().as_str(), lab.missed()), ("new\n", 5));
    fs::write(lab.file("audit.log"), "").expect("a file");
    assert_eq!((lab.read().as_str(), lab.missed()), ("", 6), "nobody knows how much it was");
    lab.append("more\n");
    assert_eq!(lab.read(), "more\n");
}

#[test]
fn what_copytruncate_copied_is_read_from_the_copy() {
    for (is_compressed, restarts) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut lab = Lab::new(Start::Beginning);
        lab.append("one\ntw");
        assert_eq!(lab.read(), "one\n");
        lab.append("o\nthree\n");
        fs::copy(lab.file("audit.log"), lab.file("audit.log.1")).expect("a copy");
        if is_compressed {
            lab.gzip("audit.log.1");
        }
        fs::write(lab.file("audit.log"), "").expect("a file");
        if restarts {
            lab.restart();
        }
        assert_eq!(lab.read(), "two\nthree\n");
        lab.append("four\n");
        assert_eq!(lab.read(), "four\n");
        assert_eq!(lab.missed(), u64::from(!restarts));
    }
}

#[test]
fn a_copy_that_lacks_what_was_read_is_not_read_again() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    fs::copy(lab.file("audit.log"), lab.file("audit.log.1")).expect("a copy");
    lab.append("two\n");
    assert_eq!(lab.read(), "two\n");
    fs::write(lab.file("audit.log"), "new\n").expect("a file");
    assert_eq!(lab.read(), "new\n");
}

#[test]
fn a_compressed_file_that_is_broken_is_a_gap_and_the_next_is_read() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n".repeat(1000));
    let name = lab.rotate();
    lab.gzip(&name);
    let gz = lab.file(&format!("{name}.gz"));
    let bytes = fs::read(&gz).expect("a file");
    fs::write(&gz, &bytes[..bytes.len() - 9]).expect("a file");
    lab.append("two\n");
    assert!(lab.read().ends_with("one\ntwo\n"));
    assert_eq!(lab.missed(), 1);
}

#[test]
fn a_file_that_may_not_be_read_is_waited_for() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    let permit = |mode| fs::set_permissions(lab.file("audit.log"), fs::Permissions::from_mode(mode));
    permit(0o000).expect("our file");
    if fs::read(lab.file("audit.log")).is_ok() {
        return; // whoever is root may read everything
    }
    let reason = lab.waits();
    assert!(reason.contains("ermission denied"), "{reason}");
    fs::set_permissions(lab.file("audit.log"), fs::Permissions::from_mode(0o600)).expect("our file");
    assert_eq!(lab.read(), "one\n");
}
