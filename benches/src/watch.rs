//! An end to a measurement that hangs below us, where no deadline of ours reaches: in a library's call.

use std::sync::{Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

static DOING: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// From now on the process ends when one thing takes longer than `limit`, and says what it was.
///
/// # Panics
/// If no thread can be started.
pub fn start(limit: Duration) {
    doing("starting");
    let watch = move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let doing = DOING.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((what, since)) = &*doing
                && since.elapsed() > limit
            {
                eprintln!("error: no end of this in {} s: {what}", limit.as_secs());
                // What hangs may hang at exit too.
                std::process::abort();
            }
        }
    };
    Builder::new().name("watch".into()).spawn(watch).expect("a thread");
}

/// What is done now.
pub fn doing(what: impl Into<String>) {
    *DOING.lock().unwrap_or_else(PoisonError::into_inner) = Some((what.into(), Instant::now()));
}
