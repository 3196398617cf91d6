//! The host as its caller sees it: the options, the running host, the errors.
//!
//! Promises an orderly stop. Does not know how the parts of a host are put together.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::answer::InvocationOutcome;
use crate::app::AppError;
use crate::faults::Faults;
use crate::instances::Instances;
use crate::invoke::RequestFormat;
use crate::lifecycle::Phase;
use crate::process::LaunchError;
use crate::timers::Timer;

/// The real host stops at the third error of its handler.
const MAX_RESTARTS_OF_THE_REAL_HOST: u32 = 2;
/// How long running calls may take to end after the host was asked to stop.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// What the caller decides about a host.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The staged app root, with `host.json`, the handler and one folder per function.
    pub root: PathBuf,
    /// Where checkpoints and timer status are stored. If several hosts use it at the same time, the last one to write counts.
    pub state_dir: PathBuf,
    /// How many instances the app has, each with a handler process of its own. At least 1.
    pub instances: usize,
    /// Added to the environment of the handlers. `%NAME%` in the files is first looked up here, then in the environment
    /// of this process.
    pub app_settings: BTreeMap<String, String>,
    /// Events per batch, instead of the `maxEventBatchSize` of `host.json`.
    pub max_batch: Option<usize>,
    /// How requests are framed.
    pub request_format: RequestFormat,
    /// The loopback port for HTTP functions and the admin API. 0 is any free port, `None` serves neither.
    pub http_port: Option<u16>,
    /// How often a handler is restarted after errors that are less than half an hour apart. After one more error the
    /// host gives up, with all its instances. `None` is no limit.
    pub max_restarts: Option<u32>,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

impl HostOptions {
    /// The options of a host like the real one, with one instance, without faults and without HTTP.
    pub fn new(root: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            root,
            state_dir,
            instances: 1,
            app_settings: BTreeMap::new(),
            max_batch: None,
            request_format: RequestFormat::Chunked,
            http_port: None,
            max_restarts: Some(MAX_RESTARTS_OF_THE_REAL_HOST),
            faults: Faults::default(),
        }
    }
}

/// Why a host cannot start, or cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The staged app is not usable as a whole.
    #[error(transparent)]
    App(#[from] AppError),
    /// The handler cannot be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// There is no app root.
    #[error("cannot find the app root `{root}`", root = root.display())]
    Root {
        /// The folder.
        root: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A checkpoint or timer status of an earlier host is not readable.
    #[error("cannot read the state of an earlier run")]
    State(#[source] io::Error),
    /// The port for HTTP functions is not available.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port.
        port: u16,
        /// What the operating system says.
        source: io::Error,
    },
    /// The system has no port left for a handler.
    #[error("cannot find a free port for the handler")]
    NoFreePort(#[source] io::Error),
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client that calls the handler")]
    Client(#[from] reqwest::Error),
    /// The app has no such timer function, or it is in error.
    #[error("cannot find a timer function named `{0}`")]
    NoSuchTimer(String),
}

/// A running host. Dropping it kills the handlers and ends everything at once; [`Host::stop`] ends it in order.
#[derive(Debug)]
pub struct Host {
    pub(crate) instances: Arc<Instances>,
    pub(crate) timers: Vec<Arc<Timer>>,
    pub(crate) http_address: Option<SocketAddr>,
    /// Partitions, schedules and the HTTP endpoint.
    pub(crate) tasks: JoinSet<()>,
    /// One for each instance. A handler process is killed when its task ends.
    pub(crate) supervisors: JoinSet<()>,
}

/// Why [`Host::drained`] has returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// The source has ended, and every event was delivered and checkpointed.
    Complete,
    /// The host was stopped before that.
    Stopped,
    /// The host gave up on the handler before that, for this reason.
    GaveUp(String),
}

impl Host {
    /// Runs a timer function, with the retries of its policy, and waits for the end. If the function is running, waits
    /// for the current run first. Does not change the schedule. The case of the name does not matter.
    ///
    /// # Errors
    /// When there is no such timer function, or it is in error.
    pub async fn invoke_timer(&self, function: &str) -> Result<InvocationOutcome, HostError> {
        let timer = self.timers.iter().find(|timer| timer.name().eq_ignore_ascii_case(function));
        let timer = timer.ok_or_else(|| HostError::NoSuchTimer(function.to_owned()))?;
        Ok(timer.run_now().await)
    }

    /// Where HTTP functions and the admin API are served; `None` when they are not.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Waits until the source has ended and every event is delivered and checkpointed, or until the host has stopped.
    pub async fn drained(&self) -> Drained {
        let mut unfinished = self.instances.unfinished.subscribe();
        tokio::select! {
            biased;
            Ok(_) = unfinished.wait_for(|unfinished| *unfinished == 0) => Drained::Complete,
            phase = self.instances.lifecycle.ended() => match phase {
                Phase::GaveUp(reason) => Drained::GaveUp(reason),
                Phase::Running | Phase::Stopping => Drained::Stopped,
            },
        }
    }

    /// Stops as the real host does: starts no call, waits up to 10 s for running calls, then kills the handlers.
    /// Batches that the handler answers while the host stops are not checkpointed.
    pub async fn stop(mut self) {
        self.instances.lifecycle.stop();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Calls that are still running after it are killed with their handlers.
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, ended).await;
        self.tasks.shutdown().await;
        self.instances.all.iter().for_each(|invoker| invoker.handler.shut_down());
        while self.supervisors.join_next().await.is_some() {}
    }
}
