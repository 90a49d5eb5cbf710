//! What can be wrong with one file or folder: its room, its clock, who may read it, until when it is valid.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::decode::decode_block;
use crate::event::{Span, Timestamp};
use crate::format::time::moment;
use crate::text::Text;

/// What was found, if anything.
pub(super) type Judged = Result<(), String>;

/// A store that cannot grow stops the daemon; this is far more than a cluster's state and a full outbox take.
const ROOM: u64 = 1 << 30;

/// A clock may differ by less: what is ahead by more is not of this moment.
const AHEAD: Span = Span::minutes(1);

/// Even an idle API server writes within seconds; a log that ends earlier than this is not the one that is written to.
const BEHIND: Span = Span::hours(1);

/// A certificate should be renewed earlier than this before its end.
const NOTICE: Span = Span::days(30);

/// Bytes at the end of a log in which a few events stand.
const TAIL: u64 = 1 << 20;

/// Whether a folder's file system has room; what cannot be asked has been told by whoever opens it.
#[cfg(unix)]
pub(super) fn has_room(folder: &Path) -> Judged {
    let Ok(system) = rustix::fs::statvfs(folder) else { return Ok(()) };
    enough(system.f_bavail.saturating_mul(system.f_frsize)).map_err(|what| format!("{} {what}", Text::from(folder)))
}

#[cfg(not(unix))]
pub(super) fn has_room(_: &Path) -> Judged {
    Ok(())
}

fn enough(free: u64) -> Judged {
    if free >= ROOM {
        return Ok(());
    }
    Err(format!("has {} MiB left, wanted 1,024: make room, or name a folder elsewhere", free >> 20))
}

/// Whether a log that is followed ends about now.
pub(super) fn is_in_time(log: &Path, now: Timestamp) -> Judged {
    // what cannot be opened has been told
    let Ok(tail) = tail(log) else { return Ok(()) };
    let latest = decode_block(&tail).events.iter().map(|event| event.at).max();
    let path = Text::from(log);
    match latest {
        None if tail.is_empty() => Ok(()),
        None => Err(format!("{path} ends without an audit event in its last MiB: is it an audit log?")),
        Some(at) if at.since(now) > AHEAD => {
            let by = at.since(now);
            Err(format!("{path} is {by} ahead of this machine's clock ({}): set both by NTP", moment(at)))
        }
        Some(at) if now.since(at) > BEHIND => {
            let by = now.since(at);
            Err(format!("{path} ends {by} ago ({}): it is not written to, or a clock is wrong", moment(at)))
        }
        Some(_) => Ok(()),
    }
}

