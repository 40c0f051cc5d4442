//! How epoll_wait(2) is called: by libc's function, or without it.
//!
//! **Why without.** A poll that finds nothing takes the kernel some 100 ns. libc's function adds to
//! that: it is a point where the thread can be cancelled, which glibc 2.36 pays for with two atomic
//! exchanges in programs with several threads (Rust threads are not cancelled), and it is a function,
//! to which the processor has to find back after the kernel has used its memory of return addresses
//! for its own. bench/report/trials.md has the figures.
//!
//! **When not.** Somebody may have put a function of this name in front of libc's: network stacks in
//! user space do (by LD_PRELOAD, with an epoll of their own to which the kernel has nothing to
//! report), and sanitizers (to learn what it writes). The dynamic linker tells: then the two functions
//! are in different objects, and libc's name is what is called. The same on architectures without an
//! epoll_wait in the kernel, and under Miri, which knows functions only. And then epoll_pwait2(2), which
//! is always called past libc, is not called either: see [`passes_libc`].
//!
//! The call is the same one for the kernel, seccomp filters, ptrace(2) and emulators either way: what
//! glibc calls epoll_wait(2), musl makes epoll_pwait(2) of.

use std::io;
use std::os::fd::RawFd;

use libc::epoll_event;

use super::super::Outcome;

/// How many records were filled, or the error.
#[derive(Copy, Clone)]
pub(super) struct Count(pub(super) isize);

impl Outcome for Count {
    #[inline(always)]
    fn is_error(self) -> bool {
        self.0 < 0
    }

    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(-self.0 as i32)
    }
}

/// Whether calls may reach the kernel that libc's functions know nothing of. Not if somebody else has
/// taken libc's place, to whom a descriptor may be something that the kernel has never heard of.
#[cfg(has_epoll_pwait2)]
pub(super) fn passes_libc() -> bool {
    #[cfg(not(miri))]
    return owner::is_libc();
    #[cfg(miri)]
    false
}

#[derive(Copy, Clone, Debug)]
pub(crate) struct Way {
    /// Past libc's function.
    #[cfg(all(has_sys_epoll_wait, not(miri)))]
    direct: bool,
}

impl Way {
    /// The one that suits this process.
    pub(crate) fn find() -> Way {
        Way {
            #[cfg(all(has_sys_epoll_wait, not(miri)))]
            direct: owner::is_libc(),
        }
    }

    /// # Safety
    ///
    /// `records` points to writable memory for `room` records.
    #[inline(always)]
    pub(super) unsafe fn epoll_wait(
        self,
        epoll: RawFd,
        records: *mut epoll_event,
        room: i32,
        timeout: i32,
    ) -> Count {
        #[cfg(all(has_sys_epoll_wait, not(miri)))]
        if self.direct {
            // SAFETY: the caller's promise.
            return unsafe { direct::epoll_wait(epoll, records, room, timeout) };
        }
        // SAFETY: the caller's promise.
        unsafe { through_libc(epoll, records, room, timeout) }
    }
}

/// # Safety
///
/// `records` points to writable memory for `room` records.
#[cfg_attr(all(has_sys_epoll_wait, not(miri)), cold)]
#[cfg_attr(all(has_sys_epoll_wait, not(miri)), inline(never))]
#[cfg_attr(not(all(has_sys_epoll_wait, not(miri))), inline)]
unsafe fn through_libc(epoll: RawFd, records: *mut epoll_event, room: i32, timeout: i32) -> Count {
    // SAFETY: the caller's promise; a bad descriptor is an error.
    match unsafe { libc::epoll_wait(epoll, records, room, timeout) } {
        -1 => {
            let errno = io::Error::last_os_error().raw_os_error();
            Count(-(errno.unwrap_or(libc::EIO) as isize))
        }
        count => Count(count as isize),
    }
}

#[cfg(all(has_sys_epoll_wait, not(miri)))]
mod direct {
    use std::arch::asm;
    use std::os::fd::RawFd;

    use libc::epoll_event;

    use super::Count;

