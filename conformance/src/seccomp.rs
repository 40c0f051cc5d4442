//! A filter in front of the kernel, as container runtimes put it there: seccomp(2).

use std::io;

/// Makes system calls of this thread, and of what it starts, fail with an errno: `(number, errno)`.
/// It lasts as long as the thread, so only bodies of [`isolated`](crate::isolated) may ask for it.
pub fn refuse(calls: &[(libc::c_long, i32)]) {
    // seccomp(2): the program is given a seccomp_data, whose first word is the number of the call.
    let mut program = vec![instruction(
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        0,
        0,
        0,
    )];
    for &(number, errno) in calls {
        let number = u32::try_from(number).expect("the number of a call");
        let errno = u32::try_from(errno).expect("an errno");
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        program.push(instruction(equal, 0, 1, number));
        program.push(answer(libc::SECCOMP_RET_ERRNO | errno));
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
