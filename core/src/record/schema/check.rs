//! The check of a record's members.
//!
//! A new record is checked as a whole. An edit is checked where it changes something. If the stored state, or the state
//! that the author saw, breaks the same rule in the same place, the edit has no fault there. So a client can save what it
//! read, also from another program.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::counterparts::Counterparts;
use super::entries::Entries;
use super::fault::{Fault, Keyword};
use super::pattern::Pattern;
use super::subschema::Subschema;
use super::{number, sentence};
use crate::record::PREFIX;
use crate::value::{Keys, Members, Value, push_token};

/// Faults of one body that its author is told of.
const FAULTS: usize = 100;
/// Steps of pattern matching for one body: some two seconds in a small function.
const STEPS: u64 = 50_000_000;

/// The schema of a resource's records.
///
/// ```
/// use ripple_core::record::schema::{EditForm, Resources};
/// use ripple_core::value::Members;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"},
///     "type": "object", "properties": {"state": {"enum": ["todo", "done"]}}}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let schema = &resources.get("task").unwrap().schema;
///
/// let state = |state: &str| Members::from([("state".to_owned(), state.into())]);
/// assert!(schema.check_new(&state("todo")).is_ok());
/// let faults = schema.check_edit(EditForm::Replace, &state("Done"), &[]).unwrap_err();
/// assert_eq!(faults[0].pointer, "/state");
/// assert_eq!(faults[0].detail, r#"must be one of "todo", "done""#);
/// // Another program stored it, and the author sends it back.
/// assert!(schema.check_edit(EditForm::Replace, &state("Done"), &[&state("Done")]).is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The schema of the record as a whole.
    pub root: Subschema,
    /// The names of the keys. They are no members of a body, so they are not checked here.
    pub(super) key: Vec<String>,
    pub(super) entries: Entries,
}

/// How an edit's body is meant.
///
/// ```
/// use ripple_core::record::schema::{EditForm, Resources};
/// use ripple_core::value::{Members, Value};
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object", "properties":
///     {"at": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}}}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let schema = &resources.get("task").unwrap().schema;
/// let empty = Members::from([("at".to_owned(), Value::Map(Members::new()))]);
/// assert!(schema.check_edit(EditForm::Patch, &empty, &[]).is_ok(), "`x` is left alone");
/// assert!(schema.check_edit(EditForm::Replace, &empty, &[]).is_err(), "`x` is missing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditForm {
    /// Members that are absent are left alone. The values of the others are whole.
    Replace,
    /// A merge patch (RFC 7396). In objects, too, absent members are left alone and `null` removes.
    Patch,
}

impl Schema {
    /// Returns the schema of a root member.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Subschema> {
        self.root.property(name)
    }

    /// Returns the members that identify the entries of lists.
    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys::of(&self.entries.0)
    }

    /// Checks a new record. A root member that is `null` counts as absent.
    ///
    /// # Errors
    /// Up to 100 faults: of members in the order of the file, then missing ones.
    pub fn check_new(&self, members: &Members) -> Result<(), Vec<Fault>> {
        self.check(members, &[], Rules { nulls: Nulls::Absent, missing: true, patch: false })
    }

    /// Checks what an edit sends. `states` are the stored record and the one that the author saw. A fault that one of
    /// them has too is dropped: at the same pointer, with entries matched by entry key, there is an equal scalar, or an
    /// array or object that breaks the same keyword. Without states, all faults are returned. So a caller checks an edit
    /// without states first, and reads the record only if that fails.
    ///
    /// # Errors
    /// Up to 100 faults, in the order of the file.
    pub fn check_edit(&self, form: EditForm, sent: &Members, states: &[&Members]) -> Result<(), Vec<Fault>> {
        let patch = form == EditForm::Patch;
        self.check(sent, states, Rules { nulls: Nulls::Removal, missing: false, patch })
    }

    fn check(&self, members: &Members, states: &[&Members], rules: Rules) -> Result<(), Vec<Fault>> {
        let states: Vec<Cow<'_, Members>> = states.iter().map(|state| shown(state)).collect();
        let states: Vec<&Members> = states.iter().map(AsRef::as_ref).collect();
        let mut walk = Walk { key: Some(&self.key), ..Walk::new(&self.entries) };
        walk.members(&self.root, &shown(members), &states, rules);
        if walk.steps.get() > STEPS {
            let detail = "has more text than its patterns can be tried on".to_owned();
            return Err(vec![Fault { pointer: String::new(), keyword: Keyword::Pattern, detail }]);
        }
        if walk.faults.is_empty() { Ok(()) } else { Err(walk.faults) }
    }
}

