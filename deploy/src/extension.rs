//! The extension `x-ripple` of the OpenAPI document: what a page must know of each resource beside its schemas.

use ripple_core::record::schema::{Access, KeyType, Resource, Resources};
use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::Extensions;

/// Returns the extension, with a member for each resource.
pub(crate) fn of(resources: &Resources) -> Extensions {
    let members: Map<String, Value> =
        resources.iter().map(|resource| (resource.name.clone(), of_resource(resource))).collect();
    Extensions::from_iter([("x-ripple", Value::Object(members))])
}

fn of_resource(resource: &Resource) -> Value {
    let Resource { names, label, singular, plural, entries, .. } = resource;
    let read_only = resource.access == Access::ReadOnly;
    // A read-only resource has no schema of a new record.
    let schema = if read_only { resource.component() } else { format!("New{}", resource.component()) };
    let properties = resource.schema.root.properties.iter().map(|(name, _)| name).filter(|name| !names.is_key(name));
    let entries: Map<String, Value> =
        entries.named().map(|(list, key)| (list, key.map_or(json!(false), |key| json!(key)))).collect();
    let mut members = json!({
        "schema": schema,
        "singular": singular,
        "plural": plural,
        "key": names.key,
        "label": label,
        "members": {
            "version": names.version,
            "updated_at": names.updated_at,
            "updated_by": names.updated_by,
            "updated_author": names.updated_author,
            "deleted": names.deleted,
        },
        "properties": properties.collect::<Vec<_>>(),
        "entries": entries,
    });
    if names.key_type == KeyType::Number {
        members["key_type"] = json!("number");
    }
    if let Some(sort_key) = &names.sort_key {
        members["sort_key"] = json!(sort_key.name);
        if sort_key.kind == KeyType::Number {
            members["sort_key_type"] = json!("number");
        }
    }
    if read_only {
        members["access"] = json!("read-only");
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_learns_the_types_of_both_keys_and_the_name_of_deletions() {
        let with = |more: &str| {
            let file = format!(
                r#"{{"title": "Reading", "type": "object", "x-ripple": {{"resource": "reading", "key": "meter", {more}}}}}"#
            );
            let resources = Resources::read(&[("reading.json", file)]).expect("the file has no faults");
            of_resource(resources.iter().next().expect("one resource"))
        };
        let read = with(r#""sort_key": "at", "sort_key_type": "number", "members": {"deleted": "removed"}"#);
        assert_eq!((&read["sort_key"], &read["sort_key_type"]), (&json!("at"), &json!("number")));
        assert_eq!((&read["members"]["deleted"], read.get("key_type")), (&json!("removed"), None));
        let read = with(r#""sort_key": "at""#);
        assert_eq!((read.get("sort_key_type"), &read["members"]["deleted"]), (None, &json!("deleted")));
    }
}
