//! Unix sockets: streams and datagrams, by path, by abstract name and in pairs.
//!
//! ```text
//! cargo run --example unix_socket
//! cargo run --example unix_socket -- --directory /run/user/1000 --bytes 10000000
//! ```
//!
//! Each part is a conversation between two sockets in one event loop, and checks what arrives:
//! * `streams`: a server and a client that echo and check a stream; once with the address in the
//!   file system, once with an abstract one (Linux), once with a pair that needs no address.
//! * `datagrams`: whole messages, their bounds kept, and the sender's address with each.

use std::process::ExitCode;

#[cfg(unix)]
mod datagrams;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod streams;

#[cfg(unix)]
fn main() -> ExitCode {
    demo::main()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("unix_socket: this system has no Unix sockets in ferrio");
    ExitCode::from(2)
}
