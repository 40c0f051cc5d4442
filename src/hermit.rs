//! What only Hermit has: descriptors outside the Unix family.

pub use crate::source_fd::SourceFd;
