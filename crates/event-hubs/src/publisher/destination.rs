//! Which event hub events go to, and as whom.
//!
//! Entra is the usual way. A connection string is the other one; it contains a key, which is never shown, in no error either.
//! Knows nothing of the environment or the command line: the program decides where the two come from.

use super::error::{DestinationError, PublishError};
use super::outstanding::Outstanding;
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

/// What the publisher asks Entra for.
const SCOPE: &str = "https://eventhubs.azure.net/.default";
/// Without encryption, as Microsoft's emulator and this crate's endpoint speak.
const PLAIN_PORT: u16 = 5672;
const TLS_PORT: u16 = 5671;
const REACH_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);
/// Events that may wait for one partition: about two full batches, so that one fills while the other one is sent.
const MAX_BUFFERED_PER_PARTITION: usize = 4_000;
/// How long an event waits for others to share its batch.
const MAX_WAIT: Duration = Duration::milliseconds(200);

/// Who signs in to Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The identity of the Azure host that runs the program. A host may have several; `client_id` picks one.
    Managed { client_id: Option<String> },
    /// The person who is signed in with `az` or `azd`.
    Developer,
}

/// An event hub, and the way to sign in to it.
#[derive(Debug)]
pub struct Destination {
    hub: String,
    access: Access,
}

#[derive(Debug)]
enum Access {
    Entra {
        namespace: String,
        identity: Identity,
    },
    ConnectionString {
        text: Secret,
        namespace: String,
        /// For an emulator, which has no TLS.
        plain_port: Option<u16>,
    },
}

impl Destination {
    /// An event hub of `namespace`, such as `shop.servicebus.windows.net`.
    pub fn with_identity(namespace: String, hub: String, identity: Identity) -> Self {
        Destination { hub, access: Access::Entra { namespace, identity } }
    }

    /// The event hub of a connection string, or `hub` if it names none.
    ///
    /// # Errors
    /// When it is not a connection string, names another hub, or would send its key unencrypted to another machine.
    pub fn with_connection_string(text: String, hub: Option<String>) -> Result<Self, DestinationError> {
        let text = Secret::from(text);
        let parsed =
            ConnectionString::try_from(&text).map_err(|error| DestinationError::Malformed(error.to_string()))?;
        let hub = match (hub, parsed.entity_path) {
            (Some(hub), Some(path)) if hub != path => return Err(DestinationError::OtherHub { path, hub }),
            (Some(hub), _) | (None, Some(hub)) => hub,
            (None, None) => return Err(DestinationError::NoHub),
        };
        let plain_port = is_of_an_emulator(text.secret()).then(|| plain_port(&parsed.endpoint)).transpose()?;
        let namespace = parsed.fully_qualified_namespace;
        Ok(Destination { hub, access: Access::ConnectionString { text, namespace, plain_port } })
    }

    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// Signs in and connects. The client reports the outcome of each batch to `outstanding`.
    pub(super) async fn open(&self, outstanding: &Outstanding) -> Result<BufferedProducerClient, PublishError> {
        let opened = match &self.access {
            Access::Entra { namespace, identity } => {
                let credential = sign_in(identity).await?;
                reach(namespace, TLS_PORT).await?;
                builder(outstanding).open(namespace, &self.hub, credential).await
            }
            Access::ConnectionString { text, namespace, plain_port: None } => {
                reach(namespace, TLS_PORT).await?;
                builder(outstanding).open_with_connection_string(text.secret(), Some(&self.hub)).await
            }
            Access::ConnectionString { text, namespace, plain_port: Some(port) } => {
                reach(namespace, *port).await?;
                let endpoint = format!("amqp://{namespace}:{port}");
                let builder = builder(outstanding).with_custom_endpoint(endpoint);
                builder.open_with_connection_string(text.secret(), Some(&self.hub)).await
            }
        };
        opened.map_err(|error| PublishError::Connect { hub: self.hub.clone(), reason: error.to_string() })
    }
}

fn builder(outstanding: &Outstanding) -> BufferedProducerClientBuilder {
    let (accepted, refused) = (outstanding.clone(), outstanding.clone());
    BufferedProducerClient::builder()
        .with_application_id("event-hubs".into())
        .with_max_wait_time(MAX_WAIT)
        .with_max_buffered_event_count_per_partition(MAX_BUFFERED_PER_PARTITION)
        .with_on_send_succeeded(move |batch| {
            accepted.accepted(&batch);
            std::future::ready(())
        })
        .with_on_send_failed(move |batch| {
            refused.refused(&batch);
            std::future::ready(())
        })
}

/// A credential that has given a token. A person who is not signed in gets a clear error here, and not one of a connection.
async fn sign_in(identity: &Identity) -> Result<Arc<dyn TokenCredential>, PublishError> {
    let credential = credential(identity).map_err(PublishError::Identity)?;
    credential.get_token(&[SCOPE], None).await.map_err(PublishError::SignIn)?;
    Ok(credential)
}

fn credential(identity: &Identity) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let Identity::Managed { client_id } = identity else { return Ok(DeveloperToolsCredential::new(None)?) };
    let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, ..ManagedIdentityCredentialOptions::default() };
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

/// The client ignores this part of a connection string.
fn is_of_an_emulator(connection_string: &str) -> bool {
    connection_string
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .any(|(key, value)| key.eq_ignore_ascii_case("UseDevelopmentEmulator") && value.eq_ignore_ascii_case("true"))
}

/// The port of an emulator. A key may travel unencrypted on this machine only.
fn plain_port(endpoint: &str) -> Result<u16, DestinationError> {
    let url = Url::parse(endpoint).map_err(|_| DestinationError::NoUrl)?;
    let host = url.host_str().unwrap_or_default();
    if !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
        return Err(DestinationError::OtherMachine(host.to_owned()));
    }
    Ok(url.port().unwrap_or(PLAIN_PORT))
}

/// Checks that somebody listens there: the client would try for a minute before it says that nobody does.
async fn reach(host: &str, port: u16) -> Result<(), PublishError> {
    let address = format!("{host}:{port}");
    let reason = match tokio::time::timeout(REACH_WITHIN, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", REACH_WITHIN.as_secs()),
    };
    Err(PublishError::Unreachable { address, reason })
}
