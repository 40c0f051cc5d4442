//! Sockets and pipes at the limits of a process: no descriptor left, nearly none left, and numbers
//! that change their meaning under the library's hands.
#![cfg(unix)]

use std::io::{self, ErrorKind, Read, Write};
use std::net;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use ferrio::unix::SourceFd;
use ferrio::{Interest, Token};
use ferrio_conformance::operations;
use ferrio_conformance::samples::{self, TempPath};
use ferrio_conformance::{Backend, conformance, descriptors, in_thread, isolated, pairs, seccomp};

conformance! { limits {
    without_descriptors_a_connection_waits_in_the_queue,
    an_echo_works_with_nine_tenths_of_the_descriptors_open,
    registering_races_with_close_and_only_gives_errors,
    a_filter_that_answers_enosys_leaves_a_working_loop needs WorksBehindFilter,
    a_filter_that_answers_eperm_leaves_a_working_loop needs WorksBehindFilter,
} }

/// Opens descriptors until there is no more, and keeps them.
fn exhaust() -> Vec<OwnedFd> {
    let (original, _) = samples::eventfd();
    let mut hoard = vec![original];
    loop {
        match hoard[0].try_clone() {
            Ok(fd) => hoard.push(fd),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                return hoard;
            }
        }
    }
}

fn lower_limit() {
    descriptors::set_soft_limit(descriptors::soft_limit().min(256));
}

fn assert_exhausted<T>(result: io::Result<T>, what: &str) {
    let error = result
        .err()
        .unwrap_or_else(|| panic!("{what}: there was none left"));
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{what}");
}

#[test]
fn every_operation_without_a_descriptor_left_is_an_error_and_works_later() {
    let body = || {
        lower_limit();
        for mut operation in operations::making() {
            let mut hoard = exhaust();
            let what = format!("{operation:?}");
            descriptors::assert_none_left(&what, || assert_exhausted((operation.run)(), &what));
            if what.ends_with("::pair") || what == "pipe::new" {
                // Room for one of two is not enough.
                hoard.pop();
                descriptors::assert_none_left(&what, || assert_exhausted((operation.run)(), &what));
            }
            drop(hoard);
            (operation.run)().unwrap_or_else(|error| panic!("{what}: {error}"));
        }
    };
    let test = "every_operation_without_a_descriptor_left_is_an_error_and_works_later";
    isolated(test, body);
}

/// accept(2) leaves the connection in the queue; the documentation says what to do: close something and
/// accept again, without waiting for an event.
fn without_descriptors_a_connection_waits_in_the_queue(b: &Backend) {
    b.isolated(|| {
        lower_limit();
        let mut driver = b.driver();
        let path = TempPath::new();
        let mut tcp = TcpListener::bind(pairs::private_loopback()).expect("bind");
        let mut local = UnixListener::bind(&path).expect("bind");
        driver.add(&mut tcp, 1, Interest::READABLE);
        driver.add(&mut local, 2, Interest::READABLE);
        let address = tcp.local_addr().expect("an address");
        let mut tcp_client = net::TcpStream::connect(address).expect("connect");
        let mut local_client = unix::net::UnixStream::connect(&path).expect("connect");
        driver.until("both", |seen| {
            [1, 2].iter().all(|&token| {
                seen.iter()
                    .any(|event| event.token() == Token(token) && event.is_readable())
            })
        });

        let mut hoard = exhaust();
        for _ in 0..3 {
            assert_exhausted(tcp.accept(), "TcpListener::accept");
            assert_exhausted(local.accept(), "UnixListener::accept");
        }
        hoard.pop();
        let (mut accepted, from) = tcp.accept().expect("accept");
        assert_eq!(from, tcp_client.local_addr().expect("an address"));
        assert_exhausted(local.accept(), "UnixListener::accept");
        hoard.pop();
        let (mut local_accepted, _) = local.accept().expect("accept");
        drop(hoard);

        tcp_client.write_all(b"hello").expect("write");
        driver.add(&mut accepted, 3, Interest::READABLE);
        driver.expect_readable(3);
        assert_eq!(accepted.read(&mut [0; 8]).expect("read"), 5);
        local_client.write_all(b"hello").expect("write");
        driver.add(&mut local_accepted, 4, Interest::READABLE);
        driver.expect_readable(4);
        assert_eq!(local_accepted.read(&mut [0; 8]).expect("read"), 5);
    });
}

