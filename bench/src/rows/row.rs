//! A row: what is measured, in which unit, against which target, and who can do it.

use std::fmt;
use std::io;

use super::harvest::Harvest;
use super::registration::{Operation, Source};
use super::workload::{Env, Workload};
use super::{
    accept, blocked, build, crowd, echo, hammer, harvest, memory, pair, ping_pong, registration,
    startup, threads, timeout, wake,
};
use crate::contender::{Contender, Ferrio, Id, ManyThreaded, Mio, Polling};
use crate::raw::Raw;
use crate::raw_poll::RawPoll;
use crate::suite::Suite;

/// One line of the benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub suite: Suite,
    /// What one operation is.
    pub unit: &'static str,
    pub metric: Metric,
    pub target: Target,
    /// What happens inside the measured section, and what does not.
    pub what: &'static str,
    /// A second thread sleeps in the process meanwhile.
    pub company: bool,
    /// A variant that only ferrio, mio and raw are interesting for.
    few: bool,
    kind: Kind,
}

/// The clock a row is judged by. Both are always recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// CPU time of the measuring thread.
    Cpu,
    /// CPU time of all threads that take part, or of the child processes.
    CpuOfAll,
    Wall,
    /// No time, but a number of bytes.
    Bytes,
    /// No time, but a number of descriptors.
    Descriptors,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cpu => "cpu",
            Metric::CpuOfAll => "cpu all",
            Metric::Wall => "wall",
            Metric::Bytes => "bytes",
            Metric::Descriptors => "descriptors",
        }
    }

    pub fn is_time(self) -> bool {
        !matches!(self, Metric::Bytes | Metric::Descriptors)
    }
}

/// What ferrio has promised for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Against mio.
    pub mio: Option<Limit>,
    /// At most this many times the cost of the system calls without a library.
    pub raw: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The median ratio is not above this.
    AtMost(f64),
    /// The ratios' quartile range includes 1.00, or lies below it.
    Parity,
}

impl Limit {
    /// Where a plot shows it.
    pub fn ratio(self) -> f64 {
        match self {
            Limit::AtMost(ratio) => ratio,
            Limit::Parity => 1.0,
        }
    }
}

impl Target {
    pub const NONE: Target = Target {
        mio: None,
        raw: None,
    };
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mio = self.mio.map(|limit| match limit {
            Limit::AtMost(ratio) => format!("<= {ratio}"),
            Limit::Parity => "1.00".to_owned(),
        });
        let raw = self.raw.map(|ratio| format!("<= {ratio} of raw"));
        let parts: Vec<String> = mio.into_iter().chain(raw).collect();
        if parts.is_empty() {
            f.write_str("-")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Harvest(Harvest),
    EmptyPoll,
    Registration(Operation, Source),
    /// From another thread while the poll blocks.
    Blocked(Operation),
    Wake(wake::Setup),
    Hammer,
    PingPong {
        one_cpu: bool,
    },
    Timeout {
        micros: u64,
    },
    Pair {
        source: Source,
        with_polls: bool,
    },
    Crowd(crowd::Cycle),
    Echo(echo::Setup),
    AcceptEchoClose,
    Startup,
    Memory(memory::Of),
    Threads,
    ColdBuild,
}

impl Row {
    pub(super) const fn new(
        name: &'static str,
        unit: &'static str,
        kind: Kind,
        what: &'static str,
    ) -> Row {
        Row {
            name,
            suite: Suite::Epoll,
            unit,
            metric: Metric::Cpu,
            target: Target::NONE,
            what,
            company: false,
            few: false,
            kind,
        }
    }

    pub(super) const fn on_poll(self) -> Row {
        let suite = Suite::Poll;
        Row { suite, ..self }
    }

    pub(super) const fn by(self, metric: Metric) -> Row {
        Row { metric, ..self }
    }

    pub(super) const fn at_most(self, ratio: f64) -> Row {
        let mio = Some(Limit::AtMost(ratio));
        let target = Target { mio, raw: None };
        Row { target, ..self }
    }

    /// 1.00 of mio, and within 3 % of raw.
    pub(super) const fn parity(self) -> Row {
        let target = Target {
            mio: Some(Limit::Parity),
            raw: Some(1.03),
        };
        Row { target, ..self }
    }

    pub(super) const fn at_most_of_raw(self, ratio: f64) -> Row {
        let raw = Some(ratio);
        let target = Target { mio: None, raw };
        Row { target, ..self }
    }

    pub(super) const fn few(self) -> Row {
        Row { few: true, ..self }
    }

    pub(super) const fn in_company(self) -> Row {
        Row {
            company: true,
            few: true,
            ..self
        }
    }

