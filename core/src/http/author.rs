//! The header `Ripple-Author`: the person on whose behalf a client makes a write. It is an Item of RFC 9651, a String or
//! a Display String, with the parameter `id`.
//!
//! ```text
//! Ripple-Author: %"Bo M%c3%bcller";id="u7"
//! ```

use http::HeaderMap;
use sfv::{BareItem, Parser};

use super::{Error, Fault};
use crate::auth::Caller;
use crate::limits;
use crate::record::Person;

const AUTHOR: &str = "ripple-author";

/// Returns the person on whose behalf a caller makes a write, if the request names one.
pub(super) fn author(headers: &HeaderMap, caller: &Caller) -> Result<Option<Person>, Error> {
    // An empty value counts as none: some hosts pass it on, some do not.
    let mut sent = headers.get_all(AUTHOR).iter().filter(|value| !value.is_empty());
    let person = match (sent.next(), sent.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) if value.len() <= limits::PERSON => parse(value.as_bytes()),
        _ => Err(format!("must be once, with at most {} bytes", limits::PERSON)),
    };
    let person = person.map_err(|detail| Error::InvalidRequest(vec![Fault::header(AUTHOR, detail)]))?;
    match &caller.author {
        Some(author) if person.id() != Some(author) => Err(Error::AuthorNotAllowed),
        _ => Ok(Some(person)),
    }
}

fn parse(value: &[u8]) -> Result<Person, String> {
    let form =
        || "must be a String or a Display String of RFC 9651, and may have the parameter id, a String".to_owned();
    let item: sfv::Item = Parser::new(value).parse().map_err(|_| form())?;
    let name = match &item.bare_item {
        BareItem::String(name) => name.as_str(),
        BareItem::DisplayString(name) => name.as_str(),
        _ => return Err(form()),
    };
    let id = match item.params.get("id") {
        None => None,
        Some(BareItem::String(id)) => Some(id.as_str()),
        Some(_) => return Err(form()),
    };
    Person::new(name, id)
}
