//! What stands before an event on its line: the header of syslog (RFC 3164, RFC 5424), or what log viewers write there.
//!
//! The rest of a torn event may stand there too, and has to be told as torn: it is JSON, and shows it by its punctuation.

use super::record::MARKERS;

/// The longest header, in bytes: RFC 5424 asks receivers for 480 at least and 2,048 at best, message included.
const MAX_HEADER: usize = 1_024;

/// The event behind the header of `line`; none if there is no header, or no event behind it.
pub(super) fn behind(line: &str) -> Option<&str> {
    let head = &line.as_bytes()[..line.len().min(MAX_HEADER)];
    let (header, event) = line.split_at(memchr::memchr(b'{', head)?);
    let is_event = MARKERS.iter().any(|marker| event.starts_with(marker));
    (is_event && is_header(header)).then_some(event)
}

/// Words and a separator. Brackets are closed, quotes are in the structured data of RFC 5424 alone.
fn is_header(text: &str) -> bool {
    // RFC 5424 has a byte order mark before a message in UTF-8.
    let text = text.trim_end_matches('\u{feff}');
    let count = |bracket| text.matches(bracket).count();
    text.ends_with([' ', '\t', ':', '|'])
        && text.contains(char::is_alphanumeric)
        && !text.contains(|c: char| c == '}' || c.is_control() && c != '\t')
        && count('[') == count(']')
        && (has_priority(text) || !text.contains('"'))
}

/// `<134>`: facility and severity, by which every message of syslog begins on the wire.
fn has_priority(text: &str) -> bool {
    let priority = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).map_or("", |(digits, _)| digits);
    matches!(priority.len(), 1..=3) && priority.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata"}"#;

    #[test]
    fn headers_are_passed_over() {
        for header in [
            "<134>Nov 24 10:00:00 cp-1 kube-apiserver: ",
            "<134>Nov 24 10:00:00 cp-1 kube-apiserver[812]:",
            "<134>1 2026-11-24T10:00:00.003Z cp-1 kube-apiserver 812 audit - ",
            "<134>1 2026-11-24T10:00:00Z cp-1 kube-apiserver 812 audit [origin@32473 ip=\"10.0.0.1\"] \u{feff}",
            "Nov 24 10:00:00 cp-1 kube-apiserver[812]: ",
            "2026-11-24T10:00:00.123456+00:00 cp-1 kube-apiserver: ",
            "kube-apiserver-1  | ",
            "[pod/kube-apiserver-cp-1/kube-apiserver] ",
            "2026-11-24T10:00:00.123456789Z ",
            "cp-1\tkube-apiserver\t",
        ] {
            assert_eq!(behind(&format!("{header}{EVENT}")), Some(EVENT), "{header}");
        }
    }

    #[test]
    fn the_rest_of_an_event_is_no_header() {
        for rest in [
            "",
            "x",
            "[",
            "[7, ",
            "0.1\"],\"code\":200} ",
            "ser\":{\"username\":\"a\"}} ",
            "ng\", \"verb\": ",
            "<13>ng\"} ",
            "\0\0\0 ",
            "\u{1b}[2Jx: ",
        ] {
            assert_eq!(behind(&format!("{rest}{EVENT}")), None, "{rest:?}");
        }
        let long = format!("{} ", "x".repeat(MAX_HEADER));
        assert_eq!(behind(&format!("{long}{EVENT}")), None);
        assert_eq!(behind(r#"cp-1: {"kind":"Pod"}"#), None);
        assert_eq!(behind("cp-1: no event"), None);
    }
}
