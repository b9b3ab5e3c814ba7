//! The changes in `x-ripple`: of the values that apply, whether a file states them or not.

use std::collections::BTreeSet;

use ripple_core::record::schema::{Access, KeyType, Resource};
use ripple_core::store::dynamodb::TableNames;
use serde_json::{Value, json};

use super::change::{Change, Class};
use super::schema::token;

/// Adds the changes between the old and the new version of a resource. `targets` says whether it is the target of requests
/// that name no resource, and `json` has the files' `x-ripple`.
pub(super) fn compare(both: [&Resource; 2], targets: [bool; 2], json: [&Value; 2], changes: &mut Vec<Change>) {
    let [old, new] = both;
    let mut add = |key: &str, [before, after]: [Value; 2], class: Class| {
        if before != after {
            let stated = |value: &Value| (!value.is_null()).then(|| value.clone());
            let (before, after) = (stated(&before), stated(&after));
            let change = Change::at(format!("/x-ripple/{key}"), before.as_ref(), after.as_ref(), class);
            changes.push(change);
        }
    };
    add("key", both.map(|resource| json!(resource.names.key)), Class::Breaking);
    add("key_type", both.map(|resource| kind(resource.names.key_type)), Class::Breaking);
    let sort_key = |resource: &Resource| resource.names.sort_key.clone();
    add("sort_key", both.map(|resource| json!(sort_key(resource).map(|sort_key| sort_key.name))), Class::Breaking);
    let sort_kind = |resource: &Resource| sort_key(resource).map_or(Value::Null, |sort_key| kind(sort_key.kind));
    add("sort_key_type", both.map(sort_kind), Class::Breaking);
    add("table", both.map(|resource| json!(resource.table)), Class::Breaking);
    for (place, name) in ["version", "updated_at", "updated_by", "updated_author", "deleted"].into_iter().enumerate() {
        let names = both.map(|resource| json!(resource.names.ripples()[place]));
        add(&format!("members/{name}"), names, Class::Breaking);
    }
    add("default", targets.map(Value::Bool), Class::Breaking);
    for (place, name) in ["table", "versions", "alarm"].into_iter().enumerate() {
        let ids = both.map(|resource| json!(resource.logical_ids.all()[place]));
        add(&format!("logical_ids/{name}"), ids, Class::Breaking);
    }
    for list in lists(json) {
        let keys = both.map(|resource| resource.entries.key_of(&list).map_or(json!(false), |key| json!(key)));
        let name = list.strip_prefix('/').filter(|name| !name.contains(['/', '~']));
        add(&format!("entries/{}", name.map_or_else(|| token(&list), str::to_owned)), keys, Class::TwoRules);
    }
    add("order", both.map(|resource| json!(resource.order)), Class::TwoRules);
    add("search", both.map(|resource| json!(resource.search)), Class::TwoRules);
    // A site's own number is not known here. It is usually the default.
    let [before, after] = both.map(|resource| resource.shards.unwrap_or(TableNames::default().shards));
    let shards = if after < before { Class::Breaking } else { Class::TwoRules };
    add("shards", both.map(|resource| json!(resource.shards)), shards);
    let is_shorter = new.retention_days < old.retention_days;
    let days = both.map(|resource| json!(resource.retention_days));
    add("retention", days, if is_shorter { Class::Tighter } else { Class::Safe });
    let is_closed = new.access == Access::ReadOnly;
    add("access", both.map(access), if is_closed { Class::Tighter } else { Class::Safe });
    add("label", both.map(|resource| json!(resource.label)), Class::Safe);
    add("fresh", both.map(|resource| json!(resource.fresh_seconds)), Class::Safe);
    add("singular", both.map(|resource| json!(resource.singular)), Class::Safe);
    add("plural", both.map(|resource| json!(resource.plural)), Class::Safe);
    add("writer", both.map(|resource| json!(resource.writer)), Class::Safe);
    add("webhook", both.map(|resource| json!(resource.webhook)), Class::Safe);
}

