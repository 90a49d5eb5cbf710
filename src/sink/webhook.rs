//! POST requests, signed as other webhooks are: HMAC-SHA256 over the time and the body.
//!
//! A receiver computes it over the bytes of `X-Sawatch-Timestamp`, a dot and the body, compares it in constant time
//! with `X-Sawatch-Signature`, and refuses a timestamp that is minutes old, so that nobody can play a request again.

use std::fmt::Write;
use std::path::PathBuf;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

use super::http::{Client, HttpSettings};
use super::{MOST_AT_ONCE, Trouble, line, secret, wall_clock};
use crate::format::Format;
use crate::store::Outbox;
use crate::text::Text;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-sawatch-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-sawatch-signature");

/// POST requests.
pub struct Webhook {
    client: Client,
    format: Format,
    batch: bool,
    secret_file: Option<PathBuf>,
}

impl Webhook {
    pub(super) fn new(
        http: &HttpSettings,
        format: Format,
        batch: bool,
        secret_file: Option<PathBuf>,
    ) -> Result<Self, Text> {
        if let Some(path) = &secret_file {
            secret::read(path)?;
        }
        Ok(Self { client: Client::new(http)?, format, batch, secret_file })
    }

    pub(super) const fn at_once(&self) -> usize {
        if self.batch { MOST_AT_ONCE } else { 1 }
    }

    pub(super) async fn deliver(&mut self, notices: &[Outbox]) -> Result<(), Trouble> {
        let body = self.body(notices);
        let mut headers = HeaderMap::new();
        if let Some(path) = &self.secret_file {
            let secret = secret::fetch(path.clone()).await?;
            let timestamp = (wall_clock().0 / 1_000_000).to_string();
            headers.insert(SIGNATURE, header(&signature(&secret, &timestamp, &body)));
            headers.insert(TIMESTAMP, header(&timestamp));
        }
        let content_type = if self.format == Format::Text { "text/plain; charset=utf-8" } else { "application/json" };
        self.client.post(content_type, headers, body).await
    }

    fn body(&self, notices: &[Outbox]) -> Vec<u8> {
        let lines: Vec<Vec<u8>> = notices.iter().map(|notice| line(self.format, notice)).collect();
        if self.batch {
            let values: Vec<&[u8]> = lines.iter().map(|line| line.trim_ascii_end()).collect();
            return [b"[", &*values.join(&b','), b"]"].concat();
        }
        lines.concat()
    }
}

fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in [timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    let mut out = "sha256=".to_owned();
    for byte in context.sign().as_ref() {
        write!(out, "{byte:02x}").expect("a string takes everything");
    }
    out
}

fn header(plain: &str) -> HeaderValue {
    HeaderValue::from_str(plain).expect("digits and letters are a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_other_tools_compute() {
        // printf '1795515302.{}' | openssl dgst -sha256 -hmac secret
        let expected = "sha256=8d7605bf3579ebf125f0efb16655e8193e4224821f5bd89a391935a44c5db782";
        assert_eq!(signature(b"secret", "1795515302", b"{}"), expected);
    }
}
