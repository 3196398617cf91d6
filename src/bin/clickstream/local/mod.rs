//! `clickstream local`: the whole system on one machine.
//!
//! An embedded event source, the stand-in Functions host, and the real handler in the real staged app root. This command
//! knows what the functions are called and how to read gold; everything between is the host's and the handler's.

mod catch_up;
mod endpoint;
mod progress;
mod summary;

use super::source::{self, Shape, StateFolder};
use super::{Failure, Verdict, generate, lake, package};
use endpoint::{EndpointGuard, Source};
use event_hubs::{HubName, LoopbackAddress};
use functions_host::{Drained, Faults, Host, HostOptions, RequestFormat};
use progress::Progress;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL", default_value = "./lake")]
    lake: String,
    /// Events to read, one JSON object a line; `-` is standard input. Generated when left out
    #[arg(long)]
    input: Option<PathBuf>,
    /// Accept events from programs written for Event Hubs, with the connection string of Microsoft's emulator; on this
    /// address, which is 127.0.0.1:5672 when left out
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
    /// Events to generate
    #[arg(long, default_value_t = 10_000, conflicts_with = "input")]
    events: u64,
    /// Seed of the generator
    #[arg(long, default_value_t = 1, conflicts_with = "input")]
    seed: u64,
    /// Events a second; as fast as they are taken when left out
    #[arg(long, value_parser = positive)]
    rate: Option<f64>,
    /// Partitions of the event hub
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    partitions: u16,
    /// Instances of the app, each with a handler process of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    instances: u16,
    /// Events of a batch at most; as in host.json when left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: Option<u32>,
    /// Stop once everything is delivered and in gold; exit 0 only if the audit holds. With `--listen`, Ctrl-C closes the
    /// endpoint first
    #[arg(long)]
    drain: bool,
    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
    /// Port of the host's HTTP functions; 0 for any
    #[arg(long, default_value_t = 7071)]
    port: u16,
    /// Faults that the host causes, such as `kill=7,overlap=5,redeliver=3,move=6`
    #[arg(long, default_value = "")]
    faults: Faults,
    /// A setting that the functions get instead of the one in the environment, as `NAME=VALUE`; may be repeated
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = named)]
    settings: Vec<(String, String)>,
    /// Send bodies with a length, as `func start` does, instead of in chunks, as the host in Azure does
    #[arg(long)]
    content_length: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be above 0".into()) }
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must have a `=`")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let handler = package::built_handler()?;
    let state = StateFolder::for_lake(&arguments.lake)?;
    let app_root = state.file("app");
    package::stage(&app_root, &handler)?;
    let shape = Shape { partitions: arguments.partitions.into(), rate: arguments.rate };
    let source = match (&arguments.input, arguments.listen) {
        (_, Some(_)) => Source::endpoint(&arguments.hub, shape.partitions, &state)?,
        (Some(path), _) if path.as_os_str() == "-" => Source::Lines(Arc::new(source::spool(shape, &state)?)),
        (Some(path), _) => {
            let lines = source::of_file(path, shape, &state);
            Source::Lines(Arc::new(lines.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?))
        }
        (None, None) => {
            let shop = generate::Shop::plain(arguments.events, arguments.seed);
            Source::Lines(Arc::new(source::of_shop(&shop, shape, &state)?))
        }
    };
    let options = HostOptions {
        instances: arguments.instances.into(),
        app_settings: app_settings(&arguments, source.events_source().event_hub()),
        max_batch: arguments.batch.map(|most| most as usize),
        faults: arguments.faults.clone(),
        request_format: if arguments.content_length { RequestFormat::ContentLength } else { RequestFormat::Chunked },
        // On a laptop the handler is killed on purpose, again and again.
        max_restarts: None,
        http_port: Some(arguments.port),
        ..HostOptions::new(app_root, state.file("host"))
    };
    lake::block_on(serve(arguments, options, source))
}

/// What the functions are told, where the environment does not say otherwise.
fn app_settings(arguments: &Arguments, event_hub: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([
        ("LAKE_URL", arguments.lake.as_str()),
        ("EVENTHUB_NAME", event_hub),
        ("EVENTHUB_CONSUMER_GROUP", "$Default"),
    ]);
    let defaults = [
        // An archive is as old as it is.
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
    let app = lake::open(&lake_path)?;
    let (sender, events) = mpsc::unbounded_channel();
    let mut endpoint = EndpointGuard::open(&arguments, &source).await?;
    let host = Host::start(options, source.events_source(), sender).await?;
    eprintln!(
        "event hub `{}`, {} partitions; lake `{}`; health at http://127.0.0.1:{}/api/health",
        source.events_source().event_hub(),
        arguments.partitions,
        lake_path,
        host.http_address().map_or(arguments.port, |address| address.port())
    );
    endpoint.announce();
    let counted = source.clone();
    let expected = (arguments.drain || arguments.listen.is_some()).then_some(move || counted.events());
    let progress = Progress::follow(events, expected, std::io::stderr().is_terminal());
    let interrupted = tokio::select! {
        ended = wait_for_end(&arguments, &mut endpoint, &host, &app) => { ended?; false }
        () = interrupted(arguments.drain && arguments.listen.is_some()) => true,
        gave_up = progress.gave_up() => return Err(gave_up.into()),
    };
    host.stop().await;
    let delivered = progress.finish().await;
    if interrupted {
        eprintln!("stopped; the same command goes on from here");
        // What was asked for with `--drain` has not happened.
        return Ok(if arguments.drain { Verdict::Fails } else { Verdict::Holds });
    }
    summary::conclude(&app, &source, delivered, arguments.json).await
}

/// With `--drain`, until everything is in gold; else for ever.
async fn wait_for_end(
    arguments: &Arguments,
    endpoint: &mut EndpointGuard,
    host: &Host,
    app: &clickstream::app::App,
) -> Result<(), Failure> {
    if !arguments.drain {
        return std::future::pending().await;
    }
    endpoint.closed().await;
    match host.drained().await {
        Drained::Complete => {}
        Drained::Stopped => return Err("the host stopped before everything was delivered".into()),
        Drained::GaveUp(reason) => return Err(reason.into()),
    }
    catch_up::sessionize_until_done(host, app).await
}

/// Resolves when the person wants it to stop at once: where Ctrl-C closes the endpoint, that is the second one.
async fn interrupted(first_closes: bool) {
    if first_closes {
        let _ = tokio::signal::ctrl_c().await;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The handler runs in another folder.
fn absolute(lake: &str) -> Result<String, Failure> {
    if lake.contains("://") {
        return Ok(lake.to_owned());
    }
    std::fs::create_dir_all(lake).map_err(|error| format!("cannot create the lake's folder `{lake}`: {error}"))?;
    Ok(std::path::Path::new(lake).canonicalize()?.to_string_lossy().into_owned())
}