    /// Whether the contender runs here.
    pub fn has(&self, contender: Id) -> bool {
        let registers = matches!(
            self.kind,
            Kind::Registration(..) | Kind::Pair { .. } | Kind::Threads
        );
        match (self.suite, contender) {
            (_, Id::Ferrio | Id::Mio | Id::Control) => true,
            // Without a library, poll(2) has no registration.
            (Suite::Poll, Id::Raw) => !registers,
            (Suite::Poll, _) => false,
            (Suite::Epoll, Id::Raw) => !matches!(self.kind, Kind::ColdBuild),
            (Suite::Epoll, _) if self.few => false,
            (Suite::Epoll, Id::Polling) => true,
            // Registered when the loop runs next, and not from other threads.
            (Suite::Epoll, Id::Libuv) => !matches!(
                self.kind,
                Kind::Registration(..) | Kind::Blocked(_) | Kind::ColdBuild
            ),
            (Suite::Epoll, Id::Libevent) => !matches!(self.kind, Kind::ColdBuild),
            // A bare descriptor is level-triggered there, and the rows on poll(2) have the registrations.
            (Suite::Epoll, Id::FerrioPoll | Id::MioPoll) => {
                matches!(
                    self.kind,
                    Kind::EmptyPoll
                        | Kind::Hammer
                        | Kind::PingPong { .. }
                        | Kind::Timeout { .. }
                        | Kind::Echo(_)
                        | Kind::AcceptEchoClose
                        | Kind::Startup
                        | Kind::Memory(_)
                ) || matches!(self.kind, Kind::Wake(setup) if setup.idle == 0)
            }
        }
    }

    /// Not part of a run that does not name it.
    pub fn on_demand(&self) -> bool {
        matches!(self.kind, Kind::ColdBuild)
    }

    /// Whether the process has, or once had, a second thread because of it.
    pub fn threads(&self) -> bool {
        self.company
            || matches!(
                self.kind,
                Kind::Hammer
                    | Kind::PingPong { .. }
                    | Kind::Blocked(_)
                    | Kind::Threads
                    | Kind::ColdBuild
                    | Kind::Crowd(crowd::Cycle::WakeAsleep)
            )
            || matches!(self.kind, Kind::Echo(setup) if setup.threads)
    }

    /// Of a row whose rounds take long, fewer than of the others.
    pub fn rounds(&self, planned: usize) -> usize {
        match self.kind {
            Kind::Threads => planned.div_ceil(threads::FEWER),
            Kind::ColdBuild => planned.div_ceil(build::FEWER),
            Kind::Memory(_) => planned.div_ceil(memory::FEWER),
            Kind::Echo(setup) => planned.div_ceil(setup.fewer()),
            Kind::Harvest(harvest) => planned.div_ceil(harvest.fewer()),
            Kind::Crowd(_) => planned.div_ceil(2),
            _ => planned,
        }
    }

    /// How often it is set up in one run.
    pub fn setups(&self) -> usize {
        match self.kind {
            Kind::Threads => 2,
            Kind::ColdBuild => 1,
            Kind::Harvest(harvest) => harvest.setups(),
            _ => 6,
        }
    }

    /// Sets the row up for one contender.
    pub fn build(&self, contender: Id, env: &Env) -> io::Result<Box<dyn Workload>> {
        match contender {
            Id::Ferrio => self.build_threaded::<Ferrio>(contender, env),
            Id::Mio | Id::Control => self.build_threaded::<Mio>(contender, env),
            Id::Polling => self.build_threaded::<Polling>(contender, env),
            Id::Raw if self.suite == Suite::Poll => self.build_for::<RawPoll>(env),
            Id::Raw => self.build_threaded::<Raw>(contender, env),
            #[cfg(has_libuv)]
            Id::Libuv => self.build_for::<crate::contender::libuv::Libuv>(env),
            #[cfg(has_libevent)]
            Id::Libevent => {
                self.build_threaded::<crate::contender::libevent::Libevent>(contender, env)
            }
            _ => Err(io::Error::other(format!(
                "{} is not in this program",
                contender.name()
            ))),
        }
    }

    fn build_threaded<C: ManyThreaded>(
        &self,
        contender: Id,
        env: &Env,
    ) -> io::Result<Box<dyn Workload>> {
        match self.kind {
            Kind::Threads => Ok(Box::new(threads::Threads::<C>::new()?)),
            Kind::Blocked(operation) => Ok(Box::new(blocked::Blocked::<C>::new(env, operation)?)),
            Kind::ColdBuild => Ok(Box::new(build::ColdBuild::new(contender)?)),
            _ => self.build_for::<C>(env),
        }
    }

    fn build_for<C: Contender>(&self, env: &Env) -> io::Result<Box<dyn Workload>> {
        Ok(match self.kind {
            Kind::Harvest(harvest) => Box::new(harvest.build::<C>()?),
            Kind::EmptyPoll => Box::new(harvest::EmptyPoll::<C>::new()?),
            Kind::Registration(operation, source) => registration::build::<C>(operation, source)?,
            Kind::Wake(setup) => Box::new(wake::Wake::<C>::new(setup)?),
            Kind::Hammer => Box::new(hammer::Hammer::<C>::new(env)?),
            Kind::PingPong { one_cpu } => Box::new(ping_pong::PingPong::<C>::new(env, one_cpu)?),
            Kind::Timeout { micros } => Box::new(timeout::Timeout::<C>::new(micros)?),
            Kind::Pair { source, with_polls } => pair::build::<C>(source, with_polls)?,
            Kind::Crowd(cycle) => Box::new(crowd::Crowd::<C>::new(env, cycle)?),
            Kind::Echo(setup) => Box::new(echo::Echo::<C>::new(env, setup)?),
            Kind::AcceptEchoClose => Box::new(accept::AcceptEchoClose::<C>::new()?),
            Kind::Startup => Box::new(startup::Startup::<C>::new()),
            Kind::Memory(of) => Box::new(memory::Memory::<C>::new(of)?),
            Kind::Blocked(_) | Kind::Threads | Kind::ColdBuild => {
                return Err(io::Error::other("not a row of this contender's"));
            }
        })
    }
}
