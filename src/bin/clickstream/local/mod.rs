//! `clickstream local`: the whole system on one machine.
//!
//! It runs an event source, the stand-in for the Functions host, and the real handler in the app folder that is deployed. It
//! knows the names of the functions and how to read gold. It does not know how events are delivered and processed.

mod endpoint;
mod status;
mod finish;

use crate::command::{self, Failure, Verdict, cannot, positive};
use crate::package;
use crate::shop::Shop;
use crate::source::{self, Lines, Shape, StateFolder};
use clickstream::app::App;
use endpoint::{EndpointGuard, Source};
use event_hubs::{HubName, LoopbackAddress};
use functions_host::{Drained, Faults, Host, HostOptions, RequestFormat};
use status::RunStatus;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL", default_value = "./lake")]
    lake: String,
    /// File of events, one JSON object per line; `-` is standard input [default: events are generated]
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
    /// Stop once all events are in gold, and audit the lake: exit code 0 if nothing is wrong, 1 if something is. With
    /// `--listen`, Ctrl-C first closes the endpoint
    #[arg(long)]
    drain: bool,
    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
    /// Port of the HTTP functions; 0 is any free port
    #[arg(long, default_value_t = 7071)]
    port: u16,
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

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let handler = package::built_handler()?;
    let state = StateFolder::for_lake(&arguments.lake)?;
    let app_root = state.file("app");
    package::stage(&app_root, &handler).map_err(cannot("stage the app into", &app_root))?;
    let shape = Shape { partitions: arguments.partitions.into(), rate: arguments.rate };
    let lines = |lines: Lines| Source::Lines(Arc::new(lines));
    let source = match (&arguments.input, arguments.listen) {
        (_, Some(_)) => Source::journal(&arguments.hub, shape.partitions, &state)?,
        (Some(path), _) if path.as_os_str() == "-" => lines(Lines::of_standard_input(shape, &state)?),
        (Some(path), _) => lines(source::of_file(path, shape, &state)?),
        (None, None) => lines(source::of_shop(&Shop::plain(arguments.events, arguments.seed), shape, &state)?),
    };
    let options = HostOptions {
        instances: arguments.instances.into(),
        app_settings: app_settings(&arguments, source.event_source().event_hub()),
        max_batch: arguments.batch.map(|max| max as usize),
        faults: arguments.faults.clone(),
        request_format: if arguments.content_length { RequestFormat::ContentLength } else { RequestFormat::Chunked },
        // Faults kill the handler on purpose, any number of times.
        max_restarts: None,
        http_port: Some(arguments.port),
        ..HostOptions::new(app_root, state.file("host"))
    };
    command::block_on(serve(arguments, options, source))
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
    settings.extend(defaults.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    settings.chain(arguments.settings.iter().cloned()).collect()
}

async fn serve(arguments: Arguments, options: HostOptions, source: Source) -> Result<Verdict, Failure> {
    let lake_path = absolute(&arguments.lake)?;
    let mut options = options;
    options.app_settings.insert("LAKE_URL".into(), lake_path.clone());
    let app = command::open_lake(&lake_path)?;
    let (sender, events) = mpsc::unbounded_channel();
    let mut endpoint = EndpointGuard::open(arguments.listen, &source).await?;
    let host = Host::start(options, source.event_source(), sender).await?;
    eprintln!(
        "event hub `{}`, {} partitions; lake `{}`; health at http://127.0.0.1:{}/api/health",
        source.event_source().event_hub(),
        arguments.partitions,
        lake_path,
        host.http_address().map_or(arguments.port, |address| address.port())
    );
    endpoint.announce();
    let counted = (arguments.drain || arguments.listen.is_some()).then(|| source.clone());
    let mut status = RunStatus::follow(events, counted);
    let interrupted = tokio::select! {
        ended = wait_for_end(&arguments, &mut endpoint, &host, &app) => { ended?; false }
        () = interrupted(arguments.drain && arguments.listen.is_some()) => true,
        reason = status.gave_up() => return Err(host_gave_up(&reason)),
    };
    host.stop().await;
    let delivered = status.finish().await;
    if interrupted {
        eprintln!("stopped; the same command continues from here");
        // `--drain` promises that all events are in gold.
        return Ok(if arguments.drain { Verdict::Fails } else { Verdict::Holds });
    }
    finish::conclude(&app, &source, delivered, arguments.json).await
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
        Drained::GaveUp(reason) => return Err(host_gave_up(&reason)),
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

fn host_gave_up(reason: &str) -> Failure {
    format!("cannot run the functions, the host gave up: {reason}").into()
}

/// The path of `lake` for the handler, which runs in another folder.
fn absolute(lake: &str) -> Result<String, Failure> {
    if lake.contains("://") {
        return Ok(lake.to_owned());
    }
    std::fs::create_dir_all(lake).map_err(cannot("create the folder of lake", Path::new(lake)))?;
    Ok(Path::new(lake).canonicalize()?.to_string_lossy().into_owned())
}