/// Returns the first fault of an annotation.
pub(super) fn annotation(schema: &Subschema, value: &Value) -> Option<Fault> {
    let entries = Entries::default();
    let mut walk = Walk::new(&entries);
    walk.value(schema, value, &[], false);
    walk.faults.into_iter().next()
}

/// What the absence and the `null` of a member mean.
#[derive(Clone, Copy)]
struct Rules {
    nulls: Nulls,
    /// Whether a required member that is absent is a fault.
    missing: bool,
    /// Whether objects inside are merge patches.
    patch: bool,
}

impl Rules {
    const PATCH: Rules = Rules { nulls: Nulls::Removal, missing: false, patch: true };
    const WHOLE: Rules = Rules { nulls: Nulls::Value, missing: true, patch: false };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Absent,
    Removal,
    Value,
}

struct Walk<'s> {
    entries: &'s Entries,
    /// At the root, the names of the keys.
    key: Option<&'s [String]>,
    pointer: String,
    faults: Vec<Fault>,
    /// Steps of pattern matching so far. Beyond the limit, no more patterns are tried.
    steps: Cell<u64>,
}

impl<'s> Walk<'s> {
    fn new(entries: &'s Entries) -> Walk<'s> {
        Walk { entries, key: None, pointer: String::new(), faults: Vec::new(), steps: Cell::new(0) }
    }

    fn is_full(&self) -> bool {
        self.faults.len() >= FAULTS
    }

    fn fault(&mut self, schema: &Subschema, keyword: Keyword) {
        if !self.is_full() {
            let detail = sentence::of(schema, keyword);
            self.faults.push(Fault { pointer: self.pointer.clone(), keyword, detail });
        }
    }

    fn removed(&mut self) {
        if !self.is_full() {
            let detail = "is required and cannot be removed".to_owned();
            self.faults.push(Fault { pointer: self.pointer.clone(), keyword: Keyword::Required, detail });
        }
    }

    /// Does something with the pointer at a name or a place.
    fn at(&mut self, token: &str, work: impl FnOnce(&mut Self)) {
        let end = self.pointer.len();
        push_token(&mut self.pointer, token);
        work(self);
        self.pointer.truncate(end);
    }

    /// Checks a value. `states` are its counterparts.
    fn value(&mut self, schema: &Subschema, value: &Value, states: &[&Value], patch: bool) {
        if self.is_full() || is_scalar(value) && states.contains(&value) {
            return;
        }
        // A value of another shape has no parts that the schema knows.
        let shape = [Keyword::Type, Keyword::Enum, Keyword::Const, Keyword::OneOf];
        let has_shape = !shape.into_iter().any(|keyword| self.breaks(schema, value, keyword));
        let is_new = |keyword: &Keyword| {
            self.breaks(schema, value, *keyword)
                && !states
                    .iter()
                    .any(|state| !is_scalar(state) && !is_scalar(value) && self.breaks(schema, state, *keyword))
        };
        let broken = Keyword::OF_A_VALUE.into_iter().find(is_new);
        if let Some(keyword) = broken {
            self.fault(schema, keyword);
        }
        if !has_shape {
            return;
        }
        if let Some(branch) = schema.branch(value).filter(|_| broken.is_none() && !is_scalar(value)) {
            self.value(branch, value, states, patch);
        }
        if let Value::Map(members) = value {
            let states: Vec<&Members> = states.iter().filter_map(|state| as_map(state)).collect();
            self.members(schema, members, &states, if patch { Rules::PATCH } else { Rules::WHOLE });
        } else if let Value::List(list) = value {
            self.list(schema, list, states);
        }
    }

    fn list(&mut self, schema: &Subschema, list: &[Value], states: &[&Value]) {
        if schema.items.is_none() && schema.prefix_items.is_empty() {
            return;
        }
        let key = self.entries.key_of(&self.pointer).filter(|_| schema.prefix_items.is_empty());
        let by_value = schema.prefix_items.is_empty();
        let states = states.iter().filter_map(|state| as_list(state));
        let mut states: Vec<Counterparts<'_>> = states.map(|state| Counterparts::new(state, key, by_value)).collect();
        for (place, entry) in list.iter().enumerate() {
            if self.is_full() {
                return;
            }
            // Entries are matched in turn, whether a schema is there or not.
            let states: Vec<&Value> = states.iter_mut().filter_map(|state| state.of(place, entry)).collect();
            if let Some(schema) = schema.prefix_items.get(place).or(schema.items.as_deref()) {
                self.at(&place.to_string(), |walk| walk.value(schema, entry, &states, false));
            }
        }
    }

    fn members(&mut self, schema: &Subschema, members: &Members, states: &[&Members], rules: Rules) {
        let key = self.key.take();
        let is_checked = |name: &str| !key.unwrap_or_default().iter().any(|key| key == name);
        let absent = |members: &Members, name: &str| match members.get(name) {
            None => true,
            Some(value) => *value == Value::Null && rules.nulls != Nulls::Value,
        };
        let missing_too = |name: &str| states.iter().any(|state| absent(state, name));
        for (name, property) in schema.properties.iter().filter(|(name, _)| is_checked(name)) {
            match members.get(name) {
                None => {}
                Some(Value::Null) if rules.nulls == Nulls::Absent => {}
                Some(Value::Null) if rules.nulls == Nulls::Removal => {
                    let is_known = !schema.is_required(name) || missing_too(name);
                    if !is_known {
                        self.at(name, Walk::removed);
                    }
                }
                Some(value) => {
                    let states: Vec<&Value> = states.iter().filter_map(|state| state.get(name)).collect();
                    self.at(name, |walk| walk.value(property, value, &states, rules.patch));
                }
            }
        }
        self.unknown(schema, members, states, rules, key.is_some());
        if rules.missing {
            for name in schema.required.iter().filter(|name| is_checked(name) && absent(members, name)) {
                if !missing_too(name) {
                    self.at(name, |walk| walk.fault(schema, Keyword::Required));
                }
            }
        }
    }

    /// Checks the names that the schema does not have.
    fn unknown(&mut self, schema: &Subschema, members: &Members, states: &[&Members], rules: Rules, is_root: bool) {
        if !is_root && !schema.closed {
            return;
        }
        for (name, value) in members {
            if is_root && name.starts_with(PREFIX) {
                self.at(name, |walk| walk.fault(schema, Keyword::Reserved));
            }
            let removed = *value == Value::Null && rules.nulls != Nulls::Value;
            if schema.closed && !removed && !self.is_full() && schema.property(name).is_none() {
                let states: Vec<&Value> = states.iter().filter_map(|state| state.get(name)).collect();
                let is_known = states.into_iter().any(|state| match is_scalar(value) {
                    true => value == state,
                    false => !is_scalar(state),
                });
                if !is_known {
                    self.at(name, |walk| walk.fault(schema, Keyword::AdditionalProperties));
                }
            }
        }
    }

    /// Reports whether a value breaks a keyword. What is in an array or object is not looked at.
    fn breaks(&self, schema: &Subschema, value: &Value, keyword: Keyword) -> bool {
        match keyword {
            Keyword::Type => !schema.types.admit(value),
            Keyword::Enum => !schema.options.is_empty() && !schema.options.contains(value),
            Keyword::Const => schema.constant.as_ref().is_some_and(|constant| constant != value),
            Keyword::OneOf => {
                !schema.one_of.is_empty()
                    && schema.branch(value).is_none_or(|branch| {
                        let breaks = |keyword| self.breaks(branch, value, keyword);
                        is_scalar(value) && Keyword::OF_A_VALUE.into_iter().any(breaks)
                    })
            }
            _ => match value {
                Value::Number(value) => {
                    let breaks = |bound: &Option<_>, allowed: fn(&_, &_) -> bool| {
                        bound.as_ref().is_some_and(|bound| !allowed(value, bound))
                    };
                    match keyword {
                        Keyword::Minimum => breaks(&schema.minimum, |value, bound| value >= bound),
                        Keyword::Maximum => breaks(&schema.maximum, |value, bound| value <= bound),
                        Keyword::ExclusiveMinimum => breaks(&schema.exclusive_minimum, |value, bound| value > bound),
                        Keyword::ExclusiveMaximum => breaks(&schema.exclusive_maximum, |value, bound| value < bound),
                        Keyword::MultipleOf => breaks(&schema.multiple_of, number::is_multiple),
                        _ => false,
                    }
                }
                Value::String(text) => self.text_breaks(schema, text, keyword),
                Value::List(list) => list_breaks(schema, list, keyword),
                _ => false,
            },
        }
    }

    /// Counts a search, and reports whether the body may still have it.
    fn may_try(&self, pattern: &Pattern, text: &str) -> bool {
        self.steps.set(self.steps.get().saturating_add(pattern.steps(text)));
        self.steps.get() <= STEPS
    }

    fn text_breaks(&self, schema: &Subschema, text: &str, keyword: Keyword) -> bool {
        let length = || text.chars().count() as u64;
        match keyword {
            Keyword::MinLength => schema.min_length.is_some_and(|least| length() < least),
            Keyword::MaxLength => schema.max_length.is_some_and(|most| length() > most),
            // The length bounds the time that it takes.
            Keyword::Pattern => {
                let short = || !self.text_breaks(schema, text, Keyword::MaxLength);
                let breaks = |pattern: &Pattern| short() && self.may_try(pattern, text) && !pattern.is_match(text);
                schema.pattern.as_ref().is_some_and(breaks)
            }
            Keyword::Format => schema.format.is_some_and(|format| !format.fits(text)),
            _ => false,
        }
    }
}

fn list_breaks(schema: &Subschema, list: &[Value], keyword: Keyword) -> bool {
    let length = list.len() as u64;
    match keyword {
        Keyword::Items => !schema.prefix_items.is_empty() && list.len() > schema.prefix_items.len(),
        Keyword::MinItems => schema.min_items.is_some_and(|least| length < least),
        Keyword::MaxItems => schema.max_items.is_some_and(|most| length > most),
        Keyword::UniqueItems => {
            let mut seen = HashSet::with_capacity(list.len());
            schema.unique_items && !list.iter().all(|entry| seen.insert(entry))
        }
        _ => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_))
}

fn as_map(value: &Value) -> Option<&Members> {
    match value {
        Value::Map(members) => Some(members),
        _ => None,
    }
}

fn as_list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(list) => Some(list),
        _ => None,
    }
}

/// Returns members as JSON shows them: a set as an array, a binary as the text of its base64.
fn shown(members: &Members) -> Cow<'_, Members> {
    if !members.values().any(Value::has_dynamodb_type) {
        return Cow::Borrowed(members);
    }
    Cow::Owned(members.iter().map(|(name, value)| (name.clone(), shown_value(value))).collect())
}

fn shown_value(value: &Value) -> Value {
    let text = |bytes: &Vec<u8>| Value::String(STANDARD.encode(bytes));
    match value {
        Value::Binary(bytes) => text(bytes),
        Value::Strings(set) => Value::List(set.iter().cloned().map(Value::String).collect()),
        Value::Numbers(set) => Value::List(set.iter().cloned().map(Value::Number).collect()),
        Value::Binaries(set) => Value::List(set.iter().map(text).collect()),
        Value::List(list) => Value::List(list.iter().map(shown_value).collect()),
        Value::Map(members) => Value::Map(shown(members).into_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
