//! Pipes, and a loop that waits for what a test waits for.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::windows::NamedPipe;
use ferrio::{Events, Interest, Poll, Token, Waker};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE, SetNamedPipeHandleState,
};

pub const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
pub const SERVER: Token = Token(10);
pub const CLIENT: Token = Token(20);
const FENCE: Token = Token(usize::MAX - 1);

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name that nobody else uses.
pub fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\ferrio-test-{}-{next}", std::process::id())
}

pub fn client_of(name: &str) -> NamedPipe {
    open(name).unwrap()
}

pub fn open(name: &str) -> io::Result<NamedPipe> {
    open_for(name, BOTH)
}

pub fn open_for(name: &str, directions: Interest) -> io::Result<NamedPipe> {
    let mut options = OpenOptions::new();
    options.read(directions.is_readable());
    options.write(directions.is_writable());
    let file = options.custom_flags(FILE_FLAG_OVERLAPPED).open(name)?;
    Ok(NamedPipe::from(OwnedHandle::from(file)))
}

/// A server's end of a pipe for messages.
pub fn message_server(name: &str) -> NamedPipe {
    server_with(
        name,
        PIPE_ACCESS_DUPLEX,
        PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE,
    )
}

/// A server's end made by hand.
pub fn server_with(name: &str, access: u32, mode: u32) -> NamedPipe {
    let wide: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let access = access | FILE_FLAG_OVERLAPPED;
    // SAFETY: the name ends with a 0.
    let handle = unsafe {
        CreateNamedPipeW(
            wide.as_ptr(),
            access,
            mode,
            255,
            1 << 16,
            1 << 16,
            0,
            ptr::null(),
        )
    };
    assert_ne!(handle, INVALID_HANDLE_VALUE);
    // SAFETY: it is new, and nobody else's.
    unsafe { NamedPipe::from_raw_handle(handle) }
}

/// A client's end, which reads messages.
pub fn message_client(name: &str) -> NamedPipe {
    use std::os::windows::io::AsRawHandle;
    let client = client_of(name);
    // SAFETY: the mode is a number, as long as the call runs.
    let done = unsafe {
        SetNamedPipeHandleState(
            client.as_raw_handle(),
            &PIPE_READMODE_MESSAGE,
            ptr::null(),
            ptr::null(),
        )
    };
    assert_ne!(done, 0);
    client
}

/// A `Poll`, and the events that nobody has waited for yet.
pub struct Driver {
    pub poll: Poll,
    capacity: usize,
    waker: Waker,
    seen: Vec<Event>,
}

impl Driver {
    pub fn new() -> Driver {
        Driver::with_capacity(64)
    }

    pub fn with_capacity(capacity: usize) -> Driver {
        let poll = Poll::new().unwrap();
        Driver {
            waker: Waker::new(poll.registry(), FENCE).unwrap(),
            poll,
            capacity,
            seen: Vec::new(),
        }
    }

    pub fn add(&self, pipe: &mut NamedPipe, token: Token, interests: Interest) {
        self.poll
            .registry()
            .register(pipe, token, interests)
            .unwrap();
    }

    /// The next batch, which has at most one event for each token.
    #[track_caller]
    pub fn batch(&mut self, timeout: Duration) -> Vec<Event> {
        let mut events = Events::with_capacity(self.capacity);
        self.poll.poll(&mut events, Some(timeout)).unwrap();
        let tokens: HashSet<_> = events.iter().map(Event::token).collect();
        assert_eq!(tokens.len(), events.iter().count(), "{events:?}");
        events.iter().cloned().collect()
    }

    /// Polls for a moment, where a token may be several pipes'.
    pub fn poll_any(&mut self) {
        let mut events = Events::with_capacity(self.capacity);
        let timeout = Some(Duration::from_millis(1));
        self.poll.poll(&mut events, timeout).unwrap();
    }

