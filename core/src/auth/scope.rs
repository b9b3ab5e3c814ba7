//! What a key allows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To read.
    Read,
    /// To change something. It does not include [`Scope::Read`].
    Write,
}

impl Scope {
    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of a key, as they are stored: `read` and `write` for every resource, `prj:read` for one. A name that this
/// version does not know grants nothing and is kept.
///
/// ```
/// use ripple_core::auth::{Scope, Scopes};
///
/// let scopes: Scopes = ["read", "task:write"].into_iter().map(str::to_owned).collect();
/// assert!(scopes.allow(Scope::Read, "prj") && scopes.allow(Scope::Write, "task"));
/// assert!(!scopes.allow(Scope::Write, "prj"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reports whether an operation that needs `scope` is allowed on a resource.
    #[must_use]
    pub fn allow(&self, scope: Scope, resource: &str) -> bool {
        let of_one =
            |name: &str| name.strip_prefix(resource).and_then(|rest| rest.strip_prefix(':')) == Some(scope.as_str());
        self.names().any(|name| name == scope.as_str() || of_one(name))
    }

    /// Returns the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Scopes(names.into_iter().collect())
    }
}

impl From<Vec<Scope>> for Scopes {
    /// Returns scopes that count for every resource.
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().map(|scope| scope.to_string()).collect()
    }
}
