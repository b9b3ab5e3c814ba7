//! Faults of resource files, and faults of the values that a schema checks.

use std::fmt;

/// Faults that a reader is told of. The last one counts the rest.
const SHOWN: usize = 20;
/// Characters of a file that one fault quotes.
const QUOTED: usize = 40;

/// A fault of a resource file. It is shown on one line.
///
/// ```
/// use ripple_core::record::schema::Resources;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object", "anyOf": []}"#;
/// let faults = Resources::read(&[("resources/task.json", file)]).unwrap_err();
/// assert_eq!(
///     faults[0].to_string(),
///     "resources/task.json#/anyOf: is not in ripple's subset (docs/RESOURCES.md)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// The file's name as it was passed in.
    pub file: String,
    /// The place in the file.
    pub location: Location,
    /// The rule that is broken.
    pub rule: String,
}

/// A place in a resource file.
///
/// ```
/// use ripple_core::record::schema::{Location, Resources};
///
/// let faults = Resources::read(&[("task.json", b"{")]).unwrap_err();
/// assert_eq!(faults[0].location, Location::Line { line: 1, column: 1 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The file as a whole, or the set of files.
    Whole,
    /// A place in text that is not JSON.
    Line {
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// A JSON Pointer (RFC 6901).
    Pointer(String),
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        one_line(f, &self.file)?;
        match &self.location {
            Location::Whole if self.file.is_empty() => return f.write_str(&self.rule),
            Location::Whole => {}
            Location::Line { line, column } => write!(f, ":{line}:{column}")?,
            Location::Pointer(pointer) => {
                f.write_str("#")?;
                one_line(f, pointer)?;
            }
        }
        write!(f, ": {}", self.rule)
    }
}

/// Writes text with its control characters escaped, so that it cannot begin a new line.
fn one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|letter| match letter.is_control() {
        true => write!(f, "{}", letter.escape_unicode()),
        false => write!(f, "{letter}"),
    })
}

/// Returns text of a file in quotation marks, shortened and on one line.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// The faults found so far, as many as are shown.
#[derive(Debug, Default)]
pub(super) struct Faults {
    shown: Vec<SchemaFault>,
    more: usize,
}

impl Faults {
    pub(super) fn add(&mut self, file: &str, location: impl FnOnce() -> Location, rule: impl Into<String>) {
        if self.shown.len() < SHOWN {
            self.shown.push(SchemaFault { file: file.to_owned(), location: location(), rule: rule.into() });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.shown.len() + self.more
    }

    /// Returns the faults, and a last one that counts those left out.
    pub(super) fn into_vec(mut self) -> Vec<SchemaFault> {
        if self.more > 0 {
            let rule = format!("and {} more", self.more);
            self.shown.push(SchemaFault { file: String::new(), location: Location::Whole, rule });
        }
        self.shown
    }
}

/// A keyword that a value breaks.
///
/// ```
/// use ripple_core::record::schema::Keyword;
///
/// assert_eq!(Keyword::MinLength.as_str(), "minLength");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the keyword of its name")]
pub enum Keyword {
    Type,
    Enum,
    Const,
    OneOf,
    MinLength,
    MaxLength,
    Pattern,
    Format,
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
    MultipleOf,
    Items,
    MinItems,
    MaxItems,
    UniqueItems,
    Required,
    AdditionalProperties,
    /// A name that is ripple's own.
    Reserved,
}

impl Keyword {
    /// The keywords that concern a value itself, in the order in which they are tried.
    pub(super) const OF_A_VALUE: [Keyword; 17] = [
        Keyword::Type,
        Keyword::Enum,
        Keyword::Const,
        Keyword::OneOf,
        Keyword::MinLength,
        Keyword::MaxLength,
        Keyword::Pattern,
        Keyword::Format,
        Keyword::Minimum,
        Keyword::Maximum,
        Keyword::ExclusiveMinimum,
        Keyword::ExclusiveMaximum,
        Keyword::MultipleOf,
        Keyword::Items,
        Keyword::MinItems,
        Keyword::MaxItems,
        Keyword::UniqueItems,
    ];

    /// Returns the keyword as a file has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Keyword::Type => "type",
            Keyword::Enum => "enum",
            Keyword::Const => "const",
            Keyword::OneOf => "oneOf",
            Keyword::MinLength => "minLength",
            Keyword::MaxLength => "maxLength",
            Keyword::Pattern => "pattern",
            Keyword::Format => "format",
            Keyword::Minimum => "minimum",
            Keyword::Maximum => "maximum",
            Keyword::ExclusiveMinimum => "exclusiveMinimum",
            Keyword::ExclusiveMaximum => "exclusiveMaximum",
            Keyword::MultipleOf => "multipleOf",
            Keyword::Items => "items",
            Keyword::MinItems => "minItems",
            Keyword::MaxItems => "maxItems",
            Keyword::UniqueItems => "uniqueItems",
            Keyword::Required => "required",
            Keyword::AdditionalProperties => "additionalProperties",
            Keyword::Reserved => "x-ripple",
        }
    }
}

/// A fault of a record's member: where it is, the keyword that it breaks, and a sentence for the caller.
///
/// ```
/// use ripple_core::record::schema::{Keyword, Resources};
/// use ripple_core::value::Members;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"},
///     "type": "object", "required": ["subject"], "properties": {"subject": {"type": "string"}}}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let faults = resources.get("task").unwrap().schema.check_new(&Members::new()).unwrap_err();
/// assert_eq!((faults[0].pointer.as_str(), faults[0].keyword), ("/subject", Keyword::Required));
/// assert_eq!(faults[0].detail, "is required");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON Pointer into the body (RFC 6901).
    pub pointer: String,
    /// The keyword.
    pub keyword: Keyword,
    /// One sentence for the caller.
    pub detail: String,
}

impl From<Fault> for crate::record::fault::Fault {
    fn from(Fault { pointer, detail, .. }: Fault) -> Self {
        crate::record::fault::Fault { pointer, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line() {
        let fault = |location| SchemaFault { file: "a.json".to_owned(), location, rule: "is wrong".to_owned() };
        assert_eq!(fault(Location::Whole).to_string(), "a.json: is wrong");
        assert_eq!(fault(Location::Line { line: 2, column: 7 }).to_string(), "a.json:2:7: is wrong");
        assert_eq!(fault(Location::Pointer("/a\n\0~1".to_owned())).to_string(), "a.json#/a\\u{a}\\u{0}~1: is wrong");
        assert_eq!(quoted("a\n"), r#""a\n""#);
        assert_eq!(quoted(&"ä".repeat(41)), format!("\"{}\"…", "ä".repeat(40)));
    }

    #[test]
    fn twenty_faults_are_shown_and_the_rest_are_counted() {
        let mut faults = Faults::default();
        for _ in 0..23 {
            faults.add("a.json", || Location::Whole, "is wrong");
        }
        let shown = faults.into_vec();
        assert_eq!((shown.len(), shown[20].to_string().as_str()), (21, "and 3 more"));
    }
}
