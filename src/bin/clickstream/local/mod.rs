//! `clickstream local`: the whole system on one machine.
//!
//! It runs an event source, the stand-in for the Functions host, and the real handler in the app folder that is deployed. It
//! knows the names of the functions and how to read gold. It does not know how events are delivered and processed.

mod lock;
mod endpoint;
mod problems;
mod status;
mod rejected;
mod finish;

use crate::command::{self, Failure, Verdict, cannot, positive};
use crate::package;
use crate::shop::Shop;
use crate::source::{self, Input, Pipes, Shape, StateFolder};
use clickstream::app::App;
use clickstream::config::{Environment, ProcessEnvironment};
use endpoint::{EndpointGuard, Source};
use event_hubs::{HubName, LoopbackAddress};
use functions_host::{Drained, Faults, Host, HostError, HostEvent, HostOptions, RequestFormat};
use lock::RunLock;
use status::{Patience, RunStatus};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL", default_value = "./lake")]
    lake: String,
    /// File or pipe of events as JSON: one object per line, objects one after another, or an array of objects; may be compressed
    /// with gzip or zstd; `-` is standard input. A pipe is processed as it arrives, with `--drain` once it has ended [default:
    /// events are generated]
    #[arg(long)]
    input: Option<PathBuf>,
    /// Accept events from programs that send to Event Hubs, with the connection string of Microsoft's emulator. Listens on
    /// ADDR, or on 127.0.0.1:5672 without one
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:5672",
        conflicts_with_all = ["input", "events", "seed", "rate"]
    )]
    listen: Option<LoopbackAddress>,
    /// Name of the event hub that programs send to
    #[arg(long, default_value = "clickstream", requires = "listen")]
    hub: HubName,
    /// Number of events to generate
    #[arg(long, default_value_t = 10_000, conflicts_with = "input")]
    events: u64,
    /// Seed of the generator
    #[arg(long, default_value_t = 1, conflicts_with = "input")]
    seed: u64,
    /// Events per second [default: as fast as they are processed]
    #[arg(long, value_parser = positive)]
    rate: Option<f64>,
    /// Partitions of the event hub
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    partitions: u16,
    /// Instances of the app; each has its own handler process
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    instances: u16,
    /// Events per batch, at most [default: as in host.json]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: Option<u32>,
    /// Stop once all events are in gold, say which were rejected and why, and audit the lake: exit code 0 if nothing is wrong, 1
    /// if something is or no event was accepted, 2 if something stops the events that only a person can change. With `--listen`,
    /// Ctrl-C first closes the endpoint
    #[arg(long)]
    drain: bool,
    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
    /// Port of the HTTP functions; 0 is any free port [default: 7071, or any free port if that is in use]
    #[arg(long)]
    port: Option<u16>,
    /// Faults that the host causes, such as `kill=7,overlap=5,redeliver=3,move=6`
    #[arg(long, default_value = "")]
    faults: Faults,
    /// A setting for the functions, instead of the one in the environment; may be given several times
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = named)]
    settings: Vec<(String, String)>,
    /// Send requests with a Content-Length, as `func start` does, and not in chunks, as the host in Azure does
    #[arg(long)]
    content_length: bool,
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Where the HTTP functions are, unless the port is in use or another one is asked for.
const USUAL_PORT: u16 = 7071;

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    command::warn_of_near_names(&environment(&arguments.settings));
    let handler = package::built_handler()?;
    // Opened before anything is written: it may not be events at all.
    let input = arguments.input.as_deref().map(Input::open).transpose()?;
    let state = StateFolder::for_lake(&arguments.lake)?;
    let running = RunLock::shared(&state, arguments.drain && arguments.listen.is_none())?;
    let app_root = state.file("app");
    package::stage(&app_root, &handler).map_err(cannot("stage the app into", &app_root))?;
    let source = source(&arguments, input, &state)?;
    let options = HostOptions {
        instances: arguments.instances.into(),
        app_settings: app_settings(&arguments, source.event_source().event_hub()),
        max_batch: arguments.batch.map(|max| max as usize),
        faults: arguments.faults.clone(),
        request_format: if arguments.content_length { RequestFormat::ContentLength } else { RequestFormat::Chunked },
        // Faults kill the handler on purpose, any number of times.
        max_restarts: None,
        http_port: Some(arguments.port.unwrap_or(USUAL_PORT)),
        ..HostOptions::new(app_root, state.file("host"))
    };
    command::block_on(serve(arguments, options, source, running))
}

fn source(arguments: &Arguments, input: Option<Input>, state: &StateFolder) -> Result<Source, Failure> {
    let shape = Shape { partitions: arguments.partitions.into(), rate: arguments.rate };
    let pipes = if arguments.drain { Pipes::AsAWhole } else { Pipes::AsTheyArrive };
    Ok(match (input, arguments.listen) {
        (_, Some(_)) => Source::journal(&arguments.hub, shape.partitions, state)?,
        (Some(input), _) => Source::Lines(Arc::new(source::of_input(input, pipes, shape, state)?)),
        (None, None) => {
            let shop = Shop::plain(arguments.events, arguments.seed);
            Source::Lines(Arc::new(source::of_shop(&shop, shape, state)?))
        }
    })
}

