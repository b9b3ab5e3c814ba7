//! The limits that a client can reach, and the longest waits, each with its source. A limit of a single mechanism is
//! defined beside that mechanism.

use std::time::Duration;

/// The size of a request's body, in bytes. API Gateway takes 10 MB, Lambda 6 MB; a record is at most [`RECORD`].
pub const BODY: usize = 1024 * 1024;

/// The size of an item, in bytes, as DynamoDB counts it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const ITEM: usize = 400 * 1024;

/// The size of a record as stored, in bytes, with ripple's own attributes.
pub const RECORD: usize = ITEM;

/// The levels of nesting in a record, which is DynamoDB's limit.
pub const NESTING: usize = 32;

/// The length of a member's name, in bytes, at any level. DynamoDB takes 64 KB, or 255 characters for a name in an
/// index. A name that another program added may be longer.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const NAME: usize = 255;

/// The length of a `prj_id`, in characters. DynamoDB would take 2,048 bytes.
pub const ID: usize = 128;

/// The length of an id that another writer chose, in bytes. It is DynamoDB's limit for a partition key.
pub const STORED_ID: usize = 2048;

/// The number of attributes in the conditions of one transaction. A condition holds 4 KB and 300 operators, and each
/// attribute needs a comparison with the `AND` before it. A change of more members is made in several transactions.
pub const CONDITIONS: usize = 100;

/// The number of items in one transaction.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const TRANSACTION_ITEMS: usize = 100;

/// The size of all items in one transaction, in bytes.
pub const TRANSACTION: usize = 4 * 1024 * 1024;

/// The number of operations in a batch. Most of them take two transactions of some milliseconds each.
pub const BATCH: usize = 100;

/// How long after the arrival of a batch its operations begin. The last one then has ten seconds, until API Gateway and
/// Lambda give up.
pub const BATCH_TIME: Duration = Duration::from_secs(18);

/// The largest version. It is the largest whole number that every reader of JSON represents exactly (RFC 8259 §6).
pub const VERSION: u64 = (1 << 53) - 1;

/// The size of a list's page, in bytes. A Lambda answer holds 6 MB, including the escapes of its JSON string.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAGE: usize = 5 * 1024 * 1024;

/// The largest `limit` of a list.
pub const PAGE_RECORDS: usize = 10_000;

/// The number of attribute names in `sort`.
pub const SORT_KEYS: usize = 8;

/// The number of characters of a string that `sort` compares. A cursor carries them.
pub const SORT_TEXT: usize = 64;

/// The number of attribute names in `fields`.
pub const FIELDS: usize = 64;

/// The number of conditions of a list. Each is checked on each record.
pub const FILTERS: usize = 64;

/// The number of values of a condition `[in]`.
pub const FILTER_VALUES: usize = 100;

/// The length up to which a `Link` has the links that a client can do without, in characters. API Gateway takes 10 KB of
/// headers in all.
pub const LINK: usize = 4 * 1024;

/// The length of a percent-encoded query string without its cursor, in characters. API Gateway and CloudFront take 8 to
/// 10 KB.
pub const QUERY: usize = 8 * 1024;

/// The length of an `x-request-id` that is echoed, in characters.
pub const REQUEST_ID: usize = 128;

/// The number of writes that a session token names, which are the client's latest ones.
pub const SESSION: usize = 16;

/// The length of an `id` that ripple gives to an entry of a list, in characters.
pub const GIVEN_ID: usize = 16;

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a version stays in the history after it was replaced, unless the resource says how long.
pub const HISTORY: Duration = Duration::from_secs(90 * DAY.as_secs());

/// How much longer a tombstone stays than the history: until the history before it is gone. (DynamoDB's TTL is late by
/// some days at most.) A reader of changes that is away longer may miss a deletion, so it must begin again.
pub(crate) const TOMBSTONE_BEYOND: Duration = Duration::from_secs(7 * DAY.as_secs());

/// How long an idempotency record is kept, unless the request says how long.
pub const CLAIM: Duration = DAY;

/// The largest number of days that a request may specify for it.
pub const CLAIM_DAYS: u64 = 90;

/// The length of a person's name, in characters.
pub const PERSON_NAME: usize = 60;

/// The length of a person's id, in characters.
pub const PERSON_ID: usize = 64;

/// The length of a `Ripple-Author`, in bytes.
pub const PERSON: usize = 512;

/// The length of an `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY: usize = 255;

/// The size of a write's changes in a row of the history, in bytes. A page of the history holds a hundred of them in
/// memory.
pub const CHANGES: usize = 80 * 1024;

/// The number of versions in one page of a history, unless the client requests fewer. They are read whole, up to 400 KB
/// each.
pub const HISTORY_PAGE: usize = 100;

/// The longest time that a host spends on a request, after which nothing of it is written. Lambda takes 28 s, `ripple
/// dev` 29 s, the WASI component this. A save has the time at which its request arrived, and may be written this much
/// later.
pub const REQUEST: Duration = Duration::from_secs(30);

/// The lag of the index behind a write plus the difference between the clocks of hosts.
pub const LAG: Duration = Duration::from_secs(30);

/// How far before the last complete read a query for changes begins. A change that the last read could not see has a
/// later time than that.
pub const OVERLAP: Duration = Duration::from_secs(REQUEST.as_secs() + LAG.as_secs());

/// The number of tries of a save while other writers save the same record.
pub const SAVE_TRIES: u32 = 16;

/// The number of rows of the history in which a save looks for the writers of the values that it replaces.
pub const LOST_ROWS: usize = 20;

/// The longest wait before the third try. It doubles with each further try. The second try is made at once.
pub const SAVE_BACKOFF: Duration = Duration::from_millis(40);

/// The longest wait before any try. All sixteen tries together wait about five seconds, at most ten.
pub const SAVE_WAIT: Duration = Duration::from_secs(1);

/// The longest time of one DynamoDB operation, including its retries. API Gateway gives up after 29 s.
pub const STORE_BUDGET: Duration = Duration::from_secs(8);

/// The longest time of one attempt of a DynamoDB operation.
pub const STORE_ATTEMPT: Duration = Duration::from_secs(3);

/// The value of `Retry-After` while DynamoDB does not answer.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The number of API keys, including refused ones, that one process remembers. It bounds memory while a client guesses
/// keys.
pub const REMEMBERED_KEYS: usize = 4096;

/// How long a key's record is trusted, unless configured otherwise. A revocation takes effect within it. Each process
/// that receives a key looks it up this often, at 0.5 read units.
pub const KEY_FRESH: Duration = Duration::from_secs(5);

/// How long a refusal of a key is remembered.
pub const REFUSAL_FRESH: Duration = Duration::from_secs(10);

/// How long a host counts a key's requests before it notes them in the table of keys.
pub const KEY_USE: Duration = Duration::from_secs(5 * 60);

/// The pause after a failed lookup of a remembered key, so that not every request waits for DynamoDB in vain.
pub const KEY_RETRY: Duration = Duration::from_secs(5);

/// How long reads continue while DynamoDB does not answer, or denies access, unless configured otherwise. They use
/// remembered keys and, at the edge, the last list.
pub const STALE: Duration = Duration::from_secs(60 * 60);
