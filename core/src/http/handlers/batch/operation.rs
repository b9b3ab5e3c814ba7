//! An operation of a batch: what it asks for, and where its faults are.

use serde_json::value::RawValue;

use super::Requested;
use crate::http::body;
use crate::http::conditional::Preconditions;
use crate::http::handlers::{edit, patch};
use crate::http::request::Call;
use crate::http::{Error, Fault, Place};
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::schema::Resource;
use crate::record::{RecordId, creation};
use crate::store::Store;
use crate::value::{Malformed, Members, Value, parse_within};

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Replace,
    Patch,
    Edit,
    Delete,
    Restore,
}

/// Each kind, and its name.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Create, "create"),
    (Kind::Replace, "replace"),
    (Kind::Patch, "patch"),
    (Kind::Edit, "edit"),
    (Kind::Delete, "delete"),
    (Kind::Restore, "restore"),
];

impl Kind {
    pub(super) fn named(name: &str) -> Option<Kind> {
        KINDS.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }

    fn name(self) -> &'static str {
        KINDS.into_iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    /// Reports whether the operation has no meaning without a body.
    pub(super) fn needs_body(self) -> bool {
        !matches!(self, Kind::Delete | Kind::Restore)
    }
}

/// Where an operation stands in the request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stands {
    /// At this place of the array.
    At(usize),
    /// On this line of a sheet.
    OnLine(u64),
}

/// What is told of an operation beside its result.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    kind: Kind,
    pub(super) id: Option<RecordId>,
    stands: Stands,
}

impl Tag {
    pub(super) fn op(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) fn line(&self) -> Option<u64> {
        match self.stands {
            Stands::At(_) => None,
            Stands::OnLine(line) => Some(line),
        }
    }

    /// Returns a JSON Pointer to the operation, or its line.
    pub(super) fn pointer(&self) -> String {
        match self.stands {
            Stands::At(place) => format!("/operations/{place}"),
            Stands::OnLine(line) => format!("/lines/{line}"),
        }
    }

    /// Returns a fault of the operation as a whole.
    pub(super) fn fault(&self, detail: &str) -> Fault {
        Fault { place: Place::Pointer(self.pointer()), detail: detail.to_owned() }
    }

    /// Returns the error with faults in the request's body, and not in that of the operation alone. Those of a row name
    /// its columns.
    pub(super) fn located(&self, error: Error) -> Error {
        let error = if self.kind == Kind::Edit { patch::within_set(error) } else { error };
        self.in_body(error)
    }

    fn in_body(&self, error: Error) -> Error {
        match (error, self.stands) {
            (Error::InvalidBody(faults), Stands::At(place)) => {
                let place = place.to_string();
                let moved = |fault: Fault| fault.within("body").within(&place).within("operations");
                Error::InvalidBody(faults.into_iter().map(moved).collect())
            }
            (error, _) => error,
        }
    }

    /// Returns the error of a batch that is not made because of this operation.
    pub(super) fn in_batch(&self, error: Error) -> Error {
        Error::InBatch { pointer: self.pointer(), error: Box::new(error) }
    }
}

/// What an operation brings.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// The body of its request.
    Json(Option<&'a RawValue>),
    /// The cells of a row.
    Row(Result<Members, Vec<Fault>>),
}

/// An operation. Its body is read when it is its turn, so that only one of them is in memory.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) kind: Kind,
    pub(super) id: Option<RecordId>,
    /// The version to restore.
    pub(super) to: u64,
    pub(super) content: Content<'a>,
    pub(super) stands: Stands,
}

impl Operation<'_> {
    pub(super) fn tag(&self) -> Tag {
        Tag { kind: self.kind, id: self.id.clone(), stands: self.stands }
    }

    /// Returns the change that the operation asks for.
    pub(super) fn requested<S: Store>(self, call: &mut Call<'_, S>) -> Result<Requested<Preconditions>, Error> {
        let (tag, is_row) = (self.tag(), matches!(self.content, Content::Row(_)));
        let (id, change, version) = self.change(call.store.resource()).map_err(|error| tag.in_body(error))?;
        let id = id.unwrap_or_else(|| RecordId::generate(call.now, call.random.bytes()));
        let expected = Preconditions::of_version(version, call.store.names()).with_base(is_row);
        Ok(Requested { id, change, expected })
    }

    fn change(self, resource: &Resource) -> Result<(Option<RecordId>, Change, Option<i64>), Error> {
        let Operation { kind, id, to, content, .. } = self;
        let has_body = matches!(content, Content::Json(Some(_)));
        let members = match content {
            Content::Row(row) => row.map_err(Error::InvalidBody)?,
            Content::Json(None) => Members::new(),
            Content::Json(Some(json)) => {
                // The record of an edit that says what was seen is a level deeper.
                match parse_within(json.get().as_bytes(), usize::from(kind == Kind::Edit))? {
                    Value::Map(members) => members,
                    _ => {
                        let detail = "must be a JSON object".to_owned();
                        return Err(Malformed { pointer: String::new(), detail }.into());
                    }
                }
            }
        };
        let Some(id) = id else {
            let (id, change) = creation(members, resource)?;
            return Ok((id, change, None));
        };
        let mut version = None;
        let change = match kind {
            Kind::Create | Kind::Replace => edit::change(&id, members, Edit::Replace, resource)?,
            Kind::Patch => edit::change(&id, members, Edit::Patch, resource)?,
            Kind::Edit => patch::seen_change(members, resource)?,
            Kind::Delete => {
                version = body::stated_version(members, &resource.names)?;
                body::need_version(version, has_body, &resource.names)?;
                Change::Delete
            }
            Kind::Restore => Change::Restore { version: to, base: body::stated_version(members, &resource.names)? },
        };
        Ok((Some(id), change, version))
    }
}
