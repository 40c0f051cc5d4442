//! Contract row 24 for accept4(2): refused by an old kernel or a filter, it gives way to accept(2), and
//! that is remembered once it has worked.
//!
//! What is remembered belongs to the whole process, so every case has one of its own.
#![cfg(unix)]

use std::io;
#[cfg(ferrio_without = "sigpipe")]
use std::io::{Read, Write};
use std::net;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix;

use ferrio::Interest;
use ferrio::fault::{self, Call};
use ferrio::net::{TcpListener, UnixListener};
use ferrio_conformance::faults::manual;
use ferrio_conformance::pairs::{self, assert_would_block};
use ferrio_conformance::samples::TempPath;
use ferrio_conformance::{Backend, conformance, descriptors, isolated, kernel, seccomp, sockets};

conformance! { faults_accept {
    a_loop_goes_on_accepting_where_accept4_is_refused,
} }

const REFUSALS: [i32; 2] = [libc::ENOSYS, libc::EPERM];

/// A listener with a way to put a connection into its queue.
struct Accepting {
    name: &'static str,
    accept: Box<dyn Fn() -> io::Result<OwnedFd>>,
    connect: Box<dyn Fn()>,
}

fn tcp() -> Accepting {
    let listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    let number = listener.as_raw_fd();
    Accepting {
        name: "TcpListener",
        accept: Box::new(move || listener.accept().map(|(stream, _)| stream.into())),
        connect: Box::new(move || {
            net::TcpStream::connect(address).expect("connect");
            pairs::kernel_ready(&number, kernel::IN);
        }),
    }
}

fn unix() -> Accepting {
    let path = TempPath::new();
    let listener = UnixListener::bind(&path).expect("bind");
    Accepting {
        name: "UnixListener",
        accept: Box::new(move || listener.accept().map(|(stream, _)| stream.into())),
        connect: Box::new(move || {
            unix::net::UnixStream::connect(&path).expect("connect");
        }),
    }
}

impl Accepting {
    /// One connection, which must be accepted with both flags.
    fn works(&self) {
        (self.connect)();
        let accepted = (self.accept)().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let fd = accepted.as_raw_fd();
        assert!(descriptors::is_close_on_exec(fd), "{}", self.name);
        assert!(descriptors::is_nonblocking(fd), "{}", self.name);
    }

    fn fails_with(&self, errno: i32) {
        let error = (self.accept)().expect_err(self.name);
        assert_eq!(error.raw_os_error(), Some(errno), "{}", self.name);
    }
}

/// How often `body` makes this call.
fn calls(call: Call, body: impl FnOnce()) -> u64 {
    let before = fault::calls(call);
    body();
    fault::calls(call) - before
}

