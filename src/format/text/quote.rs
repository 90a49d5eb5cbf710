//! What an event says inside a line of ours: it cannot pass for the line, and cannot push the rest of it away.

use crate::format::hint::is_plain;
use crate::text::Text;

/// The most characters of a value that stands beside others; every other format has it whole.
pub(super) const LONG: usize = 120;

/// The most characters of a user agent.
const AGENT: usize = 48;

/// Characters of a credential's id that tell it from the others of an incident.
const CREDENTIAL: usize = 8;

/// In quotes, at most [`LONG`].
pub(super) fn quoted(text: &Text) -> String {
    let (kept, more) = cut(text.as_str(), LONG);
    in_quotes(kept, more)
}

/// As it is if it is one word, else in quotes.
pub(super) fn cited(text: &Text) -> String {
    cite((text.as_str(), ""))
}

/// A client by its own word, without the platform and revision that follow: `kubectl/v1.32.4…`
pub(super) fn agent(text: &Text) -> String {
    let product = text.as_str().split(" (").next().unwrap_or_default();
    cite(cut(text.as_str(), product.chars().count().clamp(1, AGENT)))
}

/// `JTI=86ca22bf…`
pub(super) fn credential(text: &Text) -> String {
    let kind = text.as_str().split_inclusive('=').next().unwrap_or_default();
    cite(cut(text.as_str(), kind.chars().count().min(2 * CREDENTIAL) + CREDENTIAL))
}

fn cite((kept, more): (&str, &str)) -> String {
    if is_plain(kept) { format!("{kept}{more}") } else { in_quotes(kept, more) }
}

fn in_quotes(kept: &str, more: &str) -> String {
    format!("\"{}{more}\"", kept.replace('"', "'"))
}

/// The first `max` characters, and `…` if there are more.
pub(super) fn cut(text: &str, max: usize) -> (&str, &'static str) {
    text.char_indices().nth(max).map_or((text, ""), |(end, _)| (&text[..end], "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_credentials_are_told_by_their_beginning() {
        assert_eq!(agent(&"kubectl/v1.32.4 (linux/amd64) kubernetes/4cb5f07".into()), "kubectl/v1.32.4…");
        assert_eq!(agent(&"curl/8.5.0".into()), "curl/8.5.0");
        assert_eq!(agent(&" (x)".into()), "\" …\"");
        assert_eq!(credential(&"JTI=86ca22bf-e0c3-4880-8a66-56e09a5ed267".into()), "JTI=86ca22bf…");
        assert_eq!(credential(&"JTI=86ca22bf".into()), "JTI=86ca22bf");
        assert_eq!(credential(&"x".repeat(100).into()), format!("{}…", "x".repeat(24)));
    }

    #[test]
    fn what_is_more_than_a_word_is_quoted_and_cannot_end_the_quote() {
        assert_eq!(cited(&"node-3".into()), "node-3");
        assert_eq!(cited(&r#"a", of pod "b"#.into()), r#""a', of pod 'b""#);
        assert_eq!(cited(&"".into()), r#""""#);
        assert_eq!(quoted(&"é".repeat(LONG + 1).into()), format!("\"{}…\"", "é".repeat(LONG)));
    }
}
