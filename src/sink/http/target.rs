//! An address as it is configured.

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;

use super::address;
use crate::text::Text;

/// Where requests go.
pub(super) struct Target {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    /// For the `Host` header.
    pub(super) authority: HeaderValue,
    pub(super) path: PathAndQuery,
    /// For errors: without the path and query, which may hold a secret.
    pub(super) shown: Text,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, Text> {
        let whole = || Text::new("an address is whole: https://host/path");
        let uri: Uri = url.parse().map_err(|_| whole())?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("an address begins with https:// or http://".into()),
        };
        let authority = uri.authority().ok_or_else(whole)?;
        if authority.as_str().contains('@') {
            return Err("an address holds no password: name a file with the value of Authorization instead".into());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.parse().is_ok_and(address::is_forbidden) {
            return Err(Text::new(&address::forbidden(&host)));
        }
        Ok(Self {
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| whole())?,
            path: uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
            shown: authority.as_str().into(),
            host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let target = Target::parse("https://[::1]:8443/hook?key=1").expect("an address");
        assert_eq!((target.host.as_str(), target.port, target.is_tls), ("::1", 8443, true));
        assert_eq!((target.authority.as_bytes(), target.path.as_str()), (&b"[::1]:8443"[..], "/hook?key=1"));
        assert_eq!(target.shown.as_str(), "[::1]:8443");
        let target = Target::parse("http://falco").expect("an address");
        assert_eq!((target.port, target.path.as_str()), (80, "/"));
    }

    #[test]
    fn what_is_no_address_or_a_forbidden_one_is_refused_at_once() {
        for url in ["", "/hook", "ftp://x/", "https://u:p@x/", "http://169.254.169.254/", "http://[::ffff:a9fe:a9fe]/"]
        {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
