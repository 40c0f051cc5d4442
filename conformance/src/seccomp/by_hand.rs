//! The filter, for processors that the crate `seccompiler` does not know: written in the instructions
//! of the kernel's interpreter, in the order of seccomp(2).

use std::io;

/// Where a word is in what the kernel gives the program, a seccomp_data: the number of the call.
const NUMBER: u32 = 0;

/// The lower half of the first argument, where the lower half comes first.
const FIRST_ARGUMENT: u32 = 16;

/// socketcall(2), by which glibc for 32-bit x86 makes the calls that are younger than the oldest
/// kernel it is built for, Linux 3.2 in Debian: accept4 has a number of its own since 4.3.
const SOCKETCALL: u32 = 102;

/// Its first argument for accept4: SYS_ACCEPT4 of linux/net.h.
const SOCKETCALL_ACCEPT4: u32 = 18;

/// Installs a filter with these errors for this thread.
pub(super) fn install(calls: &[(libc::c_long, i32)]) {
    let mut program = vec![load(NUMBER)];
    for &(number, errno) in calls {
        let call = u32::try_from(number).expect("the number of a call");
        let errno = u32::try_from(errno).expect("an errno");
        let refused = answer(libc::SECCOMP_RET_ERRNO | errno);
        program.extend([unless(call, 1), refused]);
        if cfg!(target_arch = "x86") && number == libc::SYS_accept4 {
            let through = [unless(SOCKETCALL, 4), load(FIRST_ARGUMENT)];
            program.extend(through);
            program.extend([unless(SOCKETCALL_ACCEPT4, 1), refused, load(NUMBER)]);
        }
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("a short program"),
        filter: program.as_mut_ptr(),
    };
    // prctl(2): without new privileges anybody may install a filter.
    // SAFETY: PR_SET_NO_NEW_PRIVS takes numbers only.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(
        result,
        0,
        "no new privileges: {}",
        io::Error::last_os_error()
    );
    // SAFETY: `filter` describes `program`, and the kernel copies both.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(result, 0, "the filter: {}", io::Error::last_os_error());
}

fn load(offset: u32) -> libc::sock_filter {
    let word = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    instruction(word, 0, 0, offset)
}

/// Skips some instructions unless the loaded word is `value`.
fn unless(value: u32, skip: u8) -> libc::sock_filter {
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    instruction(equal, 0, skip, value)
}

fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value)
}

fn instruction(code: u32, if_true: u8, if_false: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).expect("an operation of 16 bits"),
        jt: if_true,
        jf: if_false,
        k,
    }
}
