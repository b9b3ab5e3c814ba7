//! The keywords of a file.

use std::collections::HashSet;
use std::fmt::{Display, Write as _};

use super::fault::{Faults, Location};
use super::format::Format;
use super::json::{Json, Member};
use super::number::bound;
use super::pattern::Pattern;
use super::subschema::{Subschema, Type, Types};
use crate::record::PREFIX;
use crate::value::{Number, Value, push_token};

/// Root properties.
const PROPERTIES: usize = 200;
/// Schemas in a file.
const SUBSCHEMAS: usize = 500;
/// Values of an `enum`.
const OPTIONS: usize = 200;
/// Values of `examples`.
const EXAMPLES: usize = 20;
/// Branches of a `oneOf`.
const BRANCHES: usize = 4;
/// Places of `prefixItems`.
const PLACES: usize = 32;
/// Characters of a `description`.
const DESCRIPTION: usize = 1_000;
/// Characters of a `title` that is not the root's.
const TITLE: usize = 200;
/// Digits of a length, so that every tool has it exactly.
const COUNT_DIGITS: usize = 15;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Reads one file.
pub(super) struct Reader<'f> {
    file: &'f str,
    /// The place that the reader is at.
    path: Vec<Token<'f>>,
    faults: &'f mut Faults,
    subschemas: usize,
}

/// A name or a place in a list, on the way to a place in the file. It becomes text only for a fault.
#[derive(Clone, Copy)]
pub(super) enum Token<'f> {
    Name(&'f str),
    Place(usize),
}

impl<'f> From<&'f str> for Token<'f> {
    fn from(name: &'f str) -> Self {
        Token::Name(name)
    }
}

impl From<usize> for Token<'_> {
    fn from(place: usize) -> Self {
        Token::Place(place)
    }
}

