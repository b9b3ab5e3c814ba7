//! The DynamoDB client on a Worker's platform.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{self, IdentityCache};
use ripple_core::store::dynamodb::{Access, configure};

use crate::clock::Clock;
use crate::fetch::Fetch;
use crate::random;

/// Returns the DynamoDB client.
#[must_use]
pub(crate) fn new(access: &Access) -> Client {
    // Seeds the SDK's jitter, which would otherwise be the same in every isolate.
    fastrand::seed(u64::from_ne_bytes(random::bytes()));
    let builder = configure(config::Config::builder())
        .http_client(Fetch)
        .sleep_impl(Clock)
        .time_source(Clock)
        // Credentials do not change. Besides, if one request waits for another one's fetch, a Worker may never wake it.
        .identity_cache(IdentityCache::no_cache());
    Client::from_conf(access.configure(builder).build())
}
