//! What an operation answers, before it is a response.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};

use super::headers::{COUNT, RECEIPT};
use super::receipt;
use crate::record::outcome::OutcomeKind;
use crate::record::schema::Resource;
use crate::record::{ContentHash, Names, Record};
use crate::service::Saved;

/// Documents that are generated from the API. A host hands them in.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The OpenAPI document.
    pub openapi: Bytes,
    /// A page that shows it.
    pub page: Bytes,
}

/// What an operation answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The entity tag without its quotes.
    pub(crate) etag: Option<String>,
    /// Whether `If-Match` may name the entity tag.
    pub(crate) exact: bool,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Returns 200 with a body of JSON.
    pub(crate) fn json(body: impl Into<Bytes>) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), etag: None, exact: false, body: body.into() }
    }

    /// Returns 200 with a record and its entity tag.
    pub(crate) fn record(record: &Record, names: &Names) -> Answer {
        let body = record.to_json(names);
        let etag = Some(ContentHash::of(&body).to_text());
        Answer { etag, exact: true, ..Answer::json(body) }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Answer {
        Answer { status, ..self }
    }

    /// Adds a header. `value` consists of ids and cursors, which are visible ASCII.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Answer {
        self.headers.insert(name, HeaderValue::from_str(value).expect("visible ASCII"));
        self
    }

    /// Adds the number of records that match a list's query.
    pub(crate) fn with_count(mut self, count: usize) -> Answer {
        self.headers.insert(COUNT, HeaderValue::from(count));
        self
    }

    /// Returns the record after a save, and the receipt.
    pub(crate) fn saved(saved: &Saved, resource: &Resource) -> Answer {
        let Saved { record, outcome } = saved;
        let names = &resource.names;
        let answer = match outcome.kind {
            OutcomeKind::Deleted => Answer::json(Vec::new()).with_status(StatusCode::NO_CONTENT),
            OutcomeKind::Created => Answer::record(record, names)
                .with_status(StatusCode::CREATED)
                .with_header(LOCATION, &format!("{}/{}", resource.name, record.id)),
            _ => Answer::record(record, names),
        };
        answer.with_header(RECEIPT, &receipt::header(outcome, record.version))
    }
}
