//! The queue of a worker, as the window fills it: bounded, and nothing is dropped.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError},
    },
};

/// A worker's queue. What does not fit waits here, in order, until the worker has taken something: neither is a save dropped nor does
/// the window wait.
pub(super) struct Outbox<T> {
    queue: SyncSender<T>,
    waiting: RefCell<VecDeque<T>>,
    /// Whether something waits: then the worker wakes the window after each order.
    pub(super) is_full: Arc<AtomicBool>,
}

impl<T> Outbox<T> {
    pub(super) fn new(queue: SyncSender<T>) -> Self {
        Self { queue, waiting: RefCell::default(), is_full: Arc::default() }
    }

    pub(super) fn send(&self, order: T) {
        self.waiting.borrow_mut().push_back(order);
        self.flush();
    }

    pub(super) fn flush(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(order) = waiting.pop_front() {
            match self.queue.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(order)) => {
                    waiting.push_front(order);
                    break;
                }
                // The worker has ended, and with it the program.
                Err(TrySendError::Disconnected(_)) => waiting.clear(),
            }
        }
        self.is_full.store(!waiting.is_empty(), Ordering::Relaxed);
    }
}
