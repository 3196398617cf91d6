//! A deployment to check: the committed one, or a copy with a defect. Its snapshots are what `bicep snapshot` expands each
//! parameter set to: every resource with its id, name and properties.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The committed parameter sets: all defaults, everything that one region can have, and two regions.
pub const PARAMETER_SETS: [&str; 3] = ["default", "vnet", "two-regions"];

pub struct Specimen {
    pub root: PathBuf,
    pub snapshots: Vec<Snapshot>,
}

impl Specimen {
    pub fn committed() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let read = |name: &&str| Snapshot::new(name, &committed_snapshot(name));
        Specimen { snapshots: PARAMETER_SETS.iter().map(read).collect(), root }
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap_or_else(|error| panic!("`{path}` is not JSON: {error}"))
    }

    /// Names of the folders below `functions/`.
    pub fn functions(&self) -> BTreeSet<String> {
        let folders = std::fs::read_dir(self.root.join("functions")).expect("a folder");
        folders.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// Problems that `check` finds in any of the snapshots.
    pub fn each(&self, check: impl Fn(&Snapshot) -> Vec<String>) -> Vec<String> {
        let all = self
            .snapshots
            .iter()
            .flat_map(|snapshot| check(snapshot).into_iter().map(|problem| format!("{}: {problem}", snapshot.name)));
        all.collect()
    }
}

pub fn committed_snapshot(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("infra/snapshots/{name}.snapshot.json"));
    let text = std::fs::read_to_string(path).expect("the snapshots are committed");
    serde_json::from_str(&text).expect("a snapshot is JSON")
}

/// The expansion of one parameter set.
pub struct Snapshot {
    /// Of the parameter set.
    pub name: String,
    pub resources: Vec<Value>,
}

impl Snapshot {
    pub fn new(name: &str, expanded: &Value) -> Self {
        let resources = expanded["predictedResources"].as_array().cloned().unwrap_or_default();
        assert!(resources.len() > 20, "snapshot `{name}` has {} resources", resources.len());
        Snapshot { name: name.to_owned(), resources }
    }

    pub fn of_type<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let kind = kind.to_owned();
        self.resources.iter().filter(move |resource| resource["type"] == kind.as_str())
    }

    /// The first resource of this type; null if the template has no such resource.
    pub fn the(&self, kind: &str) -> &Value {
        let mut all = self.of_type(kind);
        all.next().unwrap_or(&Value::Null)
    }

    pub fn site(&self) -> &Value {
        self.the("Microsoft.Web/sites")
    }

    /// Name and value of each app setting.
    pub fn app_settings(&self) -> Vec<(&str, &str)> {
        let settings = self.site()["properties"]["siteConfig"]["appSettings"].as_array();
        settings.into_iter().flatten().map(|setting| (text(&setting["name"]), text(&setting["value"]))).collect()
    }

    pub fn app_setting(&self, name: &str) -> &str {
        self.app_settings().into_iter().find(|(setting, _)| *setting == name).map_or("", |(_, value)| value)
    }

    /// The account that holds the deployment package and the host's state.
    pub fn host_storage(&self) -> &Value {
        self.storage(&self.site()["properties"]["functionAppConfig"]["deployment"]["storage"]["value"], "https://", ".")
    }

    /// The account that `LAKE_URL` names.
    pub fn lake_storage(&self) -> &Value {
        self.storage(&Value::from(self.app_setting("LAKE_URL")), "@", ".")
    }

    fn storage(&self, url: &Value, before: &str, after: &str) -> &Value {
        let name =
            text(url).split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(name, _)| name);
        let mut accounts = self.of_type("Microsoft.Storage/storageAccounts");
        accounts.find(|account| account["name"] == name).unwrap_or(&Value::Null)
    }

    pub fn is_private(&self) -> bool {
        self.of_type("Microsoft.Network/virtualNetworks").next().is_some()
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A problem unless the member at `pointer` is `expected`.
pub fn expect(resource: &Value, pointer: &str, expected: impl Into<Value>) -> Option<String> {
    let (found, expected) = (resource.pointer(pointer).unwrap_or(&Value::Null), expected.into());
    let name = text(&resource["name"]);
    (*found != expected).then(|| format!("`{name}` has {pointer} = {found}, expected {expected}"))
}

/// The scope of an extension resource, whose id may be an expression.
pub fn scope(extension: &Value) -> &str {
    let id = text(&extension["id"]);
    match id.strip_prefix("[extensionResourceId('") {
        Some(rest) => rest.split('\'').next().unwrap_or_default(),
        None => id.rsplit_once("/providers/").map_or("", |(scope, _)| scope),
    }
}
