//! Starts both processes, shows how it goes, and judges them.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::cli::Plan;
use crate::clock;
use crate::judge::{self, Fault};
use crate::limits;
use crate::link::{Ending, Kind, Line};
use crate::memory::Sample;
use crate::report::{Report, Subject};

/// For all connections to be made, and at the end for them to be closed.
const SLACK: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Server,
    Load,
}

enum News {
    Line(Line),
    /// Nothing more will come.
    End,
}

/// A process that was started. Should this be dropped early, it is ended.
struct Part {
    child: Child,
    commands: ChildStdin,
}

impl Part {
    fn start(name: From, arguments: &[String], news: &Sender<(From, News)>) -> Result<Part> {
        let program = std::env::current_exe().context("where this program is")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("the {name:?} process"))?;
        let commands = child.stdin.take().context("a pipe")?;
        let stdout = child.stdout.take().context("a pipe")?;
        let news = news.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line);
                let line =
                    line.unwrap_or_else(|error| Line::Note(format!("not understood: {error}")));
                if news.send((name, News::Line(line))).is_err() {
                    return;
                }
            }
            let _ = news.send((name, News::End));
        });
        Ok(Part { child, commands })
    }

    /// A process that is gone already is missed elsewhere.
    fn tell(&mut self, command: &str) {
        let _ = writeln!(self.commands, "{command}");
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was heard so far.
struct Heard {
    plan: Plan,
    bar: ProgressBar,
    ready_since: Option<Instant>,
    /// The load was told to end, so its connections become fewer.
    is_over: bool,
    faults: Vec<Fault>,
    /// Of those without a text.
    untold: Vec<Kind>,
    notes: Vec<String>,
    samples: [Vec<Sample>; 2],
    endings: [Option<Ending>; 2],
    has_ended: [bool; 2],
    last_line: Instant,
}

pub fn run(plan: Plan) -> Result<Report> {
    limits::raise_descriptors(plan.common.connections)?;
    let addresses = limits::addresses(plan.common.connections, plan.churn)?;
    let (sender, news) = channel();
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut arguments = vec![String::from("serve")];
    arguments.extend(plan.common.arguments());
    arguments.push(format!("--wakers={}", plan.wakers));
    arguments.push(format!("--addresses={}", addresses.join(",")));
    if let Some(sabotage) = plan.sabotage {
        arguments.push(format!(
            "--sabotage={}",
            format!("{sabotage:?}").to_lowercase()
        ));
    }
    let mut server = Part::start(From::Server, &arguments, &sender)?;
    let (servers, subject) = listening(&news)?;
    println!("{}", subject.line(&plan));

    let mut arguments = vec![String::from("load")];
    arguments.extend(plan.common.arguments());
    arguments.push(format!("--churn={}", plan.churn));
    arguments.push(format!("--requests={}", plan.requests));
    arguments.push(format!("--servers={servers}"));
    let mut load = Part::start(From::Load, &arguments, &sender)?;

    let mut heard = Heard::new(plan);
    heard.soak(&news, &mut server, &mut load);
    heard.bar.finish_and_clear();
    Ok(heard.judge(subject))
}

fn listening(news: &Receiver<(From, News)>) -> Result<(String, Subject)> {
    let first = news.recv_timeout(SLACK);
    match first.map_err(|_| anyhow!("the server doesn't start"))?.1 {
        News::Line(Line::Listening {
            addresses,
            selector,
            waker,
        }) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Ok((addresses.join(","), Subject { selector, waker }))
        }
        News::Line(Line::Fault { text, .. }) => bail!("the server: {}", text.unwrap_or_default()),
        _ => bail!("the server could not start"),
    }
}

impl Heard {
    fn new(plan: Plan) -> Heard {
        let bar = ProgressBar::new(plan.seconds);
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix("connecting");
        Heard {
            plan,
            bar,
            ready_since: None,
            is_over: false,
            faults: Vec::new(),
            untold: Vec::new(),
            notes: Vec::new(),
            samples: [Vec::new(), Vec::new()],
            endings: [None, None],
            has_ended: [false, false],
            last_line: Instant::now(),
        }
    }

