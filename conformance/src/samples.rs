//! One source of every kind, each with a way to make it ready.

use std::io::Write;

use ferrio::Interest;
use ferrio::event::{Event, Source};

use crate::backend::Backend;
use crate::capability::Capability;
use crate::driver::Driver;
use crate::pairs;
#[cfg(unix)]
use crate::unix_samples::{LOCAL, SOURCE_FD};
#[cfg(unix)]
pub use crate::unix_samples::{Raw, TempPath, eventfd};

/// A source that is not ready, and what makes it ready.
pub struct Sample {
    pub name: &'static str,
    pub source: Box<dyn Source + Send>,
    /// What `trigger` makes it ready for.
    pub interest: Interest,
    pub(crate) trigger: Box<dyn FnMut() + Send>,
    pub(crate) reset: Option<Box<dyn FnMut() + Send>>,
}

impl Sample {
    /// Changes the readiness; each call is one more edge.
    pub fn trigger(&mut self) {
        (self.trigger)();
    }

    /// Polls until the readiness that [`trigger`](Sample::trigger) causes is reported.
    pub fn expect(&self, driver: &mut Driver, token: usize) -> Vec<Event> {
        if self.interest == Interest::WRITABLE {
            driver.expect_writable(token)
        } else {
            driver.expect_readable(token)
        }
    }

    /// Makes the source quiet where it is level-triggered, that is, reported until it isn't ready.
    pub fn settle(&mut self, b: &Backend) {
        if b.gap(Capability::EdgeTriggeredSourceFd).is_some() {
            if let Some(reset) = &mut self.reset {
                reset();
            }
        }
    }

    pub(crate) fn readable(
        name: &'static str,
        source: impl Source + Send + 'static,
        trigger: impl FnMut() + Send + 'static,
    ) -> Sample {
        Sample {
            name,
            source: Box::new(source),
            interest: Interest::READABLE,
            trigger: Box::new(trigger),
            reset: None,
        }
    }
}

/// What only Unix has.
#[cfg(not(unix))]
const LOCAL: [fn() -> Sample; 0] = [];
#[cfg(not(unix))]
const SOURCE_FD: [fn() -> Sample; 0] = [];

/// A sample of every kind of source.
pub fn all() -> Vec<Sample> {
    let mut samples = owned();
    samples.extend(SOURCE_FD.iter().map(|sample| sample()));
    samples
}

/// A sample of every kind of source that is edge-triggered: all, or all but `SourceFd`.
pub fn edge_triggered(b: &Backend) -> Vec<Sample> {
    match b.gap(Capability::EdgeTriggeredSourceFd) {
        Some(_) => owned(),
        None => all(),
    }
}

/// A sample of every kind of source that keeps its own registration: all but `SourceFd`.
pub fn owned() -> Vec<Sample> {
    let mut samples = vec![
        tcp_listener(),
        tcp_stream(),
        #[cfg(not(wasi_p1))]
        udp_socket(),
    ];
    samples.extend(LOCAL.iter().map(|sample| sample()));
    samples
}

fn tcp_listener() -> Sample {
    let (listener, address) = pairs::listener();
    let mut clients = Vec::new();
    Sample::readable("TcpListener", listener, move || {
        clients.push(pairs::client(address));
    })
}

fn tcp_stream() -> Sample {
    let (stream, mut peer) = pairs::tcp();
    Sample::readable("TcpStream", stream, move || {
        peer.write_all(b"x").expect("write");
    })
}

#[cfg(not(wasi_p1))] // There are none.
fn udp_socket() -> Sample {
    let (socket, peer) = pairs::udp();
    Sample::readable("UdpSocket", socket, move || {
        peer.send(b"x").expect("send");
    })
}
