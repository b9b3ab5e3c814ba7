//! The contract of each operation as plain data, from which the OpenAPI document is generated.
//!
//! An operation's file has only what is specific to it. Everything that follows from its row in the route table is not
//! repeated: the path's parameters, the key, and the common headers of writes. Only the generator of the document uses
//! the contracts, so the linker omits them from a host.
//!
//! Texts and names have placeholders, which the generator fills for each resource:
//!
//! | | for `prj` |
//! |---|---|
//! | `{one}`, `{a}`, `{many}` | project, a project, projects |
//! | `{Title}`, `{Of}` | the components `Project` and, for a resource that is not the default, `Task` in `TaskChanges` |
//! | `{key}`, `{version}`, `{updated_at}`, `{updated_by}`, `{deleted}` | the names of the key and of the members that ripple adds |

mod record;

pub use super::problem::Kind;
use crate::limits;

pub(crate) use record::PERSON;
pub use record::{EDIT, LISTED, NEW, OPERATORS, PROBLEM, RECORD, SEEN_EDIT};

/// The contract of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The parameters of the query.
    pub query: &'static [Field],
    /// Whether any other parameter of the query is a filter.
    pub filters: bool,
    /// Whether the answer may also be a sheet.
    pub sheet: bool,
    /// The headers of the request, beside those that follow from the route.
    pub headers: &'static [Field],
    /// The request's body.
    pub body: Option<Body>,
    /// The answer to a successful request.
    pub success: Success,
    /// The possible errors, beside those that follow from the route.
    pub refusals: &'static [Refusal],
}

impl Contract {
    /// Returns the contract of an operation that takes no input, refuses nothing, and returns this answer.
    #[must_use]
    pub(crate) const fn of(success: Success) -> Contract {
        Contract { query: &[], filters: false, sheet: false, headers: &[], body: None, success, refusals: &[] }
    }
}

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The media types, each with the shape of its content.
    pub content: &'static [(&'static str, Shape)],
    /// Whether a body is required.
    pub required: bool,
}

/// The answer to a successful request.
#[derive(Clone, Copy, Debug)]
pub struct Success {
    /// The status.
    pub status: u16,
    /// Its description.
    pub about: &'static str,
    /// The type and shape of the body, if there is one.
    pub body: Option<(&'static str, Shape)>,
    /// Whether the answer has an entity tag, and so supports conditional requests.
    pub tagged: bool,
    /// The headers, beside those that follow from the route.
    pub headers: &'static [Field],
}

impl Success {
    /// Returns an answer of 200 with JSON.
    pub(crate) const fn json(about: &'static str, shape: Shape) -> Success {
        Success { status: 200, about, body: Some(("application/json", shape)), tagged: false, headers: &[] }
    }

    /// Returns an answer with a record and its entity tag.
    pub(crate) const fn record(status: u16, about: &'static str) -> Success {
        Success { status, tagged: true, ..Success::json(about, Shape::Object(&RECORD)) }
    }
}

/// An error that an operation may return.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Its status and code.
    pub kind: &'static Kind,
    /// The condition under which it occurs.
    pub when: &'static str,
}

/// A named value: a parameter, a header, a member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The shape of its value.
    pub shape: Shape,
    /// Whether it is required.
    pub required: bool,
    /// Its description.
    pub about: &'static str,
}

impl Field {
    pub(crate) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field { name, shape, required: false, about }
    }

    pub(crate) const fn required(self) -> Field {
        Field { required: true, ..self }
    }
}

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any JSON.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// `false`.
    False,
    /// A string.
    Text {
        /// The smallest number of characters.
        least: usize,
        /// The largest number of characters.
        most: Option<usize>,
        /// A regular expression of ECMA-262 that the string matches.
        pattern: Option<&'static str>,
    },
    /// A whole number.
    Whole {
        /// The smallest value.
        least: i64,
        /// The largest value.
        most: Option<u64>,
    },
    /// One of several shapes.
    OneOf(&'static [Shape]),
    /// An array.
    List(&'static Shape),
    /// An object with known members.
    Object(&'static Object),
}

/// An object with known members.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Its name in the document's schemas.
    pub name: &'static str,
    /// Its description.
    pub about: &'static str,
    /// Its members.
    pub members: &'static [Field],
    /// For a record, whether the members of its schema follow the first member, and whether required ones are.
    pub content: Option<Content>,
    /// Whether it may have other members.
    pub open: bool,
}

/// How the members of a record's schema are in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of them are optional.
    Optional,
    /// Those that the schema requires are required.
    AsRequired,
}

