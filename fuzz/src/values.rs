//! Records built from bytes, with few names and values, so that the sides of a merge change the same ones.

use arbitrary::{Arbitrary, Result, Unstructured};
use ripple_core::value::{Members, Number, Value};

/// The levels of nesting. (A record has 32, but errors there also occur at five.)
const DEPTH: usize = 5;
/// The largest number of members, entries or elements of one value.
const WIDTH: usize = 6;

const NAMES: &[&str] = &["a", "b", "c", "id", "timeline", "ü/~", "$n", "prj_id", "version", "deleted", "expires_at"];
const TEXTS: &[&str] = &["", "x", "y", "i", "j", "aGk=", "text \u{0} \u{1F9FA}"];
const NUMBERS: &[&str] = &["0", "1", "7", "-1.5", "12345678901234567890123456789012345678", "1e-130", "9.9e125"];

/// A record's attributes.
#[derive(Clone, Debug)]
pub struct Attributes(pub Members);

impl<'a> Arbitrary<'a> for Attributes {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Attributes> {
        members(u, DEPTH).map(Attributes)
    }
}

/// Changes to a record's attributes.
#[derive(Clone, Debug)]
pub struct Changes(Vec<(String, Option<Value>)>);

impl Changes {
    /// Returns the record after the changes.
    pub fn of(&self, record: &Members) -> Members {
        let mut record = record.clone();
        for (name, value) in &self.0 {
            match value {
                Some(value) => record.insert(name.clone(), value.clone()),
                None => record.remove(name),
            };
        }
        record
    }
}

impl<'a> Arbitrary<'a> for Changes {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Changes> {
        let change = |u: &mut Unstructured<'a>| {
            let value = if u.ratio(3, 4)? { Some(value(u, DEPTH)?) } else { None };
            Ok((name(u)?, value))
        };
        several(u, change).map(Changes)
    }
}

fn several<'a, T>(u: &mut Unstructured<'a>, mut one: impl FnMut(&mut Unstructured<'a>) -> Result<T>) -> Result<Vec<T>> {
    let count = u.int_in_range(0..=WIDTH)?;
    (0..count).map(|_| one(u)).collect()
}

fn members(u: &mut Unstructured<'_>, depth: usize) -> Result<Members> {
    Ok(several(u, |u| Ok((name(u)?, value(u, depth)?)))?.into_iter().collect())
}

fn name(u: &mut Unstructured<'_>) -> Result<String> {
    let name = if u.ratio(7, 8)? { *u.choose(NAMES)? } else { u.arbitrary()? };
    Ok(if name.is_empty() { "_" } else { name }.to_owned()) // DynamoDB has no empty names
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(3, 4)? { Ok((*u.choose(TEXTS)?).to_owned()) } else { u.arbitrary() }
}

fn number(u: &mut Unstructured<'_>) -> Result<Number> {
    let text = if u.ratio(1, 2)? {
        (*u.choose(NUMBERS)?).to_owned()
    } else {
        format!("{}e{}", u.arbitrary::<i64>()?, u.int_in_range(-100..=100)?)
    };
    Ok(Number::parse(&text).unwrap_or_else(|| panic!("{text} is within DynamoDB's range")))
}

fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let deepest = if depth == 0 { 7 } else { 9 };
    Ok(match u.int_in_range(0..=deepest)? {
        0 => Value::Null,
        1 => Value::Bool(u.arbitrary()?),
        2 => Value::Number(number(u)?),
        3 => Value::String(text(u)?),
        4 => Value::Binary(several(u, Unstructured::arbitrary)?),
        5 => set(several(u, text)?, Value::Strings),
        6 => set(several(u, number)?, Value::Numbers),
        7 => set(several(u, |u| several(u, Unstructured::arbitrary))?, Value::Binaries),
        8 => Value::Map(members(u, depth - 1)?),
        _ => Value::List(several(u, |u| value(u, depth - 1))?),
    })
}

/// Returns a set. DynamoDB's sets are not empty.
fn set<T: Ord>(elements: Vec<T>, set: impl Fn(std::collections::BTreeSet<T>) -> Value) -> Value {
    if elements.is_empty() { Value::Null } else { set(elements.into_iter().collect()) }
}
