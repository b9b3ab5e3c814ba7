//! Converts shapes into JSON Schema. An object with a name becomes a component that others refer to.

use std::collections::BTreeMap;

use ripple_core::http::contract::{Content, Field, Object, Shape};
use ripple_core::record::schema::KeyType;
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::property::Property;
use crate::words::Words;

/// The placeholder of the key's name.
const KEY: &str = "{key}";

/// The named schemas so far.
#[derive(Default, Serialize)]
pub(crate) struct Schemas<'a>(BTreeMap<String, Component<'a>>);

/// The schema of an object.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: Type,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, Member<'a>>,
    /// `false` if there are no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_properties: Option<bool>,
}

/// The schema of a member.
#[derive(PartialEq, Serialize)]
#[serde(untagged)]
enum Member<'a> {
    /// Of the contract.
    Own(Box<RefOr<Schema>>),
    /// Of the resource file.
    Declared(Property<'a>),
}

impl<'a> Schemas<'a> {
    /// Returns the schema of a shape.
    pub(crate) fn of(&mut self, shape: &Shape, words: &Words<'a>) -> RefOr<Schema> {
        match shape {
            Shape::Object(object) => {
                let schema = self.of_object(object, words);
                let mut name = words.fill(object.name);
                // A shared component of other names belongs to the resource.
                if self.0.get(&name).is_some_and(|shared| *shared != schema) {
                    name = format!("{}{name}", words.resource().component());
                }
                self.0.insert(name.clone(), schema);
                Ref::from_schema_name(name).into()
            }
            Shape::List(element) => ArrayBuilder::new().items(self.of(element, words)).into(),
            Shape::OneOf(shapes) => {
                shapes.iter().fold(OneOfBuilder::new(), |schema, shape| schema.item(self.of(shape, words))).into()
            }
            plain => of_plain(plain).into(),
        }
    }

    /// Returns the schema of a field, with its description.
    fn of_field(&mut self, field: &Field, words: &Words<'a>) -> RefOr<Schema> {
        let about = Some(words.fill(field.about));
        match &field.shape {
            Shape::Object(_) => self.of(&field.shape, words), // it has its own description
            Shape::List(element) => ArrayBuilder::new().items(self.of(element, words)).description(about).into(),
            Shape::OneOf(shapes) => {
                let schema =
                    shapes.iter().fold(OneOfBuilder::new(), |schema, shape| schema.item(self.of(shape, words)));
                schema.description(about).into()
            }
            plain => of_plain(plain).description(about).into(),
        }
    }

    fn of_object(&mut self, object: &Object, words: &Words<'a>) -> Component<'a> {
        let mut schema = Component {
            kind: Type::Object,
            description: words.fill(object.about),
            required: Vec::new(),
            properties: BTreeMap::new(),
            additional_properties: (!object.open).then_some(false),
        };
        for (place, member) in object.members.iter().enumerate() {
            let name = words.fill(member.name);
            if member.name == KEY && !words.resource().names.has_plain_key() {
                schema.add_keys(object, member, words);
                if let Some(content) = object.content {
                    schema.add_content(content, words);
                }
                continue;
            }
            schema.properties.insert(name.clone(), Member::Own(self.of_field(member, words).into()));
            if member.required {
                schema.required.push(name);
            }
            if let (0, Some(content)) = (place, object.content) {
                schema.add_content(content, words);
            }
        }
        schema
    }
}

impl<'a> Component<'a> {
    /// Adds the members of a key that is a number, or has two parts. A new record has all of them.
    fn add_keys(&mut self, object: &Object, member: &Field, words: &Words<'a>) {
        let required = member.required || object.content == Some(Content::AsRequired);
        for (name, kind) in words.resource().names.keys() {
            let of_kind = match kind {
                KeyType::Number => ObjectBuilder::new().schema_type(Type::Number),
                KeyType::String => ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)),
            };
            let about = if required && !member.required { "A part of the key." } else { member.about };
            let schema = of_kind.description(Some(words.fill(about)));
            self.properties.insert(name.to_owned(), Member::Own(Box::new(schema.into())));
            if required {
                self.required.push(name.to_owned());
            }
        }
    }

    /// Adds the members of the record's schema.
    fn add_content(&mut self, content: Content, words: &Words<'a>) {
        let resource = words.resource();
        let root = &resource.schema.root;
        let is_own = |name: &str| resource.names.is_key(name);
        for (name, property) in root.properties.iter().filter(|(name, _)| !is_own(name)) {
            self.properties.insert(name.clone(), Member::Declared(Property(property)));
        }
        if content == Content::AsRequired {
            self.required.extend(root.required.iter().filter(|name| !is_own(name)).cloned());
        }
    }
}

fn of_plain(shape: &Shape) -> ObjectBuilder {
    let typed = |kind| ObjectBuilder::new().schema_type(kind);
    match shape {
        Shape::Null => typed(Type::Null),
        Shape::Boolean => typed(Type::Boolean),
        Shape::False => typed(Type::Boolean).enum_values(Some([false])),
        Shape::Text { least, most, pattern } => {
            typed(Type::String).min_length((*least > 0).then_some(*least)).max_length(*most).pattern(*pattern)
        }
        // The smallest number of 64 bits is no limit.
        Shape::Whole { least, most } => {
            typed(Type::Integer).minimum(Some(*least).filter(|least| *least > i64::MIN)).maximum(*most)
        }
        _ => ObjectBuilder::new().schema_type(SchemaType::AnyValue),
    }
}
