//! Namespaces, hubs, consumer groups.

use crate::infra::specimen::{Specimen, expect, text};

const NAMESPACES: &str = "Microsoft.EventHub/namespaces";
const HUBS: &str = "Microsoft.EventHub/namespaces/eventhubs";
const GROUPS: &str = "Microsoft.EventHub/namespaces/eventhubs/consumergroups";

pub fn accept_identities_only(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let of = |one| {
            [expect(one, "/properties/disableLocalAuth", true), expect(one, "/properties/minimumTlsVersion", "1.2")]
        };
        let rules = snapshot.resources.iter().filter(|one| text(&one["type"]).ends_with("authorizationRules"));
        let rules = rules.map(|rule| format!("{} is a key", rule["name"]));
        snapshot.of_type(NAMESPACES).flat_map(of).flatten().chain(rules).collect()
    })
}

/// Days without the functions must not lose an event, and the namespace must be able to grow for a peak.
pub fn keep_events_and_grow(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        for hub in snapshot.of_type(HUBS) {
            let hours = hub["properties"]["retentionDescription"]["retentionTimeInHours"].as_i64().unwrap_or_default();
            if !(72..=168).contains(&hours) {
                problems.push(format!("hub {} keeps events for {hours} h", hub["name"]));
            }
            problems.extend(expect(hub, "/properties/retentionDescription/cleanupPolicy", "Delete"));
        }
        for namespace in snapshot.of_type(NAMESPACES) {
            problems.extend(expect(namespace, "/sku/name", "Standard"));
            problems.extend(expect(namespace, "/properties/isAutoInflateEnabled", true));
            let maximum = namespace["properties"]["maximumThroughputUnits"].as_i64().unwrap_or_default();
            if maximum <= namespace["sku"]["capacity"].as_i64().unwrap_or_default() {
                problems.push(format!("namespace {} may grow to {maximum} units", namespace["name"]));
            }
        }
        problems
    })
}

/// The namespace, hub and consumer group in the settings exist, in every region.
pub fn is_the_one_that_is_read(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        let (hub, group) = (snapshot.app_setting("EVENTHUB_NAME"), snapshot.app_setting("EVENTHUB_CONSUMER_GROUP"));
        let namespaces: Vec<&str> = snapshot.of_type(NAMESPACES).map(|one| text(&one["name"])).collect();
        let wanted = snapshot.app_setting("EventHubConnection__fullyQualifiedNamespace");
        if !namespaces.iter().any(|name| format!("{name}.servicebus.windows.net") == wanted) {
            problems.push(format!("the functions read namespace `{wanted}`, which is not one of {namespaces:?}"));
        }
        if (namespaces.len() == 2) != (snapshot.name == "two-regions") {
            problems.push(format!("namespaces {namespaces:?}"));
        }
        if group == "$Default" {
            problems.push("the consumer group is the shared one".to_owned());
        }
        let groups: Vec<&str> = snapshot.of_type(GROUPS).map(|one| text(&one["name"])).collect();
        for namespace in namespaces {
            let wanted = format!("{namespace}/{hub}/{group}");
            if !groups.contains(&wanted.as_str()) {
                problems.push(format!("consumer group `{wanted}` is not one of {groups:?}"));
            }
        }
        problems
    })
}
