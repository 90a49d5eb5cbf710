//! What a webhook needs before its first batch: an authority, certificates, a token, and a kubeconfig for each API server.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tempfile::NamedTempFile;
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::crypto::ring;

use super::feeds::is_name;
use crate::text::Text;

/// How the authority calls itself. Constant, so that its key is all that is needed to use it again.
const AUTHORITY: &str = "sawatch webhook authority";

/// Days that the authority is good for, at least: API servers hold its certificate in their kubeconfigs.
const AUTHORITY_DAYS: u32 = 3_650;

/// For clocks that are behind ours.
const LEEWAY: Duration = Duration::HOUR;

/// What to make.
#[derive(Clone, Debug)]
pub struct Init {
    /// The folder, made if it is not there.
    pub dir: PathBuf,
    /// Names and addresses of this machine as the API servers see it; they connect to the first.
    pub hosts: Vec<String>,
    /// The port that they connect to.
    pub port: u16,
    /// The API servers, one feed each.
    pub feeds: Vec<String>,
    /// Days that the certificates are good for.
    pub days: u32,
    /// Whether clients get a certificate, next to their token.
    pub client_certificate: bool,
    /// Whether files that are there are replaced. The authority and the token are kept even so.
    pub force: bool,
}

/// Why nothing, or not all, was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Not a host.
    #[error("{0:?} is no host name and no address")]
    Host(Text),
    /// Not a name of a feed.
    #[error("{0:?} is no name of a feed: use up to 63 of A-Z a-z 0-9 . _ -")]
    Feed(Text),
    /// No host or no feed.
    #[error("name at least one host and one feed")]
    Nothing,
    /// A file would be replaced.
    #[error("{} is there already: choose another folder, or --force to replace it", Text::from(.0.as_path()))]
    Exists(PathBuf),
    /// A file or folder cannot be read or written.
    #[error("{}: {cause}", Text::from(path.as_path()))]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}; if ca.key was changed, remove it and ca.crt to have a new authority")]
    Certificate(#[from] rcgen::Error),
    /// The system has no randomness for us.
    #[error("the system gives no random bytes")]
    Random,
}

impl Init {
    /// Writes all files, readable for their owner only, and says which.
    ///
    /// # Errors
    ///
    /// Nothing is written if a name is wrong, or if a file is there and may not be replaced.
    pub fn write(&self) -> Result<Vec<PathBuf>, InitError> {
        self.check()?;
        let authority = self.authority()?;
        let token = self.kept("token")?.map_or_else(random_token, Ok)?;
        let mut files = self.certificates(&authority)?;
        let client = files.iter().find(|(name, _)| name == "client.crt").map(|(_, pem)| pem.clone());
        let client = client.zip(files.iter().find(|(name, _)| name == "client.key").map(|(_, pem)| pem.clone()));
        for feed in &self.feeds {
            files.push((kubeconfig_name(feed), self.kubeconfig(feed, &authority.pem, &token, client.as_ref())));
        }
        if let Some((name, _)) = files.iter().find(|(name, _)| !self.force && self.dir.join(name).exists()) {
            return Err(InitError::Exists(self.dir.join(name)));
        }
        make_folder(&self.dir)?;
        let lasting = [("ca.crt", authority.pem), ("ca.key", authority.issuer.key().serialize_pem()), ("token", token)];
        let lasting = lasting.map(|(name, text)| (name.to_owned(), text));
        let write = |(name, text): (String, String)| {
            let path = self.dir.join(name);
            write_file(&path, &text).map_err(|cause| InitError::File { path: path.clone(), cause })?;
            Ok(path)
        };
        lasting.into_iter().chain(files).map(write).collect()
    }

    fn check(&self) -> Result<(), InitError> {
        let is_host = |host: &str| host.parse::<IpAddr>().is_ok() || is_name_of_host(host);
        if let Some(host) = self.hosts.iter().find(|host| !is_host(host)) {
            return Err(InitError::Host(Text::new(host)));
        }
        if let Some(feed) = self.feeds.iter().find(|feed| !is_name(feed)) {
            return Err(InitError::Feed(Text::new(feed)));
        }
        if self.hosts.is_empty() || self.feeds.is_empty() { Err(InitError::Nothing) } else { Ok(()) }
    }

    fn authority(&self) -> Result<Authority, InitError> {
        let mut params = params(AUTHORITY, self.days.max(AUTHORITY_DAYS));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let (key, pem) = match (self.kept("ca.key")?, self.kept("ca.crt")?) {
            (Some(key), Some(pem)) => (KeyPair::from_pem(&key)?, pem),
            (Some(_), None) if !self.force => return Err(InitError::Exists(self.dir.join("ca.key"))),
            (None, Some(_)) if !self.force => return Err(InitError::Exists(self.dir.join("ca.crt"))),
            _ => {
                let key = KeyPair::generate()?;
                let pem = params.self_signed(&key)?.pem();
                (key, pem)
            }
        };
        Ok(Authority { pem, issuer: Issuer::new(params, key) })
    }

