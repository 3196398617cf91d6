//! Where the lake is: a folder, memory, Azure Blob or ADLS Gen2, as one object store. And where its writers get random
//! numbers from: here only, so that a simulation can replace both.
//!
//! The store's own retries are short and few, since every caller retries too and never gives up.

use crate::error::{Consequence, Kind};
use bytes::Bytes;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Why a lake cannot be opened. The store has not been asked anything yet, so it is always a setting.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "cannot open the lake at `{url}`: {detail}; give a folder, `az://container/path` or \
         `abfss://container@account.dfs.core.windows.net/path`"
    )]
    Url { url: String, detail: String },
    #[error("cannot create the lake's folder `{path}`")]
    Folder { path: String, source: std::io::Error },
    #[error("cannot set storage option `{key}`: the Azure client has no such option; correct its name or remove it")]
    Option { key: String },
    #[error("cannot set up the store for `{url}`")]
    Client { url: String, source: object_store::Error },
}

impl Consequence for StoreError {
    fn kind(&self) -> Kind {
        Kind::Operator
    }
}

/// A store, the root of the lake in it, and the random numbers of its writers.
#[derive(Debug, Clone)]
pub struct Lake {
    url: Url,
    /// Rooted at the container or file system.
    root: Arc<dyn ObjectStore>,
    path: Path,
    random: Random,
}

impl Lake {
    /// `options` are the keys of `object_store`'s Azure client (`azure_client_id`, `azure_msi_endpoint`,
    /// `azure_storage_use_emulator`, ...); a folder has none. Sends no request.
    pub fn open(url: &str, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        if !url.contains("://") {
            return Self::folder(std::path::Path::new(url));
        }
        let parsed = Url::parse(url).map_err(|error| StoreError::Url { url: url.into(), detail: error.to_string() })?;
        match parsed.scheme() {
            "file" => match parsed.to_file_path() {
                Ok(path) => Self::folder(&path),
                Err(()) => Err(StoreError::Url { url: url.into(), detail: "the path is not absolute".into() }),
            },
            "memory" => Ok(Self::on(Arc::new(InMemory::new()), parsed)),
            "az" | "azure" | "abfs" | "abfss" => Self::azure(parsed, options),
            other => Err(StoreError::Url { url: url.into(), detail: format!("scheme `{other}` is unknown") }),
        }
    }

    /// A lake on a store made elsewhere.
    pub fn on(root: Arc<dyn ObjectStore>, url: Url) -> Self {
        let path = Path::from_url_path(url.path()).unwrap_or_default();
        Lake { url, root, path, random: Random::System }
    }

    fn folder(path: &std::path::Path) -> Result<Self, StoreError> {
        let folder = |source| StoreError::Folder { path: path.display().to_string(), source };
        std::fs::create_dir_all(path).map_err(folder)?;
        let path = path.canonicalize().map_err(folder)?;
        let url = Url::from_directory_path(&path).map_err(|()| StoreError::Url {
            url: path.display().to_string(),
            detail: "the path is not absolute".into(),
        })?;
        Ok(Self::on(Arc::new(LocalFileSystem::new()), url))
    }

    fn azure(url: Url, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        let mut builder = MicrosoftAzureBuilder::new().with_url(url.as_str());
        for (key, value) in options {
            let key = AzureConfigKey::from_str(key).map_err(|_| StoreError::Option { key: key.clone() })?;
            builder = builder.with_config(key, value);
        }
        let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
        let client = ClientOptions::new()
            .with_timeout(Duration::from_secs(30))
            .with_connect_timeout(Duration::from_secs(5))
            .with_allow_http(options.iter().any(|(key, value)| is_on_this_machine(key, value)));
        let store = builder
            .with_retry(retry)
            .with_client_options(client)
            .build()
            .map_err(|source| StoreError::Client { url: url.to_string(), source })?;
        Ok(Self::on(Arc::new(store), url))
    }

    /// The same lake with other random numbers.
    pub fn with_random(self, random: Random) -> Self {
        Lake { random, ..self }
    }

    pub(super) fn random(&self) -> &Random {
        &self.random
    }

    /// For messages: credentials are options, so it holds none.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The store below `name`, so that paths are relative to the table.
    pub fn table_store(&self, name: &str) -> Arc<dyn ObjectStore> {
        let mut path = self.path.clone();
        for segment in name.split('/') {
            path = path.join(segment);
        }
        Arc::new(PrefixStore::new(self.root.clone(), path))
    }

    pub(super) fn root(&self) -> Arc<dyn ObjectStore> {
        self.root.clone()
    }

    pub(super) fn table_url(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{name}/", self.url.path().trim_end_matches('/')));
        url
    }

    /// Sends one cheap request to learn whether the lake can be reached.
    pub async fn reach(&self) -> Result<(), object_store::Error> {
        match self.root.head(&self.path.clone().join("_reach")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Credentials may travel unencrypted only within this machine: to an emulator, or to an endpoint on loopback.
fn is_on_this_machine(key: &str, value: &str) -> bool {
    let loopback = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    key.contains("use_emulator") || (key.contains("endpoint") && loopback.iter().any(|start| value.starts_with(start)))
}

/// All bytes of one object.
pub(super) async fn fetch(store: &dyn ObjectStore, path: &Path) -> object_store::Result<Bytes> {
    store.get(path).await?.bytes().await
}

/// The source of random numbers: names of files, ids of commits, how long to wait after a conflict. Clones share it.
#[derive(Debug, Clone, Default)]
pub enum Random {
    #[default]
    System,
    /// The same seed gives the same numbers: for simulations.
    Seeded(Arc<Mutex<ChaCha8Rng>>),
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Random::Seeded(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// A name that nothing else has.
    pub(super) fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.with(|numbers| numbers.fill_bytes(&mut bytes));
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// 0 to `max`.
    pub fn up_to(&self, max: u64) -> u64 {
        let mut number = 0;
        self.with(|numbers| number = numbers.random_range(0..=max));
        number
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws random numbers")]
    fn with(&self, draw: impl FnOnce(&mut dyn RngCore)) {
        match self {
            Random::System => draw(&mut rand::rng()),
            Random::Seeded(numbers) => draw(&mut *numbers.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
