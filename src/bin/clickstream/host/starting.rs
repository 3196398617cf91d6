//! From a staged app to a running host.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::HostError;
use super::app::function::{Cardinality, EventHubTrigger, Function, HttpTrigger, Trigger};
use super::app::host_json::HostJson;
use super::app::settings::AppSettings;
use super::app::{self, App, FunctionInError};
use super::delivery::{CheckpointFile, CheckpointKey, DeliveryOccasions, Partition};
use super::event::{EventSink, HostEvent};
use super::faults::Occasions;
use super::http::HttpEndpoint;
use super::invoke::Invoker;
use super::lifecycle::Lifecycle;
use super::options::HostOptions;
use super::process::{Control, Handler, Launch, Strikes, Supervisor, free_port};
use super::running::Host;
use super::source::EventSource;
use super::timers::Timer;

impl Host {
    /// Starts the handler, and delivers to it from now on. Does not wait until it is ready, as the real host does not.
    ///
    /// # Errors
    /// When the app as a whole cannot run. Functions that are in error alone are reported as events.
    pub async fn start(
        options: HostOptions,
        source: Arc<dyn EventSource>,
        events: mpsc::UnboundedSender<HostEvent>,
    ) -> Result<Self, HostError> {
        let root = options.root.clone();
        let root = root.canonicalize().map_err(|source| HostError::Root { root, source })?;
        let settings = AppSettings::new(options.app_settings.clone());
        let app = app::read(&root, &settings)?;
        let port = free_port().map_err(|source| HostError::Listen { port: 0, source })?;
        let launch = Launch::new(&app.host_json.handler, &root, &settings, port)?;
        let (handler, control) = Handler::new(port);
        let invoker = Arc::new(invoker(&options, &app.host_json, handler, EventSink::new(events))?);
        let plan = Plan { source, invoker, host_json: app.host_json.clone(), options };
        let parts = plan.parts(app)?;
        let endpoint = match plan.options.http_port {
            Some(port) => Some((listen(port).await?, plan.endpoint(&parts)?)),
            None => None,
        };
        let supervisor = tokio::spawn(plan.supervisor(launch, control).run());
        Ok(parts.run(plan.invoker, supervisor, endpoint))
    }
}

/// What all parts of a host are made from.
struct Plan {
    options: HostOptions,
    source: Arc<dyn EventSource>,
    invoker: Arc<Invoker>,
    host_json: HostJson,
}

/// The parts, none of them running.
#[derive(Default)]
struct Parts {
    partitions: Vec<Partition>,
    timers: Vec<Arc<Timer>>,
    routes: Vec<(Arc<Function>, HttpTrigger)>,
    unfinished: watch::Sender<usize>,
}

impl Plan {
    fn parts(&self, app: App) -> Result<Parts, HostError> {
        let mut parts = Parts::default();
        let occasions = Arc::new(DeliveryOccasions::default());
        for error in app.in_error {
            self.report(error);
        }
        for function in app.functions.into_iter().map(Arc::new) {
            match &function.trigger {
                Trigger::EventHub(trigger) if trigger.event_hub != self.source.event_hub() => {
                    let (theirs, ours) = (&trigger.event_hub, self.source.event_hub());
                    let reason = format!("it reads event hub `{theirs}`, the event source is `{ours}`");
                    self.report(FunctionInError { function: function.name.clone(), reason });
                }
                Trigger::EventHub(trigger) => self.partitions(&function, trigger, &occasions, &mut parts)?,
                Trigger::Timer(trigger) => {
                    let (invoker, state_dir) = (Arc::clone(&self.invoker), &self.options.state_dir);
                    let timer = Timer::new(Arc::clone(&function), trigger.clone(), invoker, state_dir)?;
                    parts.timers.push(Arc::new(timer));
                }
                Trigger::Http(trigger) => parts.routes.push((Arc::clone(&function), trigger.clone())),
            }
        }
        Ok(parts)
    }

