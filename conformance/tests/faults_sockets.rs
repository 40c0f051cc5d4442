//! Contract row 23 for sockets and pipes: each system call failed in turn. The error reaches the
//! caller, no descriptor is left, and the next operation works.
#![cfg(unix)]

use std::io::ErrorKind;

use ferrio::fault::{self, Call};
use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use ferrio::unix::pipe;
use ferrio_conformance::operations::{self, Operation};
use ferrio_conformance::samples::TempPath;
use ferrio_conformance::{descriptors, isolated, pairs};

/// Counting descriptors means asking for every number below the limit.
fn with_few_descriptors(test: &str, body: impl FnOnce()) {
    isolated(test, || {
        descriptors::set_soft_limit(descriptors::soft_limit().min(256));
        body();
    });
}

fn run(operation: &mut Operation) {
    (operation.run)().unwrap_or_else(|error| panic!("{operation:?}: {error}"));
}

/// What the table of the operations says is what they do, so the cases below leave no call out.
#[test]
fn every_operation_makes_the_calls_of_the_table_and_no_others() {
    for mut operation in operations::all() {
        let count = || Call::ALL.iter().map(|&call| fault::calls(call));
        let before: Vec<u64> = count().collect();
        run(&mut operation);
        for ((&call, before), after) in Call::ALL.iter().zip(before).zip(count()) {
            let wanted = operation.calls.iter().filter(|&&c| c == call).count();
            assert_eq!(after - before, wanted as u64, "{operation:?}, {call:?}");
        }
    }
}

/// Without a table of what may be absorbed. With one, and every errno: `faults_each.rs`.
#[test]
fn every_use_of_every_call_failed_in_turn_leaks_nothing() {
    let body = || {
        for mut operation in operations::all() {
            run(&mut operation);
            for &call in Call::ALL {
                let before = fault::calls(call);
                run(&mut operation);
                for n in 0..fault::calls(call) - before {
                    let what = format!("{operation:?}, {call:?}, number {n}");
                    descriptors::assert_none_left(&what, || {
                        let skip = usize::try_from(n).expect("few");
                        let injection = fault::inject(call, libc::ENOMEM).skip(skip);
                        let error = (operation.run)().expect_err(&what);
                        assert_eq!(injection.hits(), 1, "{what}");
                        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM), "{what}");
                    });
                    run(&mut operation);
                }
            }
        }
    };
    with_few_descriptors("every_use_of_every_call_failed_in_turn_leaks_nothing", body);
}

#[test]
fn a_tcp_connect_in_progress_or_interrupted_goes_on() {
    let address = pairs::refusing_address();
    for errno in [libc::EINPROGRESS, libc::EINTR] {
        let injection = fault::inject(Call::Connect, errno);
        TcpStream::connect(address).expect("it goes on");
        assert_eq!(injection.hits(), 1);
    }
}

/// connect(2): EAGAIN of a Unix socket is a full queue, and nothing was started.
#[test]
fn a_unix_connect_in_progress_goes_on_and_a_refused_one_does_not() {
    let path = TempPath::new();
    let _listener = UnixListener::bind(&path).expect("bind");
    let connect = |errno| {
        let injection = fault::inject(Call::Connect, errno);
        let result = UnixStream::connect(&path);
        assert_eq!(injection.hits(), 1);
        result
    };
    connect(libc::EINPROGRESS).expect("it goes on");
    let kind = |errno| connect(errno).expect_err("an error").kind();
    assert_eq!(kind(libc::EAGAIN), ErrorKind::WouldBlock);
    assert_eq!(kind(libc::EINTR), ErrorKind::Interrupted);
}

#[test]
fn a_pipes_blocking_mode_is_unchanged_after_an_error() {
    let (sender, receiver) = pipe::new().expect("a pipe");
    for skip in 0..2 {
        for errno in [libc::EBADF, libc::EINVAL, libc::EPERM] {
            for result in [
                with_fcntl_failing(skip, errno, || sender.set_nonblocking(false)),
                with_fcntl_failing(skip, errno, || receiver.set_nonblocking(false)),
            ] {
                let error = result.expect_err("made to fail");
                assert_eq!(error.raw_os_error(), Some(errno));
            }
        }
    }
    pairs::assert_would_block(std::io::Read::read(&mut &receiver, &mut [0; 8]));
}

fn with_fcntl_failing<T>(skip: usize, errno: i32, body: impl FnOnce() -> T) -> T {
    let injection = fault::inject(Call::Fcntl, errno).skip(skip);
    let value = body();
    assert_eq!(injection.hits(), 1);
    value
}

/// Bad input that never gets as far as a system call.
#[test]
fn a_name_that_does_not_fit_costs_no_call() {
    let count = || -> u64 { Call::ALL.iter().map(|&call| fault::calls(call)).sum() };
    let before = count();
    for path in ["a\0b", &"a".repeat(4096)] {
        let error = UnixListener::bind(path).expect_err("no path");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = UnixStream::connect(path).expect_err("no path");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(count(), before);
}

/// The faults of one thread are its own: the hook must not make other tests' operations fail.
#[test]
fn faults_belong_to_their_thread() {
    let injection = fault::inject(Call::Socket, libc::EMFILE).times(usize::MAX);
    let elsewhere = ferrio_conformance::in_thread(|| {
        let address = "127.0.0.1:0".parse().expect("an address");
        (
            TcpListener::bind(address).is_ok(),
            UdpSocket::bind(address).is_ok(),
        )
    });
    assert_eq!(elsewhere.join(), (true, true));
    assert_eq!(injection.hits(), 0);
}
