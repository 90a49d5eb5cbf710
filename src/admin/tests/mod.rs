use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

mod control;

use super::*;
use crate::daemon::{Context, Daemon, Plan};
use crate::engine::Settings;
use crate::event::Timestamp;
use crate::sink::SinkSettings;
use crate::source::live::Source;

fn made(folder: &Path, sources: Vec<Box<dyn Source>>, sinks: Vec<SinkSettings>) -> Daemon {
    let plan = Plan {
        cluster: "test".to_owned(),
        detection: Settings::default(),
        folder: folder.to_owned(),
        sources,
        sinks,
        queue: 1 << 20,
        grace: Duration::from_secs(1),
        webhooks: Vec::new(),
        rejects: (folder.join("rejects.jsonl"), 1 << 20),
    };
    Daemon::prepare(plan, Context::new().expect("threads")).expect("a daemon")
}

/// The ways into a daemon that waits, for as long as both live.
fn admin() -> (tempfile::TempDir, Daemon, SocketAddr) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sink = SinkSettings { name: "soc".to_owned(), ..SinkSettings::default() };
    let daemon = made(folder.path(), Vec::new(), vec![sink]);
    let settings = AdminSettings { listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))), token_file: None };
    let admin = Admin::start(&settings, folder.path(), &daemon.handle(), daemon.runtime()).expect("it listens");
    (folder, daemon, admin.address.expect("an address"))
}

/// Says something over a connection of its own, and hears what comes until it is closed.
fn said(address: SocketAddr, words: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(words.as_bytes()).expect("it is heard");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn asked(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = said(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head[9..12].parse().expect("a status"), body.to_owned())
}

#[test]
fn a_daemon_that_waits_lives_and_is_ready_until_something_keeps_it_from_its_work() {
    let (_folder, daemon, address) = admin();
    assert_eq!(asked(address, "/livez"), (200, "live\n".to_owned()));
    assert_eq!(asked(address, "/readyz"), (200, "ready\n".to_owned()));
    let telemetry = daemon.handle().telemetry;
    telemetry.trouble("store", Some("disk full".into()));
    telemetry.trouble("source", Some(Text::new("no \u{1b}[2J\nfile")));
    let reasons = "source: no \\u{1b}[2J\\u{a}file\nstore: disk full\n";
    assert_eq!(asked(address, "/readyz"), (503, reasons.to_owned()));
    assert_eq!(asked(address, "/livez").0, 200, "a daemon that waits is not started again");
}

#[test]
fn what_is_not_served_is_refused_and_what_is_no_http_is_cut() {
    let (_folder, _daemon, address) = admin();
    assert_eq!(asked(address, "/incidents").0, 404);
    assert!(said(address, "POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").contains(" 405 "));
    assert!(said(address, "no http\r\n\r\n").contains(" 400 "));
    let endless = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20 << 10));
    assert!(said(address, &endless).contains(" 431 "));
}

#[test]
fn connections_beyond_the_bound_are_closed_and_there_is_room_afterwards() {
    let (_folder, _daemon, address) = admin();
    let held: Vec<TcpStream> = (0..MAX_CONNECTIONS).map(|_| TcpStream::connect(address).expect("room")).collect();
    let mut one_more = TcpStream::connect(address).expect("the system accepts it");
    // closed, or reset: nothing is said
    assert!(matches!(one_more.read(&mut [0; 16]), Ok(0) | Err(_)));
    drop(held);
    let answered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        let mut stream = TcpStream::connect(address).expect("somebody listens");
        let sent = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        sent.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.contains(" 200 ")
    });
    assert!(answered);
}

/// The lines of a table of Markdown below a heading, as their cells.
fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = text.split(heading).nth(1).expect("the section").split("\n## ").next().expect("its text");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.trim_end_matches(" |").split(" | ").map(|cell| cell.trim_matches('`')).collect()).collect()
}

#[test]
fn every_metric_is_described_as_it_is() {
    let (_folder, _daemon, address) = admin();
    let (status, text) = asked(address, "/metrics");
    assert_eq!(status, 200);
    let word = |line: &'static str| {
        move |text: &str| text.lines().filter_map(|l| l.strip_prefix(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    let (types, helps) = (word("# TYPE ")(&text), word("# HELP ")(&text));
    let documented = table(include_str!("../../../docs/OPERATIONS.md"), "\n## Metrics\n");
    let mut expected: Vec<_> = documented.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    let mut described: Vec<_> = documented.iter().map(|row| format!("{} {}", row[0], row[3])).collect();
    let (mut types, mut helps) = (types, helps);
    [&mut expected, &mut described, &mut types, &mut helps].into_iter().for_each(|all| all.sort());
    assert_eq!(types, expected);
    assert_eq!(helps, described);
}

#[test]
fn metrics_say_how_feeds_and_sinks_stand() {
    let (_folder, daemon, address) = admin();
    let telemetry = daemon.handle().telemetry;
    let feed = telemetry.board.feed("cp\u{1b}\"1");
    feed.see(Timestamp(1_500_000));
    telemetry.reject("not-json");
    telemetry.deliver(crate::sink::wall_clock());
    let (_, text) = asked(address, "/metrics");
    for line in [
        "sawatch_records_rejected_total{reason=\"not-json\"} 1",
        "sawatch_feed_latest_event_timestamp_seconds{feed=\"cp\\\\u{1b}\\\"1\"} 1.5",
        "sawatch_feed_standing{feed=\"cp\\\\u{1b}\\\"1\",standing=\"opening\"} 1",
        "sawatch_sink_waiting{sink=\"soc\"} 0",
        "sawatch_incidents_opened_total{severity=\"critical\"} 0",
        "sawatch_delivery_latency_seconds_count 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
}
