//! Authentication: API keys, what a host remembers of them, and limits on how often a client may send requests.
//!
//! **Invariant:** nothing here knows HTTP or DynamoDB. `service::authenticate` combines the parts.

mod cache;
mod key;
mod rate_limit;
mod scope;
mod usage;

pub use cache::{KeyMemory, Remembered, Trust, TrustError};
pub use key::{ApiKey, Caller, KeyHash, KeyRecord};
pub use rate_limit::{ClientAddress, Limiter, TooOften};
pub use scope::{Scope, Scopes};
pub use usage::{Usage, UsageCounter};
