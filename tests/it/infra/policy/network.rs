//! The virtual network, where a deployment has one.

use crate::infra::specimen::{Specimen, expect, text};
use serde_json::Value;
use std::collections::BTreeSet;

pub fn private_means_private(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        let access = if snapshot.is_private() { "Disabled" } else { "Enabled" };
        let rule = if snapshot.is_private() { "Deny" } else { "Allow" };
        for account in snapshot.of_type("Microsoft.Storage/storageAccounts") {
            problems.extend(expect(account, "/properties/publicNetworkAccess", access));
            problems.extend(expect(account, "/properties/networkAcls/defaultAction", rule));
        }
        for namespace in snapshot.of_type("Microsoft.EventHub/namespaces") {
            problems.extend(expect(namespace, "/properties/publicNetworkAccess", access));
        }
        let subnet = text(&snapshot.site()["properties"]["virtualNetworkSubnetId"]);
        let network = text(&snapshot.the("Microsoft.Network/virtualNetworks")["id"]);
        if snapshot.is_private() != (!network.is_empty() && subnet.starts_with(network)) {
            problems.push(format!("the app's traffic goes by `{subnet}`"));
        }
        let network = snapshot.the("Microsoft.Network/virtualNetworks");
        for subnet in network["properties"]["subnets"].as_array().into_iter().flatten() {
            problems.extend(
                subnet["properties"]
                    .get("networkSecurityGroup")
                    .is_none()
                    .then(|| format!("{} has no rules", subnet["name"])),
            );
        }
        problems.extend(
            snapshot
                .is_private()
                .then(|| {
                    expect(
                        network,
                        "/properties/subnets/0/properties/delegations/0/properties/serviceName",
                        "Microsoft.App/environments",
                    )
                })
                .flatten(),
        );
        problems
    })
}

/// Each account and namespace has an endpoint for each of its services, and a DNS zone holds the endpoint's name. The
/// functions reach the lake through `blob`, so an endpoint for `dfs` alone is not enough for them.
pub fn private_names_resolve(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        if !snapshot.is_private() {
            return Vec::new();
        }
        let id = |one: &Value| text(&one["id"]).to_owned();
        let (host, lake) = (id(snapshot.host_storage()), id(snapshot.lake_storage()));
        let mut wanted = BTreeSet::from([
            (host, "blob", "privatelink.blob.core.windows.net"),
            (lake.clone(), "blob", "privatelink.blob.core.windows.net"),
            (lake, "dfs", "privatelink.dfs.core.windows.net"),
        ]);
        let namespaces = snapshot.of_type("Microsoft.EventHub/namespaces");
        wanted.extend(namespaces.map(|one| (id(one), "namespace", "privatelink.servicebus.windows.net")));
        let mut problems = Vec::new();
        let linked: Vec<&str> = snapshot
            .of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
            .map(|one| text(&one["name"]))
            .collect();
        for (target, group, zone) in wanted {
            problems.extend(
                (!linked.iter().any(|name| name.starts_with(zone))).then(|| format!("zone {zone} is not linked")),
            );
            let is_it = |one: &&Value| {
                let connection = &one["properties"]["privateLinkServiceConnections"][0]["properties"];
                connection["privateLinkServiceId"] == target.as_str()
                    && connection["groupIds"] == Value::from(vec![group])
            };
            let Some(endpoint) = snapshot.of_type("Microsoft.Network/privateEndpoints").find(is_it) else {
                problems.push(format!("no endpoint for {group} of {target}"));
                continue;
            };
            let mut groups = snapshot.of_type("Microsoft.Network/privateEndpoints/privateDnsZoneGroups");
            let named = groups.find(|one| text(&one["id"]).starts_with(text(&endpoint["id"]))).unwrap_or(&Value::Null);
            if !named["properties"].to_string().contains(&format!("/{zone}\"")) {
                problems.push(format!("the endpoint for {group} of {target} is not in {zone}"));
            }
        }
        problems
    })
}
