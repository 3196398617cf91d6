//! `clickstream local`: the whole system on one machine.
//!
//! An embedded event source, the stand-in Functions host, and the real handler in the real staged app root. This command
//! knows what the functions are called and how to read gold; everything between is the host's and the handler's.

mod catch_up;
mod progress;
mod summary;

use super::host::faults::Faults;
use super::host::invoke::RequestFormat;
use super::host::options::HostOptions;
use super::host::running::{Drained, Host};
use super::host::source::EventSource;
use super::source::{self, Shape, StateFolder};
use super::{Failure, Verdict, generate, lake, package};
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
    /// Stop once everything is delivered and in gold; exit 0 only if the audit holds
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
    let lines = match &arguments.input {
        Some(path) if path.as_os_str() == "-" => source::spool(shape, &state)?,
        Some(path) => source::of_file(path, shape, &state)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?,
        None => source::of_shop(&generate::Shop::plain(arguments.events, arguments.seed), shape, &state)?,
    };
    let lines = Arc::new(lines);
    let options = HostOptions {
        instances: arguments.instances.into(),
        app_settings: app_settings(&arguments, lines.event_hub()),
        max_batch: arguments.batch.map(|most| most as usize),
        faults: arguments.faults.clone(),
        request_format: if arguments.content_length { RequestFormat::ContentLength } else { RequestFormat::Chunked },
        // On a laptop the handler is killed on purpose, again and again.
        max_restarts: None,
        http_port: Some(arguments.port),
        ..HostOptions::new(app_root, state.file("host"))
    };
    lake::block_on(serve(arguments, options, lines))
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

async fn serve(arguments: Arguments, options: HostOptions, lines: Arc<source::Lines>) -> Result<Verdict, Failure> {
    let lake_path = absolute(&arguments.lake)?;
    let mut options = options;
    options.app_settings.insert("LAKE_URL".into(), lake_path.clone());
    let app = lake::open(&lake_path)?;
    let (sender, events) = mpsc::unbounded_channel();
    let total = arguments.drain.then(|| lines.events());
    let host = Host::start(options, lines.clone(), sender).await?;
    eprintln!(
        "event hub `{}`, {} partitions; lake `{}`; health at http://127.0.0.1:{}/api/health",
        lines.event_hub(),
        arguments.partitions,
        lake_path,
        host.http_address().map_or(arguments.port, |address| address.port())
    );
    let progress = Progress::follow(events, total, std::io::stderr().is_terminal());
    let interrupted = tokio::select! {
        ended = wait_for_end(&arguments, &host, &app) => { ended?; false }
        _ = tokio::signal::ctrl_c() => true,
        gave_up = progress.gave_up() => return Err(gave_up.into()),
    };
    host.stop().await;
    let delivered = progress.finish().await;
    if interrupted {
        eprintln!("stopped; the same command goes on from here");
        // What was asked for with `--drain` has not happened.
        return Ok(if arguments.drain { Verdict::Fails } else { Verdict::Holds });
    }
    summary::conclude(&app, &lines, delivered, arguments.json).await
}

/// With `--drain`, until everything is in gold; else for ever.
async fn wait_for_end(arguments: &Arguments, host: &Host, app: &clickstream::app::App) -> Result<(), Failure> {
    if !arguments.drain {
        return std::future::pending().await;
    }
    match host.drained().await {
        Drained::Complete => {}
        Drained::Stopped => return Err("the host stopped before everything was delivered".into()),
        Drained::GaveUp(reason) => return Err(reason.into()),
    }
    catch_up::sessionize_until_done(host, app).await
}

/// The handler runs in another folder.
fn absolute(lake: &str) -> Result<String, Failure> {
    if lake.contains("://") {
        return Ok(lake.to_owned());
    }
    std::fs::create_dir_all(lake).map_err(|error| format!("cannot create the lake's folder `{lake}`: {error}"))?;
    Ok(std::path::Path::new(lake).canonicalize()?.to_string_lossy().into_owned())
}
