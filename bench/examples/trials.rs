//! What was tried to make ferrio cheaper and is no row of the benchmark: `report/trials.md` has the figures and what
//! came of them.
//!
//! ```text
//! cargo run --release -p ferrio-bench --example trials -- [ROUNDS]
//! ```
//!
//! As in the benchmark, contenders run in short rounds that alternate in shuffled order, and a ratio is taken within a
//! round.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ferrio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

const SIZE: usize = 64;
/// Round trips or calls in a round.
const COUNT: usize = 400;

/// One contender: a name, and its rounds in nanoseconds per operation by each of the clocks.
struct Contender {
    name: String,
    round: Box<dyn FnMut() -> io::Result<Vec<f64>>>,
    rounds: Vec<Vec<f64>>,
}

impl Contender {
    fn new(
        name: impl Into<String>,
        round: impl FnMut() -> io::Result<Vec<f64>> + 'static,
    ) -> Contender {
        Contender {
            name: name.into(),
            round: Box::new(round),
            rounds: Vec::new(),
        }
    }
}

/// Runs the contenders, and prints each one's ratio to the first.
fn run(
    title: &str,
    clocks: &[&str],
    mut contenders: Vec<Contender>,
    rounds: usize,
) -> io::Result<()> {
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for contender in &mut contenders {
        (contender.round)()?;
    }
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &index in &order {
            let contender = &mut contenders[index];
            let values = (contender.round)()?;
            contender.rounds.push(values);
        }
    }
    println!("\n{title}, {rounds} rounds of {COUNT}\n");
    for (clock, clock_name) in clocks.iter().enumerate() {
        for contender in &contenders {
            let ours = contender.rounds.iter().map(|round| round[clock]);
            let base = contenders[0].rounds.iter().map(|round| round[clock]);
            let ratios = quartiles(ours.clone().zip(base).map(|(ours, base)| ours / base));
            println!(
                "{clock_name:12} {:28} {:9.1} ns  ratio {:.3}  quartiles {:.3}-{:.3}",
                contender.name,
                quartiles(ours)[1],
                ratios[1],
                ratios[0],
                ratios[2],
            );
        }
    }
    Ok(())
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn cpu_ns(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds per operation, by the CPU time of this thread.
fn timed(operations: impl FnOnce() -> io::Result<()>) -> io::Result<Vec<f64>> {
    let start = cpu_ns(ClockId::ThreadCPUTime);
    operations()?;
    Ok(vec![
        (cpu_ns(ClockId::ThreadCPUTime) - start) / COUNT as f64,
    ])
}

/// The server's half of a round: echoes a number of messages.
type Echo = Box<dyn FnMut(usize) -> io::Result<()> + Send>;

macro_rules! echo {
    ($krate:ident, $poll:expr, $stream:expr) => {{
        let mut poll: $krate::Poll = $poll;
        let mut events = $krate::Events::with_capacity(64);
        let mut stream = $krate::net::TcpStream::from_std($stream);
        poll.registry()
            .register(&mut stream, $krate::Token(0), $krate::Interest::READABLE)?;
        let mut buffer = [0; 4096];
        let echo: Echo = Box::new(move |count| {
            let mut left = count * SIZE;
            while left > 0 {
                poll.poll(&mut events, None)?;
                loop {
                    match stream.read(&mut buffer) {
                        Ok(count) => {
                            stream.write_all(&buffer[..count])?;
                            left -= count;
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(())
        });
        echo
    }};
}

/// A connection, the first end of which does not block.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    server.set_nonblocking(true)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    Ok((server, client))
}

/// Echo over one connection, server and client on threads of their own; each waits for the other. `cpus`: where the client
/// and the server run, else where the kernel puts them.
fn spin(rounds: usize, cpus: Option<[usize; 2]>) -> io::Result<()> {
    if let Some([client, _]) = cpus {
        pin(client)?;
    }
    let mut contenders = Vec::new();
    let (stream, client) = connection()?;
    let echo = echo!(mio, mio::Poll::new()?, stream);
    contenders.push(served("mio", echo, client, cpus));
    for micros in [0, 5, 10, 20, 50] {
        let (stream, client) = connection()?;
        let poll = Poll::builder()
            .spin(Duration::from_micros(micros))
            .build()?;
        let echo = echo!(ferrio, poll, stream);
        contenders.push(served(
            &format!("ferrio, spin {micros} µs"),
            echo,
            client,
            cpus,
        ));
    }
    let clocks = ["server cpu", "both cpu", "wall"];
    let title = match cpus {
        None => "echo, one TCP connection, two threads".to_owned(),
        Some(cpus) => format!("the same on CPUs {cpus:?}"),
    };
    run(&title, &clocks, contenders, rounds)
}

fn pin(cpu: usize) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

fn served(
    name: &str,
    mut echo: Echo,
    mut client: TcpStream,
    cpus: Option<[usize; 2]>,
) -> Contender {
    let (start, starts): (Sender<()>, Receiver<()>) = mpsc::channel();
    let (report, done) = mpsc::channel();
    thread::spawn(move || {
        if let Some([_, server]) = cpus {
            pin(server).expect("CPUs 0 and 1");
        }
        for () in starts {
            let begin = cpu_ns(ClockId::ThreadCPUTime);
            let result = echo(COUNT).map(|()| cpu_ns(ClockId::ThreadCPUTime) - begin);
            if report.send(result).is_err() {
                return;
            }
        }
    });
    let ended = || io::Error::other("the server has ended");
    Contender::new(name, move || {
        let (wall, cpu) = (Instant::now(), cpu_ns(ClockId::ProcessCPUTime));
        start.send(()).map_err(|_| ended())?;
        let mut buffer = [7; SIZE];
        for _ in 0..COUNT {
            client.write_all(&buffer)?;
            client.read_exact(&mut buffer)?;
        }
        let server = done.recv().map_err(|_| ended())??;
        let both = cpu_ns(ClockId::ProcessCPUTime) - cpu;
        let wall = wall.elapsed().as_nanos() as f64;
        Ok([server, both, wall]
            .map(|nanos| nanos / COUNT as f64)
            .to_vec())
    })
}

/// One system call that moves bytes.
type Call = fn(RawFd, &mut [u8]) -> isize;

fn write(fd: RawFd, bytes: &mut [u8]) -> isize {
    // SAFETY: `bytes` is that many readable bytes.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) }
}

fn send(fd: RawFd, bytes: &mut [u8]) -> isize {
    // SAFETY: `bytes` is that many readable bytes.
    unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) }
}

fn read(fd: RawFd, bytes: &mut [u8]) -> isize {
    // SAFETY: `bytes` is that many writable bytes.
    unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) }
}

