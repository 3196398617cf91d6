//! Where events are published to, and as whom.
//!
//! Entra is the usual way: the managed identity that Functions or another Azure host names in the environment, else whoever
//! is signed in with `az` or `azd`. A connection string comes through the environment only: a command line can be read by
//! every process of the machine. It is never shown, in an error neither.

use super::super::Failure;
use super::delivery::Delivery;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::time::Duration;
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use azure_messaging_eventhubs::builders::BufferedProducerClientBuilder;
use azure_messaging_eventhubs::{BufferedProducerClient, ConnectionString};
use std::sync::Arc;
use tokio::net::TcpStream;
use url::Url;

pub const CONNECTION_STRING: &str = "EVENTHUB_CONNECTION_STRING";

/// What the client asks Entra for.
const SCOPE: &str = "https://eventhubs.azure.net/.default";

/// Without encryption, as Microsoft's emulator and `clickstream local --listen` speak.
const PLAIN_PORT: u16 = 5672;

const TLS_PORT: u16 = 5671;

const REACH_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// Events that may wait for one partition: about two full batches, so that one fills while the other is under way.
const BUFFERED_PER_PARTITION: usize = 4_000;

/// How long an event waits for others that would go with it.
const MAX_WAIT: Duration = Duration::milliseconds(200);

pub struct Connection {
    hub: String,
    access: Access,
}

enum Access {
    Entra {
        namespace: String,
    },
    ConnectionString {
        text: Secret,
        namespace: String,
        /// Of an emulator.
        plain_port: Option<u16>,
    },
}

impl Connection {
    pub fn from_environment(namespace: Option<String>, hub: Option<String>) -> Result<Self, Failure> {
        let text = std::env::var(CONNECTION_STRING).ok().filter(|text| !text.is_empty());
        Self::new(namespace, hub, text.map(Secret::from))
    }

    /// Checks what can be checked without the network.
    pub fn new(namespace: Option<String>, hub: Option<String>, text: Option<Secret>) -> Result<Self, Failure> {
        match (namespace, text) {
            (Some(_), Some(_)) => Err(format!(
                "cannot choose an event hub: `--namespace` and {CONNECTION_STRING} both name one; unset one of them"
            )
            .into()),
            (None, None) => {
                Err(format!("cannot choose an event hub: give `--namespace` and `--hub`, or set {CONNECTION_STRING}")
                    .into())
            }
            (Some(namespace), None) => {
                let hub = hub.ok_or("cannot choose an event hub: `--hub` is missing")?;
                Ok(Connection { hub, access: Access::Entra { namespace } })
            }
            (None, Some(text)) => Self::by_connection_string(hub, text),
        }
    }

    fn by_connection_string(hub: Option<String>, text: Secret) -> Result<Self, Failure> {
        let wrong = |reason: String| format!("cannot use {CONNECTION_STRING}: {reason}");
        let parsed = ConnectionString::try_from(&text).map_err(|error| wrong(error.to_string()))?;
        let hub = match (hub, &parsed.entity_path) {
            (Some(hub), Some(path)) if hub != *path => {
                return Err(wrong(format!("its `EntityPath` is `{path}`, and `--hub` is `{hub}`")).into());
            }
            (Some(hub), _) => hub,
            (None, Some(path)) => path.clone(),
            (None, None) => return Err(wrong("it has no `EntityPath`; give `--hub`".into()).into()),
        };
        let plain_port = is_of_an_emulator(text.secret()).then(|| plain_port(&parsed.endpoint)).transpose()?;
        let namespace = parsed.fully_qualified_namespace;
        Ok(Connection { hub, access: Access::ConnectionString { text, namespace, plain_port } })
    }

    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// Signs in and connects. The outcome of each batch goes to `delivery`.
    pub async fn open(&self, delivery: &Delivery) -> Result<BufferedProducerClient, Failure> {
        trust_one_provider();
        let opened = match &self.access {
            Access::Entra { namespace } => {
                let credential = signed_in().await?;
                reach(namespace, TLS_PORT).await?;
                builder(delivery).open(namespace, &self.hub, credential).await
            }
            Access::ConnectionString { text, namespace, plain_port: None } => {
                reach(namespace, TLS_PORT).await?;
                builder(delivery).open_with_connection_string(text.secret(), Some(&self.hub)).await
            }
            Access::ConnectionString { text, namespace, plain_port: Some(port) } => {
                reach(namespace, *port).await?;
                let endpoint = format!("amqp://{namespace}:{port}");
                let builder = builder(delivery).with_custom_endpoint(endpoint);
                builder.open_with_connection_string(text.secret(), Some(&self.hub)).await
            }
        };
        opened.map_err(|error| format!("cannot connect to event hub `{}`: {error}", self.hub).into())
    }
}

