//! Daemons that are killed at any moment, again and again, end as one that never was.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::audit::{FILE, Poster, RotatedLog, free_address, records, webhook};
use super::receiver::{Mood, Receiver};
use super::{Daemon, Site, assert_same, last_states, wait};
use crate::kafka;

/// The seed of all that is random here.
const SEED: u64 = 0x5a_7a_7c_4e;

/// The configuration of a source that reads a topic.
pub(super) fn topic(broker: &str, topic: &str) -> String {
    format!(
        "  log:\n    kind: kafka\n    topics: [{topic}]\n    group: {topic}-group\n    from: earliest\n    \
         properties: {{bootstrap.servers: \"{broker}\", session.timeout.ms: 6000, group.instance.id: one}}\n"
    )
}

/// Waits until every record of a topic is safe.
pub(super) fn wait_until_taken(broker: &str, topic: &str) {
    wait("every record", || kafka::committed(broker, topic) == records().len() as i64);
}

/// How a daemon that never was killed ends: what it told, and what it learnt.
struct Whole {
    states: BTreeMap<String, String>,
    learned: Vec<Vec<u8>>,
}

impl Whole {
    fn of(site: &Site) -> Self {
        Self { states: last_states(&site.findings()), learned: site.learned() }
    }

    /// `site` ended the same way, and so did `receiver`.
    fn assert_same(&self, site: &Site, receiver: &Receiver) {
        assert!(self.states.len() > 50, "{}", self.states.len());
        assert_same(&last_states(&site.findings()), &self.states);
        assert_same(&last_states(&receiver.taken()), &self.states);
        assert!(self.learned == site.learned(), "something else was learnt");
    }
}

/// Kills so many daemons of a site, each a random time after its start, while `lists` go to `give` evenly.
fn kill_often(site: &Site, kills: usize, lists: &[&[&str]], give: &Sender<usize>) {
    let mut random = fastrand::Rng::with_seed(SEED);
    for round in 0..kills {
        let share = (round * lists.len() / kills)..((round + 1) * lists.len() / kills);
        let daemon = site.start();
        // a few are killed before they run
        if random.u8(..8) > 0 {
            daemon.wait_until_it_runs();
        }
        // what nobody waits for is kept after a second
        let most = if random.u8(..6) == 0 { 1_500 } else { 80 };
        let until = Instant::now() + Duration::from_millis(random.u64(5..most));
        share.for_each(|list| give.send(list).unwrap());
        // and a few while they end
        if random.u8(..8) == 0 {
            thread::sleep((until - Instant::now()) / 2);
            daemon.signal(Signal::SIGTERM);
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
        daemon.kill();
    }
}

/// Kills daemons while a thread gives them `lists` by `give`, then lets one come to the end that `is_done` waits for.
fn crash(
    site: &Site,
    receiver: &Receiver,
    kills: usize,
    lists: &[&[&str]],
    mut give: impl FnMut(&[&str]) + Send,
    is_done: impl Fn(&Daemon<'_>),
) {
    let begun = Instant::now();
    let (sender, numbers) = channel();
    thread::scope(|scope| {
        let giver = scope.spawn(move || numbers.into_iter().for_each(|n: usize| give(lists[n])));
        kill_often(site, kills, lists, &sender);
        drop(sender);
        println!("{} incidents told by then", last_states(&site.findings()).len());
        receiver.be(Mood::Good);
        let last = site.start();
        giver.join().unwrap();
        is_done(&last);
        last.stop();
    });
    println!("{kills} kills in {:?}, {} requests failed", begun.elapsed(), receiver.failed());
}

fn crash_following(kills: usize) {
    let plain = Site::new(FILE, "");
    RotatedLog::new(plain.path("audit"), usize::MAX).write(&records());
    let daemon = plain.start();
    daemon.wait_until_read(&plain.path("audit/audit.log"));
    daemon.stop();

    let receiver = Receiver::start(Mood::Moody);
    let site = Site::new(FILE, &receiver.sink());
    let mut log = RotatedLog::new(site.path("audit"), 150);
    let records = records();
    let lists: Vec<&[&str]> = records.chunks(4).collect();
    let live = site.path("audit/audit.log");
    crash(&site, &receiver, kills, &lists, |list| log.write(list), |daemon| daemon.wait_until_read(&live));
    Whole::of(&plain).assert_same(&site, &receiver);
}

fn crash_posting(kills: usize) {
    let records = records();
    let lists: Vec<&[&str]> = records.chunks(6).collect();
    let address = free_address();
    let plain = Site::new(&webhook(address), "");
    let daemon = plain.start();
    daemon.wait_until_it_runs();
    let mut poster = Poster::new(address);
    lists.iter().for_each(|list| poster.post(list));
    daemon.stop();

    let receiver = Receiver::start(Mood::Moody);
    let address = free_address();
    let site = Site::new(&webhook(address), &receiver.sink());
    let mut poster = Poster::new(address);
    crash(&site, &receiver, kills, &lists, |list| poster.post(list), |_| {});
    println!("{} lists were posted again", poster.again);
    Whole::of(&plain).assert_same(&site, &receiver);
}

fn crash_consuming(kills: usize) {
    let (broker, records) = (kafka::broker(), records());
    let lists: Vec<&[&str]> = records.chunks(10).collect();
    let name = kafka::fresh("whole");
    kafka::create(&broker, &name, 1);
    kafka::produce(&broker, &name, 1, &records);
    let plain = Site::new(&topic(&broker, &name), "");
    let daemon = plain.start();
    wait_until_taken(&broker, &name);
    daemon.stop();

    let name = kafka::fresh("crash");
    kafka::create(&broker, &name, 1);
    let receiver = Receiver::start(Mood::Moody);
    let site = Site::new(&topic(&broker, &name), &receiver.sink());
    let give = |list: &[&str]| kafka::produce(&broker, &name, 1, list);
    crash(&site, &receiver, kills, &lists, give, |_| wait_until_taken(&broker, &name));
    Whole::of(&plain).assert_same(&site, &receiver);
}

#[test]
fn a_followed_log_survives_kills() {
    crash_following(50);
}

#[test]
#[ignore = "takes minutes"]
fn long_a_followed_log_survives_kills() {
    crash_following(300);
}

#[test]
fn posted_lists_survive_kills() {
    crash_posting(50);
}

#[test]
#[ignore = "takes minutes"]
fn long_posted_lists_survive_kills() {
    crash_posting(300);
}

#[test]
#[ignore = "needs a Kafka broker"]
fn kafka_records_survive_kills() {
    crash_consuming(50);
}
