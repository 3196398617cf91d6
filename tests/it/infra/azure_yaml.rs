//! `azure.yaml` and the workflows. azd's schema accepts unknown keys, so azd silently ignores a misspelt one.

use super::Check;
use super::specimen::Specimen;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

pub const CHECKS: &[(&str, Check)] = &[
    ("azure-yaml-has-only-keys-that-azd-knows", has_only_known_keys),
    ("azure-yaml-stages-what-it-zips", stages_what_it_zips),
    ("workflows-keep-no-secret", workflows_keep_no_secret),
];

/// Keys by path, as azd's schema (schemas/v1.0/azure.yaml.json) describes them. The user chooses the name at a `*`.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "name",
            "metadata",
            "resourceGroup",
            "infra",
            "services",
            "pipeline",
            "hooks",
            "requiredVersions",
            "state",
            "workflows",
        ],
    ),
    ("/requiredVersions", &["azd", "extensions"]),
    ("/infra", &["provider", "path", "module"]),
    ("/services", &["*"]),
    (
        "/services/*",
        &["project", "host", "language", "dist", "hooks", "resourceName", "resourceGroup", "module", "remoteBuild"],
    ),
    (
        "/services/*/hooks",
        &["prepackage", "postpackage", "predeploy", "postdeploy", "prebuild", "postbuild", "prerestore", "postrestore"],
    ),
    ("/services/*/hooks/*", &["shell", "run", "continueOnError", "interactive", "windows", "posix", "secrets"]),
];

fn yaml(specimen: &Specimen, path: &str) -> Value {
    serde_yaml_ng::from_str(&specimen.read(path)).unwrap_or_else(|error| panic!("`{path}` is not YAML: {error}"))
}

fn has_only_known_keys(specimen: &Specimen) -> Vec<String> {
    let mut problems = Vec::new();
    walk("", &yaml(specimen, "azure.yaml"), &mut problems);
    problems
}

fn walk(path: &str, value: &Value, problems: &mut Vec<String>) {
    let Some((_, known)) = KNOWN.iter().find(|(known, _)| *known == path) else {
        problems.extend(value.is_object().then(|| format!("no key is known below `{path}`")));
        return;
    };
    let Some(members) = value.as_object() else { return problems.push(format!("`{path}` is {value}")) };
    for (key, value) in members {
        let is_free = known.contains(&"*");
        if !is_free && !known.contains(&key.as_str()) {
            problems.push(format!("`{path}` has no key `{key}`"));
        } else if value.is_object() {
            let below = if is_free || path.ends_with("/hooks") { "*" } else { key };
            walk(&format!("{path}/{below}"), value, problems);
        }
    }
}

/// `dist` is mandatory, and azd zips it after the hook `prepackage`. So this hook must make that folder.
fn stages_what_it_zips(specimen: &Specimen) -> Vec<String> {
    let file = yaml(specimen, "azure.yaml");
    let mut problems = Vec::new();
    for (pointer, expected) in [("/name", "clickstream"), ("/infra/provider", "bicep"), ("/infra/path", "infra")] {
        problems.extend(
            (file.pointer(pointer) != Some(&Value::from(expected))).then(|| format!("{pointer} is not {expected}")),
        );
    }
    for (name, service) in file["services"].as_object().into_iter().flatten() {
        let is = |key: &str, expected: &str| {
            (service[key] != expected).then(|| format!("{name}: `{key}` is {}", service[key]))
        };
        problems.extend([is("host", "function"), is("language", "custom"), is("project", ".")].into_iter().flatten());
        let (dist, script) = (&service["dist"], &service["hooks"]["prepackage"]["run"]);
        let Some(script) = script.as_str() else {
            problems.push(format!("{name}: nothing is staged before it is packaged"));
            continue;
        };
        let path = specimen.root.join(script);
        let mode = std::fs::metadata(&path).map_or(0, |file| file.permissions().mode());
        problems.extend((mode & 0o100 == 0).then(|| format!("`{script}` cannot be run")));
        let staged = format!("-- package --out {} ", dist.as_str().unwrap_or("?"));
        let makes_it = mode != 0 && specimen.read(script).contains(&staged);
        problems.extend((!makes_it).then(|| format!("`{script}` does not make {dist}")));
    }
    problems
}

fn workflows_keep_no_secret(specimen: &Specimen) -> Vec<String> {
    let mut problems = workflow_problems(specimen, "deploy", &[("contents", "read"), ("id-token", "write")]);
    problems.extend(workflow_problems(specimen, "gate", &[("contents", "read")]));
    // The identity trusts this environment alone.
    let trusted = specimen.read("infra/main.bicep");
    let file = yaml(specimen, ".github/workflows/deploy.yml");
    let environment = file["jobs"]["deploy"]["environment"].as_str().unwrap_or_default();
    let is_trusted = trusted.contains(&format!("param githubEnvironment string = '{environment}'"));
    problems.extend((!is_trusted).then(|| format!("environment `{environment}` is not trusted")));
    let gate = yaml(specimen, ".github/workflows/gate.yml");
    let runs_the_gate = gate["jobs"]["gate"]["steps"].as_array().into_iter().flatten().any(|s| s["run"] == ".ci/run");
    problems.extend((!runs_the_gate).then(|| "the workflow `gate` does not run `.ci/run`".to_owned()));
    problems
}

/// The workflow has exactly these permissions, and names no secret.
fn workflow_problems(specimen: &Specimen, name: &str, wanted: &[(&str, &str)]) -> Vec<String> {
    let path = format!(".github/workflows/{name}.yml");
    let file = yaml(specimen, &path);
    let mut problems = Vec::new();
    let permissions: BTreeSet<(&str, &str)> = file["permissions"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(what, how)| (what.as_str(), how.as_str().unwrap_or_default()))
        .collect();
    let wanted: BTreeSet<(&str, &str)> = wanted.iter().copied().collect();
    if permissions != wanted {
        problems.push(format!("the workflow `{name}` has the permissions {permissions:?}"));
    }
    let text = specimen.read(&path);
    let words = ["secrets.", "publish-profile", "creds:", "client-secret"];
    problems.extend(words.iter().filter(|word| text.contains(**word)).map(|word| format!("`{path}` has `{word}`")));
    problems
}