/// The last bytes of a file; the record in which they begin is torn, and is rejected.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a secret is kept from users that are neither its owner nor of its group.
#[cfg(unix)]
pub(super) fn is_private(secret: &Path) -> Judged {
    use std::os::unix::fs::PermissionsExt;
    match fs::metadata(secret).map(|about| about.permissions().mode()) {
        Ok(mode) if mode & 0o004 != 0 => {
            let what = "chmod o-r, or defaultMode 0440 of a mounted Secret";
            Err(format!("{} can be read by every user (mode {:04o}): {what}", Text::from(secret), mode & 0o7777))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn is_private(_: &Path) -> Judged {
    Ok(())
}

/// Whether every certificate in a file of PEM is valid, and will be for a while.
pub(super) fn is_valid_for_long(pem: &Path, now: Timestamp) -> Judged {
    // what cannot be read has been told
    let Ok(certificates) = CertificateDer::pem_file_iter(pem) else { return Ok(()) };
    certificates.flatten().try_for_each(|certificate| {
        let certificate = Certificate::from_der(&certificate).map_err(|e| format!("{}: {e}", Text::from(pem)))?;
        let validity = certificate.tbs_certificate().validity();
        let [from, until] = [validity.not_before, validity.not_after].map(|time| seconds(time.to_unix_duration()));
        judge_validity(from, until, now).map_err(|what| {
            let subject = Text::new(&certificate.tbs_certificate().subject().to_string());
            format!("{}: the certificate of {subject} {what}", Text::from(pem))
        })
    })
}

fn seconds(since_epoch: std::time::Duration) -> Timestamp {
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

fn judge_validity(from: Timestamp, until: Timestamp, now: Timestamp) -> Judged {
    if now < from {
        Err(format!("is not valid before {}: is this machine's clock right?", moment(from)))
    } else if until <= now {
        Err(format!("expired {} ago: renew it", now.since(until)))
    } else if until.since(now) < NOTICE {
        Err(format!("expires in {}: renew it", until.since(now)))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::START;

    fn later(span: Span) -> Timestamp {
        Timestamp(START.0 + span.0)
    }

    #[test]
    fn a_folder_with_little_room_is_told() {
        assert_eq!(enough(ROOM), Ok(()));
        assert!(enough(ROOM - 1).is_err_and(|what| what.starts_with("has 1023 MiB left")));
    }

    #[test]
    fn a_log_ends_about_now() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let said = |now| is_in_time(&path, now).err().unwrap_or_default();
        assert_eq!(said(START), "", "there is none yet");
        fs::write(&path, "").expect("room");
        assert_eq!(said(START), "");
        fs::write(&path, "hello\n").expect("room");
        assert!(said(START).ends_with("is it an audit log?"));
        let event = include_str!("../../../tests/data/native/audit.jsonl").lines().next().expect("an event");
        fs::write(&path, format!("torn\"}}\n{event}\n")).expect("room");
        let at = decode_block(event.as_bytes()).events[0].at;
        let moved = |span: i64| Timestamp(at.0 + span);
        assert_eq!([said(moved(0)), said(moved(BEHIND.0)), said(moved(-AHEAD.0))], ["", "", ""]);
        assert!(said(moved(-Span::hours(2).0)).contains("is 2 h ahead of this machine's clock"));
        assert!(said(moved(Span::hours(5).0)).contains("ends 5 h ago"));
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_everybody_may_read_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let secret = tempfile::NamedTempFile::new().expect("a file");
        let with = |mode| {
            fs::set_permissions(secret.path(), fs::Permissions::from_mode(mode)).expect("our file");
            is_private(secret.path())
        };
        assert_eq!([with(0o600), with(0o440)], [Ok(()), Ok(())]);
        assert!(with(0o644).is_err_and(|what| what.contains("can be read by every user (mode 0644)")));
    }

    #[test]
    fn a_certificate_is_valid_for_a_month_and_more() {
        let judged = |until| judge_validity(START, later(until), later(Span::days(1)));
        assert_eq!(judged(Span::days(31)), Ok(()));
        assert_eq!(judged(Span::days(30)), Err("expires in 29 d: renew it".to_owned()));
        assert_eq!(judged(Span::hours(20)), Err("expired 4 h ago: renew it".to_owned()));
        assert!(judge_validity(later(Span::days(2)), later(Span::days(90)), START).is_err_and(|w| w.contains("clock")));
    }

    #[test]
    fn every_certificate_of_a_file_is_looked_at() {
        let mut params = rcgen::CertificateParams::new(vec!["sawatch.test".to_owned()]).expect("a name");
        let long = rcgen::generate_simple_self_signed(vec!["sawatch.test".to_owned()]).expect("a certificate");
        params.not_before = time::OffsetDateTime::from_unix_timestamp(START.0 / 1_000_000).expect("a time");
        params.not_after = params.not_before + time::Duration::days(10);
        let key = rcgen::KeyPair::generate().expect("a key");
        let short = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tls.crt");
        fs::write(&path, long.cert.pem()).expect("room");
        assert_eq!(is_valid_for_long(&path, START), Ok(()));
        fs::write(&path, long.cert.pem() + &short.pem()).expect("room");
        let said = is_valid_for_long(&path, later(Span::days(1))).err().unwrap_or_default();
        assert!(said.ends_with("expires in 9 d: renew it") && said.contains("the certificate of CN="), "{said}");
    }
}
