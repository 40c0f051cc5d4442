//! A TLS client whose every step a test can choose.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrio::net::TcpStream;
use ferrio::{Events, Interest, Poll, Token};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

use crate::clients::{connect, noise};
use crate::process::{LIMIT, Server, TLS_ECHO};
use crate::tools::Scratch;

/// A server, and the certificate it made.
pub struct TlsServer {
    pub server: Server,
    pub cert: Scratch,
}

impl TlsServer {
    /// `name` is the test's, for a file of its own.
    pub fn start(name: &str, args: &[&str]) -> TlsServer {
        let cert = Scratch::new(&format!("{name}.pem"));
        let args = [&["--write-cert", cert.as_str()], args].concat();
        let server = Server::start(TLS_ECHO, &args);
        TlsServer { server, cert }
    }

    /// A connection on which the handshake is done.
    #[track_caller]
    pub fn client(&self) -> TlsClient {
        let mut client = TlsClient::new(self.server.address, trusting(&self.cert));
        client.shake_hands();
        client
    }

    /// The server still answers an ordinary client.
    #[track_caller]
    pub fn assert_answers(&self) {
        let mut client = self.client();
        client.echo(b"still there?");
        client.end();
    }
}

/// What a client needs that trusts this certificate and no other.
pub fn trusting(cert: &Path) -> Arc<ClientConfig> {
    speaking(cert, rustls::ALL_VERSIONS)
}

pub fn speaking(cert: &Path, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_file(cert).expect("a certificate");
    roots.add(cert).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    CloseNotify,
    /// TCP's end, without the other.
    CutOff,
}

pub struct TlsClient {
    poll: Poll,
    events: Events,
    pub stream: TcpStream,
    pub tls: ClientConnection,
    pub received: Vec<u8>,
    pub end: Option<End>,
    /// TCP's end was seen, in whichever way TLS ended.
    pub at_end: bool,
}

impl TlsClient {
    #[track_caller]
    pub fn new(address: SocketAddr, config: Arc<ClientConfig>) -> TlsClient {
        let stream = connect(address);
        stream.set_nonblocking(true).expect("non-blocking");
        let mut stream = TcpStream::from_std(stream);
        let poll = Poll::new().expect("a poll");
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(0), both)
            .expect("registered");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(config, name).expect("a configuration");
        tls.set_buffer_limit(None);
        TlsClient {
            poll,
            events: Events::with_capacity(8),
            stream,
            tls,
            received: Vec::new(),
            end: None,
            at_end: false,
        }
    }

    pub fn address(&self) -> String {
        self.stream.local_addr().expect("an address").to_string()
    }

    #[track_caller]
    pub fn shake_hands(&mut self) {
        self.run("a handshake", |client| !client.tls.is_handshaking());
        // The client's last words of the handshake.
        self.run("sent", |client| !client.tls.wants_write());
    }

    /// The handshake but for the client's last words, which are not sent.
    #[track_caller]
    pub fn say_hello(&mut self) {
        while self.tls.wants_write() {
            self.write().expect("the server reads");
        }
        while self.tls.is_handshaking() {
            assert!(self.wait(LIMIT), "the server doesn't answer");
            self.read().expect("TLS");
            assert!(!self.at_end, "the connection has ended");
        }
    }

    /// Queues plaintext. It's sent by what comes next.
    pub fn say(&mut self, bytes: &[u8]) {
        self.tls
            .writer()
            .write_all(bytes)
            .expect("there is no limit");
    }

    /// Sends bytes and expects them back.
    #[track_caller]
    pub fn echo(&mut self, bytes: &[u8]) {
        self.say(bytes);
        let from = self.received.len();
        self.run("an echo", |client| {
            client.received.len() >= from + bytes.len()
        });
        assert!(&self.received[from..] == bytes, "the echo differs");
    }

    /// Says goodbye, and expects the same.
    #[track_caller]
    pub fn end(mut self) {
        self.tls.send_close_notify();
        self.run("the end", |client| client.end.is_some() && client.at_end);
        assert_eq!(self.end, Some(End::CloseNotify));
    }

    /// Reads and writes until `done`.
    #[track_caller]
    pub fn run(&mut self, what: &str, done: impl Fn(&TlsClient) -> bool) {
        self.try_run(what, done)
            .unwrap_or_else(|e| panic!("{what}: {e}"));
    }

    /// The same, where errors are expected.
    #[track_caller]
    pub fn try_run(&mut self, what: &str, done: impl Fn(&TlsClient) -> bool) -> io::Result<()> {
        loop {
            self.write()?;
            self.read()?;
            if done(self) {
                return Ok(());
            }
            assert!(
                !self.at_end,
                "{what} doesn't come: the connection has ended"
            );
            if !self.tls.wants_write() || self.write()? == 0 {
                assert!(self.wait(LIMIT), "{what} doesn't come");
            }
        }
    }

    /// Sends noise without reading anything, until nobody takes any more for a while, or the server
    /// has lost its patience. Returns what was queued; the last of it may not be gone.
    pub fn send_until_stuck(&mut self, most: usize) -> Vec<u8> {
        let mut said = Vec::new();
        while said.len() < most {
            let part = noise(said.len() as u64, 64 * 1024);
            self.say(&part);
            said.extend(part);
            while self.tls.wants_write() {
                match self.write() {
                    Ok(0) if !self.wait(Duration::from_millis(300)) => return said,
                    Ok(_) => {}
                    Err(_) => return said,
                }
            }
        }
        said
    }

    /// Sends no more than so many bytes, if any go.
    #[track_caller]
    pub fn write_a_little(&mut self, most: usize) {
        let mut little = Little(&mut self.stream, most);
        match self.tls.write_tls(&mut little) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
    }

    /// Reads no more than so many bytes, if there are any.
    #[track_caller]
    pub fn read_a_little(&mut self, most: u64) {
        match self.tls.read_tls(&mut (&mut self.stream).take(most)) {
            Ok(count) => assert!(count > 0, "the connection has ended"),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        self.tls.process_new_packets().expect("TLS");
        self.take_plaintext().expect("TLS");
    }

    fn wait(&mut self, limit: Duration) -> bool {
        self.poll
            .poll(&mut self.events, Some(limit))
            .expect("events");
        !self.events.is_empty()
    }

    fn write(&mut self) -> io::Result<usize> {
        let mut gone = 0;
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(count) => gone += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }

    fn read(&mut self) -> io::Result<()> {
        loop {
            let read = if self.end == Some(End::CloseNotify) {
                // rustls reads no further, but TCP's end is still to come.
                self.stream.read(&mut [0; 64])
            } else {
                self.tls.read_tls(&mut self.stream)
            };
            match read {
                Ok(0) => self.at_end = true,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            let processed = self.tls.process_new_packets();
            processed.map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
            self.take_plaintext()?;
            if self.at_end {
                return Ok(());
            }
        }
    }

    fn take_plaintext(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.tls.reader().read(&mut buffer) {
                Ok(0) => {
                    self.end = Some(End::CloseNotify);
                    return Ok(());
                }
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.end = Some(End::CutOff);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes no more than so many bytes at a time.
struct Little<'a>(&'a mut TcpStream, usize);

impl io::Write for Little<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(self.1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
