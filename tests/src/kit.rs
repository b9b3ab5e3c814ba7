//! The resources that the suite runs against, described by roles. A case builds its records and paths from the kit in
//! use, so it runs against each resource.

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
    /// The member that is a record's id.
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
pub const KITS: [&Kit; 2] = [&PRJ, &TASK];

/// `resources/prj.json`
pub static PRJ: Kit = Kit {
    resource: "prj",
    path: "/prj",
    noun: "project",
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

impl Kit {
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
