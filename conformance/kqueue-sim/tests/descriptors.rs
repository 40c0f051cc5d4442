//! What a queue costs in descriptors. A program of its own: other tests open some too.

#![cfg(target_os = "linux")]

use std::fs;

use kqueue::kqueue;

fn open() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn close(fd: i32) {
    // SAFETY: a queue that is closed once.
    assert_eq!(unsafe { libc::close(fd) }, 0);
}

#[test]
fn queues_that_were_closed_leave_nothing_that_grows() {
    let before = open();
    let kq = kqueue();
    assert_eq!(open(), before + 3);
    close(kq);
    // Nobody says so. The next queue asks.
    assert_eq!(open(), before + 2);
    for _ in 0..100 {
        close(kqueue());
        assert_eq!(open(), before + 2);
    }
    let many: Vec<i32> = (0..10).map(|_| kqueue()).collect();
    assert_eq!(open(), before + 30);
    many.into_iter().for_each(close);
    close(kqueue());
    assert_eq!(open(), before + 2);
}