/// Returns JSON Pointers to the lists that either file names.
fn lists(json: [&Value; 2]) -> BTreeSet<String> {
    let named = json.into_iter().filter_map(|x_ripple| x_ripple["entries"].as_object());
    let pointer = |list: &String| if list.starts_with('/') { list.clone() } else { format!("/{}", token(list)) };
    named.flat_map(|entries| entries.keys()).map(pointer).collect()
}

fn kind(kind: KeyType) -> Value {
    json!(if kind == KeyType::Number { "number" } else { "string" })
}

fn access(resource: &Resource) -> Value {
    json!(if resource.access == Access::ReadOnly { "read-only" } else { "read-write" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripple_core::record::schema::Resources;

    fn changes(old: &str, new: &str) -> Vec<String> {
        let read = |x_ripple: &str| {
            let file = format!(
                r#"{{"title":"X","x-ripple":{{"resource":"x","key":"k"{x_ripple}}},"type":"object",
                    "properties":{{"name":{{"type":"string"}},"code":{{"type":"string"}}}}}}"#
            );
            let resources = Resources::read(&[("x.json", &file)]).expect("a valid file");
            let json: Value = serde_json::from_str(&file).expect("JSON");
            (resources.get("x").expect("it is in the file").clone(), json["x-ripple"].clone())
        };
        let ((old, old_json), (new, new_json)) = (read(old), read(new));
        let mut changes = Vec::new();
        let targets = [old.is_default, new.is_default];
        compare([&old, &new], targets, [&old_json, &new_json], &mut changes);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stated_default_is_no_change() {
        let stated = r#","key_type":"string","retention":90,"access":"read-write","entries":{"a":"id"},"label":"name""#;
        assert_eq!(changes("", stated), [""; 0]);
    }

    #[test]
    fn each_key_has_its_class() {
        for (old, new, expected) in [
            ("", r#","key_type":"number""#, r##"#/x-ripple/key_type: "string" → "number": breaking"##),
            ("", r#","table":"other""#, r##"#/x-ripple/table: "{site}_x" → "other": breaking"##),
            ("", r#","members":{"version":"rev"}"#, r##"#/x-ripple/members/version: "version" → "rev": breaking"##),
            ("", r#","default":true"#, "#/x-ripple/default: false → true: breaking"),
            ("", r#","logical_ids":{"table":"T"}"#, r##"#/x-ripple/logical_ids/table: "XTable" → "T": breaking"##),
            ("", r#","entries":{"/a/b":false}"#, r##"#/x-ripple/entries/~1a~1b: "id" → false: two rules meanwhile"##),
            ("", r#","order":"-name""#, r##"#/x-ripple/order: "k" → "-name": two rules meanwhile"##),
            ("", r#","search":["name"]"#, r##"#/x-ripple/search: absent → ["name"]: two rules meanwhile"##),
            (r#","shards":2"#, r#","shards":4"#, "#/x-ripple/shards: 2 → 4: two rules meanwhile"),
            (r#","shards":4"#, r#","shards":2"#, "#/x-ripple/shards: 4 → 2: breaking"),
            ("", r#","shards":2"#, "#/x-ripple/shards: absent → 2: two rules meanwhile"),
            (r#","shards":2"#, "", "#/x-ripple/shards: 2 → absent: breaking"),
            ("", r#","retention":30"#, "#/x-ripple/retention: 90 → 30: tighter"),
            ("", r#","retention":180"#, "#/x-ripple/retention: 90 → 180: safe"),
            ("", r#","access":"read-only""#, r##"#/x-ripple/access: "read-write" → "read-only": tighter"##),
            ("", r#","label":"code""#, r##"#/x-ripple/label: "name" → "code": safe"##),
            ("", r#","fresh":60"#, "#/x-ripple/fresh: absent → 60: safe"),
        ] {
            assert_eq!(changes(old, new), [expected]);
        }
    }
}
