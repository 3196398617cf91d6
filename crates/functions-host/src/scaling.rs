//! Starts the instances of an app: for each a port, a handler process with somebody who keeps it running, and the means
//! to call it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::HostError;
use super::app::host_json::HostJson;
use super::app::settings::AppSettings;
use super::event::{EventSink, HostEvent};
use super::instances::Instances;
use super::invoke::Invoker;
use super::lifecycle::Lifecycle;
use super::options::HostOptions;
use super::process::{Control, Handler, Launch, Strikes, Supervisor, free_port};

/// As many instances as the options ask for, and the tasks that keep their handlers running.
pub fn out(
    host_json: &HostJson,
    root: &Path,
    settings: &AppSettings,
    options: &HostOptions,
    events: mpsc::UnboundedSender<HostEvent>,
) -> Result<(Arc<Instances>, JoinSet<()>), HostError> {
    let mut instances = Instances {
        all: Vec::new(),
        lifecycle: Lifecycle::running(),
        events: EventSink::new(events),
        faults: options.faults.clone(),
        unfinished: watch::Sender::new(0),
    };
    let mut supervisors = JoinSet::new();
    let calls = Arc::default();
    for instance in 0..options.instances.max(1) {
        let port = free_port().map_err(|source| HostError::Listen { port: 0, source })?;
        let launch = Launch::new(&host_json.handler, root, settings, port)?;
        let (handler, control) = Handler::new(port);
        let invoker = Invoker {
            // Through no proxy, whatever the environment says: the handler is on this machine.
            client: reqwest::Client::builder().no_proxy().build()?,
            handler,
            format: options.request_format,
            lifecycle: instances.lifecycle.clone(),
            events: instances.events.clone(),
            function_timeout: host_json.function_timeout,
            faults: options.faults.clone(),
            calls: Arc::clone(&calls),
            typical_call_ms: AtomicU64::default(),
        };
        supervisors.spawn(supervisor(instance, &invoker, host_json, options, (launch, control)).run());
        instances.all.push(Arc::new(invoker));
    }
    Ok((Arc::new(instances), supervisors))
}

fn supervisor(
    instance: usize,
    invoker: &Invoker,
    host_json: &HostJson,
    options: &HostOptions,
    (launch, control): (Launch, Control),
) -> Supervisor {
    Supervisor {
        instance,
        launch,
        port: invoker.handler.port,
        initialization_timeout: host_json.handler.initialization_timeout,
        strikes: Strikes::new(options.max_restarts),
        control,
        client: invoker.client.clone(),
        lifecycle: invoker.lifecycle.clone(),
        events: invoker.events.clone(),
    }
}
