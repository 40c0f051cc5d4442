//! The server's certificate and its key.

use std::fmt;
use std::fs;
use std::path::Path;

use ferrio_programs::cli::Failure;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that a certificate of our own is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes a certificate that vouches for itself, and writes it to a file if asked to. The key
    /// stays in memory.
    pub fn make(write_to: Option<&Path>) -> Result<Identity, Failure> {
        let made = rcgen::generate_simple_self_signed(NAMES.map(String::from))
            .map_err(|e| Failure::new(format!("cannot make a certificate: {e}")))?;
        if let Some(path) = write_to {
            fs::write(path, made.cert.pem()).map_err(|e| about(path, "write", &e))?;
        }
        Ok(Identity {
            chain: vec![made.cert.der().clone()],
            key: PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into(),
        })
    }

    /// Reads both from PEM files.
    pub fn load(cert: &Path, key: &Path) -> Result<Identity, Failure> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|e| about(cert, "read", &e))?;
        if chain.is_empty() {
            return Err(about(cert, "read", &"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|e| about(key, "read", &e))?;
        Ok(Identity { chain, key })
    }
}

fn about(path: &Path, what: &str, why: &dyn fmt::Display) -> Failure {
    Failure::new(format!("cannot {what} '{}': {why}", path.display()))
}
