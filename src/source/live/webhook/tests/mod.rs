//! Over real sockets: a client as an API server's, and others.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use super::*;
use crate::checkpoint::{Checkpoint, Position};
use crate::source::live::Standing;

mod made;
mod rig;

use rig::{Judge, LIST, Rig, TOKEN, exchange, loopback, post};

#[test]
fn a_batch_is_answered_once_it_is_safe_and_positions_go_on() {
    let mut checkpoint = Checkpoint::default();
    checkpoint.set("webhook/cp-1", Position::at(7));
    let rig = Rig::resume(loopback(), Judge::Fires, checkpoint);
    for (path, body) in [("/audit/cp-1?timeout=30s", LIST), ("/audit/cp-2", LIST), ("/audit/cp-1", r#"{"a":1}"#)] {
        assert_eq!(rig.post(path, body), 200);
    }
    assert_eq!(rig.board.feed("webhook/cp-1").standing(), Standing::Reading);
    assert_eq!(rig.board.feed("webhook/cp-2").bytes.load(Ordering::Relaxed), LIST.len() as u64);
    assert_eq!(rig.stats.accepted.load(Ordering::Relaxed), 3);
    let seen = |feed: &str, at, events, rejects| (format!("webhook/{feed}"), Position::at(at), events, rejects);
    assert_eq!(rig.end(), [seen("cp-1", 7, 1, 0), seen("cp-2", 0, 1, 0), seen("cp-1", 8, 0, 1)]);
}

#[test]
fn a_full_queue_says_when_to_come_again_and_uses_no_position() {
    let rig = Rig::run(loopback(), Judge::Sleeps);
    let address = rig.address;
    let held = rig.runtime.spawn(async move {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        exchange(TokioIo::new(socket), post("/audit/a", LIST.repeat(3))).await
    });
    rig.wait_until(|rig| rig.inbox.bytes() > 0);
    let (status, headers) = rig.send(post("/audit/a", LIST));
    assert_eq!((status.as_u16(), headers["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(rig.stats.refused(Refusal::Full), 1);
    assert!(matches!(rig.board.feed("webhook/a").standing(), Standing::Waiting(_)));
    assert_eq!(rig.inbox.take(Duration::ZERO).unwrap().into_batch().stretch.to, Position::at(1));
    assert_eq!(rig.runtime.block_on(held).unwrap().unwrap().0, 503, "its ack was dropped");
    let again = rig.runtime.spawn(async move {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        exchange(TokioIo::new(socket), post("/audit/a", LIST)).await
    });
    rig.wait_until(|rig| rig.inbox.bytes() > 0);
    assert_eq!(rig.inbox.take(Duration::ZERO).unwrap().into_batch().stretch.from, Position::at(1));
    rig.runtime.block_on(again).unwrap().unwrap();
    rig.end();
}

#[test]
fn what_is_not_safe_is_to_be_sent_again() {
    let rig = Rig::run(loopback(), Judge::Drops);
    let (status, headers) = rig.send(post("/audit/a", LIST));
    assert_eq!((status.as_u16(), headers.contains_key("retry-after")), (503, true));
    assert_eq!((rig.stats.refused(Refusal::Unsafe), rig.end().len()), (1, 1));

    let mut settings = loopback();
    settings.limits.ack = Duration::from_millis(20);
    let rig = Rig::run(settings, Judge::Sleeps);
    assert_eq!((rig.post("/audit/a", LIST).as_u16(), rig.stats.refused(Refusal::SlowAck)), (503, 1));
    rig.end();
}

#[test]
fn whoever_is_in_flight_at_the_end_is_told_to_come_again() {
    let rig = Rig::run(loopback(), Judge::Sleeps);
    let address = rig.address;
    let held = rig.runtime.spawn(async move {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        exchange(TokioIo::new(socket), post("/audit/a", LIST)).await.unwrap().0
    });
    rig.wait_until(|rig| rig.inbox.bytes() > 0);
    rig.stop.cancel();
    assert_eq!(rig.runtime.block_on(held).unwrap(), 503);
    rig.wait_until(|rig| rig.source.as_ref().unwrap().is_finished());
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(rig.stats.open.load(Ordering::Relaxed), 0);
}

#[test]
fn only_posts_to_a_known_feed_are_taken() {
    let rig = Rig::run(WebhookSettings { feeds: vec!["cp-1".into()], ..loopback() }, Judge::Fires);
    rig.wait_until(|rig| rig.board.feeds().len() == 1);
    for path in ["/", "/audit/", "/audit/cp-2", "/audit/cp-1/x", "/other/cp-1"] {
        assert_eq!(rig.post(path, LIST), 404, "{path}");
    }
    let get = Request::get("/audit/cp-1").header("host", "sawatch").body(Full::default()).unwrap();
    assert_eq!(rig.send(get).0, 405);
    assert_eq!((rig.post("/audit/cp-1", LIST).as_u16(), rig.board.feeds().len()), (200, 1));
    rig.end();

    let rig = Rig::run(loopback(), Judge::Fires);
    let taken = (0..70).filter(|n| rig.post(&format!("/audit/{n}"), LIST) == 200).count();
    assert_eq!((taken, rig.board.feeds().len(), rig.end().len()), (64, 64, 64));
}

#[test]
fn what_is_no_json_is_recorded_and_then_told() {
    let rig = Rig::run(loopback(), Judge::Fires);
    assert_eq!(
        (rig.post("/audit/a", "hello"), rig.post("/audit/a", "")),
        (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST)
    );
    assert_eq!(rig.stats.refused(Refusal::NotJson), 2);
    assert_eq!(rig.end().iter().map(|seen| (seen.2, seen.3)).collect::<Vec<_>>(), [(0, 1), (0, 0)]);
}

#[test]
fn a_token_lets_in_and_nothing_else_does_also_after_it_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, TOKEN).unwrap();
    let mut settings = WebhookSettings { token_file: Some(path.clone()), ..loopback() };
    settings.limits.renewal = Duration::from_millis(5);
    let rig = Rig::run(settings, Judge::Fires);
    let with = |token: &str| {
        let mut request = post("/audit/a", LIST);
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        rig.send(request).0.as_u16()
    };
    assert_eq!((with(TOKEN), with("0123456789abcdeX"), rig.post("/audit/a", LIST).as_u16()), (200, 401, 401));
    assert_eq!(rig.post("/audit/b", LIST), 401);
    assert_eq!((rig.stats.refused(Refusal::Unauthorized), rig.board.feeds().len()), (3, 1));
    fs::write(&path, "broken").unwrap();
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(with(TOKEN), 200);
    fs::write(&path, "another-token-of-enough-length").unwrap();
    rig.wait_until(|_| with("another-token-of-enough-length") == 200);
    assert_eq!(with(TOKEN), 401);
    rig.end();
}

#[test]
fn a_body_is_bounded_plain_and_compressed_and_so_are_all_together() {
    let mut settings = loopback();
    (settings.limits.max_body, settings.limits.max_buffered) = (4_096, 4_096);
    let rig = Rig::run(settings, Judge::Fires);
    let gzip = |plain: &str, level| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        gzip.write_all(plain.as_bytes()).unwrap();
        let mut request = post("/audit/a", gzip.finish().unwrap());
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        rig.send(request).0.as_u16()
    };
    assert_eq!((gzip(LIST, 6), gzip(&" ".repeat(5_000), 6), gzip(&" ".repeat(5_000), 0)), (200, 413, 413));
    assert_eq!((rig.post("/audit/a", &" ".repeat(5_000)).as_u16(), rig.stats.refused(Refusal::TooLarge)), (413, 3));
    assert!(rig.board.feed("webhook/a").missed.load(Ordering::Relaxed) > 5_000);
    let head = "POST /audit/a HTTP/1.1\r\nhost: a\r\ncontent-length: 4000\r\n\r\n";
    let hold = || {
        let mut socket = TcpStream::connect(rig.address).unwrap();
        write!(socket, "{head}{}", " ".repeat(3_900)).unwrap();
        std::thread::sleep(Duration::from_millis(10));
        socket
    };
    // whoever comes first has the memory, and that may be the post
    let held = std::iter::repeat_with(hold).take(100).find(|_| rig.post("/audit/a", LIST) == 429).unwrap();
    drop(held);
    rig.wait_until(|rig| rig.post("/audit/a", LIST) == 200);
    assert!(rig.stats.refused(Refusal::CutBody) > 0);
    let mut odd = post("/audit/a", LIST);
    odd.headers_mut().insert("content-encoding", "br".parse().unwrap());
    assert_eq!(rig.send(odd).0, 415);
    rig.end();
}

#[test]
fn slow_clients_are_cut_and_crooked_ones_are_told() {
    let mut settings = loopback();
    (settings.limits.head, settings.limits.body) = (Duration::from_millis(50), Duration::from_millis(50));
    let rig = Rig::run(settings, Judge::Fires);
    assert_eq!(rig.raw(b"POST /audit/a HTTP/1.1\r\nhost:"), "");
    assert!(rig.raw(b"POST /audit/a HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{").starts_with("HTTP/1.1 408 "));
    let huge = format!("POST /audit/a HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(20 << 10));
    assert!(rig.raw(huge.as_bytes()).starts_with("HTTP/1.1 431 "));
    assert!(rig.raw(b"\x16\x03\x01 hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(rig.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_empty() || rig.stats.refused(Refusal::BadHttp) == 3);
    assert_eq!((rig.stats.refused(Refusal::SlowHead), rig.stats.refused(Refusal::SlowBody)), (1, 1));
    rig.wait_until(|rig| rig.stats.refused(Refusal::BadHttp) == 3 && rig.stats.open.load(Ordering::Relaxed) == 0);
    rig.end();
}

#[test]
fn two_thousand_connections_are_bounded_and_leave_room_afterwards() {
    let mut settings = loopback();
    settings.limits.max_connections = 50;
    let rig = Rig::run(settings, Judge::Fires);
    for round in 1..=20 {
        let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(rig.address).unwrap()).collect();
        rig.wait_until(|rig| rig.stats.refused(Refusal::Connections) == 50 * round);
        rig.wait_until(|rig| rig.stats.open.load(Ordering::Relaxed) == 50);
        drop(crowd);
        rig.wait_until(|rig| rig.stats.open.load(Ordering::Relaxed) == 0);
    }
    assert_eq!(rig.post("/audit/a", LIST), 200);
    rig.end();
}

#[test]
fn unsafe_settings_are_refused() {
    let anywhere = || WebhookSettings::new(([0, 0, 0, 0], 0).into());
    let tls = |client_ca: Option<&str>| {
        let client_ca = client_ca.map(Into::into);
        Some(Tls { cert: "no.crt".into(), key: "no.key".into(), client_ca })
    };
    let error = |settings| Webhook::open("webhook", settings).err().unwrap().to_string();
    assert!(error(anywhere()).contains("webhook init"));
    assert!(error(WebhookSettings { token_file: Some("t".into()), ..anywhere() }).contains("there is no tls"));
    assert!(error(WebhookSettings { tls: tls(None), ..anywhere() }).contains("set a token file or a client ca"));
    assert!(error(WebhookSettings { tls: tls(Some("ca.crt")), ..anywhere() }).contains("cannot read no.crt"));
    assert!(error(WebhookSettings { feeds: vec!["a/b".into()], ..loopback() }).contains("a/b"));
    let limits = Limits { max_body: 2, max_buffered: 1, ..Limits::default() };
    assert!(error(WebhookSettings { limits, ..loopback() }).contains("max-body <= max-buffered"));
}
