//! What the keywords of one schema say together.

use super::fault::quoted;
use super::json::{Json, Member};
use super::read::Reader;
use super::subschema::{Subschema, Type};

/// `maxLength` beside a `pattern`.
const PATTERN_TEXT: u64 = 1_024;

impl Reader<'_> {
    /// Checks what several keywords say together.
    pub(super) fn together(&mut self, schema: &Subschema, members: &[Member<'_>]) {
        let (mut has_pattern, mut has_places, mut has_end) = (false, false, false);
        for (name, json) in members {
            match &**name {
                "pattern" => has_pattern = true,
                "prefixItems" => has_places = true,
                "items" => has_end = *json == Json::Bool(false),
                _ => {}
            }
        }
        let ranges = [
            ("minLength", "maxLength", schema.min_length > schema.max_length && schema.max_length.is_some()),
            ("minItems", "maxItems", schema.min_items > schema.max_items && schema.max_items.is_some()),
            ("minimum", "maximum", schema.minimum > schema.maximum && schema.maximum.is_some()),
        ];
        for (least, most, _) in ranges.into_iter().filter(|(_, _, crossed)| *crossed) {
            self.fault_at(least, format!("is above {most}"));
        }
        let least = schema.exclusive_minimum.as_ref().max(schema.minimum.as_ref());
        let most = [&schema.exclusive_maximum, &schema.maximum].into_iter().flatten().min();
        let exclusive = schema.exclusive_minimum.is_some() || schema.exclusive_maximum.is_some();
        if exclusive && let (Some(least), Some(most)) = (least, most) {
            let open =
                schema.exclusive_minimum.as_ref() == Some(least) || schema.exclusive_maximum.as_ref() == Some(most);
            if least > most || open && least == most {
                let name = if schema.exclusive_minimum.is_some() { "exclusiveMinimum" } else { "exclusiveMaximum" };
                self.fault_at(name, "leaves no valid number");
            }
        }
        if has_pattern && schema.max_length.is_none_or(|most| most > PATTERN_TEXT) {
            self.fault_at("pattern", format!("needs maxLength of at most {PATTERN_TEXT} beside it"));
        }
        if has_places != has_end {
            let (name, rule) = match has_places {
                true => ("prefixItems", "needs items: false beside it"),
                false => ("items", "may be false only beside prefixItems"),
            };
            self.fault_at(name, rule);
        }
        if has_places && schema.min_items > Some(schema.prefix_items.len() as u64) {
            self.fault_at("minItems", "is above the number of prefixItems");
        }
        if schema.unique_items && schema.items.as_ref().and_then(|items| items.scalar_type()).is_none() {
            self.fault_at("uniqueItems", "needs items of one scalar type");
        }
        for (place, name) in schema.required.iter().enumerate().filter(|(_, name)| schema.property(name).is_none()) {
            let rule = format!("{} is not in properties", quoted(name));
            self.at("required", |reader| reader.fault_at(place, rule));
        }
        let mergeable = [Type::Array, Type::Object, Type::String, Type::Null];
        let merges = !schema.types.is_any() && schema.types.iter().all(|kind| mergeable.contains(&kind));
        if schema.whole && !merges {
            self.fault_at("x-merge", "needs the type array, object or string");
        }
    }
}
