//! From a staged app to a running host: the instances with their handlers, and the parts that cause calls.
//!
//! Promises that a host starts as a whole or not at all. Does not know how a part works.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::app::function::{Cardinality, EventHubTrigger, Function, HttpTrigger, Trigger};
use crate::app::settings::{AppSettings, HostJson};
use crate::app::{App, FunctionInError, read_app};
use crate::delivery::{DeliveryOccasions, Partition, Subscription};
use crate::event::{EventSink, HostEvent, InstanceId};
use crate::host::{Host, HostError, HostOptions};
use crate::http::HttpEndpoint;
use crate::instances::{Instances, Owner};
use crate::invoke::Invoker;
use crate::lifecycle::Lifecycle;
use crate::process::{Control, Handler, Launch, RestartPolicy, Supervisor, free_port};
use crate::source::{EventSource, PartitionId};
use crate::state::{CheckpointFile, CheckpointKey};
use crate::timers::Timer;

impl Host {
    /// Starts the handlers, and begins to deliver the events of `source` to them. Like the real host, it does not wait
    /// until the handlers are ready. What happens from now on is sent to `events`.
    ///
    /// # Errors
    /// When the app as a whole cannot run. A function that is in error is only reported, as
    /// [`HostEvent::FunctionInError`].
    pub async fn start(
        options: HostOptions,
        source: Arc<dyn EventSource>,
        events: mpsc::UnboundedSender<HostEvent>,
    ) -> Result<Self, HostError> {
        let root = options.root.clone();
        let root = root.canonicalize().map_err(|source| HostError::Root { root, source })?;
        let settings = AppSettings::new(options.app_settings.clone());
        let app = read_app(&root, &settings)?;
        // Opened before the handlers get their ports, so that none of them gets this one.
        let listener = match options.http_port {
            Some(port) => Some(listen(port).await?),
            None => None,
        };
        let (instances, supervisors) = start_instances(&app.host_json, &root, &settings, &options, events)?;
        let plan = Plan { source, instances, host_json: app.host_json.clone(), options };
        let parts = plan.parts(app)?;
        let endpoint = match listener {
            Some(listener) => Some((listener, plan.endpoint(&parts)?)),
            None => None,
        };
        Ok(parts.run(plan.instances, supervisors, endpoint))
    }
}

/// What the parts of a host are made from.
struct Plan {
    options: HostOptions,
    source: Arc<dyn EventSource>,
    instances: Arc<Instances>,
    host_json: HostJson,
}

/// The parts of a host, before they run.
#[derive(Default)]
struct Parts {
    partitions: Vec<Partition>,
    timers: Vec<Arc<Timer>>,
    routes: Vec<(Arc<Function>, HttpTrigger)>,
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
                    let reason = format!("it reads event hub `{theirs}`, but the event source is `{ours}`");
                    self.report(FunctionInError { function: function.name.clone(), reason });
                }
                Trigger::EventHub(trigger) => self.partitions(&function, trigger, &occasions, &mut parts)?,
                Trigger::Timer(trigger) => {
                    let owner = Owner::assign(&self.instances, parts.timers.len());
                    let (trigger, state_dir) = (trigger.clone(), &self.options.state_dir);
                    let timer = Timer::new(Arc::clone(&function), trigger, &self.instances, owner, state_dir);
                    let timer = timer.map_err(HostError::State)?;
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
        for partition in (0..self.source.partition_count()).map(PartitionId) {
            let key = CheckpointKey {
                namespace: self.source.namespace(),
                event_hub: self.source.event_hub(),
                consumer_group: &trigger.consumer_group,
                partition,
            };
            let subscription = Subscription {
                function: Arc::clone(function),
                trigger: trigger.clone(),
                source: Arc::clone(&self.source),
                partition,
            };
            parts.partitions.push(Partition {
                subscription: Arc::new(subscription),
                owner: Owner::assign(&self.instances, partition.0),
                instances: Arc::clone(&self.instances),
                checkpoint: CheckpointFile::open(&self.options.state_dir, key).map_err(HostError::State)?,
                max_batch: self.max_batch(trigger.cardinality),
                checkpoint_frequency: self.host_json.event_hubs.batch_checkpoint_frequency.max(1),
                occasions: Arc::clone(occasions),
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
        self.instances.events.emit(HostEvent::FunctionInError { function, reason });
    }

    fn endpoint(&self, parts: &Parts) -> Result<HttpEndpoint, HostError> {
        let (prefix, instances) = (self.host_json.route_prefix.clone(), Arc::clone(&self.instances));
        Ok(HttpEndpoint::new(parts.routes.clone(), prefix, parts.timers.clone(), instances)?)
    }
}

impl Parts {
    fn run(
        self,
        instances: Arc<Instances>,
        supervisors: JoinSet<()>,
        endpoint: Option<(TcpListener, HttpEndpoint)>,
    ) -> Host {
        let mut tasks = JoinSet::new();
        instances.unfinished.send_replace(self.partitions.len());
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
        Host { instances, timers: self.timers, http_address, tasks, supervisors }
    }
}

async fn listen(port: u16) -> Result<TcpListener, HostError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| HostError::Listen { port, source })
}

/// Starts the instances that the options ask for. Returns them with the tasks that keep their handlers running.
fn start_instances(
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
    for instance in (0..options.instances.max(1)).map(InstanceId) {
        let port = free_port().map_err(HostError::NoFreePort)?;
        let launch = Launch::new(&host_json.handler, root, settings, port)?;
        let (handler, control) = Handler::new(port);
        let invoker = Invoker {
            // Never through a proxy, whatever the environment says: the handler is on this machine.
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
    instance: InstanceId,
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
        restart_policy: RestartPolicy::new(options.max_restarts),
        control,
        client: invoker.client.clone(),
        lifecycle: invoker.lifecycle.clone(),
        events: invoker.events.clone(),
    }
}
