//! The black-box suite: the promises of [docs/API.md](../../docs/API.md) and [docs/SAVING.md](../../docs/SAVING.md), tested on a running ripple.
//!
//! A case uses only HTTP. So it runs against the Lambda behind API Gateway, `ripple dev`, the edge, and the core in
//! process. The suite keeps all hosts the same.
//!
//! ```text
//!  cases/  a file a noun: records, saving, edits, deleting, retries, history, lists, limits, errors and more
//!     │ fn creates_a_record(t: &Target)
//!     ▼
//!  Target  one case's view of a host: its own name space, its session token, the kit of its resource
//!     │ Call ─► Answer ─► laws (hold for every response, checked on every response)
//!     ▼
//!  Host    in_process: the core on its store in memory     url: HTTP/1.1 to a base URL
//! ```
//!
//! # How to run it
//!
//! ```text
//! cargo test -p ripple-tests                                            in process
//! RIPPLE_URL=http://127.0.0.1:8080 RIPPLE_KEY=rpl_… \
//!     cargo test -p ripple-tests --test suite                           there as well
//! cargo test -p ripple-tests --test suite -- url::task::lists           some of it
//! ```
//!
//! | variable | |
//! |---|---|
//! | `RIPPLE_URL` | the base URL, with a stage or base path if there is one; requires `RIPPLE_KEY` |
//! | `RIPPLE_KEY` | an API key with the scopes `read` and `write` |
//! | `RIPPLE_READ_KEY` | a key with `read` only; without it, cases that need one are shown as ignored |
//! | `RIPPLE_PRJ_READ_KEY` | a key with `prj:read` only; without it, cases that need one are shown as ignored |
//! | `RIPPLE_SERVED` | the resources there, by default `prj,task`; without one of these two, cases that use both are shown as ignored. A host can serve `meter` too (`tests/resources/suite`) |
//! | `RIPPLE_REQUIRE_URL` | `1`: a missing `RIPPLE_URL` is an error, so a pipeline cannot pass without one |
//!
//! The table may be in use. Each case writes its own records, with ids and a `run` attribute that no other case and no
//! other run has. It reads only those records, and leaves them in the table.
//!
//! # How to add a case
//!
//! Write a function named for the behaviour in the file of its noun, and name it in that file's `cases!`. A function
//! that is not named there is dead code, and the compiler reports it.
//!
//! A case runs against each resource: `prj::lists::…`, `task::lists::…`, `meter::lists::…`. It takes paths and names of members from the
//! [`Kit`] of the resource. A case about the schema of one resource follows `of PRJ:` or `of TASK:`. A case
//! about ids that are one text follows `with_text_ids:`.

mod answer;
mod call;
mod case;
mod cases;
mod host;
mod keys;
mod kit;
mod laws;
mod record;
mod target;

pub use answer::Answer;
pub use call::{Body, Call};
pub use case::Case;
pub use cases::cases;
pub use host::{Host, Keys, hosts};
pub use kit::{KITS, Kit, METER, PRJ, TASK, TEXT, TITLE};
pub use record::Record;
pub use target::{Target, Version};
