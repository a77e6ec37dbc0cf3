//! Ctrl-C for a command that ends with a result: the first one asks it to end, the second one ends the program at once.

use crate::session::Cancel;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the user has asked for the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Hears Ctrl-C from now on.
    ///
    /// # Errors
    /// Where the system refuses a handler.
    pub(super) fn heard() -> std::io::Result<Self> {
        let interrupt = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // Registered first, so that it acts on what the other has set before.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupt.0))?;
            signal_hook::flag::register(signal, Arc::clone(&interrupt.0))?;
        }
        Ok(interrupt)
    }

    /// The same as a cancellation of a use case.
    pub(super) fn cancel(&self) -> Cancel {
        Cancel::of(Arc::clone(&self.0))
    }

    /// Whether it was heard.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
