//! From a staged app to a running host.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::HostError;
use super::app::function::{Cardinality, EventHubTrigger, Function, HttpTrigger, Trigger};
use super::app::host_json::HostJson;
use super::app::settings::AppSettings;
use super::app::{self, App, FunctionInError};
use super::delivery::{CheckpointFile, CheckpointKey, DeliveryOccasions, Partition, Subscription};
use super::event::HostEvent;
use super::http::HttpEndpoint;
use super::instances::{Instances, Owner};
use super::options::HostOptions;
use super::running::Host;
use super::scaling;
use super::source::EventSource;
use super::timers::Timer;

impl Host {
    /// Starts the handlers, and delivers to them from now on. Does not wait until they are ready, nor does the real host.
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
        // Before the handlers have their ports: this one is held, and cannot be one of theirs.
        let listener = match options.http_port {
            Some(port) => Some(listen(port).await?),
            None => None,
        };
        let (instances, supervisors) = scaling::out(&app.host_json, &root, &settings, &options, events)?;
        let plan = Plan { source, instances, host_json: app.host_json.clone(), options };
        let parts = plan.parts(app)?;
        let endpoint = match listener {
            Some(listener) => Some((listener, plan.endpoint(&parts)?)),
            None => None,
        };
        Ok(parts.run(plan.instances, supervisors, endpoint))
    }
}

/// What all parts of a host are made from.
struct Plan {
    options: HostOptions,
    source: Arc<dyn EventSource>,
    instances: Arc<Instances>,
    host_json: HostJson,
}

/// The parts, none of them running.
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
                    let reason = format!("it reads event hub `{theirs}`, the event source is `{ours}`");
                    self.report(FunctionInError { function: function.name.clone(), reason });
                }
                Trigger::EventHub(trigger) => self.partitions(&function, trigger, &occasions, &mut parts)?,
                Trigger::Timer(trigger) => {
                    let owner = Owner::spread(&self.instances, parts.timers.len());
                    let (trigger, state_dir) = (trigger.clone(), &self.options.state_dir);
                    let timer = Timer::new(Arc::clone(&function), trigger, &self.instances, owner, state_dir)?;
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
            let subscription = Subscription {
                function: Arc::clone(function),
                trigger: trigger.clone(),
                source: Arc::clone(&self.source),
                partition,
            };
            parts.partitions.push(Partition {
                subscription: Arc::new(subscription),
                owner: Owner::spread(&self.instances, partition),
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
