//! Our own certificate, and whose certificates we trust.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::{SettingsError, Tls, read};

/// TLS 1.2 and 1.3, HTTP/1.1 only.
pub(super) fn server_config(tls: &Tls) -> Result<ServerConfig, SettingsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key)?).map_err(|error| wrong(&tls.key, &error))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&tls.cert, &error))?;
    let builder = match &tls.client_ca {
        Some(ca) => builder.with_client_cert_verifier(verifier(ca, provider)?),
        None => builder.with_no_client_auth(),
    };
    // this also refuses a key that is another certificate's
    let mut config = builder.with_single_cert(chain, key).map_err(|error| wrong(&tls.cert, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(ca: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, SettingsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| wrong(ca, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().map_err(|error| wrong(ca, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain.map_err(|error| wrong(path, &error))? {
        none if none.is_empty() => Err(wrong(path, &"there is no certificate in it")),
        chain => Ok(chain),
    }
}

fn wrong(path: &Path, what: &dyn ToString) -> SettingsError {
    SettingsError::Pem { path: path.into(), what: what.to_string() }
}
