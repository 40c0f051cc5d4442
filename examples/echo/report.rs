//! What the program says at the end.

use std::net::SocketAddr;
use std::time::Duration;

use ferrio::{SelectorKind, WakerKind};
use indicatif::{HumanBytes, HumanCount};

use crate::args::Args;
use crate::load::{Load, LoadReport};

/// What the server did.
#[derive(Clone)]
pub struct ServerReport {
    selector: SelectorKind,
    waker: WakerKind,
    pub accepted: u64,
    pub most_open: usize,
    pub echoed: u64,
    /// Connections that ended with an error, such as a reset.
    pub broken: u64,
    /// How often a connection could not be accepted for want of descriptors or the like.
    pub accept_failures: u64,
    /// How often `poll` returned.
    pub turns: u64,
}

impl ServerReport {
    pub fn new(selector: SelectorKind, waker: WakerKind) -> ServerReport {
        ServerReport {
            selector,
            waker,
            accepted: 0,
            most_open: 0,
            echoed: 0,
            broken: 0,
            accept_failures: 0,
            turns: 0,
        }
    }

    /// For `--listen`.
    pub fn to_text(&self, left_open: Option<isize>) -> String {
        format!(
            "\n\
             connections    {} accepted, at most {} open at once, {} broken off\n\
             bytes          {} echoed ({})\n\
             not accepted   {} times for want of descriptors or memory\n\
             event loop     {} turns (selector {}, waker {})\n\
             descriptors    {}\n",
            HumanCount(self.accepted),
            HumanCount(self.most_open as u64),
            HumanCount(self.broken),
            HumanCount(self.echoed),
            HumanBytes(self.echoed),
            HumanCount(self.accept_failures),
            HumanCount(self.turns),
            self.selector,
            self.waker,
            left_open_text(left_open),
        )
    }
}

/// The first line, before the load starts.
pub fn headline(args: &Args, address: SocketAddr, load: &Load) -> String {
    format!(
        "{} connections to {address}, {}-byte messages, {} s (selector {}, waker {})\n",
        HumanCount(args.connections as u64),
        HumanCount(args.message as u64),
        args.seconds,
        load.poll().selector(),
        load.poll().waker(),
    )
}

/// The load's results.
pub struct Summary {
    connections: usize,
    message: usize,
    load: LoadReport,
    /// Of the server in this process, if there was one.
    server: Option<ServerReport>,
    left_open: Option<isize>,
}

impl Summary {
    pub fn new(
        args: &Args,
        load: LoadReport,
        server: Option<ServerReport>,
        left_open: Option<isize>,
    ) -> Summary {
        let (connections, message) = (args.connections, args.message);
        Summary {
            connections,
            message,
            load,
            server,
            left_open,
        }
    }

    /// Did all go well?
    pub fn is_clean(&self) -> bool {
        self.errors() == 0 && self.left_open.is_none_or(|count| count <= 0)
    }

    fn errors(&self) -> u64 {
        // A connection that the server saw break off, though the load had no fault to find. After
        // Ctrl-C the load itself may break off connections.
        let broken = self.server.as_ref().map_or(0, |server| server.broken);
        if self.load.interrupted {
            self.load.errors
        } else {
            self.load.errors.max(broken)
        }
    }

    fn requests_per_second(&self) -> f64 {
        let seconds = self.load.elapsed.as_secs_f64();
        if seconds > 0.0 {
            self.load.requests as f64 / seconds
        } else {
            0.0
        }
    }

    fn latency(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.load.latency.value_at_quantile(quantile))
    }

    pub fn to_text(&self) -> String {
        let bytes = self.load.requests * self.message as u64;
        let note = if self.load.interrupted {
            " (interrupted)"
        } else {
            ""
        };
        let mut text = format!(
            "\n\
             connections    {} of {}{note}\n\
             requests       {} in {:.2} s\n\
             requests/s     {}\n\
             latency        p50 {}, p99 {}, p99.9 {}, longest {}\n\
             bytes          {} sent, returned and checked ({})\n\
             errors         {}\n",
            HumanCount(self.load.connected as u64),
            HumanCount(self.connections as u64),
            HumanCount(self.load.requests),
            self.load.elapsed.as_secs_f64(),
            HumanCount(self.requests_per_second() as u64),
            micros(self.latency(0.5)),
            micros(self.latency(0.99)),
            micros(self.latency(0.999)),
            micros(Duration::from_nanos(self.load.latency.max())),
            HumanCount(bytes),
            HumanBytes(bytes),
            HumanCount(self.errors()),
        );
        if let Some(error) = &self.load.first_error {
            text += &format!("first error    {error}\n");
        }
        text += &format!(
            "selector       {} (waker {})\n",
            self.load.selector, self.load.waker
        );
        text += &format!("descriptors    {}\n", left_open_text(self.left_open));
        text
    }

    pub fn to_json(&self) -> String {
        let micros = |latency: Duration| latency.as_nanos() as f64 / 1000.0;
        let value = serde_json::json!({
            "connections": self.load.connected,
            "message_bytes": self.message,
            "seconds": self.load.elapsed.as_secs_f64(),
            "requests": self.load.requests,
            "requests_per_second": self.requests_per_second(),
            "bytes_checked": self.load.requests * self.message as u64,
            "latency_us": {
                "p50": micros(self.latency(0.5)),
                "p99": micros(self.latency(0.99)),
                "p999": micros(self.latency(0.999)),
                "max": micros(Duration::from_nanos(self.load.latency.max())),
            },
            "errors": self.errors(),
            "first_error": self.load.first_error,
            "interrupted": self.load.interrupted,
            "selector": self.load.selector.to_string(),
            "waker": self.load.waker.to_string(),
            "descriptors_left_open": self.left_open,
        });
        format!("{value}\n")
    }
}

fn micros(latency: Duration) -> String {
    match latency.as_nanos() as f64 / 1000.0 {
        micros if micros < 1000.0 => format!("{micros:.1} µs"),
        micros if micros < 1_000_000.0 => format!("{:.2} ms", micros / 1000.0),
        micros => format!("{:.2} s", micros / 1_000_000.0),
    }
}

fn left_open_text(count: Option<isize>) -> String {
    match count {
        Some(count) => format!("{count} left open"),
        None => String::from("not counted, this system doesn't say"),
    }
}
