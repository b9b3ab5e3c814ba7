//! A record's history: the changes of each write, and the record after it.
//!
//! > Every version has a row. Rows allocate the numbers, so no number ever identifies two contents. The newest row of a
//! > record never expires. A row that was replaced stays for 90 days.
//!
//! An external state gets its row, and with it its number, when ripple overwrites or adopts it.

use serde::Serialize;

pub(crate) use super::difference::{named, whole_record};
use super::lost::Lost;
use super::merge::Rules;
use super::{Person, Record, difference};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The author of a state that another program left.
pub const EXTERNAL: &str = "external";

/// The history's account of one write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The version that the write made.
    pub number: u64,
    /// When the write was made. `None` for an external state that was replaced before ripple adopted it.
    pub updated_at: Option<Timestamp>,
    /// The name of the API key that made the write. For an external state it is [`EXTERNAL`], or the name that the
    /// state itself gives.
    pub updated_by: Option<String>,
    /// The person on whose behalf the write was made, if the client named one.
    pub updated_author: Option<Person>,
    /// Whose values the write replaced, although its author had not seen them.
    pub lost: Vec<Lost>,
    /// The version that the author had seen, if the request named one.
    pub base: Option<i64>,
    /// Whether the write deleted the record.
    pub deleted: bool,
    /// For an external state, the number below zero under which it was shown.
    pub shown: Option<i64>,
    /// The changed fields, each with its previous value.
    pub changes: Vec<Value>,
}

/// A row of the history: its entry, and the record as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The account of the write.
    pub entry: Entry,
    /// The state after the write.
    pub record: Record,
    /// When the row may be deleted. `None` while it is the newest.
    pub expires: Option<Timestamp>,
}

impl Row {
    /// Returns the row of the write that changed `before` into `after`. `rules` are those of the record's merge.
    ///
    /// ```
    /// use ripple_core::record::history::Row;
    /// use ripple_core::record::merge::Rules;
    /// use ripple_core::value::Members;
    /// use ripple_core::{Record, RecordId, Timestamp};
    ///
    /// let state = |number, goal: &str| {
    ///     let members = Members::from([("goal".to_owned(), goal.into())]);
    ///     Record::new(RecordId::parse("a").unwrap(), members).written(None, number, Timestamp(5), "Ann")
    /// };
    /// let row = Row::of_write(Some(&state(1, "Beans")), &state(2, "Peas"), Some(1), Rules::default());
    /// let json = String::from_utf8(row.entry.to_json()).unwrap();
    /// assert!(json.contains(r#""changes":[{"field":"/goal","replaced":"Beans"}]"#), "{json}");
    /// ```
    #[must_use]
    pub fn of_write(before: Option<&Record>, after: &Record, base: Option<i64>, rules: Rules<'_>) -> Row {
        let none = Members::new();
        let changes = difference::changes(before.map_or(&none, |before| &before.attributes), &after.attributes, rules);
        let entry = Entry {
            number: after.number().unwrap_or_default(),
            updated_at: after.updated_at,
            updated_by: after.updated_by.clone(),
            updated_author: after.updated_author.clone(),
            lost: after.lost.clone(),
            base,
            deleted: after.is_deleted(),
            shown: None,
            changes,
        };
        Row { entry, record: after.clone(), expires: None }
    }

    /// Returns the row that gives a replaced external state its number.
    ///
    /// ```
    /// use ripple_core::record::Names;
    /// use ripple_core::record::history::Row;
    /// use ripple_core::store::item;
    /// use ripple_core::value::Members;
    ///
    /// let item = Members::from([("prj_id".to_owned(), "a".into()), ("goal".to_owned(), "Beans".into())]);
    /// let external = item::record(item, &Names::default()).unwrap();
    /// let row = Row::of_external(&external, 1, None);
    /// assert_eq!((row.record.number(), row.record.updated_by.as_deref()), (Some(1), Some("external")));
    /// assert_eq!(row.entry.shown, Some(external.version));
    /// ```
    #[must_use]
    pub fn of_external(external: &Record, number: u64, expires: Option<Timestamp>) -> Row {
        let updated_by = Some(EXTERNAL.to_owned());
        let entry = Entry { number, updated_by: updated_by.clone(), shown: Some(external.version), ..Entry::default() };
        let record = Record { version: number.cast_signed(), updated_by, external: None, ..external.clone() };
        Row { entry, record, expires }
    }

    /// Returns the row of an external state, or of an external deletion, that ripple adopts as `adopted`. `before` is
    /// the state that the other program replaced, if it is known.
    #[must_use]
    pub fn of_adoption(before: Option<&Record>, adopted: &Record, rules: Rules<'_>) -> Row {
        let shown = Some(adopted.content().external_number());
        let row = Row::of_write(before, adopted, None, rules);
        let changes = if before.is_some() { row.entry.changes } else { Vec::new() };
        Row { entry: Entry { shown, changes, ..row.entry }, ..row }
    }

    /// Returns this row with another author.
    #[must_use]
    pub fn by(self, author: &str) -> Row {
        let updated_by = Some(author.to_owned());
        let entry = Entry { updated_by: updated_by.clone(), ..self.entry };
        Row { entry, record: Record { updated_by, ..self.record }, ..self }
    }

    /// Returns this row with the changes that its state made to `before`.
    #[must_use]
    pub fn replacing(self, before: Option<&Record>, rules: Rules<'_>) -> Row {
        let changes = before.map(|before| difference::changes(&before.attributes, &self.record.attributes, rules));
        Row { entry: Entry { changes: changes.unwrap_or_default(), ..self.entry }, ..self }
    }
}

impl Entry {
    /// Returns the entry as an element of the history in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let shown = Shown {
            base: self.base,
            changes: &self.changes,
            deleted: self.deleted,
            external: self.shown.is_some(),
            lost: &self.lost,
            updated_at: self.updated_at.map(|at| at.0),
            updated_author: self.updated_author.as_ref().map(Person::to_value),
            updated_by: self.updated_by.as_deref(),
            version: self.number,
        };
        serde_json::to_vec(&shown).expect("names are strings and numbers valid JSON")
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<i64>,
    changes: &'a [Value],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    external: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    lost: &'a [Lost],
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_author: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<&'a str>,
    version: u64,
}
