//! Errors by consequence: what the reader of a failed invocation has to do about it.
//!
//! Every error that can reach a function has a [`Kind`]. The functions turn it into a status code in one place, the log
//! line carries it, and the alerts ask for it: "storage is slow" and "a person must act" are told apart.

use std::error::Error;
use std::sync::Arc;

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the host tries again, and a later attempt can succeed as it is.
    Retry,
    /// A person: a setting, a permission, or a table has to be changed before any attempt can succeed.
    Operator,
    /// A developer: this cannot happen unless the code, or a library, is wrong.
    Bug,
}

impl Kind {
    /// As the log line and the alert queries spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Retry => "retry",
            Kind::Operator => "operator",
            Kind::Bug => "bug",
        }
    }
}

/// An error that says what has to be done about it.
pub trait Consequence: Error {
    fn kind(&self) -> Kind;
}

impl<E: Consequence + ?Sized> Consequence for Arc<E> {
    fn kind(&self) -> Kind {
        self.as_ref().kind()
    }
}

/// The error and everything that caused it, on one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}
