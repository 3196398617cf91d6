//! Files that name the same thing agree: settings, triggers, functions, and the fields and kinds that alerts ask for.

use super::Check;
use super::specimen::{Snapshot, Specimen, text};
use crate::support::process::Handler;
use clickstream::error::Kind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

pub const CHECKS: &[(&str, Check)] = &[
    ("settings-are-the-same-everywhere", settings_are_the_same_everywhere),
    ("settings-have-the-documented-defaults", settings_have_the_documented_defaults),
    ("triggers-find-their-settings", triggers_find_their_settings),
    ("always-ready-names-functions", always_ready_names_functions),
    ("alerts-ask-for-what-is-logged", alerts_ask_for_what_is_logged),
    ("alerts-are-documented", alerts_are_documented),
    ("logs-are-not-sampled", logs_are_not_sampled),
];

/// Beginnings of settings that the host or a library reads: connections and telemetry.
const PLATFORM: [&str; 4] =
    ["AzureWebJobsStorage__", "EventHubConnection__", "APPLICATIONINSIGHTS_", "AZURE_CLIENT_ID"];

/// The same, in `local.settings.json`.
const LOCAL_ONLY: [&str; 3] = ["FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "EventHubConnection"];

/// Settings that the code reads, apart from those that the host assigns.
fn read_by_the_code(specimen: &Specimen) -> BTreeSet<String> {
    let config = specimen.read("src/config/mod.rs") + &specimen.read("src/settings/mod.rs");
    let names = config.lines().filter_map(|line| line.strip_prefix("pub const ")?.split('"').nth(1).map(str::to_owned));
    names.filter(|name| !name.starts_with("FUNCTIONS_")).collect()
}

/// Names between per cent signs in any `function.json`.
fn referred_to(specimen: &Specimen) -> BTreeSet<String> {
    let texts = specimen.functions().into_iter().map(|name| specimen.read(&format!("functions/{name}/function.json")));
    texts.flat_map(|text| text.split('%').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn ours(snapshot: &Snapshot) -> BTreeSet<String> {
    let names = snapshot.app_settings().into_iter().map(|(name, _)| name);
    names.filter(|name| !PLATFORM.iter().any(|start| name.starts_with(start))).map(str::to_owned).collect()
}

/// Setting and default, by the rows of the README's table.
fn documented(specimen: &Specimen) -> BTreeMap<String, String> {
    let readme = specimen.read("README.md");
    let table = readme.split("\n## ").find(|section| section.starts_with("Settings")).unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        Some((cells.next()?, cells.next()?))
    };
    table.lines().filter_map(row).collect()
}

fn settings_are_the_same_everywhere(specimen: &Specimen) -> Vec<String> {
    let example = specimen.json("local.settings.example.json");
    let example =
        example["Values"].as_object().expect("values").keys().filter(|name| !LOCAL_ONLY.contains(&name.as_str()));
    let code = read_by_the_code(specimen);
    let wanted: BTreeSet<String> = code.union(&referred_to(specimen)).cloned().collect();
    let mut problems = differences("local.settings.example.json", &example.cloned().collect(), &wanted);
    problems.extend(differences("README.md", &documented(specimen).into_keys().collect(), &code));
    problems.extend(specimen.each(|snapshot| differences("the deployment", &ours(snapshot), &wanted)));
    problems
}

fn differences(place: &str, found: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Vec<String> {
    let missing = wanted.difference(found).map(|name| format!("`{name}` is not in {place}"));
    missing
        .chain(found.difference(wanted).map(|name| format!("`{name}` is in {place}, but nothing reads it")))
        .collect()
}

fn settings_have_the_documented_defaults(specimen: &Specimen) -> Vec<String> {
    let example = specimen.json("local.settings.example.json");
    let deployed = specimen.snapshots.iter().find(|one| one.name == "default").expect("there is one of defaults");
    let mut problems = Vec::new();
    for (name, default) in documented(specimen).into_iter().filter(|(name, _)| name != "LAKE_URL") {
        let default = if default == "none" { "" } else { &default };
        for (place, value) in
            [("deployed", deployed.app_setting(&name)), ("in the example", text(&example["Values"][&name]))]
        {
            problems.extend(
                (value != default).then(|| format!("`{name}` is `{default}` in the README, `{value}` {place}")),
            );
        }
    }
    problems
}

fn triggers_find_their_settings(specimen: &Specimen) -> Vec<String> {
    let referred = referred_to(specimen);
    let mut connections = BTreeSet::from(["AzureWebJobsStorage".to_owned()]);
    for function in specimen.functions() {
        let bindings = specimen.json(&format!("functions/{function}/function.json"));
        let named = bindings["bindings"].as_array().into_iter().flatten().filter_map(|one| one["connection"].as_str());
        connections.extend(named.map(str::to_owned));
    }
    specimen.each(|snapshot| {
        let settings: BTreeSet<&str> = snapshot.app_settings().into_iter().map(|(name, _)| name).collect();
        let missing = referred.iter().filter(|name| !settings.contains(name.as_str()));
        let mut problems: Vec<String> = missing.map(|name| format!("`%{name}%` is not set")).collect();
        for connection in &connections {
            let wanted = format!("{connection}__credential");
            problems
                .extend((!settings.contains(wanted.as_str())).then(|| format!("connection `{connection}` is not set")));
        }
        problems
    })
}

fn always_ready_names_functions(specimen: &Specimen) -> Vec<String> {
    let functions = specimen.functions();
    let is_known = |name: &str| match name.strip_prefix("function:") {
        Some(function) => functions.contains(function),
        None => name == "http",
    };
    let mut problems = specimen.each(|snapshot| {
        let scale = &snapshot.site()["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"];
        let groups = scale.as_array().into_iter().flatten().map(|group| text(&group["name"]));
        groups
            .filter(|name| !is_known(name))
            .map(|name| format!("`{name}` is kept warm, but is not a function"))
            .collect()
    });
    // No snapshot shows what a variable switches on.
    let parameters = specimen.read("infra/main.bicepparam");
    let named = parameters.split("'function:").skip(1).filter_map(|rest| rest.split('\'').next());
    problems.extend(
        named.filter(|name| !functions.contains(*name)).map(|name| format!("no function `{name}` to keep warm")),
    );
    problems
}

fn alerts_ask_for_what_is_logged(specimen: &Specimen) -> Vec<String> {
    let logged = logged();
    specimen.each(|snapshot| {
        let rules = snapshot.of_type("Microsoft.Insights/scheduledQueryRules");
        let queries =
            rules.map(|rule| (text(&rule["name"]), text(&rule["properties"]["criteria"]["allOf"][0]["query"])));
        let of = |(name, query): (&str, &str)| -> Vec<String> {
            asked(query, logged).into_iter().map(|problem| format!("{name}: {problem}")).collect()
        };
        queries.flat_map(of).collect()
    })
}

/// Problems of one query. Each part that reads traces names a category, and reads only fields that this category has. Each
/// kind that it compares with is one of the code's.
fn asked(query: &str, logged: &Logged) -> Vec<String> {
    let mut problems = unknown_kinds(query);
    for part in query.split("AppTraces").skip(1) {
        let category =
            part.split("Properties.Category == \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let function = category.strip_prefix("Function.").and_then(|rest| rest.strip_suffix(".User"));
        let (prefix, fields) = match function {
            Some(function) => ("report.", logged.reports.get(function)),
            None => ("line.", (category == "Host.Function.Console").then_some(&logged.console)),
        };
        let Some(fields) = fields else {
            problems.push(format!("nothing is logged under `{category}`"));
            continue;
        };
        for path in part.split(prefix).skip(1) {
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(path.len());
            problems
                .extend((!fields.contains(&path[..end])).then(|| format!("`{category}` has no `{}`", &path[..end])));
        }
        let other = part.split("report.function == \"").nth(1).and_then(|rest| rest.split('"').next());
        problems.extend(
            other
                .filter(|name| Some(*name) != function)
                .map(|name| format!("`{category}` never has reports of `{name}`")),
        );
    }
    problems
}

fn is_kind(name: &str) -> bool {
    [Kind::Retry, Kind::Operator, Kind::Bug].iter().any(|kind| kind.as_str() == name)
}

fn unknown_kinds(query: &str) -> Vec<String> {
    let compared = ["failureKind == \"", "failureKind != \""]
        .into_iter()
        .flat_map(|comparison| query.split(comparison).skip(1))
        .filter_map(|rest| rest.split('"').next());
    compared.filter(|kind| !is_kind(kind)).map(|kind| format!("no failure has the kind `{kind}`")).collect()
}

/// The README lists exactly the alerts on logs that are deployed, each with its severity, and the one on throttling.
fn alerts_are_documented(specimen: &Specimen) -> Vec<String> {
    let readme = specimen.read("README.md");
    let table = readme.split("| alert (severity) |").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or("");
    let documented: BTreeSet<String> =
        table.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" |")?.0.to_owned())).collect();
    specimen.each(|snapshot| {
        let rules = snapshot.of_type("Microsoft.Insights/scheduledQueryRules").map(|rule| &rule["properties"]);
        let mut deployed: BTreeSet<String> =
            rules.map(|rule| format!("`{}` ({})", text(&rule["displayName"]), rule["severity"])).collect();
        let throttling = &snapshot.the("Microsoft.Insights/metricAlerts")["properties"];
        deployed.insert(format!("`throttled` ({})", throttling["severity"]));
        let differing = documented.symmetric_difference(&deployed);
        differing.map(|alert| format!("the README and the deployment disagree on the alert {alert}")).collect()
    })
}

/// Sampling would drop some of what alerts count.
fn logs_are_not_sampled(specimen: &Specimen) -> Vec<String> {
    let host = specimen.json("host.json");
    let sampling = &host["logging"]["applicationInsights"]["samplingSettings"]["isEnabled"];
    let level = &host["logging"]["logLevel"]["default"];
    let mut problems = Vec::new();
    problems.extend((sampling != false).then(|| "Application Insights samples".to_owned()));
    problems
        .extend((level != "Information").then(|| format!("reports are logged as Information, the level is {level}")));
    problems
}

/// What the handler really logs.
struct Logged {
    /// Members of each function's report, which the host logs under `Function.<name>.User`.
    reports: BTreeMap<String, BTreeSet<String>>,
    /// Paths into the handler's line for a failure, which the host logs under `Host.Function.Console`.
    console: BTreeSet<String>,
}

/// Found out by running the real handler once.
fn logged() -> &'static Logged {
    static LOGGED: OnceLock<Logged> = OnceLock::new();
    LOGGED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run_the_handler())
    })
}

