//! Roles: who may do what.

use crate::infra::specimen::{Snapshot, Specimen, expect, scope, text};
use serde_json::Value;
use std::collections::BTreeSet;

const ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments";
const IDENTITIES: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

const BLOB_DATA_OWNER: &str = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
const BLOB_DATA_CONTRIBUTOR: &str = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
const EVENT_HUBS_DATA_RECEIVER: &str = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde";
const EVENT_HUBS_DATA_SENDER: &str = "2b629674-e913-4c01-ae53-ef4638d8f975";
const MONITORING_METRICS_PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";
const WEBSITE_CONTRIBUTOR: &str = "de139f84-1756-47ae-9be6-808fbbe84772";

/// Principal, role and scope.
type Right = (&'static str, String, String);

/// `app` and `deployer` are our identities; `named` is a user or program that a parameter names.
fn principal(snapshot: &Snapshot, assignment: &Value) -> &'static str {
    let id = text(&assignment["properties"]["principalId"]);
    let mut own =
        snapshot.site()["identity"]["userAssignedIdentities"].as_object().into_iter().flat_map(|all| all.keys());
    if own.any(|identity| id.contains(&format!("reference('{identity}'"))) {
        "app"
    } else if id.starts_with("[reference(") {
        "deployer"
    } else {
        "named"
    }
}

fn rights(snapshot: &Snapshot) -> BTreeSet<Right> {
    let right = |one: &Value| {
        let role = text(&one["properties"]["roleDefinitionId"]).rsplit('/').next().unwrap_or_default().to_owned();
        (principal(snapshot, one), role, scope(one).to_owned())
    };
    snapshot.of_type(ASSIGNMENTS).map(right).collect()
}

/// The app has all the roles that it needs, at the narrowest scope that works. Others have at most the listed ones.
pub fn roles_are_exactly_these(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let id = |one: &Value| text(&one["id"]).to_owned();
        let (host, lake) = (id(snapshot.host_storage()), id(snapshot.lake_storage()));
        let container =
            snapshot.app_setting("LAKE_URL").trim_start_matches("abfss://").split('@').next().unwrap_or_default();
        let lake = format!("{lake}/blobServices/default/containers/{container}");
        let insights = id(snapshot.the("Microsoft.Insights/components"));
        let hubs: Vec<String> = snapshot.of_type("Microsoft.EventHub/namespaces/eventhubs").map(id).collect();
        let mut needed: BTreeSet<Right> = BTreeSet::from([
            ("app", BLOB_DATA_OWNER.into(), host),
            ("app", BLOB_DATA_CONTRIBUTOR.into(), lake.clone()),
            ("app", MONITORING_METRICS_PUBLISHER.into(), insights),
        ]);
        needed.extend(hubs.iter().map(|hub| ("app", EVENT_HUBS_DATA_RECEIVER.to_owned(), hub.clone())));
        let mut allowed = needed.clone();
        allowed.insert(("named", BLOB_DATA_READER.into(), lake));
        allowed.extend(hubs.iter().map(|hub| ("named", EVENT_HUBS_DATA_SENDER.to_owned(), hub.clone())));
        allowed.insert(("deployer", WEBSITE_CONTRIBUTOR.into(), id(snapshot.site())));
        if snapshot.name == "vnet" {
            needed = allowed.clone();
        }
        let rights = rights(snapshot);
        let missing = needed.difference(&rights).map(|right| format!("missing: {right:?}"));
        missing.chain(rights.difference(&allowed).map(|right| format!("too much: {right:?}"))).collect()
    })
}

/// Azure refuses an assignment to a new identity if the type is missing or wrong.
pub fn roles_name_their_principals_type(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let of = |one| match (principal(snapshot, one), text(&one["properties"]["principalType"])) {
            ("app" | "deployer", "ServicePrincipal") | ("named", "ServicePrincipal" | "User" | "Group") => None,
            (principal, found) => Some(format!("a role of `{principal}` is for a `{found}`")),
        };
        snapshot.of_type(ASSIGNMENTS).filter_map(of).collect()
    })
}

/// `guid(scope, principal, role)` is the same at every deployment, and another one after an identity was recreated.
pub fn roles_have_stable_names(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        for assignment in snapshot.of_type(ASSIGNMENTS).filter(|one| principal(snapshot, one) != "named") {
            let (name, properties) = (text(&assignment["name"]), &assignment["properties"]);
            let role = text(&properties["roleDefinitionId"]).rsplit('/').next().unwrap_or_default();
            let who = text(&properties["principalId"]).trim_start_matches('[').trim_end_matches(']');
            let wanted = format!("[guid('{}', {who}, '{role}')]", scope(assignment));
            problems.extend((name != wanted).then(|| format!("a role is named {name}, expected {wanted}")));
        }
        let names: Vec<&str> = snapshot.of_type(ASSIGNMENTS).map(|one| text(&one["name"])).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        problems.extend((distinct.len() != names.len()).then(|| "two roles have one name".to_owned()));
        problems
    })
}

/// Except for the role on the site, which cannot be assigned before the site exists.
pub fn roles_are_in_one_file(specimen: &Specimen) -> Vec<String> {
    let modules = std::fs::read_dir(specimen.root.join("infra/modules")).expect("a folder");
    let names = modules.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let with_roles: BTreeSet<String> =
        names.filter(|name| specimen.read(&format!("infra/modules/{name}")).contains(ASSIGNMENTS)).collect();
    let expected = BTreeSet::from(["roles.bicep".to_owned(), "deployer-role.bicep".to_owned()]);
    (with_roles != expected).then(|| format!("roles are assigned in {with_roles:?}")).into_iter().collect()
}

/// An expansion does not show the order, so this reads `main.bicep` for what the site waits for.
pub fn roles_come_before_the_site(specimen: &Specimen) -> Vec<String> {
    let main = specimen.read("infra/main.bicep");
    let site =
        main.split("\nmodule ").find(|module| module.contains("./modules/function-app.bicep'")).unwrap_or_default();
    let awaited =
        site.split_once("dependsOn: [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    let awaited: BTreeSet<&str> = awaited.split([',', '\n']).map(str::trim).collect();
    let needed = ["roles", "hostStorage", "lakeStorage", "eventHubs", "privateEndpoints"];
    needed
        .iter()
        .filter(|module| !awaited.contains(**module))
        .map(|module| format!("the site does not wait for `{module}`"))
        .collect()
}

pub fn deployer_is_one_github_environment(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let kind = format!("{IDENTITIES}/federatedIdentityCredentials");
        let mut problems = Vec::new();
        for credential in snapshot.of_type(&kind) {
            problems.extend(expect(credential, "/properties/issuer", "https://token.actions.githubusercontent.com"));
            problems.extend(expect(credential, "/properties/subject", "repo:shop/clickstream:environment:production"));
            problems.extend(expect(credential, "/properties/audiences", vec!["api://AzureADTokenExchange"]));
            let own = snapshot.site()["identity"]["userAssignedIdentities"].to_string();
            let identity = text(&credential["id"]).split("/federatedIdentityCredentials").next().unwrap_or_default();
            problems.extend(own.contains(identity).then(|| "GitHub may assume the app's own identity".to_owned()));
        }
        problems
    })
}
