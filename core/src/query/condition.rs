//! The conditions of a list: a member, an operator and a value, as a parameter of the query states them.
//!
//! | parameter | meets |
//! |---|---|
//! | `term=3`, `term[eq]=3` | equals |
//! | `term[not]=3` | does not equal, or is absent |
//! | `term[in]=3,4` | equals one of the values |
//! | `term[gt]=3`, `[gte]`, `[lt]`, `[lte]` | is greater, …: numbers by value, texts by code point |
//! | `name[prefix]=Gar` | is a text that begins so |
//! | `note[exists]=true` | is there |
//! | `/address/city=Basel` | the same inside objects and arrays, by JSON Pointer (RFC 6901) |
//!
//! The type of a record's value says how the parameter's text is read. A number compares as a number, and only with a
//! text that is one. A text compares as a text, even with `3`. An array or a set meets a condition if one of its
//! elements does.

use std::cmp::Ordering;

use crate::limits;
use crate::record::schema::{Resource, Subschema};
use crate::record::{Names, Record};
use crate::value::{Number, Value, unescaped};

/// A condition that a record meets or does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The name of its parameter, such as `/address/city[prefix]`.
    pub parameter: String,
    /// The member that it is about.
    pub member: MemberPath,
    /// What it asks of the member's value.
    pub test: Test,
}

/// The way from a record to a value: the name of a member, then names and places inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPath {
    /// The name of the record's member.
    pub root: String,
    /// The tokens of the pointer behind it. Most often there is none.
    pub inner: Vec<String>,
}

/// What a condition asks of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `[eq]`, or no operator: it equals this, or contains it.
    Equals(Operand),
    /// `[not]`: `Equals` does not hold.
    Differs(Operand),
    /// `[in]`: `Equals` holds for one of these.
    OneOf(Vec<Operand>),
    /// `[gt]`, `[gte]`, `[lt]`, `[lte]`: it is on this side of the operand.
    Compares(Side, Operand),
    /// `[prefix]`: it is a text that begins so.
    Begins(String),
    /// `[exists]`: it is there, or is not.
    Exists(bool),
}

/// A side of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `[gt]`
    Above,
    /// `[gte]`
    From,
    /// `[lt]`
    Below,
    /// `[lte]`
    UpTo,
}

/// A value of a condition, as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Its text.
    pub text: String,
    /// The number that the text is. `None` if it is none that DynamoDB takes.
    pub number: Option<Number>,
}

/// A value that a condition can be compared with.
#[derive(Clone, Copy)]
enum Scalar<'a> {
    /// `true`, `false` or `null`, which only equality knows.
    Word(&'a str),
    Number(&'a Number),
    Text(&'a str),
}

impl Condition {
    /// Reads a parameter. The last brackets of its name are the operator.
    pub(super) fn parse(parameter: &str, value: &str) -> Result<Condition, String> {
        let operator = parameter.strip_suffix(']').and_then(|name| name.rsplit_once('['));
        let (member, operator) = operator.unwrap_or((parameter, "eq"));
        let (member, test) = (MemberPath::parse(member)?, Test::parse(operator, value)?);
        Ok(Condition { parameter: parameter.to_owned(), member, test })
    }

    /// Reports whether a record meets the condition.
    #[must_use]
    pub fn matches(&self, record: &Record, names: &Names) -> bool {
        match &self.test {
            Test::Exists(wanted) => self.member.is_in(record, names) == *wanted,
            Test::Differs(operand) => !self.some(record, names, &|scalar| operand.equals(scalar)),
            Test::Equals(operand) => self.some(record, names, &|scalar| operand.equals(scalar)),
            Test::OneOf(list) => self.some(record, names, &|scalar| list.iter().any(|operand| operand.equals(scalar))),
            Test::Compares(side, operand) => {
                self.some(record, names, &|scalar| operand.order(scalar).is_some_and(|order| side.has(order)))
            }
            Test::Begins(prefix) => {
                self.some(record, names, &|scalar| matches!(scalar, Scalar::Text(text) if text.starts_with(prefix)))
            }
        }
    }

    /// Reports whether the test holds for the member's value, or for an element of it.
    fn some(&self, record: &Record, names: &Names, test: &dyn Fn(Scalar<'_>) -> bool) -> bool {
        self.member.leads(record, names, &|value| is_or_has(value, test))
    }
}

impl MemberPath {
    /// Returns the path of a record's member.
    pub(super) fn of(name: &str) -> MemberPath {
        MemberPath { root: name.to_owned(), inner: Vec::new() }
    }

    fn parse(text: &str) -> Result<MemberPath, String> {
        let Some(pointer) = text.strip_prefix('/') else {
            return if text.is_empty() { Err("has no name".to_owned()) } else { Ok(MemberPath::of(text)) };
        };
        let mut path: Option<MemberPath> = None;
        for token in pointer.split('/') {
            let token = unescaped(token).ok_or("is no JSON Pointer: ~ stands before 0 or 1")?;
            match &mut path {
                None => path = Some(MemberPath::of(&token)),
                Some(path) if path.inner.len() + 1 < limits::NESTING => path.inner.push(token),
                Some(_) => return Err("has a pointer of more names than a record has levels".to_owned()),
            }
        }
        path.ok_or_else(String::new) // `split` has at least one part
    }

    /// Reports whether a record has a value there.
    pub(crate) fn is_in(&self, record: &Record, names: &Names) -> bool {
        self.leads(record, names, &|_| true)
    }

    /// Reports whether the resource declares it: then it need not be in any record.
    pub(super) fn is_declared(&self, resource: &Resource) -> bool {
        if self.inner.is_empty() {
            return resource.declares(&self.root);
        }
        resource.names.are_fixed(&self.root)
            || resource.schema.property(&self.root).is_some_and(|schema| declares(schema, &self.inner))
    }

    /// Reports whether it leads to a value for which `test` holds.
    fn leads(&self, record: &Record, names: &Names, test: &dyn Fn(&Value) -> bool) -> bool {
        record.member(&self.root, names).is_some_and(|value| leads(&value, &self.inner, test))
    }
}

impl Test {
    fn parse(operator: &str, value: &str) -> Result<Test, String> {
        let operand = || Operand::new(value.to_owned());
        Ok(match operator {
            "eq" => Test::Equals(operand()),
            "not" => Test::Differs(operand()),
            "in" => Test::OneOf(operands(value)?),
            "gt" => Test::Compares(Side::Above, operand()),
            "gte" => Test::Compares(Side::From, operand()),
            "lt" => Test::Compares(Side::Below, operand()),
            "lte" => Test::Compares(Side::UpTo, operand()),
            "prefix" => Test::Begins(value.to_owned()),
            "exists" => Test::Exists(parse_flag(value)?),
            _ => {
                let known = "[eq], [not], [in], [gt], [gte], [lt], [lte], [prefix] and [exists]";
                return Err(format!("has an unknown operator; known are {known}"));
            }
        })
    }
}

impl Side {
    /// Reports whether a value that is ordered so against the operand is on this side.
    fn has(self, order: Ordering) -> bool {
        match self {
            Side::Above => order.is_gt(),
            Side::From => order.is_ge(),
            Side::Below => order.is_lt(),
            Side::UpTo => order.is_le(),
        }
    }
}

impl Operand {
    fn new(text: String) -> Operand {
        Operand { number: Number::parse(&text), text }
    }

    fn equals(&self, scalar: Scalar<'_>) -> bool {
        match scalar {
            Scalar::Number(number) => self.number.as_ref() == Some(number),
            Scalar::Word(text) | Scalar::Text(text) => self.text == text,
        }
    }

    /// Returns how a value is ordered against this one. Returns `None` if the types differ.
    fn order(&self, scalar: Scalar<'_>) -> Option<Ordering> {
        match scalar {
            Scalar::Number(number) => self.number.as_ref().map(|operand| number.cmp(operand)),
            // The bytes of UTF-8 are ordered as code points are.
            Scalar::Text(text) => Some(text.cmp(&self.text)),
            Scalar::Word(_) => None,
        }
    }
}

/// Parses `true` or `false`.
pub(super) fn parse_flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "must be true or false".to_owned())
}

/// Parses values separated by commas. A backslash stands before a comma or a backslash that belongs to a value.
fn operands(text: &str) -> Result<Vec<Operand>, String> {
    let mut operands = Vec::new();
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' => operands.push(Operand::new(std::mem::take(&mut value))),
            '\\' => match letters.next() {
                Some(letter @ (',' | '\\')) => value.push(letter),
                _ => return Err("has a backslash that is neither before a comma nor before a backslash".to_owned()),
            },
            letter => value.push(letter),
        }
    }
    operands.push(Operand::new(value));
    match operands.len() {
        0..=limits::FILTER_VALUES => Ok(operands),
        _ => Err("takes at most 100 values".to_owned()),
    }
}

