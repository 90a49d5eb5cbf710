//! Sinks that hang or are slow.

use std::time::Duration;

use super::audit::{FILE, RotatedLog, records};
use super::receiver::{Mood, Receiver};
use super::{Site, last_state, wait};

/// What was told, in order, without what became of it.
fn told(findings: &str) -> Vec<(String, String)> {
    findings.lines().map(last_state).collect()
}

/// Each record of the log in the name of others, so that there is an incident for each of them.
fn many_accounts(accounts: usize) -> Vec<String> {
    let of = |n: usize| {
        let id = format!("\"auditID\":\"{n:03}");
        move |record: &&str| {
            let (before, after) = record.split_once("\"auditID\":\"").unwrap();
            let record = format!("{before}{id}{}", &after[3..]);
            record.replacen("\"username\":\"", &format!("\"username\":\"n{n}-"), 1)
        }
    };
    let records = records();
    let part = &records[..200];
    (0..accounts).flat_map(|n| part.iter().map(of(n)).collect::<Vec<_>>()).collect()
}

#[test]
fn a_sink_that_hangs_takes_no_memory_and_is_told_everything_in_order_later() {
    let log = many_accounts(30);
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let run = |mood| {
        let receiver = Receiver::start(mood);
        let site = Site::new(FILE, &receiver.sink());
        RotatedLog::new(site.path("audit"), usize::MAX).write(&log);
        (receiver, site)
    };
    let memory = |site: &Site| {
        let daemon = site.start();
        daemon.wait_until_read(&site.path("audit/audit.log"));
        // all but what is told at the end
        wait("findings", || site.findings().lines().count() > 500);
        let memory = daemon.memory();
        daemon.stop();
        memory
    };
    let (_good, whole) = run(Mood::Good);
    let (hanging, site) = run(Mood::Hanging);
    let (usual, with_outbox) = (memory(&whole), memory(&site));
    assert!(with_outbox < usual * 3 / 2, "{with_outbox} bytes instead of {usual}");
    assert_eq!(hanging.taken(), "");
    println!("{} findings wait; {with_outbox} bytes of memory instead of {usual}", site.findings().lines().count());

    hanging.be(Mood::Slow(Duration::from_millis(1)));
    let daemon = site.start();
    wait("every finding", || hanging.taken().lines().count() >= site.findings().lines().count());
    daemon.stop();
    assert_eq!(told(&hanging.taken()), told(&site.findings()));
    assert_eq!(told(&site.findings()), told(&whole.findings()));
}