impl<'f> Reader<'f> {
    pub(super) fn new(file: &'f str, faults: &'f mut Faults) -> Reader<'f> {
        Reader { file, path: Vec::new(), faults, subschemas: 0 }
    }

    /// Adds a fault of the place that the reader is at.
    pub(super) fn fault(&mut self, rule: impl Into<String>) {
        self.add(None, rule);
    }

    /// Adds a fault of a member of the place that the reader is at.
    pub(super) fn fault_at<'t>(&mut self, token: impl Into<Token<'t>>, rule: impl Into<String>) {
        self.add(Some(token.into()), rule);
    }

    fn add(&mut self, last: Option<Token<'_>>, rule: impl Into<String>) {
        let path = &self.path;
        let location = || {
            let mut pointer = String::new();
            for token in path.iter().copied().chain(last) {
                match token {
                    Token::Name(name) => push_token(&mut pointer, name),
                    Token::Place(place) => {
                        let _ = write!(pointer, "/{place}");
                    }
                }
            }
            Location::Pointer(pointer)
        };
        self.faults.add(self.file, location, rule);
    }

    pub(super) fn at<T>(&mut self, token: impl Into<Token<'f>>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(token.into());
        let result = work(self);
        self.path.pop();
        result
    }

    /// Reads a value, or adds a fault.
    pub(super) fn expect<T>(&mut self, read: Option<T>, rule: impl Display) -> Option<T> {
        if read.is_none() {
            self.fault(format!("must be {rule}"));
        }
        read
    }

    pub(super) fn text<'j>(&mut self, json: &'j Json<'_>, rule: impl Display) -> Option<&'j str> {
        self.expect(json.as_text(), rule)
    }

    pub(super) fn flag(&mut self, json: &Json<'_>) -> Option<bool> {
        let flag = match json {
            Json::Bool(flag) => Some(*flag),
            _ => None,
        };
        self.expect(flag, "true or false")
    }

    pub(super) fn list<'j, 'a>(&mut self, json: &'j Json<'a>, rule: impl Display) -> Option<&'j [Json<'a>]> {
        let list = match json {
            Json::List(list) => Some(list.as_slice()),
            _ => None,
        };
        self.expect(list, rule)
    }

    pub(super) fn object<'j, 'a>(&mut self, json: &'j Json<'a>, rule: impl Display) -> Option<&'j [Member<'a>]> {
        let object = match json {
            Json::Object(members) => Some(members.as_slice()),
            _ => None,
        };
        self.expect(object, rule)
    }

    /// Reads the schema of the record. The root's `x-ripple` is left to the caller.
    pub(super) fn root(&mut self, members: &'f [Member<'f>]) -> Subschema {
        let schema = self.schema(members, true);
        if schema.types != [Type::Object].into_iter().collect() {
            self.fault_at("type", "must be \"object\" for a record");
        }
        if schema.title.is_none() && !members.iter().any(|(name, _)| name == "title") {
            self.fault("has no title");
        }
        schema
    }

    fn subschema(&mut self, json: &'f Json<'f>) -> Subschema {
        self.subschemas += 1;
        if self.subschemas == SUBSCHEMAS + 1 {
            self.fault(format!("exceeds the limit of {SUBSCHEMAS} schemas in a file"));
        }
        match json {
            Json::Object(members) => self.schema(members, false),
            Json::Bool(_) => {
                self.fault("is a boolean schema, which is not in ripple's subset (docs/RESOURCES.md)");
                Subschema::default()
            }
            _ => {
                self.fault("must be a schema, which is an object");
                Subschema::default()
            }
        }
    }

    fn schema(&mut self, members: &'f [Member<'f>], is_root: bool) -> Subschema {
        let mut schema = Subschema::default();
        for (name, json) in members {
            self.at(&**name, |reader| match &**name {
                "default" | "examples" => reader.annotation(&mut schema, name, json),
                "x-ripple" if is_root => {}
                name => reader.keyword(&mut schema, name, json, is_root),
            });
        }
        self.together(&schema, members);
        schema
    }

    fn keyword(&mut self, schema: &mut Subschema, name: &str, json: &'f Json<'f>, is_root: bool) {
        match name {
            // Names are compared in this order, and most schemas have these two.
            "type" => schema.types = self.types(json),
            "description" => schema.description = self.limited(json, DESCRIPTION),
            "enum" | "const" | "oneOf" | "x-merge" if is_root => self.fault("is not supported at the root"),
            "$schema" if is_root => {
                if json.as_text() != Some(DIALECT) {
                    self.fault(format!("must be \"{DIALECT}\""));
                }
            }
            "$comment" => drop(self.text(json, "a string")),
            "title" => schema.title = self.title(json, is_root),
            "deprecated" => schema.deprecated = self.flag(json).unwrap_or_default(),
            "enum" => schema.options = self.options(json),
            "const" => schema.constant = self.scalar(json),
            "oneOf" => schema.one_of = self.branches(json),
            "minLength" => schema.min_length = self.count(json),
            "maxLength" => schema.max_length = self.count(json),
            "pattern" => schema.pattern = self.pattern(json),
            "format" => {
                let format = self.text(json, "a string").map(Format::parse);
                schema.format =
                    format.and_then(|format| self.expect(format, "date, date-time, uuid, email, uri or multiline"));
            }
            "minimum" => schema.minimum = self.bound(json),
            "maximum" => schema.maximum = self.bound(json),
            "exclusiveMinimum" => schema.exclusive_minimum = self.bound(json),
            "exclusiveMaximum" => schema.exclusive_maximum = self.bound(json),
            "multipleOf" => {
                schema.multiple_of = self.bound(json);
                if schema.multiple_of.as_ref().is_some_and(|step| *step <= Number::from(0)) {
                    self.fault("must be above 0");
                }
            }
            "items" if *json != Json::Bool(false) => schema.items = Some(Box::new(self.subschema(json))),
            "items" => {}
            "minItems" => schema.min_items = self.count(json),
            "maxItems" => schema.max_items = self.count(json),
            "prefixItems" => schema.prefix_items = self.schemas(json, 1, PLACES),
            "uniqueItems" => {
                schema.unique_items = *json == Json::Bool(true);
                if !schema.unique_items {
                    self.fault("must be true");
                }
            }
            "properties" => self.properties(schema, json, is_root),
            "required" => schema.required = self.names(json),
            "additionalProperties" => {
                schema.closed = !self.flag(json).unwrap_or(true);
                if schema.closed && is_root {
                    self.fault("must be true for a record: unknown members are always kept");
                }
            }
            "x-merge" => {
                schema.whole = json.as_text() == Some("whole");
                if !schema.whole {
                    self.fault("must be \"whole\"");
                }
            }
            _ => self.fault("is not in ripple's subset (docs/RESOURCES.md)"),
        }
    }

    /// Reads a value or values for readers of the schema. [`Resources::check_annotations`](super::Resources::check_annotations)
    /// checks that the schema admits them.
    fn annotation(&mut self, schema: &mut Subschema, name: &str, json: &'f Json<'f>) {
        if name == "default" {
            schema.default = self.example(json);
            return;
        }
        let Some(list) = self.list(json, "an array") else { return };
        if list.len() > EXAMPLES {
            return self.fault(format!("must have at most {EXAMPLES} values"));
        }
        for (place, json) in list.iter().enumerate() {
            let example = self.at(place, |reader| reader.example(json));
            schema.examples.extend(example);
        }
    }

    fn example(&mut self, json: &Json<'_>) -> Option<Value> {
        let value = json.to_value();
        self.expect(value, "a value that a record can have; a number has up to 38 digits")
    }

    fn title(&mut self, json: &Json<'_>, is_root: bool) -> Option<String> {
        if !is_root {
            return self.limited(json, TITLE);
        }
        let rule = "1 to 64 letters, digits and spaces, a letter first";
        let title = self.text(json, rule)?;
        let fits = (1..=64).contains(&title.len())
            && title.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && title.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        self.expect(fits.then(|| title.to_owned()), rule)
    }

    /// Reads text of limited length.
    pub(super) fn limited(&mut self, json: &Json<'_>, most: usize) -> Option<String> {
        let rule = format_args!("a string of at most {most} characters");
        let text = self.text(json, rule)?;
        let fits = text.chars().count() <= most;
        self.expect(fits.then(|| text.to_owned()), rule)
    }

    fn types(&mut self, json: &'f Json<'f>) -> Types {
        let rule = "null, boolean, integer, number, string, array or object";
        let read = |reader: &mut Self, json: &Json<'_>| reader.expect(json.as_text().and_then(Type::parse), rule);
        let Json::List(list) = json else { return read(self, json).into_iter().collect() };
        let types: Vec<Type> = list.iter().map_while(|json| read(self, json)).collect();
        let distinct = types.iter().enumerate().all(|(place, kind)| !types[..place].contains(kind));
        if types.len() == list.len() && (types.is_empty() || !distinct) {
            self.fault("must be a type or an array of distinct types, at least one");
        }
        types.into_iter().collect()
    }

    fn scalar(&mut self, json: &Json<'_>) -> Option<Value> {
        let value = match json {
            Json::List(_) | Json::Object(_) => None,
            scalar => scalar.to_value(),
        };
        self.expect(value, "a string, number, boolean or null")
    }

    fn options(&mut self, json: &'f Json<'f>) -> Vec<Value> {
        let rule = format_args!("an array of 1 to {OPTIONS} distinct values");
        let Some(list) = self.list(json, rule) else { return Vec::new() };
        if !(1..=OPTIONS).contains(&list.len()) {
            self.fault(format!("must be {rule}"));
            return Vec::new();
        }
        let read = |(place, json): (usize, &Json<'_>)| self.at(place, |reader| reader.scalar(json));
        let options: Vec<Value> = list.iter().enumerate().filter_map(read).collect();
        if options.iter().collect::<HashSet<_>>().len() < options.len() {
            self.fault(format!("must be {rule}"));
        }
        options
    }

    fn schemas(&mut self, json: &'f Json<'f>, least: usize, most: usize) -> Vec<Subschema> {
        let rule = format_args!("an array of {least} to {most} schemas");
        let Some(list) = self.list(json, rule) else { return Vec::new() };
        if !(least..=most).contains(&list.len()) {
            self.fault(format!("must be {rule}"));
            return Vec::new();
        }
        let read = |(place, json): (usize, &'f Json<'f>)| self.at(place, |reader| reader.subschema(json));
        list.iter().enumerate().map(read).collect()
    }

    fn branches(&mut self, json: &'f Json<'f>) -> Vec<Subschema> {
        let before = self.faults.count();
        let branches = self.schemas(json, 2, BRANCHES);
        if self.faults.count() > before {
            return branches;
        }
        // Every integer is a number.
        let class = |kind: Type| if kind == Type::Integer { Type::Number } else { kind };
        let mut seen = Vec::new();
        for (place, branch) in branches.iter().enumerate() {
            let mut types = branch.types.iter();
            match (types.next(), types.next()) {
                (Some(kind), None) if !seen.contains(&class(kind)) => seen.push(class(kind)),
                (Some(_), None) => self.fault_at(place, "has the type of an earlier branch"),
                _ => self.fault_at(place, "must have one type"),
            }
        }
        branches
    }

    fn count(&mut self, json: &Json<'_>) -> Option<u64> {
        let count = match json {
            Json::Number(text) => Number::parse(text).filter(|number| number.as_str().len() <= COUNT_DIGITS),
            _ => None,
        };
        self.expect(count.and_then(|count| count.as_u64()), "a whole number, at least 0")
    }

    fn bound(&mut self, json: &Json<'_>) -> Option<Number> {
        let number = match json {
            Json::Number(text) => bound(text),
            _ => None,
        };
        self.expect(number, "a number of at most 15 digits, 0 or with a magnitude of 1e-30 to 1e30")
    }

    fn pattern(&mut self, json: &Json<'_>) -> Option<Pattern> {
        let text = self.text(json, "a string")?;
        Pattern::parse(text).map_err(|rule| self.fault(rule)).ok()
    }

    fn properties(&mut self, schema: &mut Subschema, json: &'f Json<'f>, is_root: bool) {
        let Some(members) = self.object(json, "an object of schemas") else { return };
        if is_root && members.len() > PROPERTIES {
            return self.fault(format!("must have at most {PROPERTIES} properties at the root"));
        }
        schema.properties.reserve_exact(members.len());
        for (name, json) in members {
            let property = self.at(&**name, |reader| {
                if let Some(rule) = property_rule(name, is_root) {
                    reader.fault(rule);
                }
                reader.subschema(json)
            });
            schema.properties.push((name.as_ref().to_owned(), property));
        }
        let mut by_name: Vec<usize> = (0..schema.properties.len()).collect();
        by_name.sort_unstable_by_key(|place| schema.properties[*place].0.as_str());
        schema.by_name = by_name;
    }

    fn names(&mut self, json: &Json<'_>) -> Vec<String> {
        let rule = "an array of distinct names";
        let Some(list) = self.list(json, rule) else { return Vec::new() };
        let names: Vec<String> = list.iter().filter_map(Json::as_text).map(str::to_owned).collect();
        if names.iter().collect::<HashSet<_>>().len() < list.len() {
            self.fault(format!("must be {rule}"));
            return Vec::new();
        }
        names
    }
}

/// Returns the rule that a property's name breaks.
fn property_rule(name: &str, is_root: bool) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        return Some("a name has no control characters");
    }
    // In JavaScript, and so on the pages, the name is not a member like others.
    if name == "__proto__" {
        return Some("a property cannot have this name");
    }
    (is_root && name.starts_with(PREFIX)).then_some("names that begin with rpl_ are ripple's own")
}