/// The environment of this process with `settings` in it: what the handler gets.
fn environment<'a>(settings: impl IntoIterator<Item = &'a (String, String)>) -> BTreeMap<String, String> {
    let names = ProcessEnvironment.names().into_iter();
    let inherited = names.filter_map(|name| Some((name.clone(), ProcessEnvironment.get(&name)?)));
    inherited.chain(settings.into_iter().cloned()).collect()
}

/// The settings of the functions: those that this run decides, then defaults for those that the environment does not have.
fn app_settings(arguments: &Arguments, event_hub: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([
        ("LAKE_URL", arguments.lake.as_str()),
        ("EVENTHUB_NAME", event_hub),
        ("EVENTHUB_CONSUMER_GROUP", "$Default"),
    ]);
    let defaults = [
        // The events of a file may be of any age.
        ("MAX_EVENT_AGE", "none"),
        ("SESSIONIZE_SCHEDULE", "*/5 * * * * *"),
        ("REBUILD_SCHEDULE", "0 30 2 * * *"),
    ];
    settings
        .extend(defaults.into_iter().filter(|(name, _)| std::env::var_os(name).is_none_or(|value| value.is_empty())));
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    settings.chain(arguments.settings.iter().cloned()).collect()
}

async fn serve(
    arguments: Arguments,
    options: HostOptions,
    source: Source,
    running: RunLock,
) -> Result<Verdict, Failure> {
    let lake_path = absolute(&arguments.lake)?;
    let mut options = options;
    options.app_settings.insert("LAKE_URL".into(), lake_path.clone());
    // With the settings of the handler, so that one that it would refuse is refused here.
    let app = command::open_lake_in(&environment(&Vec::from_iter(options.app_settings.clone())), &lake_path)?;
    let (sender, events) = mpsc::unbounded_channel();
    let mut endpoint = EndpointGuard::open(arguments.listen, &source).await?;
    let host = start(&arguments, options, &source, sender).await?;
    eprintln!(
        "event hub `{}`, {} partitions; lake `{}`; health at http://127.0.0.1:{}/api/health",
        source.event_source().event_hub(),
        arguments.partitions,
        lake_path,
        host.http_address().map_or(USUAL_PORT, |address| address.port())
    );
    endpoint.announce();
    let counted = (arguments.drain || arguments.listen.is_some()).then(|| source.clone());
    let patience = if arguments.drain { Patience::UntilItCannotHeal } else { Patience::Endless };
    let mut status = RunStatus::follow(events, counted, patience);
    let interrupted = tokio::select! {
        ended = wait_for_end(&arguments, &mut endpoint, &host, &app) => { ended?; false }
        () = interrupted(arguments.drain && arguments.listen.is_some()) => true,
        failure = status.failed() => return Err(failure),
    };
    host.stop().await;
    let delivered = status.finish().await;
    // `--drain` promises that all events are in gold.
    let stopped = if arguments.drain { Verdict::Fails } else { Verdict::Holds };
    if interrupted {
        eprintln!("stopped; the same command continues from here");
        tokio::select! {
            shown = finish::show_rejected(&app, &source, arguments.json) => shown?,
            () = self::interrupted(false) => {}
        }
        return Ok(stopped);
    }
    // Another run may be writing to the lake, which an audit would report.
    let _alone = tokio::select! {
        alone = running.alone() => alone?,
        () = self::interrupted(false) => {
            eprintln!("stopped before the audit; `clickstream audit` runs it");
            return Ok(stopped);
        }
    };
    finish::conclude(&app, &source, delivered, arguments.json).await
}

/// Starts the host, on another port where the usual one is in use and nobody asked for it.
async fn start(
    arguments: &Arguments,
    options: HostOptions,
    source: &Source,
    sender: mpsc::UnboundedSender<HostEvent>,
) -> Result<Host, HostError> {
    let any_port = HostOptions { http_port: Some(0), ..options.clone() };
    match Host::start(options, source.event_source(), sender.clone()).await {
        Err(HostError::Listen { .. }) if arguments.port.is_none() => {
            Host::start(any_port, source.event_source(), sender).await
        }
        started => started,
    }
}

/// With `--drain`, waits until all events are in gold. Otherwise waits for ever.
async fn wait_for_end(
    arguments: &Arguments,
    endpoint: &mut EndpointGuard,
    host: &Host,
    app: &App,
) -> Result<(), Failure> {
    if !arguments.drain {
        return std::future::pending().await;
    }
    endpoint.closed().await;
    match host.drained().await {
        Drained::Complete => {}
        Drained::Stopped => return Err("cannot drain: the host stopped before all events were delivered".into()),
        // `RunStatus` knows more about the reason.
        Drained::GaveUp(_) => std::future::pending().await,
    }
    finish::sessionize_until_done(host, app).await
}

/// Resolves when the person wants to stop at once. If the first Ctrl-C closes the endpoint, that is the second one.
async fn interrupted(first_closes: bool) {
    if first_closes {
        let _ = tokio::signal::ctrl_c().await;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The path of `lake` for the handler, which runs in another folder.
fn absolute(lake: &str) -> Result<String, Failure> {
    if lake.contains("://") {
        return Ok(lake.to_owned());
    }
    std::fs::create_dir_all(lake).map_err(cannot("create the folder of lake", Path::new(lake)))?;
    Ok(Path::new(lake).canonicalize()?.to_string_lossy().into_owned())
}
