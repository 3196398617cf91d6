//! What the caller decides about a host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::faults::Faults;
use super::invoke::RequestFormat;

/// The real host stops at the third error of its handler.
const RESTARTS_OF_THE_REAL_HOST: u32 = 2;

#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The staged app root: `host.json`, the handler and a folder per function.
    pub root: PathBuf,
    /// Where checkpoints and timer status are kept. Belongs to one host at a time.
    pub state_dir: PathBuf,
    /// How many instances the app runs on, each with a handler of its own; at least 1.
    pub instances: usize,
    /// Added to the environment of the handlers, and looked up for `%NAME%` before the environment of this process.
    pub app_settings: BTreeMap<String, String>,
    /// Events per batch instead of the `maxEventBatchSize` of `host.json`.
    pub max_batch: Option<usize>,
    pub request_format: RequestFormat,
    /// Serve HTTP functions and the admin API on this loopback port; 0 picks a free one.
    pub http_port: Option<u16>,
    /// Restarts of a handler after errors within half an hour of each other, before the host gives up, with all its
    /// instances. `None` never.
    pub max_restarts: Option<u32>,
    pub faults: Faults,
}

impl HostOptions {
    /// A host like the real one, without faults and without HTTP.
    pub fn new(root: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            root,
            state_dir,
            instances: 1,
            app_settings: BTreeMap::new(),
            max_batch: None,
            request_format: RequestFormat::Chunked,
            http_port: None,
            max_restarts: Some(RESTARTS_OF_THE_REAL_HOST),
            faults: Faults::default(),
        }
    }
}
