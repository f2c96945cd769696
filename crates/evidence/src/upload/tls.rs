//! TLS by rustls with ring: the system's authorities, or those of a file.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

pub(super) fn config(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let certificates: Vec<CertificateDer<'static>> = match authorities {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    if let (0, _) = roots.add_parsable_certificates(certificates) {
        let place = authorities.map_or("the system's store".into(), Path::to_string_lossy);
        return Err(format!("{place}: no certificate of an authority"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
