use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::sink::receiver::{Receiver, Reply};

fn settings(url: String) -> HttpSettings {
    HttpSettings { url, timeout: Duration::from_secs(5), ..HttpSettings::default() }
}

async fn post(settings: &HttpSettings) -> Result<(), Trouble> {
    let mut client = Client::new(settings).expect("a client");
    client.post("application/json", HeaderMap::new(), b"{}".to_vec()).await
}

fn what(outcome: Result<(), Trouble>) -> String {
    outcome.expect_err("it is not taken").to_string()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Receiver::start([]).await;
    let moved = format!("302 Found\r\nlocation: {}", other.url());
    let receiver = Receiver::start([Reply::Status(moved.leak())]).await;
    let outcome = post(&settings(receiver.url())).await;
    assert!(matches!(outcome, Err(Trouble::Permanent(_))), "{outcome:?}");
    assert!(what(outcome).contains("redirects are not followed"));
    assert_eq!((receiver.received().len(), other.received().len()), (1, 0));
}

/// A number is no IP address to a parser, and one to the resolver: 169.254.169.254.
#[tokio::test]
async fn a_name_that_stands_for_a_metadata_service_is_refused_once_it_is_resolved() {
    let outcome = post(&settings("http://2852039166/latest/meta-data".to_owned())).await;
    let what = what(outcome);
    assert!(what.contains("169.254.169.254 is link-local or a cloud's metadata service"), "{what}");
}

#[tokio::test]
async fn what_a_receiver_says_is_cut_and_escaped() {
    let long = format!("\u{1b}[2J{}", "x".repeat(1 << 20));
    let receiver = Receiver::start([Reply::Says("400 Bad Request", long)]).await;
    let what = what(post(&settings(receiver.url())).await);
    assert!(what.contains(r"400 Bad Request: \u{1b}[2Jxxx") && what.len() < 600, "{what}");
}

#[tokio::test]
async fn an_answer_that_is_longer_than_what_is_read_costs_its_connection_and_nothing_else() {
    let long = || Reply::Says("200 OK", "x".repeat(1 << 20));
    let receiver = Receiver::start([long(), long()]).await;
    let mut client = Client::new(&settings(receiver.url())).expect("a client");
    for _ in 0..2 {
        client.post("application/json", HeaderMap::new(), b"{}".to_vec()).await.expect("taken");
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn nobody_there_may_pass() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let outcome = post(&settings(format!("http://{free}/"))).await;
    assert!(matches!(outcome, Err(Trouble::Transient { after: None, .. })), "{outcome:?}");
}

#[test]
fn headers_that_say_where_a_request_ends_and_those_that_are_none_are_refused() {
    for (name, value) in [("Content-Length", "1"), ("HOST", "x"), ("a b", "x"), ("x", "a\r\nb: c")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let settings = HttpSettings { headers, ..settings("http://127.0.0.1/".to_owned()) };
        assert!(Client::new(&settings).is_err(), "{name}");
    }
}

/// A certificate authority, a server that shows its certificate, and wants one of its clients if `wants`.
struct Tls {
    folder: tempfile::TempDir,
    receiver: Receiver,
}

impl Tls {
    async fn start(wants: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let issue = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new([name.to_owned()]).expect("a name");
            (params.signed_by(&key, &ca).expect("a certificate"), key)
        };
        let (server, server_key) = issue("localhost");
        let (client, client_key) = issue("sawatch");
        for (name, pem) in [("ca", ca.pem()), ("client", client.pem()), ("key", client_key.serialize_pem())] {
            fs::write(folder.path().join(name), pem).expect("room");
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).expect("an authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
        let config = match wants {
            true => config.with_client_cert_verifier(verifier.build().expect("a verifier")),
            false => config.with_no_client_auth(),
        };
        let key = PrivateKeyDer::try_from(server_key.serialize_der()).expect("a key");
        let config = config.with_single_cert(vec![server.der().clone()], key).expect("a certificate");
        let receiver = Receiver::start_with([], Some(TlsAcceptor::from(Arc::new(config)))).await;
        Self { folder, receiver }
    }

    fn settings(&self, host: &str) -> HttpSettings {
        let ca_file = Some(self.folder.path().join("ca"));
        HttpSettings { ca_file, ..settings(format!("https://{host}:{}/", self.receiver.address.port())) }
    }
}

#[tokio::test]
async fn a_server_is_believed_by_the_authority_that_is_named_and_under_its_name_only() {
    let tls = Tls::start(false).await;
    assert_eq!(post(&tls.settings("localhost")).await, Ok(()));
    let by_address = what(post(&tls.settings("127.0.0.1")).await);
    assert!(by_address.contains("certificate not valid for name"), "{by_address}");
    let other = Tls::start(false).await;
    let ca_file = other.settings("localhost").ca_file;
    let stranger = what(post(&HttpSettings { ca_file, ..tls.settings("localhost") }).await);
    assert!(stranger.contains("certificate"), "{stranger}");
    assert_eq!(tls.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_shown_our_certificate() {
    let tls = Tls::start(true).await;
    let [certificate, key] = ["client", "key"].map(|name| tls.folder.path().join(name));
    let client_certificate = Some(ClientCertificate { certificate, key });
    assert_eq!(post(&HttpSettings { client_certificate, ..tls.settings("localhost") }).await, Ok(()));
    let nobody = post(&tls.settings("localhost")).await;
    assert!(matches!(nobody, Err(Trouble::Transient { .. })), "{nobody:?}");
}

#[test]
fn certificates_that_are_not_there_are_missed_at_once() {
    let settings = settings("https://localhost/".to_owned());
    let ca_file = Some(PathBuf::from("no/ca.pem"));
    assert!(Client::new(&HttpSettings { ca_file, ..settings }).is_err_and(|what| what.as_str().contains("no/ca.pem")));
}