fn recv(fd: RawFd, bytes: &mut [u8]) -> isize {
    // SAFETY: `bytes` is that many writable bytes.
    unsafe { libc::recv(fd, bytes.as_mut_ptr().cast(), bytes.len(), 0) }
}

/// A message there and back to the same thread, by one pair of calls or the other.
fn calls(rounds: usize) -> io::Result<()> {
    for (title, tcp) in [("TCP", true), ("Unix", false)] {
        let pairs: [(&str, Call, Call); 2] =
            [("write, read", write, read), ("send, recv", send, recv)];
        let mut contenders = Vec::new();
        for (name, out, back) in pairs {
            let (one, other) = if tcp {
                let (one, other) = connection()?;
                (Into::<std::os::fd::OwnedFd>::into(one), other.into())
            } else {
                let (one, other) = UnixStream::pair()?;
                (one.into(), other.into())
            };
            let other: std::os::fd::OwnedFd = other;
            contenders.push(Contender::new(name, move || {
                timed(|| {
                    let mut bytes = [7; SIZE];
                    for _ in 0..COUNT {
                        let sent = out(other.as_raw_fd(), &mut bytes);
                        while back(one.as_raw_fd(), &mut bytes) < 0 {}
                        assert_eq!(sent, SIZE as isize);
                    }
                    Ok(())
                })
            }));
        }
        run(
            &format!("{title} stream, one message"),
            &["cpu"],
            contenders,
            rounds,
        )?;
    }
    Ok(())
}

