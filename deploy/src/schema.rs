//! Converts shapes into JSON Schema. An object with a name becomes a component that others refer to.

use std::collections::BTreeMap;

use ripple_core::http::contract::{Field, Object, Shape};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

/// The named schemas so far.
#[derive(Default)]
pub(crate) struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// Returns all named schemas.
    pub(crate) fn into_inner(self) -> BTreeMap<String, RefOr<Schema>> {
        self.0
    }

    /// Returns the schema of a shape.
    pub(crate) fn of(&mut self, shape: &Shape) -> RefOr<Schema> {
        match shape {
            Shape::Object(object) => {
                if !self.0.contains_key(object.name) {
                    let schema = self.of_object(object);
                    self.0.insert(object.name.to_owned(), schema);
                }
                Ref::from_schema_name(object.name).into()
            }
            Shape::List(element) => ArrayBuilder::new().items(self.of(element)).into(),
            Shape::OneOf(shapes) => {
                shapes.iter().fold(OneOfBuilder::new(), |schema, shape| schema.item(self.of(shape))).into()
            }
            plain => of_plain(plain).into(),
        }
    }

    /// Returns the schema of a field, with its description.
    pub(crate) fn of_field(&mut self, field: &Field) -> RefOr<Schema> {
        let about = Some(field.about);
        match &field.shape {
            Shape::Object(_) => self.of(&field.shape), // it has its own description
            Shape::List(element) => ArrayBuilder::new().items(self.of(element)).description(about).into(),
            Shape::OneOf(shapes) => {
                let schema = shapes.iter().fold(OneOfBuilder::new(), |schema, shape| schema.item(self.of(shape)));
                schema.description(about).into()
            }
            plain => of_plain(plain).description(about).into(),
        }
    }

    fn of_object(&mut self, object: &Object) -> RefOr<Schema> {
        let mut schema = ObjectBuilder::new().schema_type(Type::Object).description(Some(object.about));
        for member in object.members {
            schema = schema.property(member.name, self.of_field(member));
            if member.required {
                schema = schema.required(member.name);
            }
        }
        if !object.open {
            schema = schema.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        }
        schema.into()
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