fn builder(delivery: &Delivery) -> BufferedProducerClientBuilder {
    let (accepted, refused) = (delivery.clone(), delivery.clone());
    BufferedProducerClient::builder()
        .with_application_id("clickstream".into())
        .with_max_wait_time(MAX_WAIT)
        .with_max_buffered_event_count_per_partition(BUFFERED_PER_PARTITION)
        .with_on_send_succeeded(move |batch| {
            accepted.accepted(&batch);
            std::future::ready(())
        })
        .with_on_send_failed(move |batch| {
            refused.refused(&batch);
            std::future::ready(())
        })
}

/// The store's client brings one implementation of cryptography and the event hub's another. TLS refuses to choose.
pub(super) fn trust_one_provider() {
    // It fails where one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A credential that has given a token: who is not signed in learns it here, and not from a connection that fails.
async fn signed_in() -> Result<Arc<dyn TokenCredential>, Failure> {
    let credential = credential().map_err(|error| format!("cannot set up a sign-in to Entra: {error}"))?;
    match credential.get_token(&[SCOPE], None).await {
        Ok(_) => Ok(credential),
        Err(error) => Err(format!("cannot sign in to Entra: {error}; `az login` is enough on a desk").into()),
    }
}

fn credential() -> azure_core::Result<Arc<dyn TokenCredential>> {
    if std::env::var_os("IDENTITY_ENDPOINT").is_none() {
        return Ok(DeveloperToolsCredential::new(None)?);
    }
    // A host may have several identities.
    let user_assigned_id = std::env::var("AZURE_CLIENT_ID").ok().map(UserAssignedId::ClientId);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, ..ManagedIdentityCredentialOptions::default() };
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

/// The client leaves out what it does not know, and it does not know this.
fn is_of_an_emulator(connection_string: &str) -> bool {
    connection_string
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .any(|(key, value)| key.eq_ignore_ascii_case("UseDevelopmentEmulator") && value.eq_ignore_ascii_case("true"))
}

/// Only on this machine may a key travel in the clear.
fn plain_port(endpoint: &str) -> Result<u16, Failure> {
    let wrong = |reason: &str| format!("cannot use {CONNECTION_STRING} with `UseDevelopmentEmulator`: {reason}");
    let url = Url::parse(endpoint).map_err(|_| wrong("its `Endpoint` is not a URL"))?;
    let host = url.host_str().unwrap_or_default();
    if !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
        return Err(wrong(&format!("its `Endpoint` is `{host}`, which is not this machine")).into());
    }
    Ok(url.port().unwrap_or(PLAIN_PORT))
}

/// The client tries for a minute before it says that nobody is there.
async fn reach(host: &str, port: u16) -> Result<(), Failure> {
    let address = format!("{host}:{port}");
    match tokio::time::timeout(REACH_WITHIN, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot reach `{address}`: {error}").into()),
        Err(_) => Err(format!("cannot reach `{address}`: no answer within {} s", REACH_WITHIN.as_secs()).into()),
    }
}