/// Any text.
pub(crate) const TEXT: Shape = Shape::Text { least: 0, most: None, pattern: None };
/// A whole number, 0 or more.
pub(crate) const NATURAL: Shape = Shape::Whole { least: 0, most: None };
/// A version. It is below zero for a state that another program left.
pub(crate) const NUMBER: Shape = Shape::Whole { least: i64::MIN, most: None };
/// The number of records on a page.
pub(crate) const LIMIT: Field = Field::new(
    "limit",
    Shape::Whole { least: 1, most: Some(limits::PAGE_RECORDS as u64) },
    "How many elements a page has at most.",
);
/// The link to the next page.
pub(crate) const NEXT: Field = Field::new(
    "Link",
    TEXT,
    "`<…>; rel=\"next\"`: where it goes on, relative to this request's URL. Without it this is the end.",
);
/// The session token of a read, so that it sees the client's own writes.
pub(crate) const SEEN: Field = Field::new(
    "ripple-session",
    TEXT,
    "The `Ripple-Session` of an earlier answer: this read sees the writes that it names, on any host.",
);
/// The conditions of a write.
pub(crate) const CONDITIONS: &[Field] = &[
    Field::new(
        "if-match",
        TEXT,
        "Entity tags, one of which the record must have now: else 412, and nothing is written. A deleted one has none.",
    ),
    Field::new("if-none-match", TEXT, "Entity tags, none of which the record may have now: else 412."),
];

/// The record does not exist.
pub(crate) const ABSENT: Refusal = Refusal { kind: &Kind::NOT_FOUND, when: "No {one} has this id." };
/// The record was deleted.
pub(crate) const GONE: Refusal =
    Refusal { kind: &Kind::GONE, when: "The {one} was deleted; `version` is its tombstone's." };
/// The history does not have the requested state.
pub(crate) const NO_SUCH_VERSION: Refusal =
    Refusal { kind: &Kind::NO_SUCH_VERSION, when: "The history does not have this version, or no longer." };
/// The cursor is too old.
pub(crate) const CURSOR_EXPIRED: Refusal = Refusal {
    kind: &Kind::CURSOR_EXPIRED,
    when: "The cursor is so old that deletions may be missing. Start again without it.",
};
/// A condition does not hold.
pub(crate) const CONDITION_FAILED: Refusal =
    Refusal { kind: &Kind::PRECONDITION_FAILED, when: "`If-Match` or `If-None-Match` does not hold." };
/// The base is a version that the record has never had.
pub(crate) const STALE: Refusal =
    Refusal { kind: &Kind::STALE, when: "`version` is one that this record has never had. `current` is the record." };
/// The record was deleted, and the edit does not say that it is to be restored.
pub(crate) const DELETED: Refusal = Refusal {
    kind: &Kind::DELETED,
    when: "The {one} is deleted, the edit was made on its tombstone, and it does not say `\"deleted\": false`.",
};
/// The record would be too large.
pub(crate) const TOO_LARGE: Refusal =
    Refusal { kind: &Kind::RECORD_TOO_LARGE, when: "The record would be larger than one may be." };

/// The parameters of paths.
pub const PATH: &[Field] = &[
    Field::new("id", record::STORED_ID, "The {one}'s id, percent-encoded, or `_~` and its base64url.").required(),
    Field::new("version", NATURAL, "The version's number.").required(),
];
