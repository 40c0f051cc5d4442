//! A TLS echo server: rustls on top of ferrio, without blocking anywhere.
//!
//! ```text
//! cargo run -p ferrio-programs --bin tls_echo -- --listen 127.0.0.1:8443 --write-cert cert.pem
//! openssl s_client -connect 127.0.0.1:8443 -CAfile cert.pem -quiet
//! ```
//!
//! Where to look:
//! * `session.rs` is the state machine of a connection: the handshake, the echo, the two ends that
//!   a TLS connection has (`close_notify`, and TCP's).
//! * `identity.rs` makes or loads the certificate.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use ferrio_programs::cli::{self, Failure, Serving, seconds};
use ferrio_programs::server;
use rustls::ServerConfig;

mod identity;
mod session;

use identity::Identity;

/// Echoes over TLS 1.2 and 1.3 what its clients send, in one thread.
///
/// Without --cert and --key it makes itself a certificate for localhost, 127.0.0.1 and ::1 at each
/// start. Ctrl-C or SIGTERM ends it.
///
/// Exit codes: 0, ended by a signal; 2, it could not start or go on.
#[derive(Parser)]
#[command(name = "tls_echo")]
struct Args {
    #[command(flatten)]
    serving: Serving,

    /// How long a handshake may take, and a client be idle after it
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,

    /// The certificate and its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Write the certificate to this file, for clients to check it against
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    write_cert: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let make = |_: SocketAddr| {
        let identity = match (&args.cert, &args.key) {
            (Some(cert), Some(key)) => Identity::load(cert, key)?,
            _ => Identity::make(args.write_cert.as_deref())?,
        };
        Ok(session::TlsEcho::new(config(identity)?, args.timeout))
    };
    cli::exit("tls_echo", server::serve(&args.serving, make))
}

fn config(identity: Identity) -> Result<Arc<ServerConfig>, Failure> {
    let failed = |e: rustls::Error| Failure::new(format!("cannot set up TLS: {e}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .map_err(failed)?;
    Ok(Arc::new(config))
}
