//! The servers of this package as their users see them: each is started as a process, talked to by
//! real clients and by bad ones, starved of descriptors, and asked for its exit code.
//!
//! A server says on stdout when it's ready and on stderr what it refuses, so nothing here sleeps
//! for long enough; everything waits for something.

#![cfg(unix)]

mod chat;
mod chat_faults;
mod clients;
mod command_line;
mod half_open;
mod hostile;
mod http;
mod http_faults;
mod http_tools;
mod limits;
mod process;
mod proxy;
mod proxy_faults;
mod replies;
mod slow;
mod tls;
mod tls_client;
mod tls_faults;
mod tools;
