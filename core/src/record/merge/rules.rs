//! The rules that a resource's schema states for the merge.

use crate::record::schema::{Schema, Subschema};
use crate::value::{Keys, Value};

/// The rules of a schema at a position in a record. They descend with the walk over the record's states.
///
/// The default is the rule without a schema: `id` identifies the entries of every list.
///
/// ```
/// use ripple_core::record::merge::{Rules, merge};
/// use ripple_core::record::schema::Resources;
/// use ripple_core::value::{Members, Value};
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object",
///     "properties": {"order": {"type": "array", "x-merge": "whole"}}}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let rules = Rules::of(&resources.get("task").unwrap().schema);
///
/// let state = |order: &[&str]| {
///     let order = order.iter().map(|text| Value::from(*text)).collect();
///     Members::from([("order".to_owned(), Value::List(order))])
/// };
/// let (base, theirs, mine) = (state(&["a"]), state(&["a", "b"]), state(&["a", "c"]));
/// assert_eq!(merge(&base, &theirs, &mine, rules).0, mine);
/// assert_eq!(merge(&base, &theirs, &mine, Rules::default()).0, state(&["a", "b", "c"]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    schema: Option<&'a Subschema>,
    pub(crate) keys: Keys<'a>,
}

/// The rule for the entries of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListRule<'a> {
    /// The rule without a schema. An object is identified by the member of this name, if one is named.
    Entries(Option<&'a str>),
    /// Each place is a value with a schema of its own.
    Places,
    /// A set with order: each value is included once.
    Set,
}

impl<'a> Rules<'a> {
    /// Returns the rules for a record of this schema.
    #[must_use]
    pub fn of(schema: &'a Schema) -> Rules<'a> {
        Rules { schema: Some(&schema.root), keys: schema.keys() }
    }

    /// Returns the rules for a member of an object.
    pub(crate) fn member(self, name: &str) -> Rules<'a> {
        let schema = self.schema.and_then(|schema| schema.property(name));
        Rules { schema, keys: self.keys.member(name) }
    }

    /// Returns the rules for an entry of a list. They are those of every entry, since other edits move entries.
    pub(crate) fn entry(self) -> Rules<'a> {
        Rules { schema: self.schema.and_then(|schema| schema.items.as_deref()), keys: Keys::default() }
    }

    /// Returns the rules for a place of a list that is merged place by place.
    pub(crate) fn place(self, place: usize) -> Rules<'a> {
        Rules { schema: self.schema.and_then(|schema| schema.prefix_items.get(place)), keys: Keys::default() }
    }

    /// Returns the rules for a value, whose type picks a branch of `oneOf`.
    pub(crate) fn branch(self, value: Option<&Value>) -> Rules<'a> {
        match (self.schema, value) {
            (Some(schema), Some(value)) if !schema.one_of.is_empty() => Rules { schema: schema.branch(value), ..self },
            _ => self,
        }
    }

    /// Reports whether a later save replaces the value as a whole. A value of a type that the schema does not name is
    /// merged without the schema.
    pub(crate) fn is_whole(self, value: Option<&Value>) -> bool {
        let (Some(schema), Some(value)) = (self.schema, value) else { return false };
        let is_whole = |schema: &Subschema| schema.whole && schema.types.admit(value);
        is_whole(schema) || schema.branch(value).is_some_and(is_whole)
    }

    /// Returns the rule for a list, from the state before an edit and the edited one. Both are the same when the edit
    /// is repeated.
    pub(crate) fn list(self, before: Option<&Value>, after: Option<&Value>) -> ListRule<'a> {
        if let Some(key) = self.keys.named() {
            return ListRule::Entries(key);
        }
        let usual = ListRule::Entries(self.keys.key());
        let Some(schema) = self.schema else { return usual };
        let both = |fits: &dyn Fn(&[Value]) -> bool, sets: bool| {
            [before, after].into_iter().flatten().all(|value| match value {
                Value::List(list) => fits(list),
                value => sets || !value.is_set(),
            })
        };
        let places = schema.prefix_items.len();
        if places > 0 {
            let has_places = both(&|list| list.len() <= places, false);
            return if has_places { ListRule::Places } else { usual };
        }
        let is_scalar = |value: &Value| !matches!(value, Value::List(_) | Value::Map(_));
        if schema.unique_items && both(&|list| list.iter().all(is_scalar), true) {
            return ListRule::Set;
        }
        usual
    }
}

impl<'a> ListRule<'a> {
    /// Returns the member that identifies an entry. Returns `None` if entries are identified by their values.
    pub(crate) fn key(self) -> Option<&'a str> {
        match self {
            ListRule::Entries(key) => key,
            ListRule::Places | ListRule::Set => None,
        }
    }
}