    /// Waits for an event that `wanted` recognizes, and keeps others.
    #[track_caller]
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.seen.iter().position(&wanted) {
                return self.seen.remove(index);
            }
            assert!(Instant::now() < end, "no {what}; seen: {:?}", self.seen);
            let batch = self.batch(Duration::from_secs(1));
            self.seen.extend(batch);
        }
    }

    #[track_caller]
    pub fn readable(&mut self, token: Token) -> Event {
        self.wait("readable event", |event| {
            event.token() == token && event.is_readable()
        })
    }

    #[track_caller]
    pub fn writable(&mut self, token: Token) -> Event {
        self.wait("writable event", |event| {
            event.token() == token && event.is_writable()
        })
    }

    /// All events up to now, of whatever has ended by now: packets are taken out in the order they came
    /// in, and the waker's comes last.
    pub fn all(&mut self) -> Vec<Event> {
        self.waker.wake().unwrap();
        self.wait("wake", |event| event.token() == FENCE);
        let more = self.batch(Duration::ZERO);
        self.seen.extend(more);
        std::mem::take(&mut self.seen)
    }

    #[track_caller]
    pub fn expect_silence(&mut self) {
        let events = self.all();
        assert!(events.is_empty(), "{events:?}");
    }

    /// Waits until `done` says so, which is tried again after each batch.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(result) = done() {
                return result;
            }
            assert!(Instant::now() < end, "{what}");
            self.batch(Duration::from_millis(20));
        }
    }

    /// Reads until `count` bytes are there.
    #[track_caller]
    pub fn read_exactly(&mut self, pipe: &NamedPipe, token: Token, count: usize) -> Vec<u8> {
        let mut data = Vec::new();
        let mut room = vec![0; 100_000];
        while data.len() < count {
            match (&*pipe).read(&mut room) {
                Ok(0) => panic!("the end after {} of {count} bytes", data.len()),
                Ok(more) => data.extend_from_slice(&room[..more]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.readable(token);
                }
            }
        }
        assert_eq!(data.len(), count);
        data
    }

    /// Reads what comes first.
    #[track_caller]
    pub fn read_some(&mut self, mut pipe: &NamedPipe, token: Token) -> Vec<u8> {
        let mut room = vec![0; 100];
        loop {
            match pipe.read(&mut room) {
                Ok(count) => return room[..count].to_vec(),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            self.readable(token);
        }
    }

    /// Reads until the end.
    #[track_caller]
    pub fn read_to_end(&mut self, pipe: &NamedPipe, token: Token) -> Vec<u8> {
        let mut data = Vec::new();
        let mut room = vec![0; 100_000];
        loop {
            match (&*pipe).read(&mut room) {
                Ok(0) => return data,
                Ok(more) => data.extend_from_slice(&room[..more]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.readable(token);
                }
            }
        }
    }
}

/// Two ends that are connected, registered for both directions, and have no event left.
pub fn connected(driver: &mut Driver) -> (NamedPipe, NamedPipe) {
    let name = name();
    let server = NamedPipe::new(&name).unwrap();
    join(driver, server, || client_of(&name))
}

pub fn connected_for_messages(driver: &mut Driver) -> (NamedPipe, NamedPipe) {
    let name = name();
    let server = message_server(&name);
    join(driver, server, || message_client(&name))
}

pub fn join(
    driver: &mut Driver,
    mut server: NamedPipe,
    client: impl FnOnce() -> NamedPipe,
) -> (NamedPipe, NamedPipe) {
    driver.add(&mut server, SERVER, BOTH);
    would_block(server.connect());
    let mut client = client();
    driver.writable(SERVER);
    server.connect().unwrap();
    driver.add(&mut client, CLIENT, BOTH);
    driver.writable(CLIENT);
    driver.expect_silence();
    (server, client)
}

#[track_caller]
pub fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[track_caller]
pub fn read_blocks(mut pipe: &NamedPipe) {
    would_block(pipe.read(&mut [0; 16]));
}

/// Writes until a write blocks; how many bytes were accepted.
pub fn fill(mut pipe: &NamedPipe) -> usize {
    let mut accepted = 0;
    loop {
        match pipe.write(&vec![7; 300_000]) {
            Ok(count) => accepted += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return accepted;
            }
        }
    }
}