/// What a read that is known to have nothing to read costs: an echo that stops at a short read, beside one that reads
/// until it would block. A readiness word in the stream would spare that read, and check itself.
fn short_reads(rounds: usize) -> io::Result<()> {
    let both = |name: &str, streams: fn() -> io::Result<(Stream, Stream)>| {
        let contenders = [
            ("until it would block", false),
            ("until a short read", true),
        ]
        .into_iter()
        .map(|(name, short)| {
            let (mut stream, mut client) = streams()?;
            let mut poll = Poll::new()?;
            let mut events = Events::with_capacity(64);
            stream.register(&poll)?;
            Ok(Contender::new(name, move || {
                let mut cpu = 0.0;
                let mut buffer = [7; SIZE];
                for _ in 0..COUNT {
                    client.write_all(&buffer)?;
                    let start = cpu_ns(ClockId::ThreadCPUTime);
                    poll.poll(&mut events, None)?;
                    answer(&mut stream, short)?;
                    cpu += cpu_ns(ClockId::ThreadCPUTime) - start;
                    client.read_all(&mut buffer)?;
                }
                Ok(vec![cpu / COUNT as f64])
            }))
        })
        .collect::<io::Result<Vec<_>>>()?;
        run(
            &format!("echo, one {name} connection"),
            &["cpu"],
            contenders,
            rounds,
        )
    };
    both("TCP", || {
        let (one, other) = connection()?;
        other.set_nonblocking(true)?;
        Ok((
            Stream::Tcp(ferrio::net::TcpStream::from_std(one)),
            Stream::Tcp(ferrio::net::TcpStream::from_std(other)),
        ))
    })?;
    both("Unix", || {
        let (one, other) = ferrio::net::UnixStream::pair()?;
        Ok((Stream::Unix(one), Stream::Unix(other)))
    })
}

/// Why such a word would lose edges: reads that get less than they ask for although there is more, and an end that no
/// further event tells of.
fn short_reads_that_prove_nothing() -> io::Result<()> {
    println!("\nA short read, and what the next one answers:\n");
    let (mut stream, mut peer) = connection()?;
    peer.write_all(b"before")?;
    // SAFETY: one readable byte.
    let sent = unsafe { libc::send(peer.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1);
    peer.write_all(b"after")?;
    thread::sleep(Duration::from_millis(50));
    print_reads("TCP, urgent data in between", &mut stream);

    let (stream, mut peer) = connection()?;
    let mut stream = ferrio::net::TcpStream::from_std(stream);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(8);
    poll.registry()
        .register(&mut stream, Token(0), Interest::READABLE)?;
    peer.write_all(b"last")?;
    drop(peer);
    thread::sleep(Duration::from_millis(50));
    poll.poll(&mut events, None)?;
    println!("TCP, data and end in one event: {events:?}");
    print_reads("  the reads", &mut stream);
    poll.poll(&mut events, Some(Duration::from_millis(50)))?;
    println!("  events after them: {events:?}");
    Ok(())
}

fn print_reads(what: &str, stream: &mut impl Read) {
    let mut buffer = [0; 4096];
    let reads: Vec<String> = (0..2)
        .map(|_| match stream.read(&mut buffer) {
            Ok(count) => format!("{:?}", String::from_utf8_lossy(&buffer[..count])),
            Err(error) => error.to_string(),
        })
        .collect();
    println!("{what}: {}", reads.join(", then "));
}

enum Stream {
    Tcp(ferrio::net::TcpStream),
    Unix(ferrio::net::UnixStream),
}

impl Stream {
    fn register(&mut self, poll: &Poll) -> io::Result<()> {
        let registry = poll.registry();
        match self {
            Stream::Tcp(stream) => registry.register(stream, Token(0), Interest::READABLE),
            Stream::Unix(stream) => registry.register(stream, Token(0), Interest::READABLE),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(bytes),
            Stream::Unix(stream) => stream.read(bytes),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Asks until everything is there.
    fn read_all(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read(&mut bytes[filled..]) {
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn answer(stream: &mut Stream, short: bool) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(count) => {
                stream.write_all(&buffer[..count])?;
                if short && count < buffer.len() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> io::Result<()> {
    let rounds = match std::env::args().nth(1).map(|rounds| rounds.parse()) {
        None => 300,
        Some(Ok(rounds)) if rounds > 0 => rounds,
        Some(_) => return Err(io::Error::other("usage: trials [ROUNDS]")),
    };
    // Those with one thread first, see the rows.
    calls(rounds)?;
    short_reads(rounds)?;
    short_reads_that_prove_nothing()?;
    spin(rounds, None)?;
    spin(rounds, Some([0, 1]))
}
