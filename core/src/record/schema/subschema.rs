//! A schema of one value.

use super::fault::Keyword;
use super::format::Format;
use super::pattern::Pattern;
use crate::value::{Number, Value};

/// A schema of one value: the keywords of a file, read and checked.
///
/// ```
/// use ripple_core::record::schema::{Resources, Type};
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"},
///     "type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let size = resources.get("task").unwrap().schema.property("size").unwrap();
/// assert!(size.types.contains(Type::Integer));
/// assert_eq!(size.minimum, Some(1.into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subschema {
    /// `title`
    pub title: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `deprecated`
    pub deprecated: bool,
    /// `default`: an annotation. It is never filled in.
    pub default: Option<Value>,
    /// `examples`
    pub examples: Vec<Value>,
    /// `type`. Without one, every type.
    pub types: Types,
    /// `enum`. Without one, every value.
    pub options: Vec<Value>,
    /// `const`
    pub constant: Option<Value>,
    /// `oneOf`: branches of one type each, all disjoint.
    pub one_of: Vec<Subschema>,
    /// `minLength`
    pub min_length: Option<u64>,
    /// `maxLength`
    pub max_length: Option<u64>,
    /// `pattern`
    pub pattern: Option<Pattern>,
    /// `format`
    pub format: Option<Format>,
    /// `minimum`
    pub minimum: Option<Number>,
    /// `maximum`
    pub maximum: Option<Number>,
    /// `exclusiveMinimum`
    pub exclusive_minimum: Option<Number>,
    /// `exclusiveMaximum`
    pub exclusive_maximum: Option<Number>,
    /// `multipleOf`
    pub multiple_of: Option<Number>,
    /// `items`. Without it, every entry is valid.
    pub items: Option<Box<Subschema>>,
    /// `prefixItems`. With it, `items` is `false` and a list has no more entries.
    pub prefix_items: Vec<Subschema>,
    /// `minItems`
    pub min_items: Option<u64>,
    /// `maxItems`
    pub max_items: Option<u64>,
    /// `uniqueItems`
    pub unique_items: bool,
    /// `properties`, in the order of the file.
    pub properties: Vec<(String, Subschema)>,
    /// `required`, in the order of the file.
    pub required: Vec<String>,
    /// `additionalProperties: false`
    pub closed: bool,
    /// `x-merge: "whole"`
    pub whole: bool,
    /// Places in `properties`, ordered by name.
    pub(super) by_name: Vec<usize>,
}

impl Subschema {
    /// Returns the schema of a property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Subschema> {
        let found = self.by_name.binary_search_by(|place| self.properties[*place].0.as_str().cmp(name)).ok()?;
        Some(&self.properties[self.by_name[found]].1)
    }

    pub(super) fn is_required(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }

    /// Returns the branch of `oneOf` that a value's type picks.
    #[must_use]
    pub fn branch(&self, value: &Value) -> Option<&Subschema> {
        self.one_of.iter().find(|branch| branch.types.admit(value))
    }

    /// Returns the only scalar type, besides null, that this schema's values have.
    #[must_use]
    pub fn scalar_type(&self) -> Option<Type> {
        let mut types = Type::ALL.into_iter().filter(|kind| *kind != Type::Null && self.types.contains(*kind));
        let kind = types.next()?;
        (types.next().is_none() && !matches!(kind, Type::Array | Type::Object)).then_some(kind)
    }
}

/// A type of JSON Schema.
///
/// ```
/// use ripple_core::record::schema::Type;
///
/// assert_eq!(Type::parse("integer"), Some(Type::Integer));
/// assert_eq!(Type::Integer.as_str(), "integer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the type of its name")]
pub enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    /// All of them.
    pub const ALL: [Type; 7] =
        [Type::Null, Type::Boolean, Type::Integer, Type::Number, Type::String, Type::Array, Type::Object];

    /// Returns the type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::String => "string",
            Type::Array => "array",
            Type::Object => "object",
        }
    }

    /// Reports whether a value has this type. A set is an array, a binary the string of its base64, and 1.0 an integer.
    #[must_use]
    pub fn admits(self, value: &Value) -> bool {
        match value {
            Value::Null => self == Type::Null,
            Value::Bool(_) => self == Type::Boolean,
            Value::Number(number) => self == Type::Number || self == Type::Integer && super::number::is_whole(number),
            Value::String(_) | Value::Binary(_) => self == Type::String,
            Value::List(_) | Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_) => self == Type::Array,
            Value::Map(_) => self == Type::Object,
        }
    }
}

/// A set of types. The empty set stands for all of them.
///
/// ```
/// use ripple_core::record::schema::{Type, Types};
///
/// let types: Types = [Type::String, Type::Null].into_iter().collect();
/// assert!(types.contains(Type::Null) && !types.contains(Type::Object));
/// assert!(types.admit(&"x".into()) && !types.admit(&1.into()));
/// assert!(Types::default().admit(&1.into()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// Reports whether no type is named, so that every type is allowed.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.0 == 0
    }

    /// Reports whether a type is named.
    #[must_use]
    pub fn contains(self, kind: Type) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Returns the types that are named.
    pub fn iter(self) -> impl Iterator<Item = Type> {
        Type::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// Reports whether a value has one of these types.
    #[must_use]
    pub fn admit(self, value: &Value) -> bool {
        self.is_any() || self.iter().any(|kind| kind.admits(value))
    }
}

impl FromIterator<Type> for Types {
    fn from_iter<I: IntoIterator<Item = Type>>(types: I) -> Self {
        Types(types.into_iter().fold(0, |types, kind| types | 1 << kind as u8))
    }
}

impl Keyword {
    /// Returns the type of value that the keyword concerns. Returns `None` for those that concern every value.
    pub(super) fn concerns(self) -> Option<Type> {
        match self {
            Keyword::MinLength | Keyword::MaxLength | Keyword::Pattern | Keyword::Format => Some(Type::String),
            Keyword::Minimum
            | Keyword::Maximum
            | Keyword::ExclusiveMinimum
            | Keyword::ExclusiveMaximum
            | Keyword::MultipleOf => Some(Type::Number),
            Keyword::Items | Keyword::MinItems | Keyword::MaxItems | Keyword::UniqueItems => Some(Type::Array),
            _ => None,
        }
    }
}
