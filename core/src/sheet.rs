//! Sheets: records as rows of CSV (RFC 4180), for programs that show tables.
//!
//! A sheet has a header row, and columns for the key, the version and every member. A row that is read back with its
//! version is an edit on that version, so it merges with what others saved meanwhile. A row without a version is a new
//! record.
//!
//! | cell | value |
//! |---|---|
//! | empty | none: the member is not sent, and stays as it is |
//! | `json:` and JSON | that JSON: `json:null` removes the member, `json:""` is the empty text |
//! | any other | a boolean, a number, an array or an object, if the member may be one; otherwise the text |
//!
//! A cell is written in the last form only if it is read as the same value. So a sheet that comes back unchanged changes
//! nothing.
//!
//! **Invariant:** only this module knows CSV. It computes: a host or a command brings the bytes.

mod cell;
mod read;
mod write;

pub use read::{Row, RowKind, Rows, read, read_from};
pub use write::{Columns, Page, names_in, page};

/// The media type of a sheet that is written.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";
