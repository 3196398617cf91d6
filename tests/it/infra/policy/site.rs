//! The Functions app.

use crate::infra::specimen::{Specimen, expect, text};
use serde_json::Value;

pub fn is_a_custom_handler_on_flex(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let (site, plan) = (snapshot.site(), snapshot.the("Microsoft.Web/serverfarms"));
        let mut problems: Vec<String> = [
            expect(plan, "/sku/name", "FC1"),
            expect(plan, "/sku/tier", "FlexConsumption"),
            expect(plan, "/properties/reserved", true),
            expect(site, "/kind", "functionapp,linux"),
            expect(site, "/properties/serverFarmId", plan["id"].clone()),
            expect(site, "/properties/functionAppConfig/runtime/name", "custom"),
            expect(site, "/properties/functionAppConfig/runtime/version", "1.0"),
        ]
        .into_iter()
        .flatten()
        .collect();
        // A plan holds one app.
        for kind in ["Microsoft.Web/serverfarms", "Microsoft.Web/sites"] {
            let count = snapshot.of_type(kind).count();
            problems.extend((count != 1).then(|| format!("{count} of {kind}")));
        }
        for refused in ["linuxFxVersion", "alwaysOn", "healthCheckPath", "appCommandLine"] {
            let config = &site["properties"]["siteConfig"];
            problems.extend(config.get(refused).map(|_| format!("Flex refuses `{refused}`")));
        }
        problems
    })
}

pub fn accepts_https_only(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let site = snapshot.site();
        let problems = [
            expect(site, "/properties/httpsOnly", true),
            expect(site, "/properties/siteConfig/minTlsVersion", "1.2"),
            expect(site, "/properties/siteConfig/scmMinTlsVersion", "1.2"),
            expect(site, "/properties/siteConfig/http20Enabled", true),
            expect(site, "/properties/siteConfig/ftpsState", "Disabled"),
            expect(site, "/properties/siteConfig/remoteDebuggingEnabled", false),
        ];
        problems.into_iter().flatten().collect()
    })
}

pub fn accepts_no_passwords(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        for way in ["scm", "ftp"] {
            let mut policies = snapshot.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies");
            match policies.find(|policy| text(&policy["name"]).ends_with(&format!("/{way}"))) {
                Some(policy) => problems.extend(expect(policy, "/properties/allow", false)),
                None => problems.push(format!("passwords for {way} are not refused")),
            }
        }
        problems
    })
}

/// The package is at a URL, not a resource id, of a container that exists. The site fetches it with its own identity.
pub fn fetches_its_package_by_identity(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let (site, host) = (snapshot.site(), text(&snapshot.host_storage()["name"]));
        let storage = &site["properties"]["functionAppConfig"]["deployment"]["storage"];
        let identities: Vec<&String> =
            site["identity"]["userAssignedIdentities"].as_object().into_iter().flat_map(|all| all.keys()).collect();
        let mut problems = Vec::new();
        problems.extend(expect(storage, "/type", "blobContainer"));
        problems.extend(expect(storage, "/authentication/type", "UserAssignedIdentity"));
        problems.extend(expect(site, "/identity/type", "UserAssigned"));
        if identities != [text(&storage["authentication"]["userAssignedIdentityResourceId"])] {
            problems
                .push(format!("the site has identities {identities:?}, and fetches by {}", storage["authentication"]));
        }
        let container = text(&storage["value"]).strip_prefix(&format!("https://{host}.blob.core.windows.net/"));
        let wanted = format!("{host}/default/{}", container.unwrap_or("?"));
        let mut containers = snapshot.of_type("Microsoft.Storage/storageAccounts/blobServices/containers");
        if !containers.any(|one| one["name"] == wanted.as_str()) {
            problems.push(format!("the package is at {}, but `{wanted}` does not exist", storage["value"]));
        }
        problems
    })
}

/// Each connection has three settings. A setting with the connection's own name would override them.
pub fn connections_are_by_identity(specimen: &Specimen) -> Vec<String> {
    specimen.each(|snapshot| {
        let mut problems = Vec::new();
        let identity =
            snapshot.site()["identity"]["userAssignedIdentities"].as_object().and_then(|all| all.keys().next());
        let client = format!("reference('{}'", identity.map_or("no identity", String::as_str));
        for (connection, address) in
            [("AzureWebJobsStorage", "blobServiceUri"), ("EventHubConnection", "fullyQualifiedNamespace")]
        {
            let of = |part: &str| snapshot.app_setting(&format!("{connection}__{part}"));
            problems.extend(of(address).is_empty().then(|| format!("`{connection}__{address}` is not set")));
            problems
                .extend((of("credential") != "managedidentity").then(|| format!("`{connection}` has no credential")));
            problems.extend((!of("clientId").contains(&client)).then(|| format!("`{connection}` names no identity")));
            problems.extend((!snapshot.app_setting(connection).is_empty()).then(|| format!("`{connection}` is set")));
        }
        for setting in ["AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] {
            let value = snapshot.app_setting(setting);
            problems.extend(
                (!value.contains(&client) || !value.contains(".clientId")).then(|| format!("`{setting}` is {value}")),
            );
        }
        let telemetry = snapshot.app_setting("APPLICATIONINSIGHTS_AUTHENTICATION_STRING");
        problems.extend((!telemetry.contains("Authorization=AAD")).then(|| "telemetry is not by identity".to_owned()));
        problems
    })
}

pub fn settings_hold_no_secret(specimen: &Specimen) -> Vec<String> {
    let secret = [
        "listkeys",
        "listaccountsas",
        "listservicesas",
        "listcredentials",
        "accountkey=",
        "sharedaccesskey",
        "instrumentationkey",
        "password",
        "client_secret",
    ];
    specimen.each(|snapshot| {
        let whole = Value::from(snapshot.resources.clone()).to_string().to_lowercase();
        secret.iter().filter(|word| whole.contains(**word)).map(|word| format!("`{word}` is in it")).collect()
    })
}

/// Refuses settings that the plan sets or rejects, and settings that would override the identity.
pub fn settings_suit_flex(specimen: &Specimen) -> Vec<String> {
    let refused = [
        "FUNCTIONS_",
        "WEBSITE_",
        "SCM_DO_BUILD",
        "ENABLE_ORYX_BUILD",
        "AZURE_STORAGE_",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "IDENTITY_",
    ];
    specimen.each(|snapshot| {
        let settings = snapshot.app_settings();
        let wrong = settings
            .iter()
            .filter(|(name, _)| refused.iter().any(|start| name.starts_with(start)) || name.contains(':'));
        let mut problems: Vec<String> = wrong.map(|(name, _)| format!("`{name}` must not be set")).collect();
        let mut names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
        names.sort();
        problems.extend(
            names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| format!("`{}` is set twice", pair[0])),
        );
        problems
    })
}

pub fn is_found_by_azd(specimen: &Specimen) -> Vec<String> {
    let services = specimen.read("azure.yaml");
    specimen.each(|snapshot| {
        let service = text(&snapshot.site()["tags"]["azd-service-name"]).to_owned();
        let mut problems: Vec<String> = Vec::new();
        if service.is_empty() || !services.contains(&format!("\n  {service}:\n")) {
            problems.push(format!("the site is tagged for service `{service}`, which azure.yaml does not have"));
        }
        let untagged = snapshot
            .resources
            .iter()
            .filter(|one| one.get("location").is_some() && text(&one["tags"]["azd-env-name"]).is_empty());
        problems.extend(untagged.map(|one| format!("{} has no tag `azd-env-name`", one["name"])));
        problems
    })
}
