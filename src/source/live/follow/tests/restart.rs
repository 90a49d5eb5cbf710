//! A follower that is started again.

use std::fs;
use std::os::unix::fs::MetadataExt;

use proptest::prelude::*;

use super::Lab;
use crate::checkpoint::FileId;
use crate::source::live::follow::Start;

#[test]
fn after_a_restart_a_file_that_is_nowhere_is_a_gap() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\n");
    assert_eq!(lab.read(), "one\n");
    let name = lab.rotate();
    lab.append("two\n");
    lab.rotate();
    fs::remove_file(lab.file(&name)).expect("a file");
    lab.append("three\n");
    lab.restart();
    assert_eq!((lab.read().as_str(), lab.missed()), ("two\nthree\n", 1));
}

#[test]
fn an_inode_that_is_used_again_is_another_file() {
    let mut lab = Lab::new(Start::Beginning);
    lab.append("one\ntwo\n");
    let name = lab.rotate();
    lab.append("new one\nnew two\n");
    assert_eq!(lab.step().as_deref(), Some(&b"one\ntwo\n"[..]));
    lab.gzip(&name);
    // as if the live file had got the number of the one that was compressed and deleted
    let live = fs::metadata(lab.file("audit.log")).expect("a file");
    let position = lab.position.as_mut().expect("something was read");
    let id = position.file.as_mut().expect("a file was read");
    *id = FileId { inode: live.ino(), ..id.clone() };
    lab.restart();
    assert_eq!((lab.read().as_str(), lab.missed()), ("new one\nnew two\n", 0));
}

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Act {
    Append(String),
    Rotate,
    Gzip(prop::sample::Index),
    Restart,
    Step,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => "[a-z]{0,30}\n?".prop_map(Act::Append),
        2 => Just(Act::Rotate),
        1 => any::<prop::sample::Index>().prop_map(Act::Gzip),
        1 => Just(Act::Restart),
        3 => Just(Act::Step),
    ]
}

/// Does what is said, and gives what was written and what was read.
fn play(acts: &[Act]) -> (String, String, u64) {
    let mut lab = Lab::new(Start::Beginning);
    let (mut written, mut read, mut plain) = (String::new(), String::new(), Vec::new());
    lab.append("");
    for (n, act) in acts.iter().enumerate() {
        match act {
            Act::Append(text) => {
                let text = if text.len() > 1 { format!("{n}{text}") } else { text.clone() };
                lab.append(&text);
                written += &text;
            }
            Act::Rotate => {
                plain.push(lab.rotate());
                lab.append("");
            }
            Act::Gzip(index) if !plain.is_empty() => lab.gzip(&plain.remove(index.index(plain.len()))),
            Act::Gzip(_) => {}
            Act::Restart => lab.restart(),
            Act::Step => read += &String::from_utf8(lab.step().unwrap_or_default()).expect("text was written"),
        }
    }
    lab.append("end\n");
    read += &lab.read();
    (written + "end\n", read, lab.missed())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_each_byte_is_read_once_and_in_order(acts in prop::collection::vec(act(), 1..40)) {
        let (written, read, missed) = play(&acts);
        prop_assert_eq!(read, written);
        prop_assert_eq!(missed, 0);
    }
}

#[test]
fn a_restart_at_every_byte_through_a_rotation_loses_nothing() {
    let (first, second) = ("one\ntwo\nthree\n", "four\nfive\n");
    let whole = format!("{first}{second}");
    for is_compressed in [false, true] {
        for at in 0..=whole.len() {
            let mut lab = Lab::new(Start::Beginning);
            lab.append(&first[..at.min(first.len())]);
            let mut read = lab.read();
            lab.restart();
            lab.append(&first[at.min(first.len())..]);
            let name = lab.rotate();
            lab.append(&second[..at.saturating_sub(first.len())]);
            if is_compressed {
                lab.gzip(&name);
            }
            read += &lab.read();
            lab.restart();
            lab.append(&second[at.saturating_sub(first.len())..]);
            read += &lab.read();
            assert_eq!((read.as_str(), lab.missed()), (whole.as_str(), 0), "restarted at {at}");
        }
    }
}