/// For both kinds of listeners and both refusals, each from the beginning.
fn for_all(test: &str, body: impl Fn(&Accepting, i32)) {
    isolated(test, || {
        for accepting in [tcp(), unix()] {
            for refusal in REFUSALS {
                fault::forget_fallbacks();
                body(&accepting, refusal);
            }
        }
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn a_refused_accept4_gives_way_to_accept_with_both_flags() {
    let test = "a_refused_accept4_gives_way_to_accept_with_both_flags";
    for_all(test, |accepting, refusal| {
        let injection = fault::inject(Call::Accept4, refusal).times(usize::MAX);
        for _ in 0..3 {
            accepting.works();
        }
        assert_eq!(injection.hits(), 1, "asked again after accept had worked");
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn a_refusal_is_remembered_for_every_listener() {
    isolated("a_refusal_is_remembered_for_every_listener", || {
        for (first, second) in [(tcp(), unix()), (unix(), tcp())] {
            fault::forget_fallbacks();
            {
                let _injection = fault::inject(Call::Accept4, libc::ENOSYS);
                first.works();
            }
            // The kernel would not refuse any more; nobody asks it.
            assert_eq!(calls(Call::Accept4, || second.works()), 0);
            let elsewhere = ferrio_conformance::in_thread(|| {
                let accepting = tcp();
                calls(Call::Accept4, || accepting.works())
            });
            assert_eq!(elsewhere.join(), 0);
            fault::forget_fallbacks();
            assert_eq!(calls(Call::Accept4, || second.works()), 1);
            assert_eq!(calls(Call::Accept, || second.works()), 0);
        }
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn nothing_is_remembered_when_accept_fails_too() {
    let test = "nothing_is_remembered_when_accept_fails_too";
    for_all(test, |accepting, refusal| {
        for errno in manual::answers(Call::Accept) {
            (accepting.connect)();
            descriptors::assert_none_left(accepting.name, || {
                let _refused = fault::inject(Call::Accept4, refusal);
                let _fails_too = fault::inject(Call::Accept, errno);
                accepting.fails_with(errno);
            });
            // The connection is still there, and accept4 is what takes it.
            let taken = calls(Call::Accept4, || {
                drop((accepting.accept)().expect("accept"))
            });
            assert_eq!(taken, 1, "{}, {errno}", accepting.name);
        }
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn an_empty_queue_proves_nothing_about_accept4() {
    let test = "an_empty_queue_proves_nothing_about_accept4";
    for_all(test, |accepting, refusal| {
        {
            let _refused = fault::inject(Call::Accept4, refusal);
            assert_would_block((accepting.accept)());
        }
        assert_eq!(calls(Call::Accept4, || accepting.works()), 1);
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn a_flag_that_cannot_be_set_closes_the_connection() {
    let test = "a_flag_that_cannot_be_set_closes_the_connection";
    for_all(test, |accepting, refusal| {
        // Close-on-exec, the old status flags, the new ones.
        for skip in 0..3 {
            (accepting.connect)();
            descriptors::assert_none_left(accepting.name, || {
                let _refused = fault::inject(Call::Accept4, refusal);
                let injection = fault::inject(Call::Fcntl, libc::EINVAL).skip(skip);
                accepting.fails_with(libc::EINVAL);
                assert_eq!(injection.hits(), 1);
            });
            assert_would_block((accepting.accept)());
        }
        assert_eq!(calls(Call::Accept4, || accepting.works()), 1);
    });
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn errors_that_are_no_refusal_lead_nowhere_else() {
    isolated("errors_that_are_no_refusal_lead_nowhere_else", || {
        for accepting in [tcp(), unix()] {
            let errnos = manual::errnos(Call::Accept4).iter();
            for &errno in errnos.filter(|errno| !REFUSALS.contains(errno)) {
                let _injection = fault::inject(Call::Accept4, errno);
                let accepts = calls(Call::Accept, || accepting.fails_with(errno));
                assert_eq!(accepts, 0, "{}, {errno}", accepting.name);
            }
        }
    });
}

/// macOS refuses to set an option of a connection that is over, NetBSD says so as an error. The connection
/// is given out all the same, with what its peer has left in it.
#[cfg(ferrio_without = "sigpipe")]
#[test]
fn a_connection_that_takes_no_option_any_more_is_accepted() {
    let path = TempPath::new();
    let unix = UnixListener::bind(&path).expect("bind");
    let tcp = TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = tcp.local_addr().expect("an address");
    for errno in [libc::EINVAL, libc::ECONNRESET] {
        let mut client = unix::net::UnixStream::connect(&path).expect("connect");
        client.write_all(b"short").expect("write");
        drop(client);
        let mut client = net::TcpStream::connect(address).expect("connect");
        client.write_all(b"short").expect("write");
        drop(client);
        pairs::kernel_ready(&tcp, libc::POLLIN);

        let injection = fault::inject(Call::Setsockopt, errno).times(2);
        let (mut from_unix, _) = unix.accept().expect("accept");
        let (mut from_tcp, _) = tcp.accept().expect("accept");
        assert_eq!(injection.hits(), 2);
        for stream in [&mut from_unix as &mut dyn Read, &mut from_tcp] {
            let mut said = [0; 5];
            ferrio_conformance::wait_for("what it wrote", || stream.read_exact(&mut said).is_ok());
            assert_eq!(&said, b"short");
        }
    }
    // Any other error is one.
    let _client = unix::net::UnixStream::connect(&path).expect("connect");
    let _injection = fault::inject(Call::Setsockopt, libc::ENOBUFS);
    let error = unix.accept().expect_err("the option is refused");
    assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
}

#[test]
#[cfg_attr(
    ferrio_without = "accept4",
    ignore = "there is no accept4(2) to refuse"
)]
fn a_real_filter_is_a_refusal_too() {
    isolated("a_real_filter_is_a_refusal_too", || {
        seccomp::refuse(&[(libc::SYS_accept4, libc::EPERM)]);
        for accepting in [tcp(), unix()] {
            let first = usize::from(accepting.name == "TcpListener");
            let asked = calls(Call::Accept4, || {
                for _ in 0..3 {
                    accepting.works();
                }
            });
            assert_eq!(asked, first as u64, "{}", accepting.name);
            assert_would_block((accepting.accept)());
        }
    });
}

fn a_loop_goes_on_accepting_where_accept4_is_refused(b: &Backend) {
    b.isolated(|| {
        fault::forget_fallbacks();
        let _injection = fault::inject(Call::Accept4, libc::EPERM).times(usize::MAX);
        let mut driver = b.driver();
        let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
        driver.add(&mut listener, 1, Interest::READABLE);
        let address = listener.local_addr().expect("an address");
        for _ in 0..5 {
            assert_would_block(listener.accept());
            let client = net::TcpStream::connect(address).expect("connect");
            driver.expect_readable(1);
            let (_, from) = sockets::accept(|| listener.accept());
            assert_eq!(from, client.local_addr().expect("an address"));
        }
    });
}
