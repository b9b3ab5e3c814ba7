//! An item straight into its line of a list: the bytes of [`Record::to_json`], without the project.

use std::borrow::Cow;

use bytes::Bytes;

use super::decode::{Attribute, Item};
use super::item::{self, Garbled};
use crate::list::Line;
use crate::record::{DELETED, LIST_SHARD, PRJ_ID, RecordId, UPDATED_AT, UPDATED_BY, VERSION, version};
use crate::value::Number;

/// The line of an item; `None` for a tombstone.
pub(super) fn line(mut item: Item<'_>) -> Result<Option<Line>, Garbled> {
    // Whether it is a tombstone takes a look at all of it. Few items have this name.
    if item.get(DELETED).is_some() {
        let project = item::project(item.into_members())?;
        return Ok((!project.is_deleted()).then(|| Line { json: project.to_json().into(), id: project.id }));
    }
    let Some(Attribute::Text(id)) = item.get(PRJ_ID) else { return Err(Garbled::attribute(PRJ_ID)) };
    let id = RecordId::stored(id.clone().into_owned());
    let natural = |value: &Attribute<'_>| matches!(value, Attribute::Number(number) if number.as_u64().is_some());
    // Names that ripple uses hold for its own items only, which have a version; see `item::project`.
    let own = matches!(item.get(VERSION), Some(Attribute::Number(number)) if version(number).is_some());
    item.0.retain(|(name, value)| match &**name {
        VERSION => own,
        UPDATED_AT if own => natural(value),
        UPDATED_BY if own => matches!(value, Attribute::Text(_)),
        LIST_SHARD if own => false,
        _ => true,
    });
    if !own {
        let place = item.0.partition_point(|(name, _)| &**name < VERSION);
        item.0.insert(place, (Cow::Borrowed(VERSION), Attribute::Number(Number::from(0))));
    }
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
    use crate::record::EXPIRES_AT;

    /// A record's own names, ripple's, and the system's that others may use as they like.
    fn name() -> impl Strategy<Value = String> {
        let known = [VERSION, UPDATED_AT, UPDATED_BY, LIST_SHARD, DELETED, EXPIRES_AT, "name", "zone", "timeline"];
        prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => text()]
    }

    /// Text, some of it with what JSON escapes.
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

    /// A value under the name of its type, as DynamoDB sends it.
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

    /// An item's JSON. Its names come in any order.
    fn item_json() -> impl Strategy<Value = String> {
        let id = prop_oneof![9 => text().prop_map(|id| json!({ "S": id })), 1 => attribute()];
        let members = prop::collection::vec((name(), attribute()), 0..8);
        (id, members, any::<prop::sample::Index>()).prop_map(|(id, members, place)| {
            let mut members: Vec<(String, Json)> = Map::from_iter(members).into_iter().collect();
            members.retain(|(name, _)| name != PRJ_ID);
            members.insert(place.index(members.len() + 1), (PRJ_ID.to_owned(), id));
            let turn = place.index(members.len());
            members.rotate_left(turn);
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{}:{value}", Json::from(name.as_str()))).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn read(json: &str) -> Item<'_> {
        serde_json::from_str(json).expect("an item")
    }

    /// The line that the item's project gives.
    fn by_way_of_the_project(json: &str) -> Option<Option<(RecordId, Bytes)>> {
        let project = item::project(read(json).into_members()).ok()?;
        Some((!project.is_deleted()).then(|| (project.id.clone(), project.to_json().into())))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_line_has_the_bytes_that_the_project_gives(json in item_json()) {
            let line = line(read(&json)).ok().map(|line| line.map(|line| (line.id, line.json)));
            prop_assert_eq!(line, by_way_of_the_project(&json), "{}", json);
        }
    }

    #[test]
    fn each_kind_of_record_has_its_line() {
        let cases = [
            (
                r#"{"prj_id":{"S":"a"},"version":{"N":"2"},"updated_at":{"N":"9"},"updated_by":{"S":"k"},"list_shard":{"S":"0"},"b":{"L":[{"N":"1.50"}]}}"#,
                Some(r#"{"b":[1.5],"prj_id":"a","updated_at":9,"updated_by":"k","version":2}"#),
            ),
            (
                r#"{"zone":{"S":"z"},"list_shard":{"S":"0"},"prj_id":{"S":"a\"b"}}"#,
                Some(r#"{"list_shard":"0","prj_id":"a\"b","version":0,"zone":"z"}"#),
            ),
            (r#"{"prj_id":{"S":"a"},"version":{"N":"2"},"deleted":{"BOOL":true},"expires_at":{"N":"9"}}"#, None),
        ];
        for (json, expected) in cases {
            let line = line(read(json)).expect("an item of a project");
            assert_eq!(line.as_ref().map(|line| &line.json[..]), expected.map(str::as_bytes), "{json}");
        }
    }
}
