//! The two storage accounts.

use crate::infra::specimen::{Snapshot, Specimen, expect, text};
use serde_json::Value;

const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";
const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

pub fn accepts_identities_only(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let accounts = snapshot.of_type(ACCOUNTS).flat_map(|account| {
            [
                expect(account, "/properties/allowSharedKeyAccess", false),
                expect(account, "/properties/defaultToOAuthAuthentication", true),
                expect(account, "/properties/allowBlobPublicAccess", false),
                expect(account, "/properties/allowCrossTenantReplication", false),
            ]
        });
        let containers = snapshot.of_type(CONTAINERS).map(|one| expect(one, "/properties/publicAccess", "None"));
        accounts.chain(containers).flatten().collect()
    })
}

pub fn is_encrypted_on_its_way(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let accounts = snapshot.of_type(ACCOUNTS).flat_map(|account| {
            [
                expect(account, "/properties/supportsHttpsTrafficOnly", true),
                expect(account, "/properties/minimumTlsVersion", "TLS1_2"),
            ]
        });
        accounts.flatten().collect()
    })
}

/// The host does not support a hierarchical namespace, and readers of the lake need one.
pub fn host_and_lake_are_two_accounts(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let (host, lake) = (snapshot.host_storage(), snapshot.lake_storage());
        let mut problems = Vec::new();
        problems.extend(expect(host, "/properties/isHnsEnabled", false));
        problems.extend(expect(lake, "/properties/isHnsEnabled", true));
        problems.extend(
            [host, lake].iter().filter(|one| one.is_null()).map(|_| "an account that is named is missing".into()),
        );
        let containers: Vec<&str> = snapshot.of_type(CONTAINERS).map(|one| text(&one["name"])).collect();
        let lake_container = snapshot.app_setting("LAKE_URL").trim_start_matches("abfss://").split('@').next();
        let wanted = format!("{}/default/{}", text(&lake["name"]), lake_container.unwrap_or_default());
        if !containers.contains(&wanted.as_str()) {
            problems.push(format!("`LAKE_URL` names container `{wanted}`, which is not one of {containers:?}"));
        }
        problems
    })
}

/// Only a table's log knows its files, so a rule may move data files and delete nothing.
pub fn life_cycle_moves_only_data_files(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        for policy in snapshot.of_type("Microsoft.Storage/storageAccounts/managementPolicies") {
            let lake = text(&snapshot.lake_storage()["name"]);
            if !text(&policy["name"]).starts_with(&format!("{lake}/")) {
                problems.push(format!("`{}` is not a policy of the lake", policy["name"]));
            }
            for rule in policy["properties"]["policy"]["rules"].as_array().into_iter().flatten() {
                problems.extend(rule_problems(snapshot, rule));
            }
        }
        problems
    })
}

fn rule_problems(snapshot: &Snapshot, rule: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let definition = &rule["definition"];
    if definition["actions"].to_string().contains("delete") {
        problems.push(format!("rule {} deletes", rule["name"]));
    }
    let (container, rest) =
        snapshot.app_setting("LAKE_URL").trim_start_matches("abfss://").split_once('@').unwrap_or_default();
    let folder = rest.split_once('/').map_or("", |(_, folder)| folder);
    let prefixes = definition["filters"]["prefixMatch"].as_array().cloned().unwrap_or_default();
    if prefixes.is_empty() {
        problems.push(format!("rule {} has no prefix, so it matches everything", rule["name"]));
    }
    for prefix in prefixes.iter().map(text) {
        let table = prefix.strip_prefix(&format!("{container}/{folder}/"));
        if !matches!(table, Some("bronze/events/ingest_date=" | "silver/quarantine/ingest_date=")) {
            problems.push(format!("rule {} matches `{prefix}`", rule["name"]));
        }
    }
    problems
}

pub fn lake_is_locked_and_recoverable(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let lake = text(&snapshot.lake_storage()["id"]);
        let mut problems = Vec::new();
        let mut locks = snapshot.of_type("Microsoft.Authorization/locks");
        if !locks.any(|lock| text(&lock["id"]).starts_with(lake) && lock["properties"]["level"] == "CanNotDelete") {
            problems.push("the lake is not locked".to_owned());
        }
        let services = "Microsoft.Storage/storageAccounts/blobServices";
        let blobs = snapshot.of_type(services).find(|one| text(&one["id"]).starts_with(lake)).unwrap_or(&Value::Null);
        problems.extend(expect(blobs, "/properties/deleteRetentionPolicy/enabled", true));
        problems.extend(expect(blobs, "/properties/containerDeleteRetentionPolicy/enabled", true));
        // Azure refuses it together with a hierarchical namespace.
        problems
            .extend(blobs["properties"].get("isVersioningEnabled").map(|_| "a lake cannot be versioned".to_owned()));
        problems
    })
}
