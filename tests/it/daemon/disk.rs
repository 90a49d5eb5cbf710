//! A disk that is full: a limit on the size of files makes writes fail alike.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::audit::{Poster, free_address, records, webhook};
use super::{Site, assert_same, last_states};

#[test]
fn a_full_disk_stops_acks_and_loses_nothing() {
    let records = records();
    let address = free_address();
    let plain = Site::new(&webhook(address), "");
    let daemon = plain.start();
    daemon.wait_until_it_runs();
    let mut poster = Poster::new(address);
    records.chunks(10).for_each(|list| poster.post(list));
    daemon.stop();

    let address = free_address();
    let site = Site::new(&webhook(address), "");
    // a process is not ended by the signal that it ignores
    let limited = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
    let mut command = site.command("bash");
    let daemon = site.start_with(command.args(["-c", limited, "bash", LIMIT, env!("CARGO_BIN_EXE_sawatch")]));
    daemon.wait_until_it_runs();
    let mut poster = Poster::new(address);
    let lists: Vec<_> = records.chunks(10).collect();
    let taken = lists.iter().take_while(|list| poster.try_to_post(list) == Some(200)).count();
    assert!(0 < taken && taken < lists.len(), "{taken} lists were taken");
    daemon.wait_for_word("nothing is lost, reading waits");
    assert_ne!(poster.try_to_post(lists[taken]), Some(200));
    daemon.signal(Signal::SIGTERM);
    let asked = Instant::now();
    assert_eq!(daemon.outcome().code(), Some(1), "{}", site.said());
    println!("{taken} lists were taken, and ending took {:?}", asked.elapsed());

    let daemon = site.start();
    daemon.wait_until_it_runs();
    lists[taken..].iter().for_each(|list| poster.post(list));
    daemon.stop();
    assert_same(&last_states(&site.findings()), &last_states(&plain.findings()));
    assert!(site.learned() == plain.learned(), "something else was learnt");
}

/// KiB of a file, at most.
const LIMIT: &str = "1060";
