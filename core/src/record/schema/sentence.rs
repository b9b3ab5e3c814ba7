//! What a fault says to the caller.

use std::fmt::Write as _;

use super::fault::Keyword;
use super::format::Format;
use super::subschema::{Subschema, Type};
use crate::value::Value;

/// Values of an `enum` that a sentence names.
const OPTIONS: usize = 10;
/// Characters of one of them, and of a pattern.
const QUOTED: usize = 100;

/// Returns the sentence for a value that breaks a keyword.
pub(super) fn of(schema: &Subschema, keyword: Keyword) -> String {
    match keyword {
        Keyword::Required => "is required".to_owned(),
        Keyword::AdditionalProperties => "is not a member of this object".to_owned(),
        Keyword::Reserved => "names that begin with rpl_ are ripple's own".to_owned(),
        Keyword::Items => format!("must have at most {}", entries(schema.prefix_items.len() as u64)),
        Keyword::MinItems | Keyword::MaxItems => match (schema.min_items, schema.max_items) {
            (Some(least), Some(most)) if least == most => format!("must have {}", entries(least)),
            (Some(least), Some(most)) => format!("must have {least} to {}", entries(most)),
            (Some(least), None) => format!("must have at least {}", entries(least)),
            (None, most) => format!("must have at most {}", entries(most.unwrap_or_default())),
        },
        Keyword::UniqueItems => "must not have an entry twice".to_owned(),
        _ => format!("must be {}", expected(schema, keyword)),
    }
}

fn entries(count: u64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// Returns what a schema expects, as a noun.
fn expected(schema: &Subschema, keyword: Keyword) -> String {
    if !schema.options.is_empty() {
        return options(&schema.options);
    }
    if let Some(constant) = &schema.constant {
        return shown(constant);
    }
    if !schema.one_of.is_empty() && (schema.types.is_any() || keyword == Keyword::OneOf) {
        return any_of(schema.one_of.iter().map(|branch| expected(branch, keyword)));
    }
    if schema.types.is_any() {
        return noun(schema, keyword.concerns().unwrap_or(Type::Null));
    }
    let number = schema.types.contains(Type::Number);
    let types = schema.types.iter().filter(|kind| !(number && *kind == Type::Integer));
    // "or null" comes last.
    let (null, other): (Vec<Type>, Vec<Type>) = types.partition(|kind| *kind == Type::Null);
    any_of(other.into_iter().chain(null).map(|kind| noun(schema, kind)))
}

fn any_of(nouns: impl Iterator<Item = String>) -> String {
    let mut nouns: Vec<String> = nouns.collect();
    let last = nouns.pop().unwrap_or_default();
    if nouns.is_empty() {
        return last;
    }
    let comma = if nouns.iter().any(|noun| noun.contains(',')) { "," } else { "" };
    format!("{}{comma} or {last}", nouns.join(", "))
}

fn noun(schema: &Subschema, kind: Type) -> String {
    match kind {
        Type::Null => "null".to_owned(),
        Type::Boolean => "true or false".to_owned(),
        Type::Integer => number(schema, "a whole number"),
        Type::Number => number(schema, "a number"),
        Type::String => string(schema),
        Type::Array => "an array".to_owned(),
        Type::Object => "an object".to_owned(),
    }
}

fn number(schema: &Subschema, noun: &str) -> String {
    let mut text = noun.to_owned();
    let mut bounds = Vec::new();
    match (&schema.minimum, &schema.maximum) {
        (Some(least), Some(most)) => {
            let _ = write!(text, " from {least} to {most}");
        }
        (Some(least), None) => bounds.push(format!("at least {least}")),
        (None, Some(most)) => bounds.push(format!("at most {most}")),
        (None, None) => {}
    }
    bounds.extend(schema.exclusive_minimum.iter().map(|bound| format!("above {bound}")));
    bounds.extend(schema.exclusive_maximum.iter().map(|bound| format!("below {bound}")));
    bounds.extend(schema.multiple_of.iter().map(|step| format!("a multiple of {step}")));
    if !bounds.is_empty() {
        let _ = write!(text, ", {}", bounds.join(" and "));
    }
    text
}

fn string(schema: &Subschema) -> String {
    let mut text = match schema.format {
        Some(Format::Date) => "a date like 2026-01-31",
        Some(Format::DateTime) => "a time like 2026-01-31T09:30:00Z",
        Some(Format::Uuid) => "a UUID",
        _ => "a string",
    }
    .to_owned();
    let characters = |count: u64| format!("{count} {}", if count == 1 { "character" } else { "characters" });
    let _ = match (schema.min_length, schema.max_length) {
        (Some(least), Some(most)) if least == most => write!(text, " of {}", characters(most)),
        (Some(least), Some(most)) => write!(text, " of {least} to {}", characters(most)),
        (Some(least), None) => write!(text, " of at least {}", characters(least)),
        (None, Some(most)) => write!(text, " of at most {}", characters(most)),
        (None, None) => Ok(()),
    };
    if let Some(pattern) = &schema.pattern {
        let _ = match pattern.as_str() {
            short if short.chars().count() <= QUOTED => write!(text, " that matches {short}"),
            _ => write!(text, " that matches the pattern of this resource"),
        };
    }
    text
}

fn options(options: &[Value]) -> String {
    let shown: Vec<String> = options.iter().take(OPTIONS).map(shown).collect();
    match (shown.as_slice(), options.len().saturating_sub(OPTIONS)) {
        ([one], 0) => one.clone(),
        (_, 0) => format!("one of {}", shown.join(", ")),
        (_, more) => format!("one of {} and {more} more", shown.join(", ")),
    }
}

fn shown(value: &Value) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    match json.char_indices().nth(QUOTED) {
        None => json,
        Some((end, _)) => format!("{}…", &json[..end]),
    }
}
