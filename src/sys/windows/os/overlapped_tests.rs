use std::sync::Mutex;

use windows_sys::Win32::Foundation::{ERROR_OPERATION_ABORTED, STATUS_CANCELLED};

use super::super::port::Packets;
use super::*;

/// Keeps how it has ended.
#[derive(Default)]
struct Record(Mutex<Vec<Outcome>>);

impl Complete for Record {
    fn complete(record: &Arc<Overlapped<Record>>, outcome: Outcome, _: &mut Batch<'_>) {
        record.0.lock().unwrap().push(outcome);
    }
}

/// Dequeues what is there.
fn ended(port: &Port, record: &Overlapped<Record>) -> Vec<Outcome> {
    let mut list = Vec::new();
    let mut batch = port.batch(&mut list, 8);
    port.wait(&mut Packets::default(), &mut batch, 0).unwrap();
    std::mem::take(&mut record.0.lock().unwrap())
}

#[test]
fn what_was_posted_has_ended_well() {
    let port = Port::new().unwrap();
    let record = Overlapped::new(Record::default());
    record.post(&port).unwrap();
    let [outcome] = ended(&port, &record)[..] else {
        panic!("not one packet");
    };
    assert_eq!(outcome.result().unwrap(), 0);
    assert!(!outcome.is_lost());
}

#[test]
fn an_operation_that_has_written_nothing_is_no_success() {
    let port = Port::new().unwrap();
    let record = Overlapped::new(Record::default());
    for _ in 0..2 {
        // SAFETY: if the packet was posted then it comes, once. Nothing is written.
        unsafe { record.start(&port, |raw| port.post_operation(raw)) }.unwrap();
        let [outcome] = ended(&port, &record)[..] else {
            panic!("not one packet");
        };
        assert!(outcome.is_lost() && outcome.result().is_err());
    }
}

#[test]
fn what_was_written_counts_and_else_the_packets_error() {
    const ALERTED: NTSTATUS = 0x101;

    for packet in [STATUS_SUCCESS, STATUS_CANCELLED, ALERTED, STATUS_PENDING] {
        for written in [STATUS_SUCCESS, STATUS_CANCELLED, ALERTED] {
            assert_eq!(ending(written, packet), written);
        }
    }
    for packet in [STATUS_SUCCESS, ALERTED, STATUS_PENDING] {
        assert_eq!(ending(STATUS_PENDING, packet), LOST);
    }
    let cancelled = Outcome {
        status: ending(STATUS_PENDING, STATUS_CANCELLED),
        bytes: 0,
    };
    assert_eq!(cancelled.status(), STATUS_CANCELLED);
    let error = cancelled.result().unwrap_err().raw_os_error();
    assert_eq!(error, Some(ERROR_OPERATION_ABORTED as i32));
}
