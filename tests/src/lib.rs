//! The black-box suite: what [docs/API.md](../../docs/API.md) promises, asked of a running ripple.
//!
//! A case knows ripple only by its HTTP: it holds for the Lambda behind API Gateway, for `ripple dev`, for the
//! edge, and for the core in process, and it is how they are kept the same.
//!
//! ```text
//!  cases/  records saving lists paging changes tags keys http bad_input limits errors
//!     │ fn creates_a_record(t: &Target)
//!     ▼
//!  Target  one case's view of a host: its own name space, its session token
//!     │ Call ─► Answer ─► laws (true of every answer, checked on every answer)
//!     ▼
//!  Host    in_process: the core over its in-memory store     url: HTTP/1.1 to a base URL
//! ```
//!
//! # How to run it
//!
//! ```text
//! cargo test -p ripple-tests                                            in process
//! RIPPLE_URL=http://127.0.0.1:8080 RIPPLE_KEY=rpl_… \
//!     cargo test -p ripple-tests --test suite                           there as well
//! cargo test -p ripple-tests --test suite -- url::lists                 some of it
//! ```
//!
//! | variable | |
//! |---|---|
//! | `RIPPLE_URL` | the base URL, with a stage or base path where there is one; wants `RIPPLE_KEY` |
//! | `RIPPLE_KEY` | an API key with the scopes `read` and `write` |
//! | `RIPPLE_READ_KEY` | one with `read` only; without it the cases that need one are shown as ignored |
//! | `RIPPLE_REQUIRE_URL` | `1`: to have no `RIPPLE_URL` is an error, so that a pipeline cannot pass by forgetting it |
//!
//! The table may be a living one. Every case writes records of its own, under ids and a `run` attribute that
//! no other case and no other run has, looks only at those, and leaves them there.
//!
//! # How to add a case
//!
//! Write a function named for the behaviour in the file of its noun and name it in that file's `cases!`. One
//! that is not named there is dead code, and the compiler says so.

mod answer;
mod call;
mod case;
mod cases;
mod host;
mod keys;
mod laws;
mod project;
mod target;

pub use answer::Answer;
pub use call::Call;
pub use case::Case;
pub use cases::cases;
pub use host::{Host, hosts};
pub use project::{REQUIRED, Record};
pub use target::{Target, Version};
