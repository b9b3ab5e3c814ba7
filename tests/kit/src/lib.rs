//! # ripple-test-kit
//!
//! What the tests of several crates share: [`Hosts`], an origin and an edge on one table with a clock that the test
//! sets, and valid [keys](key_record) and [records](project). With the feature `sqlite`, a database for copies of a table.
//!
//! In scope: tests with a store in memory, and the literals of all tests. Out of scope: DynamoDB (`tests/store`), and the
//! black-box suite (`tests`), which describes resources by roles.
//!
//! These parts are compiled here once, without optimisation. The tests of the core are compiled with it, so each of them
//! would otherwise spend more time on the generics of the API than it runs.
//!
//! ```
//! use ripple_test_kit::{Hosts, post, project};
//! use serde_json::json;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let hosts = Hosts::new();
//! hosts.send(post("/prj", &project("a", json!({ "goal": "Beans" })))).await.expect(201);
//! assert_eq!(hosts.read("/prj/a", &[]).await.json()["goal"], "Beans");
//! # });
//! ```

mod answer;
mod clock;
mod hosts;
mod key;
mod request;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use answer::Answer;
pub use clock::TestClock;
pub use hosts::{Hosts, resource};
pub use key::{api_key, key_record};
pub use request::{get, members, moment, post, project, request, with};
