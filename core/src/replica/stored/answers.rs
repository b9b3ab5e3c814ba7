//! The pages that were answered last. A host keeps them in its memory, so that a query that is repeated reads no record
//! again while nothing has changed.
//!
//! > A page is answered again only in the state of the tables in which it was made.

use bytes::Bytes;

use super::super::sql::Nearby;
use super::read;
use super::schema::Meta;
use crate::query::columns::Columns;
use crate::query::{ListPage, Query};
use crate::store::StoreError;

/// The size of the largest page that is kept, in bytes. A larger one costs mostly its transport.
const LARGEST: usize = 512 * 1024;

/// What a page has beside its body: the two cursors, the number of matches, and the entity tag.
type Head = (Option<String>, Option<String>, usize, String);

/// Returns a page of the list, as [`read::list`] does.
pub(super) fn list(sql: &impl Nearby, columns: &Columns, meta: &Meta, query: &Query) -> Result<ListPage, StoreError> {
    // The state does not tell of a deleted record that DynamoDB has removed.
    if query.is_of_deleted() {
        return read::list(sql, columns, meta, query);
    }
    let (state, name) = (meta.state(), query.identity());
    if let Some(page) = sql.kept(&state, &name).and_then(decode) {
        return Ok(page);
    }
    let page = read::list(sql, columns, meta, query)?;
    // An error names unknown members in the order of the client's parameters. That order is not part of the identity.
    if page.unknown.is_empty() && page.body.len() <= LARGEST {
        sql.keep(&state, &name, &encode(&page));
    }
    Ok(page)
}

/// Returns the head as one line of JSON, and then the body.
fn encode(page: &ListPage) -> Vec<u8> {
    let head = (&page.next, &page.previous, page.count, &page.etag);
    let head = serde_json::to_vec(&head).expect("strings and numbers serialise");
    [&head[..], b"\n", &page.body].concat()
}

fn decode(bytes: Vec<u8>) -> Option<ListPage> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (next, previous, count, etag): Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let body = Bytes::from(bytes).slice(end + 1..);
    Some(ListPage { body, next, previous, count, etag, unknown: Vec::new() })
}
