//! One test per fact about kqueue(2), named after the fact.
//!
//! The letters are those of the README's table. A test whose name ends in `_on_linux` shows where
//! Linux cannot show what a BSD does.

#![cfg(target_os = "linux")]

mod changelist;
mod close;
mod close_unix;
mod connect;
mod edges;
mod flags;
mod listeners;
mod nesting;
mod order;
mod pipes;
mod queue;
mod registration;
mod reuse;
mod support;
mod threads;
mod time;
mod user;
