//! Converts an item directly into its line of a list. The bytes are those of
//! [`Record::to_json`](crate::Record::to_json), but no record is built.

use std::borrow::Cow;

use bytes::Bytes;

use super::decode::{self, Attribute, Item};
use crate::query::Line;
use crate::record::seal::Content;
use crate::record::{Names, PREFIX, Person, RecordId};
use crate::store::item::{Malformed, RPL_AT, RPL_AUTHOR, RPL_BY, RPL_DELETED, RPL_SEAL, RPL_VERSION};
use crate::value::Number;

/// Returns the line of an item. Returns `None` for a tombstone.
pub(super) fn line(mut item: Item<'_>, names: &Names) -> Result<Option<Line>, Malformed> {
    // Deciding whether an item is a tombstone requires all of it. Few items have this attribute.
    if item.get(RPL_DELETED).is_some() {
        let record = decode::record(item, names)?;
        return Ok((!record.is_deleted()).then(|| Line { json: record.to_json(names).into(), id: record.id }));
    }
    let (mut number, mut seal, mut at, mut by, mut author, mut id) = (None, None, None, None, None, None);
    item.0.retain_mut(|(name, value)| {
        match &**name {
            name if name == names.key => id = value.take_text(),
            RPL_VERSION => number = value.natural().filter(|number| (1..=crate::limits::VERSION).contains(number)),
            RPL_SEAL => seal = value.take_text(),
            RPL_AT => at = value.natural(),
            RPL_BY => by = value.take_text(),
            RPL_AUTHOR => author = Person::of_value(value.take()),
            name => return !name.starts_with(PREFIX),
        }
        false
    });
    let id = RecordId::stored(id.ok_or_else(|| Malformed::attribute(&names.key))?.into_owned());
    let content = Content::of(&id, &item);
    let number = number.filter(|number| seal.is_some_and(|seal| seal == content.seal(*number, false)));
    let own = number.is_some();
    let version = number.map_or_else(|| Number::whole(content.external_number()), Number::from);

    item.0.retain(|(name, _)| !names.are_ripples(name));
    let mut add = |name: &str, value: Option<Attribute<'static>>| {
        let place = item.0.partition_point(|(other, _)| &**other < name);
        item.0.splice(place..place, value.map(|value| (Cow::Owned(name.to_owned()), value)));
    };
    add(&names.key, Some(Attribute::Text(Cow::Owned(id.as_str().to_owned()))));
    add(&names.version, Some(Attribute::Number(version)));
    let by = by.filter(|by| own && !by.is_empty());
    add(&names.updated_at, at.filter(|_| by.is_some()).map(|at| Attribute::Number(at.into())));
    let author = author.filter(|_| own);
    add(&names.updated_author, author.map(|author| Attribute::Other(author.to_value())));
    add(&names.updated_by, by.map(|by| Attribute::Text(Cow::Owned(by.into_owned()))));
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, &item).expect("writing to memory, names are strings and numbers valid JSON");
    Ok(Some(Line { id, json: Bytes::from(json) }))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Map, Value as Json, json};

    use super::*;
    use crate::record::{Names, Record};
    use crate::store::item;
    use crate::time::Timestamp;
    use crate::value::{Members, Value};

    /// Generates names: the record's own, ripple's, and reserved ones that other writers may use freely.
    fn name() -> impl Strategy<Value = String> {
        let known = [
            "version",
            "updated_at",
            "updated_by",
            "updated_author",
            "deleted",
            "rpl_x",
            "rpl",
            "name",
            "zone",
            "timeline",
        ];
        prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => text()]
    }

    /// Generates text, some of it with characters that JSON escapes.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z ]{0,6}", "[a\"\\\\\n\u{0}\u{7f}/é😀\u{2028}]{0,4}", any::<String>()]
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<u64>().prop_map(|n| n.to_string()),
            (0u64..3).prop_map(|n| n.to_string()),
            (any::<i64>(), -20..20).prop_map(|(n, e)| format!("{n}e{e}")),
            Just("0.0100".to_owned()),
            Just("12345678901234567890123456789012345678".to_owned()),
        ]
    }

    /// Generates a value under the name of its type, as DynamoDB sends it.
    fn attribute() -> impl Strategy<Value = Json> {
        let base64 = || prop::collection::vec(any::<u8>(), 0..5).prop_map(|b| Json::from(STANDARD.encode(b)));
        let scalar = prop_oneof![
            4 => text().prop_map(|text| json!({ "S": text })),
            4 => number().prop_map(|number| json!({ "N": number })),
            1 => any::<bool>().prop_map(|flag| json!({ "BOOL": flag })),
            1 => Just(json!({ "NULL": true })),
            1 => base64().prop_map(|bytes| json!({ "B": bytes })),
            1 => prop::collection::vec(text(), 1..4).prop_map(|set| json!({ "SS": set })),
            1 => prop::collection::vec(number(), 1..4).prop_map(|set| json!({ "NS": set })),
            1 => prop::collection::vec(base64(), 1..4).prop_map(|set| json!({ "BS": set })),
        ];
        scalar.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|list| json!({ "L": list })),
                prop::collection::vec((text(), inner), 0..4)
                    .prop_map(|members| json!({ "M": Map::from_iter(members) })),
            ]
        })
    }

    /// Generates an item's JSON, sealed or not, with its names in any order.
    fn item_json() -> impl Strategy<Value = String> {
        let members = prop::collection::vec((name(), attribute()), 0..8);
        let damage = (any::<prop::sample::Index>(), attribute());
        (text(), members, 1u64..4, any::<bool>(), any::<bool>(), prop::option::of(damage), any::<prop::sample::Index>())
            .prop_map(|(id, members, number, deleted, sealed, damage, turn)| {
                let read = Map::from_iter(members.into_iter().chain([("prj_id".to_owned(), json!({ "S": id }))]));
                let Ok(record) = decode::record(read_item(&Json::from(read.clone()).to_string()), &Names::default())
                else {
                    return Json::from(read).to_string();
                };
                let record = if deleted { record.deleted(Timestamp(7)) } else { record };
                let person = (number > 1).then(|| Person::new("Bo", Some("u7")).expect("a valid author"));
                let written = record.written(None, number, Timestamp(9), "k").on_behalf_of(person.as_ref());
                let members = if sealed {
                    item::item(&written, 1, &Names::default())
                } else {
                    item::as_read(&written, &Names::default())
                };
                let typed = super::super::copy::typed_members(&members);
                let mut members: Vec<(String, Value)> = typed.into_iter().collect();
                if let Some((place, value)) = damage {
                    let place = place.index(members.len());
                    let text = value.to_string();
                    members[place].1 = crate::value::parse(text.as_bytes()).unwrap_or(Value::Null);
                }
                let turn = turn.index(members.len());
                members.rotate_left(turn);
                let member = |(name, value): &(String, Value)| {
                    format!("{}:{}", Json::from(name.as_str()), serde_json::to_string(value).expect("JSON"))
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            })
    }

    fn read_item(json: &str) -> Item<'_> {
        serde_json::from_str(json).expect("an item")
    }

    /// Returns the line that the item's record gives.
    fn by_way_of_the_record(json: &str) -> Option<Option<(RecordId, Bytes)>> {
        let record = decode::record(read_item(json), &Names::default()).ok()?;
        Some((!record.is_deleted()).then(|| (record.id.clone(), record.to_json(&Names::default()).into())))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_line_has_the_bytes_that_the_record_gives(json in item_json()) {
            let Ok(item) = serde_json::from_str(&json) else { return Ok(()) };
            let line = line(item, &Names::default()).ok().map(|line| line.map(|line| (line.id, line.json)));
            prop_assert_eq!(line, by_way_of_the_record(&json), "{}", json);
        }
    }

    #[test]
    fn each_kind_of_record_has_its_line() {
        let attributes =
            Members::from([("b".to_owned(), Value::List(vec![1.into()])), ("version".to_owned(), "2.3".into())]);
        let record = Record::new(RecordId::stored("a".to_owned()), attributes);
        let written = record.clone().written(None, 2, Timestamp(9), "k");
        let shown = |record: &Record| {
            let item = Value::Map(super::super::copy::typed_members(&item::item(record, 1, &Names::default())));
            let json = serde_json::to_string(&item).expect("JSON");
            let line = line(read_item(&json), &Names::default()).expect("an item of a record");
            line.map(|line| String::from_utf8(line.json.to_vec()).expect("JSON is UTF-8"))
        };
        let expected = r#"{"b":[1],"prj_id":"a","updated_at":9,"updated_by":"k","version":2}"#;
        assert_eq!(shown(&written).as_deref(), Some(expected));
        assert_eq!(shown(&record.deleted(Timestamp(1)).written(None, 3, Timestamp(9), "k")), None);
        let external =
            line(read_item(r#"{"zone":{"S":"z"},"rpl_version":{"N":"2"},"prj_id":{"S":"a"}}"#), &Names::default());
        let json = external.expect("an item of a record").expect("it is there").json;
        assert!(json.starts_with(br#"{"prj_id":"a","version":-"#), "{json:?}");
    }
}