    fn partitions(
        &self,
        function: &Arc<Function>,
        trigger: &EventHubTrigger,
        occasions: &Arc<DeliveryOccasions>,
        parts: &mut Parts,
    ) -> Result<(), HostError> {
        for partition in 0..self.source.partition_count() {
            let key = CheckpointKey {
                namespace: self.source.namespace(),
                event_hub: self.source.event_hub(),
                consumer_group: &trigger.consumer_group,
                partition,
            };
            parts.partitions.push(Partition {
                function: Arc::clone(function),
                trigger: trigger.clone(),
                source: Arc::clone(&self.source),
                partition,
                checkpoint: CheckpointFile::open(&self.options.state_dir, key).map_err(HostError::State)?,
                max_batch: self.max_batch(trigger.cardinality),
                checkpoint_frequency: self.host_json.event_hubs.batch_checkpoint_frequency.max(1),
                invoker: Arc::clone(&self.invoker),
                occasions: Arc::clone(occasions),
                unfinished: parts.unfinished.clone(),
            });
        }
        Ok(())
    }

    fn max_batch(&self, cardinality: Cardinality) -> usize {
        let configured = self.options.max_batch.unwrap_or(self.host_json.event_hubs.max_event_batch_size);
        match cardinality {
            Cardinality::One => 1,
            Cardinality::Many => configured.max(1),
        }
    }

    fn report(&self, error: FunctionInError) {
        let FunctionInError { function, reason } = error;
        self.invoker.events.emit(HostEvent::FunctionInError { function, reason });
    }

    fn endpoint(&self, parts: &Parts) -> Result<HttpEndpoint, HostError> {
        let (prefix, invoker) = (self.host_json.route_prefix.clone(), Arc::clone(&self.invoker));
        Ok(HttpEndpoint::new(parts.routes.clone(), prefix, parts.timers.clone(), invoker)?)
    }

    fn supervisor(&self, launch: Launch, control: Control) -> Supervisor {
        Supervisor {
            launch,
            port: self.invoker.handler.port,
            initialization_timeout: self.host_json.handler.initialization_timeout,
            strikes: Strikes::new(self.options.max_restarts),
            control,
            client: self.invoker.client.clone(),
            lifecycle: self.invoker.lifecycle.clone(),
            events: self.invoker.events.clone(),
        }
    }
}

impl Parts {
    fn run(
        self,
        invoker: Arc<Invoker>,
        supervisor: JoinHandle<()>,
        endpoint: Option<(TcpListener, HttpEndpoint)>,
    ) -> Host {
        let mut tasks = JoinSet::new();
        self.unfinished.send_replace(self.partitions.len());
        for partition in self.partitions {
            tasks.spawn(partition.run());
        }
        for timer in &self.timers {
            tasks.spawn(Arc::clone(timer).run());
        }
        let http_address = endpoint.as_ref().and_then(|(listener, _)| listener.local_addr().ok());
        if let Some((listener, endpoint)) = endpoint {
            tasks.spawn(endpoint.serve(listener));
        }
        let (timers, unfinished) = (self.timers, self.unfinished.subscribe());
        Host { invoker, timers, http_address, unfinished, tasks, supervisor }
    }
}

fn invoker(
    options: &HostOptions,
    host_json: &HostJson,
    handler: Handler,
    events: EventSink,
) -> Result<Invoker, HostError> {
    Ok(Invoker {
        // Through no proxy, whatever the environment says: the handler is on this machine.
        client: reqwest::Client::builder().no_proxy().build()?,
        handler,
        format: options.request_format,
        lifecycle: Lifecycle::running(),
        events,
        function_timeout: host_json.function_timeout,
        faults: options.faults.clone(),
        calls: Occasions::default(),
        typical_call_ms: AtomicU64::default(),
    })
}

async fn listen(port: u16) -> Result<TcpListener, HostError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| HostError::Listen { port, source })
}