    fn certificates(&self, authority: &Authority) -> Result<Vec<(String, String)>, InitError> {
        let mut files = Vec::new();
        let mut issue = |name: &str, purpose, hosts: &[String]| -> Result<(), rcgen::Error> {
            let mut params = params(&format!("sawatch webhook {name}"), self.days);
            params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![purpose];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            files.push((format!("{name}.crt"), params.signed_by(&key, &authority.issuer)?.pem()));
            files.push((format!("{name}.key"), key.serialize_pem()));
            Ok(())
        };
        issue("server", ExtendedKeyUsagePurpose::ServerAuth, &self.hosts)?;
        if self.client_certificate {
            issue("client", ExtendedKeyUsagePurpose::ClientAuth, &[])?;
        }
        Ok(files)
    }

    /// What an earlier run made, so that API servers that know it go on knowing it.
    fn kept(&self, name: &str) -> Result<Option<String>, InitError> {
        let path = self.dir.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim_end().to_owned() + "\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(InitError::File { path, cause }),
        }
    }

    /// The file for `--audit-webhook-config-file`. Hosts and feeds are checked and base64 needs no escape; a token that
    /// somebody wrote may.
    fn kubeconfig(&self, feed: &str, ca: &str, token: &str, client: Option<&(String, String)>) -> String {
        let host = &self.hosts[0];
        let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.clone() };
        // the first line, should there be several
        let token = serde_json::Value::from(token.lines().next().unwrap_or_default().trim());
        let (ca, port) = (BASE64_STANDARD.encode(ca), self.port);
        let client = client.map_or(String::new(), |(certificate, key)| {
            let (certificate, key) = (BASE64_STANDARD.encode(certificate), BASE64_STANDARD.encode(key));
            format!("    client-certificate-data: \"{certificate}\"\n    client-key-data: \"{key}\"\n")
        });
        format!(
            r#"apiVersion: v1
kind: Config
clusters:
- name: sawatch
  cluster:
    server: "https://{host}:{port}/audit/{feed}"
    certificate-authority-data: "{ca}"
users:
- name: apiserver
  user:
    token: {token}
{client}contexts:
- name: sawatch
  context:
    cluster: sawatch
    user: apiserver
current-context: sawatch
"#
        )
    }
}

/// Whoever signs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The name of the file for an API server.
#[must_use]
pub fn kubeconfig_name(feed: &str) -> String {
    format!("kubeconfig-{feed}.yaml")
}

fn params(name: &str, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - LEEWAY;
    params.not_after = now.saturating_add(Duration::days(days.into()));
    params
}

/// RFC 1123, without wildcards.
fn is_name_of_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_legal = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && is_legal && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn random_token() -> Result<String, InitError> {
    let mut bytes = [0; 32];
    ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| InitError::Random)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes) + "\n")
}

fn make_folder(dir: &Path) -> Result<(), InitError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|cause| InitError::File { path: dir.into(), cause })
}

/// Whole or not at all; a temporary file is readable for its owner only.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(dir: &Path) -> Init {
        Init {
            dir: dir.join("webhook"),
            hosts: vec!["::1".to_owned(), "sawatch.example".to_owned()],
            port: 9443,
            feeds: vec!["cp-1".to_owned(), "cp-2".to_owned()],
            days: 90,
            client_certificate: true,
            force: false,
        }
    }

    fn names(files: &[PathBuf]) -> Vec<&str> {
        files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn everything_is_there_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let files = init(dir.path()).write().unwrap();
        let certificates = ["server.crt", "server.key", "client.crt", "client.key"];
        let all = ["ca.crt", "ca.key", "token"].iter().chain(&certificates);
        assert_eq!(
            names(&files),
            all.chain(&["kubeconfig-cp-1.yaml", "kubeconfig-cp-2.yaml"]).copied().collect::<Vec<_>>()
        );
        #[cfg(unix)]
        for file in &files {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }

    #[test]
    fn nothing_is_replaced_unless_asked_for_and_the_authority_and_token_never_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut init = init(dir.path());
        let files = init.write().unwrap();
        let read = || files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<Vec<_>>();
        let before = read();
        assert!(matches!(init.write(), Err(InitError::Exists(path)) if path.ends_with("server.crt")));
        assert_eq!(read(), before);
        init.force = true;
        init.write().unwrap();
        let is_kept: Vec<bool> = read().iter().zip(&before).map(|(now, before)| now == before).collect();
        assert_eq!(is_kept, [true, true, true, false, false, false, false, false, false]);
    }

    #[test]
    fn wrong_names_are_told_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for wrong in ["", "a b", "*.example", "-a", "a..b", "a\"b", "host:80"] {
            let init = Init { hosts: vec![wrong.to_owned()], ..init(dir.path()) };
            assert!(matches!(init.write(), Err(InitError::Host(_))), "{wrong}");
        }
        assert!(matches!(Init { feeds: vec!["a/b".into()], ..init(dir.path()) }.write(), Err(InitError::Feed(_))));
        assert!(matches!(Init { feeds: vec![], ..init(dir.path()) }.write(), Err(InitError::Nothing)));
        assert!(!dir.path().join("webhook").exists());
    }
}
