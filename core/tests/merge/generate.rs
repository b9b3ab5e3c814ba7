//! Generators of records with every shape that the limits allow, of edits, and of schemas.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{SizeRange, btree_map, vec};
use proptest::prelude::*;
use ripple_core::record::schema::Resource;
use ripple_core::value::{Members, Number, Value};

use crate::resource;

/// Generates few names and values, so that both sides change the same ones.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "timeline", "ü/~"]).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Value> {
    let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0u64..4).prop_map(Value::from),
        prop::sample::select(vec!["-1.5", "12345678901234567890123456789012345678", "1e-130"]).prop_map(number),
        prop::sample::select(vec!["", "x", "y", "text"]).prop_map(Value::from),
        vec(any::<u8>(), 0..3).prop_map(Value::Binary),
    ]
}

fn set() -> impl Strategy<Value = Value> {
    let texts = prop::collection::btree_set(prop::sample::select(vec!["x", "y", "z"]).prop_map(str::to_owned), 1..4);
    let numbers = prop::collection::btree_set((0u64..4).prop_map(Number::from), 1..4);
    let binaries = prop::collection::btree_set(vec(0u8..3, 1..2), 1..3);
    prop_oneof![texts.prop_map(Value::Strings), numbers.prop_map(Value::Numbers), binaries.prop_map(Value::Binaries)]
}

fn members(value: impl Strategy<Value = Value>, size: impl Into<SizeRange>) -> impl Strategy<Value = Members> {
    btree_map(name(), value, size).prop_map(|members| members.into_iter().collect())
}

fn entry(value: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let id = prop::sample::select(vec!["i", "j", "k", "l", "m"]);
    let with_id = (id, members(value.clone(), 0..3)).prop_map(|(id, mut members)| {
        members.insert("id".to_owned(), id.into());
        Value::Map(members)
    });
    prop_oneof![3 => with_id, 1 => value]
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![4 => scalar(), 1 => set()];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let inner = inner.boxed();
        prop_oneof![members(inner.clone(), 0..4).prop_map(Value::Map), vec(entry(inner), 0..5).prop_map(Value::List),]
    })
    .boxed()
}

pub(crate) fn record() -> BoxedStrategy<Members> {
    members(value(), 0..5).boxed()
}

/// Generates a state and the edited states of two writers.
pub(crate) fn three() -> impl Strategy<Value = (Members, Members, Members)> {
    (record(), vec((name(), prop::option::of(value())), 0..4), vec((name(), prop::option::of(value())), 0..4)).prop_map(
        |(base, theirs, mine)| {
            let edited = |changes: Vec<(String, Option<Value>)>| {
                let mut members = base.clone();
                for (name, value) in changes {
                    match value {
                        Some(value) => members.insert(name, value),
                        None => members.remove(&name),
                    };
                }
                members
            };
            let (theirs, mine) = (edited(theirs), edited(mine));
            (base, theirs, mine)
        },
    )
}

/// Generates the schema of a value, as JSON.
fn schema() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "{}",
        r#"{"type":["array","object","string"],"x-merge":"whole"}"#,
        r#"{"type":"string","x-merge":"whole"}"#,
        r#"{"type":"array","x-merge":"whole"}"#,
        r#"{"type":"array","uniqueItems":true,"items":{"type":"string"}}"#,
        r#"{"type":"array","uniqueItems":true,"items":{"type":"number"}}"#,
        r#"{"type":"array","prefixItems":[{},{},{},{}],"items":false}"#,
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#)),
            vec(inner.clone(), 1..4)
                .prop_map(|places| format!(r#"{{"prefixItems":[{}],"items":false}}"#, places.join(","))),
            vec((name(), inner.clone()), 0..4)
                .prop_map(|members| format!(r#"{{"type":"object","properties":{}}}"#, object(members))),
            inner.prop_map(|items| {
                let list = format!(r#"{{"type":"array","items":{items}}}"#);
                format!(r#"{{"oneOf":[{list},{{"type":"object","x-merge":"whole"}},{{"type":"string"}}]}}"#)
            }),
        ]
    })
    .boxed()
}

fn object(members: Vec<(String, String)>) -> String {
    let members: BTreeMap<String, String> = members.into_iter().collect();
    let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Generates a resource whose schema states rules for the merge.
pub(crate) fn ruled() -> impl Strategy<Value = Arc<Resource>> {
    let key = prop::sample::select(vec!["false", r#""id""#, r#""a""#, r#""b""#]).prop_map(str::to_owned);
    let list = (name(), prop_oneof![4 => Just(None), 1 => name().prop_map(Some)]);
    (vec((name(), schema()), 0..5), vec((list, key), 0..3)).prop_map(|(properties, entries)| {
        let properties: BTreeMap<String, String> = properties.into_iter().collect();
        // A property with an entry key must allow a list.
        let may_be_list = |name: &String, inner: &Option<String>| {
            properties
                .get(name)
                .is_none_or(|schema| schema == "{}" || inner.is_none() && schema.starts_with(r#"{"type":"array""#))
        };
        let entries = entries.into_iter().filter(|((name, inner), _)| may_be_list(name, inner));
        let escaped = |name: String| name.replace('~', "~0").replace('/', "~1");
        let entries = entries.map(|((name, inner), key)| match inner {
            None => (name, key),
            Some(inner) => (format!("/{}/{}", escaped(name), escaped(inner)), key),
        });
        let entries = object(entries.collect());
        resource(&object(properties.into_iter().collect()), &entries)
    })
}

/// A list of entries with ids, and changes to it: (place, new value of the entry there, entry inserted before it).
pub(crate) type Changes = Vec<(usize, Option<u64>, Option<u64>)>;

pub(crate) fn changes() -> impl Strategy<Value = Changes> {
    vec((0usize..8, prop::option::of(0u64..5), prop::option::of(0u64..1000)), 0..5)
}
