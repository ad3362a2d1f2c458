//! Two threads that compute pictures. Jobs that a newer one has overtaken are never begun.

use super::{Job, Product};
use crate::ui::limits::{UI_JOBS_WAITING_MAX, UI_WORKERS};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

/// The threads; they end when this is dropped and their present job is done.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
    started: usize,
}

impl Pool {
    /// `done` is called on a worker's thread with each product. Threads start with the first jobs.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared::default()) }
    }

    /// Puts a job in front of all others; the oldest is dropped when too many wait.
    pub fn push(&self, job: Job, done: &(impl Fn(Product) + Clone + Send + 'static)) {
        let Ok(mut state) = self.shared.state.lock() else { return };
        state.jobs.push_back(job);
        if state.jobs.len() > UI_JOBS_WAITING_MAX {
            state.jobs.pop_front();
        }
        if state.started < UI_WORKERS {
            state.started += 1;
            let (shared, done) = (Arc::clone(&self.shared), done.clone());
            let spawned =
                std::thread::Builder::new().name("rightseat-picture".to_owned()).spawn(move || work(&shared, &done));
            if spawned.is_err() {
                state.started -= 1;
            }
        }
        drop(state);
        self.shared.changed.notify_one();
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.closed = true;
        }
        self.shared.changed.notify_all();
    }
}

fn work(shared: &Shared, done: &impl Fn(Product)) {
    loop {
        let Ok(mut state) = shared.state.lock() else { return };
        let job = loop {
            if state.closed {
                return;
            }
            match state.jobs.pop_back() {
                Some(job) => break job,
                None => match shared.changed.wait(state) {
                    Ok(next) => state = next,
                    Err(_) => return,
                },
            }
        };
        drop(state);
        job.run(done);
    }
}
