//! What is ended when someone presses Ctrl-C: programs that do not get to know of it by themselves.

use std::sync::{Mutex, Once, PoisonError};

use anyhow::{Context, Result};

type Ending = Box<dyn Fn() + Send>;

static ENDINGS: Mutex<Vec<Ending>> = Mutex::new(Vec::new());
static HANDLER: Once = Once::new();

/// Has `ending` run before this program is ended by a signal.
pub fn before_end(ending: impl Fn() + Send + 'static) -> Result<()> {
    let mut set = Ok(());
    HANDLER.call_once(|| {
        set = ctrlc::set_handler(|| {
            let endings = ENDINGS.lock().unwrap_or_else(PoisonError::into_inner);
            // What was started last, first.
            endings.iter().rev().for_each(|ending| ending());
            std::process::exit(130);
        });
    });
    set.context("Ctrl-C cannot be handled")?;
    let mut endings = ENDINGS.lock().unwrap_or_else(PoisonError::into_inner);
    endings.push(Box::new(ending));
    Ok(())
}
