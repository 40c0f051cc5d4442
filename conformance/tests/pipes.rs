//! `unix::pipe`: both ends, and the pipes to and from a child process.
#![cfg(unix)]

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use ferrio::Interest;
use ferrio::event::Event;
use ferrio::unix::pipe::{self, Receiver, Sender};
use ferrio_conformance::pairs::assert_would_block;
use ferrio_conformance::{Backend, Driver, conformance, descriptors, has, pairs, sockets};

conformance! { pipes {
    bytes_go_from_the_sender_to_the_receiver,
    references_read_and_write_too,
    vectored_operations_take_all_buffers,
    a_full_pipe_would_block_until_it_is_read,
    the_end_comes_after_what_was_left,
    a_sender_without_a_reader_gets_a_broken_pipe,
    a_childs_output_and_errors_can_be_polled,
    a_childs_input_can_be_polled,
    set_nonblocking_changes_the_mode_both_ways,
    try_io_hands_the_answer_on,
} }

fn bytes_go_from_the_sender_to_the_receiver(b: &Backend) {
    let mut driver = b.driver();
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut receiver, 1, Interest::READABLE);
    driver.add(&mut sender, 2, Interest::WRITABLE);
    driver.expect_writable(2);
    let mut buffer = [0; 16];
    assert_would_block(receiver.read(&mut buffer));
    assert_eq!(sender.write(b"hello").expect("write"), 5);
    assert_eq!(sender.write(b"").expect("write"), 0);
    sender.flush().expect("flush");
    driver.expect_readable(1);
    assert_eq!(receiver.read(&mut buffer[..2]).expect("read"), 2);
    assert_eq!(receiver.read(&mut buffer[2..]).expect("read"), 3);
    assert_eq!(&buffer[..5], b"hello");
    assert_would_block(receiver.read(&mut buffer));
}

fn references_read_and_write_too(b: &Backend) {
    let mut driver = b.driver();
    let (sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut receiver, 1, Interest::READABLE);
    (&sender).write_all(b"hello").expect("write");
    (&sender).flush().expect("flush");
    driver.expect_readable(1);
    let mut buffer = [0; 16];
    assert_eq!((&receiver).read(&mut buffer).expect("read"), 5);
    assert_would_block((&receiver).read(&mut buffer));
}

fn vectored_operations_take_all_buffers(b: &Backend) {
    let mut driver = b.driver();
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut receiver, 1, Interest::READABLE);
    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(sender.write_vectored(&parts).expect("write"), 5);
    assert_eq!((&sender).write_vectored(&parts).expect("write"), 5);
    driver.expect_readable(1);
    let (mut first, mut second) = ([0; 2], [0; 3]);
    let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(receiver.read_vectored(&mut parts).expect("read"), 5);
    assert_eq!((&receiver).read_vectored(&mut parts).expect("read"), 5);
    assert_eq!((&first, &second), (b"ab", b"cde"));
}

fn a_full_pipe_would_block_until_it_is_read(b: &Backend) {
    let mut driver = b.driver();
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    driver.add(&mut sender, 1, Interest::WRITABLE);
    let total = pairs::fill(&sender);
    assert!(total > 0);
    driver.quiesce();
    assert_would_block(sender.write(b"x"));
    assert_eq!(pairs::drain(&receiver), total);
    driver.expect_writable(1);
    assert_eq!(sender.write(b"x").expect("write"), 1);
}

fn the_end_comes_after_what_was_left(b: &Backend) {
    let mut driver = b.driver();
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut receiver, 1, Interest::READABLE);
    sender.write_all(b"last").expect("write");
    drop(sender);
    driver.expect(1, Event::is_read_closed);
    let mut buffer = [0; 16];
    assert_eq!(receiver.read(&mut buffer).expect("read"), 4);
    assert_eq!(receiver.read(&mut buffer).expect("the end"), 0);
    assert_eq!(receiver.read(&mut buffer).expect("the end"), 0);
}

