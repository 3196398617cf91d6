//! What is recorded, and who gets a message.

use crate::infra::specimen::{Specimen, expect, scope, text};
use serde_json::Value;
use std::collections::BTreeSet;

const WORKSPACES: &str = "Microsoft.OperationalInsights/workspaces";

pub fn telemetry_accepts_identities_only(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let (workspace, insights) = (snapshot.the(WORKSPACES), snapshot.the("Microsoft.Insights/components"));
        let problems = [
            expect(workspace, "/properties/features/disableLocalAuth", true),
            expect(insights, "/properties/DisableLocalAuth", true),
            expect(insights, "/properties/WorkspaceResourceId", workspace["id"].clone()),
        ];
        let unlimited =
            workspace["properties"]["workspaceCapping"]["dailyQuotaGb"].as_f64().is_none_or(|cap| cap <= 0.0);
        problems.into_iter().flatten().chain(unlimited.then(|| "logs are not capped".to_owned())).collect()
    })
}

/// Each resource that does something reports it to the workspace.
pub fn everything_reports(specimen: &Specimen) -> Vec<String> {
    let kinds = [
        "Microsoft.EventHub/namespaces",
        "Microsoft.Network/virtualNetworks",
        WORKSPACES,
        "Microsoft.Storage/storageAccounts/blobServices",
        "Microsoft.Web/sites",
    ];
    specimen.each(|snapshot| {
        let workspace = &snapshot.the(WORKSPACES)["id"];
        let settings = "Microsoft.Insights/diagnosticSettings";
        let sends = |one: &&Value| {
            let enabled = |list: &str| {
                one["properties"][list].as_array().into_iter().flatten().any(|each| each["enabled"] == true)
            };
            one["properties"]["workspaceId"] == *workspace && (enabled("logs") || enabled("metrics"))
        };
        let reporting: BTreeSet<&str> = snapshot.of_type(settings).filter(sends).map(scope).collect();
        let mut problems = Vec::new();
        for resource in snapshot.resources.iter().filter(|one| kinds.contains(&text(&one["type"]))) {
            if !reporting.contains(text(&resource["id"])) {
                problems.push(format!("{} reports nothing", resource["id"]));
            }
        }
        // Alerts compare these with what the functions read.
        let hubs = snapshot.of_type(settings).filter(|one| scope(one).contains("Microsoft.EventHub"));
        let silent = hubs.filter(|one| one["properties"]["metrics"][0]["category"] != "AllMetrics");
        problems.extend(silent.map(|one| format!("{} leaves out metrics", one["id"])));
        let lake = format!("{}/blobServices/default", text(&snapshot.lake_storage()["id"]));
        let lake = snapshot.of_type(settings).find(|one| scope(one) == lake).unwrap_or(&Value::Null).to_string();
        let unheard = ["StorageWrite", "StorageDelete"].into_iter().filter(|category| !lake.contains(category));
        problems.extend(unheard.map(|category| format!("the lake does not report {category}")));
        problems
    })
}

pub fn alerts_are_complete(specimen: &Specimen) -> Vec<String> {
    let wanted = [
        "person-must-act",
        "storage-fails",
        "failed-invocations",
        "growing-lag",
        "nothing-ingested",
        "no-gold-run",
        "gold-falls-behind",
        "gold-was-wrong",
        "events-rejected",
    ];
    specimen.each(|snapshot| {
        let rules: Vec<&Value> = snapshot.of_type("Microsoft.Insights/scheduledQueryRules").collect();
        let named: BTreeSet<&str> = rules.iter().map(|rule| text(&rule["properties"]["displayName"])).collect();
        let mut problems: Vec<String> =
            wanted.iter().filter(|name| !named.contains(**name)).map(|name| format!("no alert `{name}`")).collect();
        for rule in &rules {
            problems.extend(expect(rule, "/properties/enabled", true));
            problems.extend(expect(rule, "/properties/scopes/0", snapshot.the(WORKSPACES)["id"].clone()));
            problems.extend(expect(rule, "/properties/criteria/allOf/0/metricMeasureColumn", "measure"));
            let query = text(&rule["properties"]["criteria"]["allOf"][0]["query"]);
            problems.extend((!query.contains("measure =")).then(|| format!("{} gives no `measure`", rule["name"])));
        }
        let silence = named_rule(&rules, "no-gold-run");
        problems.extend(expect(silence, "/properties/criteria/allOf/0/operator", "LessThan"));
        problems.extend(failure_problems(&rules));
        // Where there are recipients, every alert names them.
        let recipients = text(&snapshot.the("Microsoft.Insights/actionGroups")["id"]);
        let metric: Vec<&Value> = snapshot.of_type("Microsoft.Insights/metricAlerts").collect();
        for alert in rules.iter().chain(&metric) {
            problems.extend(
                (!alert["properties"]["actions"].to_string().contains(recipients))
                    .then(|| format!("{} has no recipient", alert["name"])),
            );
        }
        for namespace in snapshot.of_type("Microsoft.EventHub/namespaces") {
            let watched = metric.iter().any(|alert| {
                alert["properties"]["scopes"][0] == namespace["id"]
                    && alert["properties"]["criteria"]["allOf"][0]["metricName"] == "ThrottledRequests"
            });
            problems.extend((!watched).then(|| format!("throttling of {} is not watched", namespace["name"])));
        }
        problems
    })
}

fn named_rule<'a>(rules: &[&'a Value], name: &str) -> &'a Value {
    rules.iter().find(|rule| rule["properties"]["displayName"] == name).copied().unwrap_or(&Value::Null)
}

/// The first failure that no retry can end calls a person. A failure that a retry can end does so only if it lasts, and
/// less urgently.
fn failure_problems(rules: &[&Value]) -> Vec<String> {
    let (person, storage) = (named_rule(rules, "person-must-act"), named_rule(rules, "storage-fails"));
    let query = |rule: &Value| text(&rule["properties"]["criteria"]["allOf"][0]["query"]).to_owned();
    let severity = |rule: &Value| rule["properties"]["severity"].as_i64();
    let mut problems = Vec::new();
    problems.extend(expect(person, "/properties/criteria/allOf/0/threshold", 1));
    problems.extend((severity(person) >= severity(storage)).then(|| "`storage-fails` is as urgent".to_owned()));
    if !query(person).contains("failureKind != \"retry\"") {
        problems.push("`person-must-act` does not tell failures by their kind".to_owned());
    }
    if !query(storage).contains("failureKind == \"retry\" | summarize by period = bin(") {
        problems.push("`storage-fails` does not wait until failures last".to_owned());
    }
    problems
}

pub fn budget_starts_with_a_month(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        for budget in snapshot.of_type("Microsoft.Consumption/budgets") {
            let start = text(&budget["properties"]["timePeriod"]["startDate"]);
            problems.extend((!start.ends_with("-01")).then(|| format!("the budget starts on {start}")));
            problems.extend(expect(budget, "/properties/timeGrain", "Monthly"));
            let warnings = budget["properties"]["notifications"].as_object().map_or(0, |all| all.len());
            problems.extend((warnings < 2).then(|| "the budget warns once or not at all".to_owned()));
        }
        if snapshot.name == "vnet" && snapshot.of_type("Microsoft.Consumption/budgets").next().is_none() {
            problems.push("no budget, though an amount is given".to_owned());
        }
        problems
    })
}
