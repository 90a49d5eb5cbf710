//! Bearer tokens: a file with one a line, so that one can be rotated without a batch being refused.

use std::path::Path;

use hyper::header::HeaderValue;
use subtle::{Choice, ConstantTimeEq};

use super::{SettingsError, read};

/// The least that is a secret: 16 characters.
const MIN_TOKEN: usize = 16;

/// Tokens in a file, at most; all of them are compared for each request.
const MAX_TOKENS: usize = 16;

pub(super) struct Tokens(Vec<Vec<u8>>);

impl Tokens {
    pub(super) fn read(path: &Path) -> Result<Self, SettingsError> {
        let file = read(path)?;
        let lines = file.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let tokens: Vec<_> = lines.map(<[u8]>::to_vec).collect();
        let is_token = |token: &Vec<u8>| token.len() >= MIN_TOKEN && token.iter().all(u8::is_ascii_graphic);
        if !(1..=MAX_TOKENS).contains(&tokens.len()) || !tokens.iter().all(is_token) {
            return Err(SettingsError::Token { path: path.into() });
        }
        Ok(Self(tokens))
    }

    /// Whether the `Authorization` header has one of them. How long this takes tells the length of a token at most.
    pub(super) fn admit(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some((scheme, token)) = authorization.and_then(|value| value.as_bytes().split_at_checked(7)) else {
            return false;
        };
        let is_one = self.0.iter().fold(Choice::from(0), |any, ours| any | ours.as_slice().ct_eq(token));
        scheme.eq_ignore_ascii_case(b"Bearer ") && is_one.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(file: &str) -> Result<Tokens, SettingsError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, file).unwrap();
        Tokens::read(&path)
    }

    #[test]
    fn each_line_is_a_token_and_nothing_else_is() {
        let tokens = tokens("0123456789abcdef\n\n fedcba9876543210 \r\n").unwrap();
        let admits = |header: &str| tokens.admit(Some(&HeaderValue::from_str(header).unwrap()));
        assert!(admits("Bearer 0123456789abcdef") && admits("bearer fedcba9876543210"));
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Basic  0123456789abcdef", "0123456789abcdef"]
        {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!tokens.admit(None));
    }

    #[test]
    fn a_file_without_a_secret_is_refused() {
        for wrong in ["", "\n", "short", "with blanks in between", &"0123456789abcdef\n".repeat(17)] {
            assert!(matches!(tokens(wrong), Err(SettingsError::Token { .. })), "{wrong}");
        }
    }
}
