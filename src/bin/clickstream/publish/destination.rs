//! Which event hub the command line and the environment name, and as whom to sign in.
//!
//! Entra is the usual way: the managed identity that Functions or another Azure host names in the environment, else the person
//! who is signed in with `az` or `azd`. A connection string comes from the environment only, because every process of the
//! machine can read a command line.

use super::super::Failure;
use event_hubs::publisher::{Destination, DestinationError, Identity};

pub const CONNECTION_STRING: &str = "EVENTHUB_CONNECTION_STRING";

pub fn from_environment(namespace: Option<String>, hub: Option<String>) -> Result<Destination, Failure> {
    let text = std::env::var(CONNECTION_STRING).ok().filter(|text| !text.is_empty());
    let identity = match std::env::var_os("IDENTITY_ENDPOINT") {
        Some(_) => Identity::Managed { client_id: std::env::var("AZURE_CLIENT_ID").ok() },
        None => Identity::Developer,
    };
    choose(namespace, hub, text, identity)
}

/// Checks what can be checked without the network.
pub fn choose(
    namespace: Option<String>,
    hub: Option<String>,
    connection_string: Option<String>,
    identity: Identity,
) -> Result<Destination, Failure> {
    match (namespace, connection_string) {
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
            Ok(Destination::with_identity(namespace, hub, identity))
        }
        (None, Some(text)) => Destination::with_connection_string(text, hub).map_err(|error| {
            let hint = if error == DestinationError::NoHub { "; give `--hub`" } else { "" };
            format!("cannot use {CONNECTION_STRING}: {error}{hint}").into()
        }),
    }
}
