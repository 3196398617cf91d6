//! API versions are ones that compilers of the last years know, and no module comes from a registry.

use crate::infra::snapshot::text;
use crate::infra::specimen::Specimen;

/// By the longest prefix of the type.
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

pub fn are_pinned(specimen: &Specimen) -> Vec<String> {
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

/// Offline checkers are blind to what comes from a registry, and a build needs the network then.
pub fn modules_are_local(specimen: &Specimen) -> Vec<String> {
    let main = specimen.read("infra/main.bicep");
    let modules = main.lines().filter(|line| line.starts_with("module "));
    modules
        .filter(|line| !line.contains(" './modules/"))
        .map(|line| format!("not of this repository: {line}"))
        .collect()
}
