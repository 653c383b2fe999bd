//! Ctrl-C in the middle of a run.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::Error;

/// What Ctrl-C (SIGINT) and SIGTERM do during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSignal {
    /// What they do without this crate. The default: a library should not take signals unasked.
    #[default]
    Untouched,
    /// The step is finished, a checkpoint is saved, and the run returns; a second signal ends the process at once, with exit code 130.
    SaveAndStop,
}

#[derive(Debug)]
struct Flags {
    requested: Arc<AtomicBool>,
    /// No run listens: signals do what they would do otherwise.
    idle: Arc<AtomicBool>,
    runs: AtomicUsize,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

/// Listens for Ctrl-C (SIGINT) and SIGTERM while it lives: they ask to stop, and a second one ends the process with exit code 130.
#[derive(Debug)]
pub struct Listening(&'static Flags);

impl Listening {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Setting`] where signals cannot be caught.
    pub fn start() -> Result<Self, Error> {
        let flags = match FLAGS.get() {
            Some(flags) => flags,
            None => {
                let new = register().map_err(|e| Error::Setting { option: "on_signal", what: e.to_string() })?;
                FLAGS.get_or_init(|| new)
            }
        };
        flags.runs.fetch_add(1, Ordering::SeqCst);
        flags.idle.store(false, Ordering::SeqCst);
        Ok(Self(flags))
    }

    /// Whether a signal has come.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.0.runs.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.store(true, Ordering::SeqCst);
            self.0.requested.store(false, Ordering::SeqCst);
        }
    }
}

/// Actions of a signal are run in this order.
fn register() -> std::io::Result<Flags> {
    let flags = Flags { requested: Arc::default(), idle: Arc::default(), runs: AtomicUsize::new(0) };
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&flags.idle))?;
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&flags.requested))?;
        flag::register(signal, Arc::clone(&flags.requested))?;
    }
    Ok(flags)
}