async fn run_the_handler() -> Logged {
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, output) = (folder.path().join("lake"), folder.path().join("output"));
    let settings = [("LAKE_URL", &*lake.to_string_lossy()), ("MAX_EVENT_AGE", "none")];
    let handler = Handler::start_with_log(&settings, &output);
    let mut reports = BTreeMap::new();
    for (recording, function) in
        [("eh-many-binary", "ingest"), ("timer-later", "sessionize"), ("timer-later", "rebuild")]
    {
        let answer = handler.send_recorded_to(recording, function).await;
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: Value = serde_json::from_str(body).expect("an answer is JSON");
        let report = body["Logs"][0].as_str().unwrap_or_else(|| panic!("{function} reports nothing: {body}"));
        let report: Value = serde_json::from_str(report).expect("a report is JSON");
        assert_eq!(report["function"], function);
        reports.insert(function.to_owned(), report.as_object().expect("an object").keys().cloned().collect());
    }
    let answer = handler.send_recorded_to("timer-later", "no-such-function").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    drop(handler);
    let output = std::fs::read_to_string(output).expect("it wrote");
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let failure = lines.into_iter().find(|line| line["level"] == "ERROR").expect("a failure is logged");
    assert!(is_kind(text(&failure["fields"]["kind"])), "a failure without a kind: {failure}");
    let mut console = BTreeSet::new();
    paths("", &failure, &mut console);
    Logged { reports, console }
}

fn paths(before: &str, value: &Value, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        paths(&path, value, found);
        found.insert(path);
    }
}
