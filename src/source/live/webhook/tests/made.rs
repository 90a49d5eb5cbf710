//! What `webhook init` made, over TLS.

use hyper_util::rt::TokioIo;
use saphyr::{LoadableYamlNode, Yaml};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::super::init::Init;
use super::super::*;
use super::rig::{Judge, LIST, Rig, TOKEN, exchange, loopback, post};

/// What `webhook init` made, as an API server uses it.
struct Made {
    dir: tempfile::TempDir,
    port: u16,
}

impl Made {
    fn new() -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap(), port: 9443 };
        made.init(false);
        made
    }

    fn init(&self, force: bool) {
        let init = Init {
            dir: self.dir.path().to_owned(),
            hosts: vec!["127.0.0.1".to_owned()],
            port: self.port,
            feeds: vec!["cp-1".to_owned()],
            days: 1,
            client_certificate: true,
            force,
        };
        init.write().unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn settings(&self) -> WebhookSettings {
        let client_ca = Some(self.path("ca.crt"));
        let tls = Some(Tls { cert: self.path("server.crt"), key: self.path("server.key"), client_ca });
        let mut settings = WebhookSettings { tls, token_file: Some(self.path("token")), ..loopback() };
        settings.limits.renewal = Duration::from_millis(5);
        settings
    }

    fn kubeconfig(&self) -> Kubeconfig {
        Kubeconfig::read(&self.path("kubeconfig-cp-1.yaml"))
    }
}

struct Kubeconfig {
    server: String,
    ca: Vec<u8>,
    token: String,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Kubeconfig {
    fn read(path: &Path) -> Self {
        use base64::Engine;
        let text = fs::read_to_string(path).unwrap();
        let yaml = &Yaml::load_from_str(&text).unwrap()[0];
        let (cluster, user) = (&yaml["clusters"][0]["cluster"], &yaml["users"][0]["user"]);
        let text = |node: &Yaml<'_>| node.as_str().unwrap().to_owned();
        let data = |node: &Yaml<'_>| base64::prelude::BASE64_STANDARD.decode(text(node)).unwrap();
        assert_eq!(yaml["contexts"][0]["name"], yaml["current-context"]);
        Self {
            server: text(&cluster["server"]),
            ca: data(&cluster["certificate-authority-data"]),
            token: text(&user["token"]),
            client: Some((data(&user["client-certificate-data"]), data(&user["client-key-data"]))),
        }
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&self.ca).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }

    fn post(&self, rig: &Rig) -> Result<u16, String> {
        let path = self.server.strip_prefix("https://127.0.0.1:9443").unwrap();
        let mut request = post(path, LIST);
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        rig.runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(rig.address).await.unwrap();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let stream = self.connector().connect(name, socket).await.map_err(|error| error.to_string())?;
            let answer = exchange(TokioIo::new(stream), request).await;
            answer.map(|(status, _)| status.as_u16()).map_err(|error| error.to_string())
        })
    }
}

#[test]
fn what_init_made_serves_an_api_server_and_nobody_else() {
    let made = Made::new();
    let rig = Rig::run(made.settings(), Judge::Fires);
    let kubeconfig = made.kubeconfig();
    assert_eq!(kubeconfig.server, "https://127.0.0.1:9443/audit/cp-1");
    assert_eq!(kubeconfig.post(&rig), Ok(200));
    assert_eq!(Kubeconfig { token: TOKEN.to_owned(), ..made.kubeconfig() }.post(&rig), Ok(401));
    assert!(Kubeconfig { client: None, ..made.kubeconfig() }.post(&rig).is_err());
    let stranger = Made::new().kubeconfig();
    assert!(Kubeconfig { client: stranger.client, ..made.kubeconfig() }.post(&rig).is_err());
    assert!(Kubeconfig { ca: stranger.ca, ..made.kubeconfig() }.post(&rig).unwrap_err().contains("certificate"));
    assert_eq!(rig.raw(b"GET / HTTP/1.1\r\n\r\n").len(), 7, "an alert, no answer");
    rig.wait_until(|rig| rig.stats.refused(Refusal::Tls) == 4);
    assert_eq!(rig.end().len(), 1);
}

#[test]
fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let made = Made::new();
    let rig = Rig::run(made.settings(), Judge::Fires);
    let old = made.kubeconfig();
    fs::write(made.path("server.crt"), "broken").unwrap();
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(old.post(&rig), Ok(200));
    made.init(true);
    assert_eq!(old.post(&rig), Ok(200), "the authority is the same");
    let served = |rig: &Rig| {
        rig.runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(rig.address).await.unwrap();
            let stream = old.connector().connect(ServerName::try_from("127.0.0.1").unwrap(), socket).await.unwrap();
            stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
        })
    };
    let new = CertificateDer::from_pem_file(made.path("server.crt")).unwrap();
    rig.wait_until(|rig| served(rig) == new);
    rig.end();
}