    /// The whole run: until both have ended, or one that should not have.
    fn soak(&mut self, news: &Receiver<(From, News)>, server: &mut Part, load: &mut Part) {
        let length = Duration::from_secs(self.plan.seconds);
        let mut limit = Instant::now() + SLACK;
        let mut is_server_told = false;
        while !self.has_ended[From::Server as usize] {
            if let Ok((from, news)) = news.recv_timeout(Duration::from_millis(100)) {
                self.note(from, news, server);
            }
            let ready = self.ready_since;
            if ready.is_some_and(|since| since.elapsed() >= length) && !self.is_over {
                self.is_over = true;
                load.tell("end");
            }
            if let Some(since) = ready {
                limit = since + length + self.plan.common.patience * 2 + SLACK;
            }
            let [server_ended, load_ended] = self.has_ended;
            if load_ended && !is_server_told {
                is_server_told = true;
                server.tell("end");
            }
            let ended_early = load_ended && self.endings[From::Load as usize].is_none();
            if ended_early || server_ended || Instant::now() > limit {
                break;
            }
        }
        for (from, part) in [(From::Server, server), (From::Load, load)] {
            if self.endings[from as usize].is_none() {
                let status = part.child.try_wait().ok().flatten();
                let status = status.map_or_else(|| String::from("still there"), |s| s.to_string());
                let text = format!("the {from:?} process gave no account of itself: {status}");
                self.faults.push((Kind::Error, text));
            }
        }
    }

    fn note(&mut self, from: From, news: News, server: &mut Part) {
        let line = match news {
            News::Line(line) => line,
            News::End => {
                self.has_ended[from as usize] = true;
                return;
            }
        };
        match line {
            Line::Ready => self.ready_since = Some(Instant::now()),
            Line::Sample(sample) => {
                if self.ready_since.is_some() && !self.is_over {
                    self.samples[from as usize].push(sample);
                }
                self.show(from, &sample);
            }
            Line::Fault {
                kind,
                text: Some(text),
            } => {
                self.bar.suspend(|| eprintln!("{}: {text}", kind.name()));
                self.faults.push((kind, text));
            }
            Line::Fault { kind, text: None } => self.untold.push(kind),
            Line::Query(id) => server.tell(&format!("query {id}")),
            Line::Note(text) => {
                self.bar.suspend(|| eprintln!("{text}"));
                self.notes.push(text);
            }
            Line::Done(ending) => self.endings[from as usize] = Some(ending),
            Line::Listening { .. } => {}
        }
    }

    /// The load's samples make the progress bar; without a terminal, a line now and then.
    fn show(&mut self, from: From, sample: &Sample) {
        if from == From::Server {
            return;
        }
        let longest = self
            .samples
            .iter()
            .flatten()
            .map(|sample| sample.longest)
            .max();
        let message = format!(
            "{} connections, {} opened, {} answers, longest wait {:.1} ms, {} failures",
            HumanCount(sample.connections),
            HumanCount(sample.opened),
            HumanCount(sample.messages),
            clock::milliseconds(longest.unwrap_or(0).max(sample.longest)),
            self.faults.len() + self.untold.len(),
        );
        let so_far = self
            .ready_since
            .map_or(0, |since| since.elapsed().as_secs());
        if self.ready_since.is_some() {
            self.bar.set_prefix(format!("{so_far} s"));
            self.bar.set_position(so_far);
        }
        if !std::io::stderr().is_terminal() && self.last_line.elapsed() > Duration::from_secs(10) {
            self.last_line = Instant::now();
            eprintln!("{so_far:>6} s  {message}");
        }
        self.bar.set_message(message);
    }

    fn judge(self, subject: Subject) -> Report {
        let Heard {
            plan,
            mut faults,
            untold,
            notes,
            samples,
            endings,
            ..
        } = self;
        let mut growths = Vec::new();
        let mut besides = Vec::new();
        for (name, samples) in [("server", &samples[0]), ("load", &samples[1])] {
            let (found, leaks) = judge::memory(name, samples);
            growths.extend(found);
            faults.extend(leaks);
            let (range, leak) = judge::descriptors(name, samples);
            besides.push((name, range));
            faults.extend(leak);
        }
        if let [Some(server), Some(load)] = &endings {
            faults.extend(judge::counts(&plan, server, load, &samples[1]));
        }
        Report {
            plan,
            subject,
            faults,
            untold,
            notes,
            growths,
            besides,
            endings,
            samples,
        }
    }
}
