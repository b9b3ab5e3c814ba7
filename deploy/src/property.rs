//! Writes a schema of a resource file as one of the OpenAPI document.
//!
//! Both are JSON Schema. No type of `utoipa` has all keywords, so they are written here, in the order of `utoipa`. What
//! the document does not have is left out: `$comment`, `x-merge`. A `const` becomes an `enum` of one value, except beside
//! an `enum`.

use std::collections::BTreeMap;

use ripple_core::record::schema::{Subschema, Type, Types};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The schema of a property.
#[derive(PartialEq)]
pub(crate) struct Property<'a>(pub(crate) &'a Subschema);

impl Serialize for Property<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let schema = self.0;
        let mut keywords = Keywords(serializer.serialize_map(None)?);
        keywords.add("type", of_types(schema.types))?;
        keywords.add("oneOf", schemas(&schema.one_of))?;
        keywords.add("title", schema.title.as_ref())?;
        match &schema.items {
            Some(items) => keywords.add("items", Some(Property(items)))?,
            None if !schema.prefix_items.is_empty() => keywords.add("items", Some(false))?,
            // The document's arrays have `items`: any value, unless the file says more.
            None => keywords.add("items", schema.types.contains(Type::Array).then(BTreeMap::<&str, ()>::new))?,
        }
        keywords.add("prefixItems", schemas(&schema.prefix_items))?;
        keywords.add("format", schema.format.map(|format| format.as_str()))?;
        keywords.add("description", schema.description.as_ref())?;
        keywords.add("default", schema.default.as_ref())?;
        match &schema.constant {
            Some(constant) if schema.options.is_empty() => keywords.add("enum", Some([constant]))?,
            constant => {
                keywords.add("enum", some(&schema.options))?;
                keywords.add("const", constant.as_ref())?;
            }
        }
        keywords.add("required", some(&schema.required))?;
        let properties = schema.properties.iter().map(|(name, property)| (name, Property(property)));
        keywords.add("properties", Some(properties.collect::<BTreeMap<_, _>>()).filter(|all| !all.is_empty()))?;
        keywords.add("additionalProperties", schema.closed.then_some(false))?;
        keywords.add("deprecated", schema.deprecated.then_some(true))?;
        keywords.add("examples", some(&schema.examples))?;
        keywords.add("multipleOf", schema.multiple_of.as_ref())?;
        keywords.add("maximum", schema.maximum.as_ref())?;
        keywords.add("minimum", schema.minimum.as_ref())?;
        keywords.add("exclusiveMaximum", schema.exclusive_maximum.as_ref())?;
        keywords.add("exclusiveMinimum", schema.exclusive_minimum.as_ref())?;
        keywords.add("maxLength", schema.max_length)?;
        keywords.add("minLength", schema.min_length)?;
        keywords.add("pattern", schema.pattern.as_ref().map(|pattern| pattern.as_str()))?;
        keywords.add("maxItems", schema.max_items)?;
        keywords.add("minItems", schema.min_items)?;
        keywords.add("uniqueItems", schema.unique_items.then_some(true))?;
        keywords.0.end()
    }
}

/// The keywords that are written.
struct Keywords<M>(M);

impl<M: SerializeMap> Keywords<M> {
    /// Adds a keyword if the schema has it.
    fn add(&mut self, keyword: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.0.serialize_entry(keyword, &value))
    }
}

fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn schemas(list: &[Subschema]) -> Option<Vec<Property<'_>>> {
    some(list).map(|list| list.iter().map(Property).collect())
}

/// Returns the names of the types: one, or a list of them.
fn of_types(types: Types) -> Option<serde_json::Value> {
    let names: Vec<&str> = types.iter().map(|kind| kind.as_str()).collect();
    match *names {
        [] => None,
        [name] => Some(name.into()),
        _ => Some(names.into()),
    }
}
