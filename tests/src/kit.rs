//! The resources that the suite runs against, described by roles. A case builds its records and paths from the kit in
//! use, so it runs against each resource.

use serde_json::Value;

/// The title of every record, unless a case sets another one.
pub const TITLE: &str = "Ferry timetable";
/// The text of every record, unless a case sets another one.
pub const TEXT: &str = "Nobody waits at the pier";

/// A resource, as the suite knows it: the names that play a role in a case.
#[derive(Debug)]
pub struct Kit {
    /// The resource's name: a part of its cases' names.
    pub resource: &'static str,
    /// The path of its list.
    pub path: &'static str,
    /// The name of a record in problem details.
    pub noun: &'static str,
    /// The number before the text of an id, if the key has two parts: the member with the number. An id is then
    /// `7,text`.
    pub number_key: Option<&'static str>,
    /// The member with the text of an id. It is the whole id if the key has one part.
    pub key: &'static str,
    /// The members of a valid record besides its id, with their values as JSON.
    pub valid: &'static [(&'static str, &'static str)],
    /// The members that a record must have.
    pub required: &'static [&'static str],
    /// A required text. Its value in a valid record is [`TITLE`].
    pub title: &'static str,
    /// A declared text that may be empty or have several lines. Its value in a valid record is [`TEXT`].
    pub text: &'static str,
    /// Another text that may be empty.
    pub remark: &'static str,
    /// A required text that is one of few, and two of its values. A valid record has the first.
    pub choice: (&'static str, [&'static str; 2]),
    /// A number. Its value in a valid record is 6.
    pub number: &'static str,
    /// A list of distinct strings.
    pub tags: &'static str,
    /// A list of objects with a text under `text`.
    pub list: &'static str,
    /// The member that identifies an entry of `list`.
    pub entry_key: &'static str,
    /// Members with values that they cannot have, as JSON. The fault is at the member.
    pub wrong: &'static [(&'static str, &'static str)],
}

/// All resources.
pub const KITS: [&Kit; 3] = [&PRJ, &TASK, &METER];

/// `resources/prj.json`
pub static PRJ: Kit = Kit {
    resource: "prj",
    path: "/prj",
    noun: "project",
    number_key: None,
    key: "prj_id",
    valid: &[
        ("name", r#""Ferry timetable""#),
        ("goal", r#""Nobody waits at the pier""#),
        ("issue", r#""Three printed timetables contradict each other""#),
        ("description", r#""Collect, compare and publish the departures of all piers""#),
        ("term", "6"),
        ("term_unit", r#""month""#),
        ("create_date", r#""2026-11-02""#),
    ],
    required: &["name", "goal", "issue", "description", "term", "term_unit", "create_date"],
    title: "name",
    text: "goal",
    remark: "issue",
    choice: ("term_unit", ["month", "week"]),
    number: "term",
    tags: "tags",
    list: "timeline",
    entry_key: "id",
    wrong: &[
        ("name", "1"),
        ("goal", "[]"),
        ("goal", "null"),
        ("issue", "{}"),
        ("description", "true"),
        ("term", r#""six""#),
        ("term", "-1"),
        ("term_unit", r#""""#),
        ("create_date", "20261102"),
    ],
};

/// `resources/task.json`
pub static TASK: Kit = Kit {
    resource: "task",
    path: "/task",
    noun: "task",
    number_key: None,
    key: "ref",
    valid: &[
        ("subject", r#""Ferry timetable""#),
        ("details", r#""Nobody waits at the pier""#),
        ("state", r#""todo""#),
        ("size", "6"),
        ("cost", "19.99"),
        ("due", r#""2026-11-02""#),
    ],
    required: &["subject", "state"],
    title: "subject",
    text: "details",
    // Not in the schema.
    remark: "remark",
    choice: ("state", ["todo", "doing"]),
    number: "size",
    tags: "labels",
    list: "steps",
    entry_key: "step",
    wrong: &[
        ("subject", "1"),
        ("subject", r#""""#),
        ("details", "[]"),
        ("state", r#""Done""#),
        ("state", "true"),
        ("size", r#""3""#),
        ("size", "13.5"),
        ("size", "14"),
        ("cost", "0.075"),
        ("due", r#""2026-02-29""#),
        ("labels", r#"["sea","sea"]"#),
        ("place", "[1]"),
        ("steps", "{}"),
    ],
};

/// `tests/resources/suite/meter.json`
pub static METER: Kit = Kit {
    resource: "meter",
    path: "/meter",
    noun: "reading",
    number_key: Some("meter_no"),
    key: "read_at",
    valid: &[
        ("place", r#""Ferry timetable""#),
        ("log", r#""Nobody waits at the pier""#),
        ("unit", r#""kwh""#),
        ("amount", "6"),
    ],
    required: &["place", "unit"],
    title: "place",
    text: "log",
    // Not in the schema.
    remark: "remark",
    choice: ("unit", ["kwh", "m3"]),
    number: "amount",
    tags: "phases",
    list: "parts",
    entry_key: "part_no",
    wrong: &[
        ("place", "1"),
        ("place", r#""""#),
        ("log", "[]"),
        ("unit", r#""KWH""#),
        ("unit", "true"),
        ("amount", r#""6""#),
        ("amount", "-1"),
        ("phases", r#"["sea","sea"]"#),
        ("parts", "{}"),
    ],
};

impl Kit {
    /// Reports whether an id is one text, which the server makes if a new record has none.
    #[must_use]
    pub fn has_text_ids(&self) -> bool {
        self.number_key.is_none()
    }

    /// Returns the number of an id, if it has one, and its text.
    #[must_use]
    pub fn parts<'i>(&self, id: &'i str) -> (Option<&'i str>, &'i str) {
        match self.number_key.and_then(|_| id.split_once(',')) {
            Some((number, text)) => (Some(number), text),
            None => (None, id),
        }
    }

    /// Returns the members of an id, in the order of the key, with their values as JSON.
    #[must_use]
    pub fn key_members(&self, id: &str) -> Vec<(&'static str, Value)> {
        let (number, text) = self.parts(id);
        let number = number.map(|number| serde_json::from_str(number).expect("a number is JSON"));
        self.number_key.zip(number).into_iter().chain([(self.key, text.into())]).collect()
    }

    /// Returns the names of the members of an id, with commas between them, as in the header of a sheet.
    #[must_use]
    pub fn key_columns(&self) -> String {
        self.number_key.into_iter().chain([self.key]).collect::<Vec<_>>().join(",")
    }

    /// Returns the resource that a case uses beside this one.
    #[must_use]
    pub fn other(&self) -> &'static Kit {
        if self.resource == PRJ.resource { &TASK } else { &PRJ }
    }

    /// Returns the JSON Pointer of a member.
    #[must_use]
    pub fn pointer(&self, member: &str) -> String {
        format!("/{member}")
    }
}
