//! Rules for every deployment, whatever its parameters. The mutation test knows each check by its name.

mod access;
mod event_hubs;
mod network;
mod site;
mod storage;
mod watch;

use super::Check;
use super::specimen::{Specimen, text};

pub const CHECKS: &[(&str, Check)] = &[
    ("storage-accepts-identities-only", storage::accepts_identities_only),
    ("storage-is-encrypted-on-its-way", storage::is_encrypted_on_its_way),
    ("host-and-lake-are-two-accounts", storage::host_and_lake_are_two_accounts),
    ("life-cycle-moves-only-data-files", storage::life_cycle_moves_only_data_files),
    ("lake-is-locked-and-recoverable", storage::lake_is_locked_and_recoverable),
    ("hubs-accept-identities-only", event_hubs::accept_identities_only),
    ("hubs-keep-events-and-grow", event_hubs::keep_events_and_grow),
    ("hub-is-the-one-that-is-read", event_hubs::is_the_one_that_is_read),
    ("site-is-a-custom-handler-on-flex", site::is_a_custom_handler_on_flex),
    ("site-accepts-https-only", site::accepts_https_only),
    ("site-accepts-no-passwords", site::accepts_no_passwords),
    ("site-fetches-its-package-by-identity", site::fetches_its_package_by_identity),
    ("connections-are-by-identity", site::connections_are_by_identity),
    ("settings-hold-no-secret", site::settings_hold_no_secret),
    ("settings-suit-flex", site::settings_suit_flex),
    ("site-is-found-by-azd", site::is_found_by_azd),
    ("roles-are-exactly-these", access::roles_are_exactly_these),
    ("roles-name-their-principals-type", access::roles_name_their_principals_type),
    ("roles-have-stable-names", access::roles_have_stable_names),
    ("roles-are-in-one-file", access::roles_are_in_one_file),
    ("roles-come-before-the-site", access::roles_come_before_the_site),
    ("deployer-is-one-github-environment", access::deployer_is_one_github_environment),
    ("private-means-private", network::private_means_private),
    ("private-names-resolve", network::private_names_resolve),
    ("api-versions-are-pinned", api_versions_are_pinned),
    ("modules-are-local", modules_are_local),
    ("telemetry-accepts-identities-only", watch::telemetry_accepts_identities_only),
    ("everything-reports", watch::everything_reports),
    ("alerts-are-complete", watch::alerts_are_complete),
    ("budget-starts-with-a-month", watch::budget_starts_with_a_month),
];

/// API versions that compilers of the last years know, by a prefix of the resource type.
const PINNED: &[(&str, &str)] = &[
    ("Microsoft.Authorization/locks", "2020-05-01"),
    ("Microsoft.Authorization/roleAssignments", "2022-04-01"),
    ("Microsoft.Consumption/budgets", "2024-08-01"),
    ("Microsoft.EventHub/", "2024-01-01"),
    ("Microsoft.Insights/actionGroups", "2023-01-01"),
    ("Microsoft.Insights/components", "2020-02-02"),
    ("Microsoft.Insights/diagnosticSettings", "2021-05-01-preview"),
    ("Microsoft.Insights/metricAlerts", "2018-03-01"),
    ("Microsoft.Insights/scheduledQueryRules", "2023-12-01"),
    ("Microsoft.ManagedIdentity/", "2024-11-30"),
    ("Microsoft.Network/networkSecurityGroups", "2024-07-01"),
    ("Microsoft.Network/privateDnsZones", "2024-06-01"),
    ("Microsoft.Network/privateEndpoints", "2024-07-01"),
    ("Microsoft.Network/virtualNetworks", "2024-07-01"),
    ("Microsoft.OperationalInsights/workspaces", "2025-02-01"),
    ("Microsoft.Resources/resourceGroups", "2025-04-01"),
    ("Microsoft.Storage/", "2025-01-01"),
    ("Microsoft.Web/", "2024-11-01"),
];

fn api_versions_are_pinned(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let of = |one: &serde_json::Value| {
            let (kind, found) = (text(&one["type"]), text(&one["apiVersion"]));
            match PINNED.iter().find(|(start, _)| kind.starts_with(start)) {
                Some((_, pinned)) if *pinned == found => None,
                Some((_, pinned)) => Some(format!("{kind} has version {found}, expected {pinned}")),
                None => Some(format!("no version is pinned for {kind}")),
            }
        };
        snapshot.resources.iter().filter_map(of).collect()
    })
}

/// Offline checkers cannot see what comes from a registry, and a build would need the network.
fn modules_are_local(specimen: &Specimen) -> Vec<String> {
    let main = specimen.read("infra/main.bicep");
    let modules = main.lines().filter(|line| line.starts_with("module "));
    modules
        .filter(|line| !line.contains(" './modules/"))
        .map(|line| format!("not of this repository: {line}"))
        .collect()
}
