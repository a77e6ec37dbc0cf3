//! The threads of a host: each owns a session, takes one command after the other, and connects anew when its session breaks.

use super::{
    Chunk, Host, HostKey, OUTPUT_BYTES_MAX, RemoteCommand, RemoteOutput, SshError,
    connect::{Connection, KEEPALIVE_SECS, connect},
    exec::{self, Broken, Clock, Wants},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How many commands run on one host at a time.
const LANES_MAX: usize = 4;
/// How many commands may wait for it.
const WAITING_MAX: usize = 64;
const IDLE: Duration = Duration::from_secs(KEEPALIVE_SECS as u64);
/// How many times an idle lane says that it is alive before it lets its session go.
const IDLE_ROUNDS_MAX: u32 = 20;

/// A host, and the sessions with it. Its clones are the same. Sessions end when the last of them is dropped.
#[derive(Clone)]
pub struct Ssh {
    shared: Arc<Shared>,
    // Only handles hold it, threads do not: so threads see when the last handle goes.
    _alive: Arc<Alive>,
}

struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_all();
    }
}

struct Shared {
    host: Host,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    lanes: usize,
    idle: usize,
    is_closed: bool,
}

struct Job {
    what: What,
    answer: oneshot::Sender<Result<RemoteOutput, SshError>>,
}

enum What {
    Meet(oneshot::Sender<HostKey>),
    Run(RemoteCommand),
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> SshError {
        SshError::Busy { host: self.host.name.clone() }
    }

    fn cancelled(&self) -> SshError {
        SshError::Cancelled { host: self.host.name.clone() }
    }
}

impl Ssh {
    /// A host that is connected to when it is first needed.
    pub fn new(host: Host) -> Self {
        let shared = Arc::new(Shared { host, queue: Mutex::default(), changed: Condvar::new() });
        Self { _alive: Arc::new(Alive(Arc::clone(&shared))), shared }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.shared.host
    }

    /// Connects and logs in, and gives the key that the host showed.
    ///
    /// # Errors
    /// Where it does not answer, shows another key, or refuses the login.
    pub async fn meet(&self) -> Result<HostKey, SshError> {
        let (seen, sees) = oneshot::channel();
        self.submit(What::Meet(seen)).await?;
        sees.await.map_err(|_| self.shared.cancelled())
    }

    /// Runs a command to its end. Dropping the future kills it.
    ///
    /// # Errors
    /// Where the host cannot be reached, the connection breaks, or the command is late. An exit code other than 0 is none.
    pub async fn run(&self, command: RemoteCommand) -> Result<RemoteOutput, SshError> {
        self.submit(What::Run(command)).await
    }

    /// Runs a command on a session of its own and hands on what it says; gives its exit code. Ends when nobody takes chunks any
    /// more, or the future is dropped: then it is killed.
    ///
    /// # Errors
    /// As [`Ssh::run`]; the command is late when it has been silent for its timeout.
    pub async fn stream(&self, command: RemoteCommand, chunks: mpsc::Sender<Chunk>) -> Result<i32, SshError> {
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let name = format!("ssh-stream-{}", shared.host.name);
        let body = move || {
            let result = stream_on(&shared.host, &command, &chunks, &|| !answer.is_closed());
            let _gone = answer.send(result);
        };
        thread::Builder::new().name(name).spawn(body).map_err(|_| self.shared.busy())?;
        answered.await.unwrap_or_else(|_| Err(self.shared.cancelled()))
    }

