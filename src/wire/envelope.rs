//! The outer object: `Data` and `Metadata`, split into members and not looked into.

use super::error::EnvelopeError;
use super::value::Members;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "Data", borrow, default)]
    pub data: Members<'a>,
    #[serde(rename = "Metadata", borrow, default)]
    pub metadata: Members<'a>,
}

impl<'a> Envelope<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(body)
            .map_err(|source| EnvelopeError::NotJson { object: "the invocation".to_owned(), source })
    }

    /// The value of `binding`; of the only one there is, if function.json calls it otherwise.
    pub fn binding(&self, binding: &str) -> Result<&'a RawValue, EnvelopeError> {
        let only = || self.data.values().next().filter(|_| self.data.len() == 1);
        self.data.get(binding).or_else(only).copied().ok_or_else(|| {
            let names: Vec<String> = self.data.keys().map(|name| format!("`{name}`")).collect();
            let found = if names.is_empty() { "no data".to_owned() } else { names.join(", ") };
            EnvelopeError::NoBinding { binding: binding.to_owned(), found }
        })
    }
}