/// Returns the place in an array that a token names.
fn place(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_plain)
}

/// Reports whether the path leads to a value for which `test` holds. A number names an entry of an array. Any other
/// name is looked for in each entry.
fn leads(value: &Value, path: &[String], test: &dyn Fn(&Value) -> bool) -> bool {
    let Some((token, rest)) = path.split_first() else { return test(value) };
    match (value, place(token)) {
        (Value::Map(members), _) => members.get(token.as_str()).is_some_and(|value| leads(value, rest, test)),
        (Value::List(list), Some(place)) => list.get(place).is_some_and(|value| leads(value, rest, test)),
        (Value::List(list), None) => list.iter().any(|value| leads(value, path, test)),
        (set, Some(place)) => element(set, place).is_some_and(|value| leads(&value, rest, test)),
        _ => false,
    }
}

/// Returns an element of a set, which JSON shows as an array.
fn element(set: &Value, place: usize) -> Option<Value> {
    match set {
        Value::Strings(set) => set.iter().nth(place).cloned().map(Value::String),
        Value::Numbers(set) => set.iter().nth(place).cloned().map(Value::Number),
        Value::Binaries(set) => set.iter().nth(place).cloned().map(Value::Binary),
        _ => None,
    }
}

/// Reports whether the test holds for a value, or for an element of an array or a set.
fn is_or_has(value: &Value, test: &dyn Fn(Scalar<'_>) -> bool) -> bool {
    match value {
        Value::Null => test(Scalar::Word("null")),
        Value::Bool(flag) => test(Scalar::Word(if *flag { "true" } else { "false" })),
        Value::Number(number) => test(Scalar::Number(number)),
        Value::String(text) => test(Scalar::Text(text)),
        Value::List(list) => list.iter().any(|element| is_or_has(element, test)),
        Value::Strings(set) => set.iter().any(|text| test(Scalar::Text(text))),
        Value::Numbers(set) => set.iter().any(|number| test(Scalar::Number(number))),
        Value::Map(_) | Value::Binary(_) | Value::Binaries(_) => false,
    }
}

/// Reports whether a schema declares each name of a path.
fn declares(schema: &Subschema, path: &[String]) -> bool {
    let Some((token, rest)) = path.split_first() else { return true };
    let of_entry = if place(token).is_some() { rest } else { path };
    let mut entries = schema.items.iter().map(Box::as_ref).chain(&schema.prefix_items);
    schema.property(token).is_some_and(|schema| declares(schema, rest))
        || entries.any(|schema| declares(schema, of_entry))
        || schema.one_of.iter().any(|branch| declares(branch, path))
}
