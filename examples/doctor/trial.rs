//! Trying ferrio itself: what the calls promise one by one has to hold together.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use ferrio::net::{TcpListener, TcpStream};
use ferrio::{Events, Interest, Poll, SelectorKind, Token, Waker, WakerKind};

use crate::calls::{Answer, Call};

/// Nothing here takes a hundredth of this.
const LIMIT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_micros(200);

/// Something tried, and what came of it.
pub struct Trial {
    pub what: String,
    pub outcome: Result<String, String>,
}

pub fn run(calls: &[Call]) -> Vec<Trial> {
    // A call that killed a child would kill us now, if it's one that is made here.
    let deadly = calls.iter().find(|call| {
        matches!(call.answer, Answer::Kills(_)) && !call.used_for.ends_with("by SourceFd")
    });
    let try_out = |what: &str, attempt: &dyn Fn() -> io::Result<String>| Trial {
        what: String::from(what),
        outcome: match deadly {
            Some(call) => Err(format!("not tried: {} {}", call.name, call.answer)),
            None => attempt().map_err(|error| error.to_string()),
        },
    };
    let mut trials = vec![
        try_out("a wake ends a poll", &|| wake(Poll::new()?)),
        try_out("a connection to itself", &connection),
        try_out("a timeout of 0.2 ms", &timeout),
    ];
    // With the feature `runtime-selector`: whatever the builder can be asked for.
    let (selectors, wakers) = (SelectorKind::available(), WakerKind::available());
    if selectors.len() * wakers.len() > 1 {
        for &selector in selectors {
            for &waker in wakers {
                let builder = Poll::builder().selector(selector).waker(waker);
                trials.push(try_out(&format!("{selector} and {waker}"), &|| {
                    wake(builder.clone().build()?)
                }));
            }
        }
    }
    trials
}

/// Polls until an event of `token`, and returns how long that took.
fn wait_for(poll: &mut Poll, token: Token) -> io::Result<Duration> {
    let began = Instant::now();
    let mut events = Events::with_capacity(8);
    loop {
        let Some(left) = LIMIT.checked_sub(began.elapsed()) else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no event came"));
        };
        match poll.poll(&mut events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            done => done?,
        }
        if events.iter().any(|event| event.token() == token) {
            return Ok(began.elapsed());
        }
    }
}

fn wake(mut poll: Poll) -> io::Result<String> {
    let waker = Waker::new(poll.registry(), Token(0))?;
    // The waker has to outlive its wake: dropping it takes back what nobody has seen yet.
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || waker.wake())?;
        let took = wait_for(&mut poll, Token(0))?;
        match thread.join() {
            Ok(woken) => woken?,
            Err(_) => return Err(io::Error::other("the waking thread panicked")),
        }
        Ok(format!("after {took:?}, by {}", poll.waker()))
    })
}

fn connection() -> io::Result<String> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let registry = poll.registry();
    registry.register(&mut listener, Token(0), Interest::READABLE)?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    wait_for(&mut poll, Token(0))?;
    let (mut served, _) = listener.accept()?;

    let registry = poll.registry();
    registry.register(&mut served, Token(1), Interest::READABLE)?;
    registry.register(&mut client, Token(2), Interest::WRITABLE)?;
    wait_for(&mut poll, Token(2))?;
    if let Some(error) = client.take_error()? {
        return Err(error);
    }
    client.write_all(b"x")?;
    let took = wait_for(&mut poll, Token(1))?;
    let mut byte = [0];
    served.read_exact(&mut byte)?;
    Ok(format!("a byte arrived after {took:?}"))
}

fn timeout() -> io::Result<String> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1);
    // The first may find out that a call is refused; the second shows what it's like from then on.
    poll.poll(&mut events, Some(SHORT))?;
    let began = Instant::now();
    poll.poll(&mut events, Some(SHORT))?;
    Ok(format!("took {:?}", began.elapsed()))
}