fn an_echo_works_with_nine_tenths_of_the_descriptors_open(b: &Backend) {
    b.isolated(|| {
        let limit = descriptors::soft_limit().min(4096);
        descriptors::set_soft_limit(limit);
        let mut driver = b.driver();
        let mut crowd = Vec::new();
        loop {
            let (mut one, other) = UnixStream::pair().expect("a pair");
            driver.add(&mut one, crowd.len(), Interest::READABLE);
            let number = other.as_raw_fd();
            crowd.push((one, other));
            // The lowest free number is what a new descriptor gets, so all below it are open.
            if number >= limit / 10 * 9 {
                break;
            }
        }

        let base = crowd.len();
        let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
        driver.add(&mut listener, base, Interest::READABLE);
        let address = listener.local_addr().expect("an address");
        for round in 0..20 {
            let mut client = TcpStream::connect(address).expect("connect");
            driver.add(
                &mut client,
                base + 1,
                Interest::READABLE | Interest::WRITABLE,
            );
            driver.until("both ends", |seen| {
                let has = |token, is: fn(&Event) -> bool| ferrio_conformance::has(seen, token, is);
                has(base, Event::is_readable) && has(base + 1, Event::is_writable)
            });
            let (mut server, _) = listener.accept().expect("accept");
            pairs::assert_would_block(listener.accept());
            driver.add(&mut server, base + 2, Interest::READABLE);
            client.write_all(b"ping").expect("write");
            driver.expect_readable(base + 2);
            let mut buffer = [0; 4];
            server.read_exact(&mut buffer).expect("read");
            server.write_all(&buffer).expect("write");
            driver.expect_readable(base + 1);
            client.read_exact(&mut buffer).expect("read");
            assert_eq!(&buffer, b"ping");

            // And the crowd is alive.
            let number = round * (base / 20);
            crowd[number].1.write_all(b"x").expect("write");
            driver.expect_readable(number);
        }
    });
}

/// Another part of the program opens and closes a descriptor whose number is being registered: the
/// kernel's errors come back, whichever they are, and nothing else happens.
fn registering_races_with_close_and_only_gives_errors(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (spare, _counter) = samples::eventfd();
        let number = descriptors::soft_limit() - 1;
        let stop = Arc::new(AtomicBool::new(false));
        let closing = {
            let (stop, spare) = (stop.clone(), descriptors::duplicate(&spare));
            in_thread(move || {
                let mut times = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    let open = descriptors::duplicate_to(&spare, number);
                    // For a while that differs each time, so that every step of a registration is met
                    // by a close, and some registrations by none.
                    for _ in 0..times % 1024 {
                        std::hint::spin_loop();
                    }
                    close_while_it_is_used(open);
                    times += 1;
                }
                times
            })
        };
        let mut outcomes = [0_u32; 2];
        while outcomes.contains(&0) || outcomes.iter().sum::<u32>() < 30_000 {
            for result in churn(driver.registry(), number) {
                match result {
                    Ok(()) => outcomes[0] += 1,
                    Err(error) => {
                        let known = [libc::EBADF, libc::ENOENT, libc::EEXIST];
                        let errno = error.raw_os_error();
                        assert!(errno.is_some_and(|e| known.contains(&e)), "{error}");
                        outcomes[1] += 1;
                    }
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(closing.join() > 0);

        let _ = driver.registry().deregister(&mut SourceFd(&number));
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 7, Interest::READABLE);
        peer.write_all(b"x").expect("write");
        driver.expect_readable(7);
    });
}

