//! Many inputs for one target on all cores.
//!
//! Finds panics and hangs, and reports the slowest input and how much the process's memory grew. Does not know what a
//! target promises.

use super::Target;
use super::mutation::{self, Corpus};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Inputs take less than a thousandth of this, unless the machine sleeps.
const HANG: Duration = Duration::from_secs(30);
/// How often hangs are looked for.
const HANG_CHECK: Duration = Duration::from_millis(20);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_secs(60);
/// In place of an input's number: the worker has no input.
const IDLE: u64 = u64::MAX;

/// How many inputs, and from which.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder that contains one folder for each target.
    pub corpus: PathBuf,
    /// The folder for inputs that fail.
    pub failures: PathBuf,
    pub inputs: u64,
    pub seed: u64,
    pub workers: usize,
}

/// What a campaign without a failure measured.
#[derive(Debug, Clone)]
pub struct Report {
    pub inputs: u64,
    pub bytes: u64,
    pub took: Duration,
    pub slowest: Duration,
    /// Number of the slowest input.
    pub slowest_input: u64,
    /// Growth of the process's peak memory.
    pub memory_growth_bytes: u64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.inputs as f64 / self.took.as_secs_f64().max(1e-9);
        write!(
            f,
            "{} inputs of {} bytes on average in {:.1} s, {rate:.0} a second; slowest {:.3} ms (input {}); \
             memory +{} KiB",
            self.inputs,
            self.bytes / self.inputs.max(1),
            self.took.as_secs_f64(),
            self.slowest.as_secs_f64() * 1e3,
            self.slowest_input,
            self.memory_growth_bytes >> 10
        )
    }
}

/// Runs the corpus as it is, then `plan.inputs` changed inputs.
///
/// # Errors
/// A broken promise, with the name of the file that holds its input. An input that takes too long ends the process.
pub fn run(target: &Target, plan: &Plan) -> Result<Report, String> {
    let corpus = Corpus::read(&plan.corpus.join(target.name));
    for entry in &corpus.entries {
        attempt(target, entry).map_err(|problem| failure(target, plan, entry, &problem))?;
    }
    let campaign = Campaign {
        target,
        corpus,
        plan,
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        bytes: AtomicU64::new(0),
        slowest: Mutex::new((Duration::ZERO, 0)),
    };
    let (started, memory) = (Instant::now(), peak_memory_bytes());
    campaign.all()?;
    let (slowest, slowest_input) = *campaign.slowest.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Report {
        inputs: plan.inputs,
        bytes: campaign.bytes.into_inner(),
        took: started.elapsed(),
        slowest,
        slowest_input,
        memory_growth_bytes: peak_memory_bytes().saturating_sub(memory),
    })
}

struct Campaign<'a> {
    target: &'a Target,
    corpus: Corpus,
    plan: &'a Plan,
    next: AtomicU64,
    stop: AtomicBool,
    bytes: AtomicU64,
    slowest: Mutex<(Duration, u64)>,
}

/// The input that a worker runs, and since when, in milliseconds after the campaign began.
struct Current {
    number: AtomicU64,
    since_ms: AtomicU64,
}

impl Campaign<'_> {
    fn all(&self) -> Result<(), String> {
        let started = Instant::now();
        let currents: Vec<Current> = (0..self.plan.workers.max(1))
            .map(|_| Current { number: AtomicU64::new(IDLE), since_ms: AtomicU64::new(0) })
            .collect();
        std::thread::scope(|scope| {
            let workers: Vec<_> = currents.iter().map(|current| scope.spawn(|| self.work(current, started))).collect();
            let mut shown = Instant::now();
            while !workers.iter().all(|worker| worker.is_finished()) {
                std::thread::sleep(HANG_CHECK);
                self.abort_on_hang(&currents, started);
                if shown.elapsed() >= PROGRESS {
                    shown = Instant::now();
                    let done = self.next.load(Ordering::Relaxed).min(self.plan.inputs);
                    eprintln!("fuzz {}: {done} of {} inputs", self.target.name, self.plan.inputs);
                }
            }
            for worker in workers {
                if let Err((number, problem)) = worker.join().expect("a worker catches the panics of its target") {
                    let input = mutation::input(self.target, &self.corpus, self.plan.seed, number);
                    return Err(failure(self.target, self.plan, &input, &problem));
                }
            }
            Ok(())
        })
    }

    /// Runs inputs, some at a time, until none are left. An error has the number of the input that failed.
    fn work(&self, current: &Current, started: Instant) -> Result<(), (u64, String)> {
        const AT_ONCE: u64 = 256;
        loop {
            let first = self.next.fetch_add(AT_ONCE, Ordering::Relaxed);
            if first >= self.plan.inputs || self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let mut bytes = 0;
            for number in first..(first + AT_ONCE).min(self.plan.inputs) {
                let input = mutation::input(self.target, &self.corpus, self.plan.seed, number);
                bytes += input.len() as u64;
                let began = Instant::now();
                current.since_ms.store(began.duration_since(started).as_millis() as u64, Ordering::Relaxed);
                current.number.store(number, Ordering::Release);
                let outcome = attempt(self.target, &input);
                current.number.store(IDLE, Ordering::Release);
                if let Err(problem) = outcome {
                    self.stop.store(true, Ordering::Relaxed);
                    return Err((number, problem));
                }
                self.note(began.elapsed(), number);
            }
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn note(&self, took: Duration, number: u64) {
        // Nearly all inputs are quicker, and need no lock.
        if took > Duration::from_micros(200) {
            let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
            *slowest = (*slowest).max((took, number));
        }
    }

    /// A thread cannot be ended from outside, so a hang ends the process.
    fn abort_on_hang(&self, currents: &[Current], started: Instant) {
        let now_ms = started.elapsed().as_millis() as u64;
        for current in currents {
            let number = current.number.load(Ordering::Acquire);
            let since_ms = current.since_ms.load(Ordering::Relaxed);
            if number != IDLE && now_ms.saturating_sub(since_ms) > HANG.as_millis() as u64 {
                let input = mutation::input(self.target, &self.corpus, self.plan.seed, number);
                let path = keep(self.target, self.plan, &input);
                eprintln!("fuzz {}: `{}` takes more than {} s", self.target.name, path.display(), HANG.as_secs());
                std::process::abort();
            }
        }
    }
}

/// Runs one input. An error is the message of the panic.
pub fn attempt(target: &Target, input: &[u8]) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    outcome.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or("a panic without a message").to_owned(),
    })
}

fn failure(target: &Target, plan: &Plan, input: &[u8], problem: &str) -> String {
    let path = keep(target, plan, input);
    let problem: String = problem.chars().take(1_000).collect();
    format!(
        "{}: {problem}\nthe input is `{}`; once this is fixed, copy it to the corpus `{}`",
        target.name,
        path.display(),
        plan.corpus.join(target.name).display()
    )
}

/// Writes `input` to a file for people to look at, named after its content.
fn keep(target: &Target, plan: &Plan, input: &[u8]) -> PathBuf {
    let name = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let path = plan.failures.join(format!("{}-{name:016x}", target.name));
    let written = std::fs::create_dir_all(&plan.failures).and_then(|()| std::fs::write(&path, input));
    written.unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
    path
}

/// The peak memory of this process; 0 where the system does not say.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}
