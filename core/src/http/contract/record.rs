//! The objects that more than one operation takes or returns.

use super::{Content, Field, NATURAL, NUMBER, Object, Shape, TEXT};
use crate::limits;

/// A valid key of a record: the rule of `record/id.rs` as a regular expression of ECMA-262.
pub(super) const ID: Shape =
    Shape::Text { least: 1, most: Some(limits::ID), pattern: Some(r"^(?!_)(?!\.{1,2}$)[A-Za-z0-9._~-]+$") };
/// The id of an existing record. Other programs choose ids by their own rules.
pub(super) const STORED_ID: Shape = Shape::Text { least: 1, most: Some(limits::STORED_ID), pattern: None };
const VERSION_SHOWN: Field = Field::new(
    "{version}",
    NUMBER,
    "1 at creation, more with each write that changes something. Below zero: another program left this state.",
);

const WHEN: Field = Field::new("{updated_at}", NATURAL, "When it was last written, in milliseconds since 1970 UTC.");
const WHO: Field = Field::new("{updated_by}", TEXT, "By whose key it was last written.");
const FOR_WHOM: Field = Field::new(
    "{updated_author}",
    Shape::Object(&PERSON),
    "On whose behalf it was last written, if the client said so in `Ripple-Author`.",
);
const SHOWN_ID: Field = Field::new("{key}", TEXT, "The id.").required();

const IGNORED_WHEN: Field = Field::new("{updated_at}", Shape::Any, "Ignored.");
const IGNORED_WHO: Field = Field::new("{updated_by}", Shape::Any, "Ignored.");
const IGNORED_FOR_WHOM: Field = Field::new("{updated_author}", Shape::Any, "Ignored.");

/// The person on whose behalf a write was made.
pub(crate) const PERSON: Object = Object {
    name: "Author",
    about: "A person, as the client that wrote named it. It proves nothing: any client that may write can name any.",
    members: &[
        Field::new(
            "name",
            Shape::Text { least: 1, most: Some(limits::PERSON_NAME), pattern: None },
            "The name to display.",
        )
        .required(),
        Field::new(
            "id",
            Shape::Text { least: 1, most: Some(limits::PERSON_ID), pattern: Some("^[A-Za-z0-9._~@:-]+$") },
            "An id that stays when the name changes.",
        ),
    ],
    content: None,
    open: false,
};

/// A record in an answer.
pub const RECORD: Object = Object {
    name: "{Title}",
    about: "{A}. What others wrote into it comes along: attributes of any name, and these in other types.",
    members: &[SHOWN_ID, VERSION_SHOWN.required(), WHEN, WHO, FOR_WHOM],
    content: Some(Content::Optional),
    open: true,
};

/// A record in a list. It may have only the members that `fields` names.
pub const LISTED: Object = Object {
    name: "Listed{Title}",
    about: "{A}, or of it `{key}` and what `fields` names. Of a deleted one, only these members.",
    members: &[SHOWN_ID, VERSION_SHOWN, WHEN, WHO, FOR_WHOM, IS_DELETED],
    content: Some(Content::Optional),
    open: true,
};

/// The mark of a deleted record, in a list of those.
const IS_DELETED: Field = Field::new("{deleted}", Shape::Boolean, "`true` where the list is of deleted {many}.");

/// A record to create.
pub const NEW: Object = Object {
    name: "New{Title}",
    about: "{A} to create. Members of other names are kept as they are; names that begin with `rpl_` are ripple's.",
    members: &[
        Field::new("{key}", Shape::OneOf(&[ID, Shape::Null]), "The id. Without one the server makes it."),
        Field::new("{version}", Shape::OneOf(&[NUMBER, Shape::Null]), "Ignored."),
        IGNORED_WHEN,
        IGNORED_WHO,
        IGNORED_FOR_WHOM,
    ],
    content: Some(Content::AsRequired),
    open: true,
};