    /// The system call that libc makes, by the convention of syscall(2) for x86-64. The kernel answers
    /// errors with the negative number, and leaves `errno` alone.
    ///
    /// # Safety
    ///
    /// `records` points to writable memory for `room` records.
    #[inline(always)]
    pub(super) unsafe fn epoll_wait(
        epoll: RawFd,
        records: *mut epoll_event,
        room: i32,
        timeout: i32,
    ) -> Count {
        let count: isize;
        // SAFETY: the kernel writes at most `room` records to where the caller promises that there is
        // memory for them. Of registers it changes these three only, and it uses no stack of ours.
        #[cfg(not(musl))]
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") libc::SYS_epoll_wait as isize => count,
                in("rdi") epoll as isize,
                in("rsi") records,
                in("rdx") room as isize,
                in("r10") timeout as isize,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack, preserves_flags),
            );
        }
        // SAFETY: as above; there is no signal mask, so the kernel does not look at its length.
        #[cfg(musl)]
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") libc::SYS_epoll_pwait as isize => count,
                in("rdi") epoll as isize,
                in("rsi") records,
                in("rdx") room as isize,
                in("r10") timeout as isize,
                in("r8") 0_isize,
                in("r9") size_of::<u64>(),
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack, preserves_flags),
            );
        }
        Count(count)
    }

    #[cfg(all(test, not(ferrio_loom)))]
    mod tests {
        use std::mem::MaybeUninit;
        use std::thread;

        use super::*;

        /// Has this thread's calls of that number fail from now on, by seccomp(2).
        fn forbid(call: libc::c_long) {
            let step = |code: u32, k: u32, jf: u8| libc::sock_filter {
                code: code as u16,
                jt: 0,
                jf,
                k,
            };
            // The number comes first in `seccomp_data`.
            let mut steps = [
                step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
                step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32, 1),
                step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | 1, 0),
                step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
            ];
            let filter = libc::sock_fprog {
                len: steps.len() as u16,
                filter: steps.as_mut_ptr(),
            };
            // SAFETY: the option takes numbers.
            let alone = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
            let mode = libc::SECCOMP_MODE_FILTER;
            // SAFETY: `filter` is a filter of that length, which the kernel copies.
            let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter) };
            assert_eq!((alone, set), (0, 0), "{}", std::io::Error::last_os_error());
        }

        #[test]
        fn a_filter_sees_the_call_that_libc_makes() {
            let forbidden = |call| {
                let mut record = MaybeUninit::<epoll_event>::uninit();
                let to = record.as_mut_ptr();
                forbid(call);
                // SAFETY: memory for one record.
                let libcs = unsafe { libc::epoll_wait(-1, to, 1, 0) };
                assert_eq!(libcs, -1);
                let libcs = std::io::Error::last_os_error().raw_os_error().unwrap();
                // SAFETY: memory for one record.
                let Count(ours) = unsafe { epoll_wait(-1, to, 1, 0) };
                assert_eq!(ours, -libcs as isize, "{call}");
                libcs == libc::EPERM
            };
            let each = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait]
                .map(|call| thread::spawn(move || forbidden(call)).join().unwrap());
            assert_eq!(each, [!cfg!(musl), cfg!(musl)]);
        }

        #[test]
        fn the_kernels_errors_become_errors() {
            use crate::sys::unix::os::Outcome;

            let mut record = MaybeUninit::<epoll_event>::uninit();
            // SAFETY: memory for one record.
            let count = unsafe { epoll_wait(-1, record.as_mut_ptr(), 1, 0) };
            assert!(count.is_error());
            assert_eq!(count.error().raw_os_error(), Some(libc::EBADF));
        }
    }
}

/// Whose function epoll_wait is.
#[cfg(all(any(has_epoll_pwait2, has_sys_epoll_wait), not(miri)))]
mod owner {
    use std::ffi::c_void;
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Whether what is called epoll_wait comes from the same object as another function of libc's,
    /// one that nobody has a reason to replace. If that is the object that this function is in as well
    /// then it tells nothing: libc was linked statically, or addresses of functions are those of stubs
    /// in the program (`-C relocation-model=static`). Where there is nobody to ask at all, in programs
    /// that are linked statically, musl's is taken for its own: nobody can replace it without replacing
    /// all that is named epoll there.
    pub(super) fn is_libc() -> bool {
        const UNKNOWN: u8 = 2;
        // No lock: a forked child could inherit it taken.
        static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
        match ANSWER.load(Ordering::Relaxed) {
            UNKNOWN => {
                let wait = object_of(libc::epoll_wait as *const c_void);
                let other = object_of(libc::getauxval as *const c_void);
                let ours = object_of(is_libc as *const c_void);
                let answer = are_of_libc(wait, other, ours);
                ANSWER.store(u8::from(answer), Ordering::Relaxed);
                answer
            }
            answer => answer == u8::from(true),
        }
    }

    /// Whether the objects that the three functions are in say so.
    fn are_of_libc<T: PartialEq>(wait: Option<T>, other: Option<T>, ours: Option<T>) -> bool {
        wait == other
            && match wait {
                Some(_) => wait != ours,
                None => cfg!(musl),
            }
    }

    /// Where the program or library that an address belongs to begins, by `dladdr(3)`.
    fn object_of(address: *const c_void) -> Option<*mut c_void> {
        let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: `info` is memory for one record; the address is only compared.
        if unsafe { libc::dladdr(address, info.as_mut_ptr()) } == 0 {
            return None;
        }
        // SAFETY: it was filled in; all zeroes would be valid too.
        Some(unsafe { info.assume_init() }.dli_fbase)
    }

    #[cfg(all(test, not(ferrio_loom)))]
    mod tests {
        use super::*;

        /// The name of the file that an address was mapped from, by another source: proc(5).
        fn file_of(address: usize) -> String {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let line = maps.lines().find(|line| {
                let (from, rest) = line.split_once('-').unwrap();
                let to = rest.split_once(' ').unwrap().0;
                let bound = |text| usize::from_str_radix(text, 16).unwrap();
                (bound(from)..bound(to)).contains(&address)
            });
            line.unwrap().split_whitespace().nth(5).unwrap().to_owned()
        }

        #[test]
        fn a_function_from_anywhere_else_is_not_libcs() {
            let (program, libc, preloaded) = (Some(1), Some(2), Some(3));
            assert!(are_of_libc(libc, libc, program));
            assert!(!are_of_libc(preloaded, libc, program));
            assert!(!are_of_libc(program, libc, program));
            assert!(!are_of_libc(program, program, program), "linked statically");
            assert!(!are_of_libc(None, libc, program));
            assert_eq!(are_of_libc(None, None, program), cfg!(musl));
        }

        #[test]
        fn the_name_is_libcs_own_if_libc_has_it() {
            let wait = file_of(libc::epoll_wait as *const () as usize);
            let other = file_of(libc::getauxval as *const () as usize);
            let ours = file_of(is_libc as *const () as usize);
            let own = wait == other && (wait != ours || cfg!(musl));
            assert_eq!(is_libc(), own);
            assert_eq!(is_libc(), own, "the second time");
        }
    }
}
