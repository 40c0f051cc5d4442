//! A server as a child process: `dependants/programs/control.rs` is its side of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Beyond this, whatever is waited for does not come.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Server {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it and waits for its address.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?} could not be run"))?;
        let questions = process.stdin.take();
        let answers = process.stdout.take().context("no output to read")?;
        let mut server = Self {
            process,
            questions,
            answers: BufReader::new(answers),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        server.address = server.line("listening on ")?.parse()?;
        Ok(server)
    }

    /// The CPU time that it has used so far, in nanoseconds.
    pub fn cpu_ns(&mut self) -> Result<u64> {
        let questions = self.questions.as_mut().context("no input to write to")?;
        questions.write_all(b"cpu\n")?;
        Ok(self.line("cpu ")?.parse()?)
    }

    fn line(&mut self, prefix: &str) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim_end().strip_prefix(prefix) {
            Some(rest) => Ok(rest.to_owned()),
            None => bail!("the server says {line:?} and not {prefix:?}"),
        }
    }

    /// Whether it speaks HTTP: a request, then two more at once on the same connection.
    pub fn greet(&self) -> Result<()> {
        let mut client = TcpStream::connect(self.address)?;
        client.set_read_timeout(Some(LIMIT))?;
        let request = |last: &str| format!("GET / HTTP/1.1\r\nHost: here\r\n{last}\r\n");
        client.write_all(request("").as_bytes())?;
        let mut first = Vec::new();
        while !first.ends_with(b"Hello, world!") {
            let mut byte = [0];
            let read = client.read(&mut byte)?;
            let text = String::from_utf8_lossy(&first);
            ensure!(read == 1 && first.len() < 1000, "it answers {text:?}");
            first.push(byte[0]);
        }
        let two = request("") + &request("Connection: close\r\n");
        client.write_all(two.as_bytes())?;
        let mut text = String::from_utf8(first)?;
        client.read_to_string(&mut text)?;
        let [lines, bodies] =
            ["HTTP/1.1 200 OK\r\n", "\r\n\r\nHello, world!"].map(|part| text.matches(part).count());
        ensure!((lines, bodies) == (3, 3), "it answers {text:?}");
        Ok(())
    }

    /// Ends its input, upon which it is to end: without an error, and with nothing left to say.
    pub fn stop(mut self) -> Result<()> {
        drop(self.questions.take());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            ensure!(begun.elapsed() < LIMIT, "the server does not stop");
            std::thread::sleep(Duration::from_millis(1));
        };
        let mut rest = String::new();
        self.answers.read_to_string(&mut rest)?;
        ensure!(
            status.success() && rest.is_empty(),
            "the server ends with {status} and {rest:?}"
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, as it has after `stop`.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
