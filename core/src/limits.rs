//! What a caller can come up against, and how long what is waited for: named, with its source. What bounds one mechanism
//! alone stands with it.

use std::time::Duration;

/// A request's body. API Gateway takes 10 MB, Lambda 6 MB; a record is at most [`RECORD`].
pub const BODY: usize = 1024 * 1024;

/// An item, as DynamoDB counts it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const ITEM: usize = 400 * 1024;

/// A record as stored, with ripple's own attributes.
pub const RECORD: usize = ITEM;

/// Levels of nesting in a record: DynamoDB's own limit.
pub const NESTING: usize = 32;

/// Bytes of a member's name, at any level. DynamoDB takes 64 KB, and 255 characters of a name that an index knows. One that
/// a record has from another program may be longer.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const NAME: usize = 255;

/// Characters of a `prj_id`. DynamoDB would take 2,048 bytes.
pub const ID: usize = 128;

/// Bytes of an id that another writer chose: DynamoDB's own limit for a partition key.
pub const STORED_ID: usize = 2048;

/// Characters of `term_unit` and `create_date`.
pub const SHORT_TEXT: usize = 64;

/// Attributes of which one transaction is conditioned. A condition holds 4 KB and 300 operators, and each takes a
/// comparison with the `AND` before it. A change of more members is made in several transactions.
pub const CONDITIONS: usize = 100;

/// The greatest version: the greatest whole number that every reader of JSON has exactly (RFC 8259 §6).
pub const VERSION: u64 = (1 << 53) - 1;

/// Bytes of a list's page: a Lambda answer holds 6 MB, its JSON string escapes included.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAGE: usize = 5 * 1024 * 1024;

/// The greatest `limit` of a list.
pub const PAGE_RECORDS: usize = 10_000;

/// Attribute names in `sort`.
pub const SORT_KEYS: usize = 8;

/// Characters of a string that count in `sort`; a cursor carries them.
pub const SORT_TEXT: usize = 64;

/// Attribute names in `fields`.
pub const FIELDS: usize = 64;

/// Characters of a query string, percent-encoded, but for its cursor. API Gateway and CloudFront take 8 to 10 KB.
pub const QUERY: usize = 8 * 1024;

/// Characters of an `x-request-id` that is echoed.
pub const REQUEST_ID: usize = 128;

/// (id, version) pairs in a session token: the writes of a client's last moments.
pub const SESSION: usize = 16;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a version stays in the history after it was replaced.
pub const HISTORY: Duration = Duration::from_secs(90 * DAY.as_secs());

/// How long a tombstone stays: until the history before it is gone (DynamoDB's TTL is late by some days at most). A reader
/// of changes that stays away longer may miss a deletion, so it must begin anew.
pub const TOMBSTONE: Duration = Duration::from_secs(HISTORY.as_secs() + 7 * DAY.as_secs());

/// How long a write that carries an `Idempotency-Key` is remembered, unless the request says how long.
pub const CLAIM: Duration = DAY;

/// The most days that a request may say.
pub const CLAIM_DAYS: u64 = 90;

/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY: usize = 255;

/// What a history row says of a write's changes. A page of the history holds a hundred of them in memory.
pub const CHANGES: usize = 80 * 1024;

/// Versions in one page of a history, unless fewer are asked for: they are read whole, up to 400 KB each.
pub const HISTORY_PAGE: usize = 100;

/// The longest that a host has a request under way, after which nothing of it is written: Lambda 28 s, `ripple dev` 29 s,
/// the WASI component this.
/// A save is told by the time at which its request came, and may be made as much later.
pub const REQUEST: Duration = Duration::from_secs(30);

/// How late the index shows a write, and how far the clocks of hosts differ, together.
pub const LAG: Duration = Duration::from_secs(30);

/// How far behind where it knows all a query for changes begins: what it could not see then has a time since that.
pub const OVERLAP: Duration = Duration::from_secs(REQUEST.as_secs() + LAG.as_secs());

/// Tries of a save whose record somebody else is saving too.
pub const SAVE_TRIES: u32 = 16;

/// The longest wait before the third try; it doubles with each. The second is made at once.
pub const SAVE_BACKOFF: Duration = Duration::from_millis(40);

/// But for no longer than this: all sixteen wait for five seconds, or ten at most.
pub const SAVE_WAIT: Duration = Duration::from_secs(1);

/// Everything one DynamoDB operation may take, its retries included. API Gateway gives up after 29 s.
pub const STORE_BUDGET: Duration = Duration::from_secs(8);

/// One attempt of a DynamoDB operation.
pub const STORE_ATTEMPT: Duration = Duration::from_secs(3);

/// What `Retry-After` says when DynamoDB does not answer.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// API keys remembered by one process, and refusals: memory stays bounded whoever guesses.
pub const REMEMBERED_KEYS: usize = 4096;

/// How long a key that was found is remembered, unless configured otherwise: a revocation takes effect within it. Each
/// process that a key comes to asks for it as often, at 0.5 read units.
pub const KEY_FRESH: Duration = Duration::from_secs(10);

/// How long a refusal is remembered.
pub const REFUSAL_FRESH: Duration = Duration::from_secs(10);

/// How long a host counts a key's requests before it notes them in the table of keys.
pub const KEY_USE: Duration = Duration::from_secs(5 * 60);

/// After DynamoDB could not be asked for a key that is remembered, it is not asked again for so long: requests do not
/// each wait for it in vain.
pub const KEY_RETRY: Duration = Duration::from_secs(5);

/// How long reads go on while DynamoDB does not answer, or denies: with keys that are remembered, and at the edge of a list
/// that was read before. Unless configured otherwise.
pub const STALE: Duration = Duration::from_secs(60 * 60);