/// To ThreadSanitizer that is a race. It is what the case is about, and has a name so that
/// `cargo xtask sanitize` can leave out this one.
#[inline(never)]
fn close_while_it_is_used(descriptor: OwnedFd) {
    drop(descriptor);
}

fn churn(registry: &ferrio::Registry, number: RawFd) -> [io::Result<()>; 3] {
    let interest = Interest::READABLE;
    [
        registry.register(&mut SourceFd(&number), Token(1), interest),
        registry.reregister(&mut SourceFd(&number), Token(2), interest),
        registry.deregister(&mut SourceFd(&number)),
    ]
}

fn a_filter_that_answers_enosys_leaves_a_working_loop(b: &Backend) {
    works_behind_a_filter(b, libc::ENOSYS);
}

fn a_filter_that_answers_eperm_leaves_a_working_loop(b: &Backend) {
    works_behind_a_filter(b, libc::EPERM);
}

/// What a container runtime that knows an old kernel only does: it refuses what is newer.
fn works_behind_a_filter(b: &Backend, errno: i32) {
    b.isolated(|| {
        seccomp::refuse(&[
            (libc::SYS_accept4, errno),
            (libc::SYS_epoll_pwait2, errno),
            (libc::SYS_ppoll, errno),
        ]);
        let mut driver = b.driver();
        let waker = driver.waker(0);
        let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
        driver.add(&mut listener, 1, Interest::READABLE);
        let address = listener.local_addr().expect("an address");
        for _ in 0..3 {
            let start = Instant::now();
            let timeout = Duration::from_micros(100);
            assert!(driver.turn_within(timeout).is_empty());
            assert!(start.elapsed() >= timeout);

            let mut client = net::TcpStream::connect(address).expect("connect");
            driver.expect_readable(1);
            let (mut accepted, _) = listener.accept().expect("accept");
            pairs::assert_would_block(listener.accept());
            driver.add(&mut accepted, 2, Interest::READABLE);
            client.write_all(b"hello").expect("write");
            driver.expect_readable(2);
            assert_eq!(accepted.read(&mut [0; 8]).expect("read"), 5);
            waker.wake().expect("wake");
            driver.expect_readable(0);
        }
    });
}

#[test]
fn types_made_of_a_closed_descriptor_give_ebadf() {
    isolated("types_made_of_a_closed_descriptor_give_ebadf", || {
        let (fd, _) = samples::eventfd();
        let number = fd.as_raw_fd();
        drop(fd);
        let is_ebadf = |error: io::Error| error.raw_os_error() == Some(libc::EBADF);
        // SAFETY: nothing owns the number, which is the point; it is given up below.
        let owned = unsafe { OwnedFd::from_raw_fd(number) };
        let mut stream = TcpStream::from(owned);
        assert!(is_ebadf(stream.read(&mut [0; 8]).expect_err("closed")));
        assert!(is_ebadf(stream.write(b"x").expect_err("closed")));
        assert!(is_ebadf(stream.peek(&mut [0; 8]).expect_err("closed")));
        assert!(is_ebadf(stream.peer_addr().expect_err("closed")));
        assert!(is_ebadf(stream.take_error().expect_err("closed")));
        let shown = format!("{stream:?}");
        assert!(shown.contains(&format!("fd: {number}")), "{shown}");
        let listener = TcpListener::from(OwnedFd::from(stream));
        assert!(is_ebadf(listener.accept().expect_err("closed")));
        let listener = UnixListener::from(OwnedFd::from(listener));
        let error = listener.accept().expect_err("closed");
        assert_ne!(error.kind(), ErrorKind::WouldBlock);
        assert!(is_ebadf(error));
        let _ = std::os::fd::IntoRawFd::into_raw_fd(listener);
    });
}
