//! Converts shapes into JSON Schema. An object with a name becomes a component that others refer to.

use std::collections::BTreeMap;

use ripple_core::http::contract::{Content, Field, Object, Shape};
use ripple_core::record::schema::KeyType;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::property;
use crate::words::Words;

/// The placeholder of the key's name.
const KEY: &str = "{key}";

/// The named schemas so far.
#[derive(Default)]
pub(crate) struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// Returns all named schemas.
    pub(crate) fn into_inner(self) -> BTreeMap<String, RefOr<Schema>> {
        self.0
    }

    /// Returns the schema of a shape.
    pub(crate) fn of(&mut self, shape: &Shape, words: &Words<'_>) -> RefOr<Schema> {
        match shape {
            Shape::Object(object) => {
                let schema: RefOr<Schema> = self.of_object(object, words);
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
    fn of_field(&mut self, field: &Field, words: &Words<'_>) -> RefOr<Schema> {
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

    /// Adds the members of a key that is a number, or has two parts. A new record has all of them.
    fn with_keys(
        &mut self,
        mut schema: ObjectBuilder,
        object: &Object,
        member: &Field,
        words: &Words<'_>,
    ) -> ObjectBuilder {
        let required = member.required || object.content == Some(Content::AsRequired);
        for (name, kind) in words.resource().names.keys() {
            let of_kind = match kind {
                KeyType::Number => ObjectBuilder::new().schema_type(Type::Number),
                KeyType::String => ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)),
            };
            let about = if required && !member.required { "A part of the key." } else { member.about };
            schema = schema.property(name, of_kind.description(Some(words.fill(about))));
            if required {
                schema = schema.required(name);
            }
        }
        schema
    }

    fn of_object(&mut self, object: &Object, words: &Words<'_>) -> RefOr<Schema> {
        let mut schema = ObjectBuilder::new().schema_type(Type::Object).description(Some(words.fill(object.about)));
        for (place, member) in object.members.iter().enumerate() {
            let name = words.fill(member.name);
            if member.name == KEY && !words.resource().names.has_plain_key() {
                schema = self.with_keys(schema, object, member, words);
                if let Some(content) = object.content {
                    schema = with_content(schema, content, words);
                }
                continue;
            }
            schema = schema.property(name.clone(), self.of_field(member, words));
            if member.required {
                schema = schema.required(name);
            }
            if let (0, Some(content)) = (place, object.content) {
                schema = with_content(schema, content, words);
            }
        }
        if !object.open {
            schema = schema.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        }
        schema.into()
    }
}

/// Adds the members of the record's schema.
fn with_content(mut object: ObjectBuilder, content: Content, words: &Words<'_>) -> ObjectBuilder {
    let resource = words.resource();
    let root = &resource.schema.root;
    let own = |name: &str| resource.names.is_key(name);
    for (name, property) in root.properties.iter().filter(|(name, _)| !own(name)) {
        object = object.property(name.clone(), property::of(property));
    }
    if content == Content::AsRequired {
        object =
            root.required.iter().filter(|name| !own(name)).fold(object, |object, name| object.required(name.clone()));
    }
    object
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
