//! The operations. Each has a file with its contract and its mapping to a use case.

pub(super) mod batch;
pub(super) mod changes;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod docs;
mod edit;
pub(super) mod get;
pub(super) mod health;
pub(super) mod list;
pub(super) mod live;
pub(super) mod openapi;
pub(super) mod patch;
pub(super) mod replace;
pub(super) mod restore;
pub(super) mod sheet;
pub(super) mod ticket;
pub(super) mod version;
pub(super) mod versions;

use super::answer::Answer;
use super::request::Call;