fn a_sender_without_a_reader_gets_a_broken_pipe(b: &Backend) {
    let mut driver = b.driver();
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    driver.add(&mut sender, 1, Interest::WRITABLE);
    driver.quiesce();
    drop(receiver);
    driver.expect(1, Event::is_write_closed);
    let error = sender.write(b"x").expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

/// A child that reads its input to the end, writes it to its output, and says `done` on its
/// standard error.
fn child() -> (Child, ChildStdin, ChildStdout, ChildStderr) {
    let mut child = Command::new("sh")
        .args(["-c", "cat && echo done >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh(1) and cat(1)");
    let stdin = child.stdin.take().expect("piped");
    let stdout = child.stdout.take().expect("piped");
    let stderr = child.stderr.take().expect("piped");
    (child, stdin, stdout, stderr)
}

/// Everything that `receiver` gives until its end, by events of `token` alone.
fn read_to_end(driver: &mut Driver, receiver: &mut Receiver, token: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match receiver.read(&mut buffer) {
            Ok(0) => return all,
            Ok(len) => all.extend_from_slice(&buffer[..len]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                driver.until("output", |seen| has(seen, token, |_| true));
            }
        }
    }
}

fn a_childs_output_and_errors_can_be_polled(b: &Backend) {
    let (mut child, mut stdin, stdout, stderr) = child();
    let (mut output, mut errors) = (Receiver::from(stdout), Receiver::from(stderr));
    for receiver in [&output, &errors] {
        assert!(
            !descriptors::is_nonblocking(receiver.as_raw_fd()),
            "as it came"
        );
        receiver.set_nonblocking(true).expect("non-blocking");
    }
    // One driver each: waiting for one must not throw away events of the other.
    let (mut driver, mut other) = (b.driver(), b.driver());
    driver.add(&mut output, 1, Interest::READABLE);
    other.add(&mut errors, 1, Interest::READABLE);
    driver.assert_quiet();
    stdin.write_all(b"through the child").expect("write");
    driver.expect_readable(1);
    drop(stdin);
    assert_eq!(
        read_to_end(&mut driver, &mut output, 1),
        b"through the child"
    );
    assert_eq!(read_to_end(&mut other, &mut errors, 1), b"done\n");
    assert!(child.wait().expect("wait").success());
}

fn a_childs_input_can_be_polled(b: &Backend) {
    let (mut child, stdin, mut stdout, _stderr) = child();
    let mut driver = b.driver();
    let mut input = Sender::from(stdin);
    assert!(
        !descriptors::is_nonblocking(input.as_raw_fd()),
        "as it came"
    );
    input.set_nonblocking(true).expect("non-blocking");
    driver.add(&mut input, 1, Interest::WRITABLE);
    // More than both pipes hold: cat stops until its output is read.
    let reader = ferrio_conformance::in_thread(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).expect("read");
        all
    });
    let message: Vec<u8> = (0..1 << 20).map(|i: usize| (i % 251) as u8).collect();
    let mut left = &message[..];
    while !left.is_empty() {
        match input.write(left) {
            Ok(len) => left = &left[len..],
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                driver.expect_writable(1);
            }
        }
    }
    drop(input);
    assert!(
        reader.join() == message,
        "the bytes that came back are others"
    );
    assert!(child.wait().expect("wait").success());
}

fn set_nonblocking_changes_the_mode_both_ways(b: &Backend) {
    let driver = b.driver();
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut sender, 1, Interest::WRITABLE);
    driver.add(&mut receiver, 2, Interest::READABLE);
    for nonblocking in [false, false, true, true] {
        sender.set_nonblocking(nonblocking).expect("fcntl");
        receiver.set_nonblocking(nonblocking).expect("fcntl");
        for fd in [sender.as_raw_fd(), receiver.as_raw_fd()] {
            assert_eq!(descriptors::is_nonblocking(fd), nonblocking);
            assert!(descriptors::is_close_on_exec(fd));
        }
    }
}

fn try_io_hands_the_answer_on(b: &Backend) {
    let driver = b.driver();
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    driver.add(&mut sender, 1, Interest::WRITABLE);
    driver.add(&mut receiver, 2, Interest::READABLE);
    sockets::try_io_hands_the_answer_on(|f| sender.try_io(f));
    sockets::try_io_hands_the_answer_on(|f| receiver.try_io(f));
}

#[test]
fn the_wrong_end_gives_an_error_and_no_panic() {
    let (sender, receiver) = pipe::new().expect("a pipe");
    let mut sender_as_receiver = Receiver::from(OwnedFd::from(sender));
    let mut receiver_as_sender = Sender::from(OwnedFd::from(receiver));
    let errno = sender_as_receiver.read(&mut [0; 8]).expect_err("to write");
    assert_eq!(errno.raw_os_error(), Some(libc::EBADF));
    let errno = receiver_as_sender.write(b"x").expect_err("to read");
    assert_eq!(errno.raw_os_error(), Some(libc::EBADF));
}
