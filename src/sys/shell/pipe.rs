//! The standard library makes pipes since Rust 1.87 only, and cannot make a file non-blocking.

use std::fs::File;
use std::io;

use super::unsupported;

pub(crate) fn new() -> io::Result<(File, File)> {
    Err(unsupported("make a pipe"))
}

pub(crate) fn set_nonblocking(_: &File, _: bool) -> io::Result<()> {
    Err(unsupported("change the blocking mode of a pipe"))
}
