//! What each method takes and answers, as plain data: what the OpenAPI document is made of.
//!
//! A method's file says what is its own. What follows from its row in the route table is not said again: the path's
//! parameters, the key, what every write takes and gives. Who makes the document asks for this, nobody else: the linker
//! leaves it out of a host.

mod record;

pub use super::problem::Kind;
use crate::limits;

pub use record::{EDIT, LISTED, NEW_PROJECT, PROBLEM, PROJECT, SEEN_EDIT};

/// One method's.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// Parameters of the query.
    pub query: &'static [Field],
    /// Whether any other parameter of the query is a filter.
    pub filters: bool,
    /// Headers of the request, beside those that follow from the route.
    pub headers: &'static [Field],
    /// The request's body.
    pub body: Option<Body>,
    /// The answer where all is well.
    pub success: Success,
    /// What else may be answered, beside what follows from the route.
    pub refusals: &'static [Refusal],
}

impl Contract {
    /// Of a method that takes nothing, refuses nothing, and answers this.
    #[must_use]
    pub(crate) const fn of(success: Success) -> Contract {
        Contract { query: &[], filters: false, headers: &[], body: None, success, refusals: &[] }
    }
}

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// Of which media type, and what one of that type holds.
    pub content: &'static [(&'static str, Shape)],
    /// Whether there must be one.
    pub required: bool,
}

/// The answer where all is well.
#[derive(Clone, Copy, Debug)]
pub struct Success {
    /// The status.
    pub status: u16,
    /// What it means.
    pub about: &'static str,
    /// Type and content of the body, if there is one.
    pub body: Option<(&'static str, Shape)>,
    /// Whether it has an entity tag, and so takes conditions.
    pub tagged: bool,
    /// Headers, beside those that follow from the route.
    pub headers: &'static [Field],
}

impl Success {
    /// 200 with JSON.
    pub(crate) const fn json(about: &'static str, shape: Shape) -> Success {
        Success { status: 200, about, body: Some(("application/json", shape)), tagged: false, headers: &[] }
    }

    /// A record with its entity tag.
    pub(crate) const fn record(status: u16, about: &'static str) -> Success {
        Success { status, tagged: true, ..Success::json(about, Shape::Object(&PROJECT)) }
    }
}

/// An error that a method may answer.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Its status and code.
    pub kind: &'static Kind,
    /// When.
    pub when: &'static str,
}

/// A named value: a parameter, a header, a member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
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

/// What a value may be.
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
        /// Characters it has at least.
        least: usize,
        /// And at most.
        most: Option<usize>,
        /// A regular expression of ECMA-262 that it matches.
        pattern: Option<&'static str>,
    },
    /// A whole number.
    Whole {
        /// The least.
        least: i64,
        /// The greatest.
        most: Option<u64>,
    },
    /// One of several.
    OneOf(&'static [Shape]),
    /// An array.
    List(&'static Shape),
    /// An object with known members.
    Object(&'static Object),
}

/// An object with known members.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Its name among the document's schemas.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its members.
    pub members: &'static [Field],
    /// Whether it may have others.
    pub open: bool,
}

/// Any text.
pub(crate) const TEXT: Shape = Shape::Text { least: 0, most: None, pattern: None };
/// A whole number, 0 or more.
pub(crate) const NATURAL: Shape = Shape::Whole { least: 0, most: None };
/// A version: below zero for a state that another program left.
pub(crate) const NUMBER: Shape = Shape::Whole { least: i64::MIN, most: None };
/// How many records a page may have.
pub(crate) const LIMIT: Field = Field::new(
    "limit",
    Shape::Whole { least: 1, most: Some(limits::PAGE_RECORDS as u64) },
    "How many elements a page has at most.",
);
/// The next page's.
pub(crate) const NEXT: Field = Field::new(
    "Link",
    TEXT,
    "`<…>; rel=\"next\"`: where it goes on, relative to this request's URL. Without it this is the end.",
);
/// What a read may carry, to see a write.
pub(crate) const SEEN: Field = Field::new(
    "ripple-session",
    TEXT,
    "The `Ripple-Session` of an earlier answer: this read sees the writes that it names, on any host.",
);
/// Conditions of a write.
pub(crate) const CONDITIONS: &[Field] = &[
    Field::new(
        "if-match",
        TEXT,
        "Entity tags, one of which the record must have now: else 412, and nothing is written. A deleted one has none.",
    ),
    Field::new("if-none-match", TEXT, "Entity tags, none of which the record may have now: else 412."),
];

/// There is no such record.
pub(crate) const ABSENT: Refusal = Refusal { kind: &Kind::NOT_FOUND, when: "No project has this id." };
/// It was deleted.
pub(crate) const GONE: Refusal =
    Refusal { kind: &Kind::GONE, when: "The project was deleted; `version` is its tombstone's." };
/// The state asked for is not in the history.
pub(crate) const NO_SUCH_VERSION: Refusal =
    Refusal { kind: &Kind::NO_SUCH_VERSION, when: "The history does not have this version, or no longer." };
/// The cursor is too old.
pub(crate) const CURSOR_EXPIRED: Refusal = Refusal {
    kind: &Kind::CURSOR_EXPIRED,
    when: "The cursor is so old that deletions may be missing: begin anew without it.",
};
/// A condition does not hold.
pub(crate) const CONDITION_FAILED: Refusal =
    Refusal { kind: &Kind::PRECONDITION_FAILED, when: "`If-Match` or `If-None-Match` does not hold." };
/// The base is none that the record has had.
pub(crate) const STALE: Refusal =
    Refusal { kind: &Kind::STALE, when: "`version` is one that this record has never had. `current` is the record." };
/// The record was deleted, and the edit does not say that it is to come back.
pub(crate) const DELETED: Refusal = Refusal {
    kind: &Kind::DELETED,
    when: "The project is deleted, the edit was made on its tombstone, and it does not say `\"deleted\": false`.",
};
/// The record would be too large.
pub(crate) const TOO_LARGE: Refusal =
    Refusal { kind: &Kind::RECORD_TOO_LARGE, when: "The record would be larger than one may be." };

/// What may stand for a parameter of a path.
pub const PATH: &[Field] = &[
    Field::new("prjid", record::STORED_ID, "The project's id, percent-encoded.").required(),
    Field::new("version", NATURAL, "The version's number.").required(),
];
