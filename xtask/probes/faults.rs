//! Programs with one fault each, for `cargo xtask sanitize` to find: a sanitizer that doesn't see these
//! sees nothing. Built by rustc alone, with `--cfg fault="NAME"`.

#![no_main]

use std::cell::UnsafeCell;
use std::hint::black_box;

/// A number that threads share without synchronisation.
struct Unguarded(UnsafeCell<u32>);

// SAFETY: it is not so. That is the fault.
unsafe impl Sync for Unguarded {}

static NUMBER: Unguarded = Unguarded(UnsafeCell::new(0));

#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    if cfg!(fault = "address") {
        use_after_free()
    } else if cfg!(fault = "thread") {
        race()
    } else if cfg!(fault = "leak") {
        leak()
    } else if cfg!(fault = "memory") {
        uninitialized()
    } else {
        0
    }
}

fn use_after_free() -> i32 {
    let number = black_box(Box::into_raw(Box::new(7)));
    // SAFETY: it comes from a box, which nobody else has.
    drop(unsafe { Box::from_raw(number) });
    // SAFETY: it was freed. That is the fault.
    let value = unsafe { number.read_volatile() };
    value - value
}

fn race() -> i32 {
    let threads = [1, 2].map(|value| {
        std::thread::spawn(move || {
            // SAFETY: the other thread may be writing. That is the fault.
            unsafe { NUMBER.0.get().write_volatile(value) };
        })
    });
    for thread in threads {
        if thread.join().is_err() {
            return 1;
        }
    }
    0
}

/// Called once more, so that no register and no stack frame has the pointer.
fn leak() -> i32 {
    for _ in 0..100 {
        forget();
    }
    0
}

#[inline(never)]
fn forget() {
    black_box(Box::into_raw(Box::new([7_u8; 1000])));
}

fn uninitialized() -> i32 {
    let number = black_box(Box::<i32>::new_uninit());
    // SAFETY: nothing was written to it. That is the fault.
    let value = unsafe { number.as_ptr().read_volatile() };
    i32::from(value > 7) * 0
}
