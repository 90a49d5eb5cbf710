//! Whom we trust, and what we show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::chain;
use crate::text::Text;

/// What we show a server that asks who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM: ours, then those between it and its authority.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Certificates that stand in files, read for each connection: whoever renews them need not tell us.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) ca: Option<PathBuf>,
    pub(super) client: Option<ClientCertificate>,
}

impl Files {
    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Text> {
        let files = self.clone();
        let read = tokio::task::spawn_blocking(move || files.connector()).await;
        let connector = read.map_err(|e| Text::new(&e.to_string()))??;
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| Text::new("no certificate can be for its name"))?;
        connector.connect(name, stream).await.map_err(|e| Text::new(&chain(&e)))
    }

    pub(super) fn connector(&self) -> Result<TlsConnector, Text> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Text::new(&e.to_string()))?
            .with_root_certificates(self.roots()?);
        let config = match &self.client {
            None => config.with_no_client_auth(),
            Some(ClientCertificate { certificate, key }) => {
                let read = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, &e))?;
                config.with_client_auth_cert(certificates(certificate)?, read).map_err(|e| unreadable(key, &e))?
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn roots(&self) -> Result<RootCertStore, Text> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.ca {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| unreadable(path, &e))?;
            }
            return Ok(roots);
        }
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("the system trusts no certificate authority: name a file with the receiver's own".into());
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Text> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|e| unreadable(path, &e))?;
    if certificates.is_empty() {
        return Err(Text::new(&format!("{} holds no certificate", Text::from(path))));
    }
    Ok(certificates)
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Text {
    Text::new(&format!("{}: {}", Text::from(path), chain(error)))
}