    async fn submit(&self, what: What) -> Result<RemoteOutput, SshError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job { what, answer })?;
        answered.await.unwrap_or_else(|_| Err(self.shared.cancelled()))
    }

    fn enqueue(&self, job: Job) -> Result<(), SshError> {
        let mut queue = self.shared.queue();
        if queue.jobs.len() >= WAITING_MAX {
            return Err(self.shared.busy());
        }
        queue.jobs.push_back(job);
        if queue.jobs.len() > queue.idle && queue.lanes < LANES_MAX {
            let shared = Arc::clone(&self.shared);
            let name = format!("ssh-{}", shared.host.name);
            let started = thread::Builder::new().name(name).spawn(move || lane(&shared));
            match started {
                Ok(_) => queue.lanes += 1,
                Err(_) if queue.lanes == 0 => {
                    queue.jobs.pop_back();
                    return Err(self.shared.busy());
                }
                Err(_) => {}
            }
        }
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }
}

/// What one thread does: jobs, one after the other, until there is nobody left to ask.
fn lane(shared: &Shared) {
    let mut connection = None;
    while let Some(job) = next_job(shared, &mut connection) {
        if job.answer.is_closed() {
            continue;
        }
        let result = do_job(&shared.host, &mut connection, job.what, &|| !job.answer.is_closed());
        if matches!(result, Err(SshError::Lost { .. })) {
            connection = None;
        }
        let _gone = job.answer.send(result);
    }
}

fn next_job(shared: &Shared, connection: &mut Option<Connection>) -> Option<Job> {
    let mut queue = shared.queue();
    let mut rounds = 0;
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            return Some(job);
        }
        if queue.is_closed || rounds > IDLE_ROUNDS_MAX {
            queue.lanes -= 1;
            return None;
        }
        queue.idle += 1;
        let (woken, timeout) = shared.changed.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
        queue = woken;
        queue.idle -= 1;
        if timeout.timed_out() && queue.jobs.is_empty() {
            rounds += 1;
            // Talking to the host takes time, and others need the queue.
            drop(queue);
            if connection.as_ref().is_some_and(|open| open.session.keepalive_send().is_err()) {
                *connection = None;
            }
            queue = shared.queue();
        }
    }
}

fn do_job(host: &Host, connection: &mut Option<Connection>, what: What, is_wanted: &dyn Fn() -> bool) -> Result<RemoteOutput, SshError> {
    match what {
        What::Meet(seen) => {
            // What was good a while ago may be another machine now.
            let open = connection.insert(connect(host)?);
            let _gone = seen.send(open.seen.clone());
            Ok(RemoteOutput::default())
        }
        What::Run(command) => {
            let was_open = connection.is_some();
            match run_on(host, connection, &command, is_wanted) {
                // An idle session may have died without a word. The command was not started, so it can be tried once more.
                Err(Broken { error: SshError::Lost { .. }, was_started: false }) if was_open => {
                    *connection = None;
                    run_on(host, connection, &command, is_wanted)
                }
                other => other,
            }
            .map_err(|broken| broken.error)
        }
    }
}

fn run_on(
    host: &Host,
    connection: &mut Option<Connection>,
    command: &RemoteCommand,
    is_wanted: &dyn Fn() -> bool,
) -> Result<RemoteOutput, Broken> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(connect(host).map_err(|error| Broken { error, was_started: false })?),
    };
    let mut output = RemoteOutput::default();
    let mut keep = |chunk| {
        let (kept, bytes) = match chunk {
            Chunk::Out(bytes) => (&mut output.stdout, bytes),
            Chunk::Err(bytes) => (&mut output.stderr, bytes),
        };
        let room = OUTPUT_BYTES_MAX.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
        output.is_cut |= room < bytes.len();
        Wants::More
    };
    let code = exec::run(open, host, command, Clock::FromStart, &mut keep, is_wanted)?;
    output.code = code;
    Ok(output)
}

fn stream_on(host: &Host, command: &RemoteCommand, chunks: &mpsc::Sender<Chunk>, is_wanted: &dyn Fn() -> bool) -> Result<i32, SshError> {
    let connection = connect(host)?;
    let mut hand_on = |chunk| if chunks.blocking_send(chunk).is_ok() { Wants::More } else { Wants::Nothing };
    exec::run(&connection, host, command, Clock::FromLastWord, &mut hand_on, is_wanted).map_err(|broken| broken.error)
}
