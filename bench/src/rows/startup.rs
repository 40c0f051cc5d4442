//! What it costs to have a poll at all.

use std::hint::black_box;
use std::io;
use std::marker::PhantomData;

use super::workload::{WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;

const POLLS: usize = 50;

pub struct Startup<C>(PhantomData<C>);

impl<C: Contender> Startup<C> {
    pub fn new() -> Startup<C> {
        Startup(PhantomData)
    }
}

impl<C: Contender> Workload for Startup<C> {
    fn round(&mut self) -> io::Result<Span> {
        let mut watch = Stopwatch::new(Scope::Thread);
        watch.section(|| {
            (0..POLLS).try_for_each(|_| {
                let poll = C::poll()?;
                let waker = C::waker(&poll, WAKE)?;
                black_box((&poll, &waker));
                Ok::<_, io::Error>(())
            })
        })?;
        Ok(watch.per(POLLS))
    }
}