/// The changes to a record.
pub const EDIT: Object = Object {
    name: "{Title}Edit",
    about: "{A}, or the members of it that are to change: what is left out is left alone, `null` removes it.",
    members: &[
        Field::new("{key}", STORED_ID, "If it comes along, it is the one in the path."),
        Field::new(
            "{version}",
            Shape::OneOf(&[NUMBER, Shape::Null]),
            "The base: the version that its author had seen.",
        ),
        IGNORED_WHEN,
        IGNORED_WHO,
        IGNORED_FOR_WHOM,
        Field::new(
            "{deleted}",
            Shape::False,
            "`false`, with a whole record and the tombstone's `{version}`: a deleted {one} comes back.",
        ),
    ],
    content: Some(Content::Optional),
    open: true,
};

/// Members with any names.
const MEMBERS: Shape =
    Shape::Object(&Object { name: "Members", about: "Members of a record.", members: &[], content: None, open: true });

/// An edit that carries its base.
pub const SEEN_EDIT: Object = Object {
    name: "SeenEdit",
    about: "Members of a record as its author saw them, and as they are to be. No other member is concerned.",
    members: &[
        Field::new("{version}", NUMBER, "The version that the author saw, for the receipt."),
        Field::new("seen", MEMBERS, "What the author saw of the members that `set` and `remove` name."),
        Field::new("set", MEMBERS, "Whole values, as the author left them. `null` is a value."),
        Field::new("remove", Shape::List(&TEXT), "The names of members that the author removed."),
    ],
    content: None,
    open: false,
};

/// The conditions on one member of a list's records.
pub const OPERATORS: Object = Object {
    name: "Conditions",
    about: "Conditions on a member, as in `term[gte]=3`. A number of the record compares as a number, a text as a text.",
    members: &[
        Field::new("eq", TEXT, "It equals this, or contains it: the same as without an operator."),
        Field::new("not", TEXT, "The opposite of `eq`."),
        Field::new(
            "in",
            Shape::Text { least: 0, most: None, pattern: Some(r"^([^\\]|\\[\\,])*$") },
            "It equals one of these, up to 100 between commas. `\\` stands before a comma that belongs to one.",
        ),
        Field::new("gt", TEXT, "It is greater."),
        Field::new("gte", TEXT, "It is greater or equal."),
        Field::new("lt", TEXT, "It is less."),
        Field::new("lte", TEXT, "It is less or equal."),
        Field::new("prefix", TEXT, "It is a text that begins so."),
        Field::new("exists", Shape::Boolean, "It is there, or it is not."),
    ],
    content: None,
    open: false,
};

/// The body of an error.
pub const PROBLEM: Object = Object {
    name: "{Of}Problem",
    about: "Problem details (RFC 9457).",
    members: &[
        Field::new("type", TEXT, "`urn:problem-type:ripple:` and the code.").required(),
        Field::new("title", TEXT, "The status in words.").required(),
        Field::new("status", Shape::Whole { least: 400, most: Some(599) }, "The status.").required(),
        Field::new("detail", TEXT, "What is wrong, in a sentence.").required(),
        Field::new("code", TEXT, "What is wrong, in a word that does not change.").required(),
        Field::new("message", TEXT, "What API Gateway's own error would say.").required(),
        Field::new("errors", Shape::List(&Shape::Object(&FAULT)), "Each fault, and where it is."),
        Field::new("version", NATURAL, "Of a deleted {one}: its tombstone's version."),
        Field::new("current", Shape::Object(&RECORD), "The record as it is."),
    ],
    content: None,
    open: false,
};

const FAULT: Object = Object {
    name: "Fault",
    about: "One fault. It has one of `pointer`, `parameter` and `header`.",
    members: &[
        Field::new("pointer", TEXT, "A JSON Pointer into the body (RFC 6901)."),
        Field::new("parameter", TEXT, "A parameter of the query or the path."),
        Field::new("header", TEXT, "A header."),
        Field::new("detail", TEXT, "What is wrong with it.").required(),
    ],
    content: None,
    open: false,
};
