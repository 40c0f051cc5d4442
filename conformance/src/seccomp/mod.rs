//! A filter in front of the kernel, as container runtimes put it there: seccomp(2).

#[cfg_attr(
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ),
    path = "compiled.rs"
)]
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )),
    path = "by_hand.rs"
)]
mod filter;

/// Makes system calls of this thread, and of what it starts, fail with an errno: `(number, errno)`.
/// It lasts as long as the thread, so only bodies of [`isolated`](crate::isolated) may ask for it, or
/// threads that they start.
pub fn refuse(calls: &[(libc::c_long, i32)]) {
    filter::install(calls);
}
