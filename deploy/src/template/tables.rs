//! What the template has for each resource: its tables, their alarm, and their lines of the dashboard.

use std::sync::Arc;

use anyhow::Result;
use ripple_core::record::schema::{Resource, Resources};

use super::{fill, plain};

const TABLE: &str = include_str!("../../template/table.in.yaml");
const VERSIONS: &str = include_str!("../../template/versions.in.yaml");
const ALARM: &str = include_str!("../../template/alarm.in.yaml");
const ALARM_OF_KEYS: &str = include_str!("../../template/alarm_of_keys.in.yaml");
const MAPPING: &str = include_str!("../../template/mapping.in.yaml");
const BY_ID: &str = include_str!("../../template/by_id.in.yaml");
const ALARM_OF_IDS: &str = include_str!("../../template/alarm_of_ids.in.yaml");
const WIDGET: &str = include_str!("../../template/widget.in.yaml");

/// Resources of a widget: it shows up to eight tables.
const IN_A_WIDGET: usize = 4;
/// The first row of the dashboard's grid below the widgets of the site.
const BELOW: usize = 24;
const HEIGHT: usize = 6;
const WIDTH: usize = 12;

/// Returns the tables of each resource. A table that `x-ripple.table` names is no part of the stack, but its history is.
pub(super) fn tables(resources: &Resources) -> Result<String> {
    let mut made = Vec::new();
    for resource in resources.iter() {
        let key = plain(&resource.names.key);
        let (records, history) = names(resource);
        if is_in_stack(resource) {
            let table = &resource.logical_ids.table;
            let attributes =
                resource.names.keys().into_iter().map(|(name, kind)| {
                    format!("- {{AttributeName: {}, AttributeType: {}}}", plain(name), kind.letter())
                });
            let roles = resource.names.keys().into_iter().zip(["HASH", "RANGE"]);
            let schema =
                roles.map(|((name, _), role)| format!("- {{AttributeName: {}, KeyType: {role}}}", plain(name)));
            let (attributes, schema) = (lines(attributes), lines(schema));
            let by_id = if has_ids(resource) { fill(BY_ID, &[("key", &key)])? } else { String::new() };
            let values = [
                ("table", &**table),
                ("records", &records),
                ("attributes", &attributes),
                ("schema", &schema),
                ("by_id", &by_id),
            ];
            made.push(fill(TABLE, &values)?);
        }
        let versions = &resource.logical_ids.versions;
        made.push(fill(VERSIONS, &[("versions", versions), ("history", &history), ("key", &key)])?);
    }
    Ok(made.join("\n"))
}

/// Returns the names of the resources whose tables the stack makes, each with a comma. The feed adopts every record of
/// these.
pub(super) fn fed(resources: &Resources) -> String {
    resources.iter().filter(|resource| is_in_stack(resource)).map(|resource| format!("{},", resource.name)).collect()
}

/// Returns the line of the first resource's index `by_id` in a widget of the site. It continues the line above.
pub(super) fn ids_of_first(resources: &Resources) -> &'static str {
    if has_ids(resources.first()) { r#"["...", "by_id"],"# } else { "" }
}

/// Reports whether the table of a resource's records has the index `by_id`.
fn has_ids(resource: &Resource) -> bool {
    resource.names.has_plain_key()
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// The condition of the policy of the feed: at least one stream is read.
const POLICY: &str = "FeedIsRead";

/// A stream that the feed reads.
struct Stream {
    /// The logical id of its mapping to the function.
    mapping: String,
    /// The condition under which it is read.
    condition: &'static str,
    /// Its ARN, as a value of the template. It is only valid under the condition.
    arn: String,
}

impl Stream {
    /// Returns the stream of each table, and that of the keys. The first resource's table may be outside the stack: then
    /// the parameter `Stream` names its stream. The feed reads no other table outside the stack.
    fn all(resources: &Resources) -> Vec<Stream> {
        let of_resource = |(place, resource): (usize, &Arc<Resource>)| {
            let of_table = format!("!GetAtt {}.StreamArn", resource.logical_ids.table);
            let (mapping, condition, arn) = match (place, is_in_stack(resource)) {
                (0, true) => {
                    ("FeedMapping".to_owned(), POLICY, format!("!If [TablesAreMade, {of_table}, !Ref Stream]"))
                }
                (0, false) => ("FeedMapping".to_owned(), "FeedOfStream", "!Ref Stream".to_owned()),
                (_, true) => (format!("{}Feed", resource.logical_ids.table), "FeedOfTables", of_table),
                (_, false) => return None,
            };
            Some(Stream { mapping, condition, arn })
        };
        let keys = Stream {
            mapping: "KeysFeed".to_owned(),
            condition: "FeedOfTables",
            arn: "!GetAtt Keys.StreamArn".to_owned(),
        };
        resources.iter().enumerate().filter_map(of_resource).chain([keys]).collect()
    }
}

/// Returns the mapping of each stream to the function.
pub(super) fn mappings(resources: &Resources) -> Result<String> {
    let mut made = Vec::new();
    for Stream { mapping, condition, arn } in Stream::all(resources) {
        made.push(fill(MAPPING, &[("mapping", &*mapping), ("condition", condition), ("stream", &arn)])?);
    }
    Ok(made.join("\n"))
}

/// Returns the streams that the function may read, as a value of a policy.
pub(super) fn streams(resources: &Resources) -> String {
    let streams = Stream::all(resources).into_iter();
    let streams = streams.map(|Stream { condition, arn, .. }| match condition {
        POLICY => arn,
        _ => format!("!If [{condition}, {arn}, !Ref \"AWS::NoValue\"]"),
    });
    format!("[{}]", streams.collect::<Vec<_>>().join(", "))
}

/// Reports whether the stack makes the table of a resource's records.
fn is_in_stack(resource: &Resource) -> bool {
    resource.table == format!("{{site}}_{}", resource.name)
}

/// Returns the alarm of each resource. That of the first also watches the table of keys.
pub(super) fn alarms(resources: &Resources) -> Result<String> {
    let mut made = Vec::new();
    for resource in resources.iter() {
        let (records, history) = names(resource);
        let (keys, of_keys) = match made.is_empty() {
            true => (ALARM_OF_KEYS, ", FILL(keyReads, 0), FILL(keyWrites, 0)"),
            false => ("", ""),
        };
        let (ids, of_ids) = match has_ids(resource) {
            true => (fill(ALARM_OF_IDS, &[("records", &records)])?, ", FILL(idReads, 0), FILL(idWrites, 0)"),
            false => (String::new(), ""),
        };
        let alarm = &resource.logical_ids.alarm;
        let values = [
            ("alarm", &**alarm),
            ("records", &records),
            ("history", &history),
            ("ids", &ids),
            ("of_ids", of_ids),
            ("keys", keys),
            ("of_keys", of_keys),
        ];
        made.push(fill(ALARM, &values)?);
    }
    Ok(made.join("\n"))
}

/// Returns the widgets of all resources except the first, which is in the widgets of the site.
pub(super) fn widgets(resources: &Resources) -> Result<String> {
    let others: Vec<_> = resources.iter().skip(1).collect();
    let mut made = String::new();
    for (place, resources) in others.chunks(IN_A_WIDGET).enumerate() {
        let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
        let names = names.join(", ");
        let y = (BELOW + HEIGHT * place).to_string();
        let mut widget = |x: usize, title: &str, rows: fn(&Resource) -> Vec<String>| -> Result<()> {
            let of = |resource: &Resource| rows(resource);
            let rows: Vec<String> = resources.iter().flat_map(|resource| of(resource)).collect();
            let values = [("x", &*x.to_string()), ("y", &y), ("title", title), ("rows", &rows.join(",\n"))];
            made.push_str(&fill(WIDGET, &values)?);
            Ok(())
        };
        widget(0, &format!("Capacity units of the tables of {names}, the edge's included"), capacity)?;
        widget(WIDTH, &format!("Refused at the tables of {names}"), refused)?;
    }
    Ok(made)
}

fn capacity(resource: &Resource) -> Vec<String> {
    let (records, history) = (resource.table_name("${Site}"), resource.history_table_name("${Site}"));
    let mut rows = reads("ConsumedReadCapacityUnits", resource);
    rows.extend([records, history].map(|table| row("ConsumedWriteCapacityUnits", &table)));
    rows
}

fn refused(resource: &Resource) -> Vec<String> {
    let (records, history) = (resource.table_name("${Site}"), resource.history_table_name("${Site}"));
    let mut rows = reads("ReadThrottleEvents", resource);
    rows.extend([&records, &history].map(|table| row("WriteThrottleEvents", table)));
    rows.push(row("TransactionConflict", &records));
    rows
}

fn reads(metric: &str, resource: &Resource) -> Vec<String> {
    let records = resource.table_name("${Site}");
    let index = |name: &str| {
        format!(r#"["AWS/DynamoDB", "{metric}", "TableName", "{records}", "GlobalSecondaryIndexName", "{name}"]"#)
    };
    let mut rows = vec![row(metric, &records), index("by_update")];
    rows.extend(has_ids(resource).then(|| index("by_id")));
    rows.push(row(metric, &resource.history_table_name("${Site}")));
    rows
}

fn row(metric: &str, table: &str) -> String {
    format!(r#"["AWS/DynamoDB", "{metric}", "TableName", "{table}"]"#)
}

/// Returns the names of a resource's tables as values of the template.
fn names(resource: &Resource) -> (String, String) {
    let value = |name: String| if name.contains("${") { format!("!Sub \"{name}\"") } else { plain(&name) };
    (value(resource.table_name("${Site}")), value(resource.history_table_name("${Site}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_type_that_its_resource_declares() {
        for (declared, attribute_type) in [("string", "S"), ("number", "N")] {
            let own = format!(r#"{{"resource": "meter", "key": "ref", "key_type": "{declared}"}}"#);
            let text = format!(r#"{{"title": "Meter", "x-ripple": {own}, "type": "object"}}"#);
            let made = tables(&Resources::read(&[("meter.json", text)]).unwrap()).unwrap();
            let key = format!("AttributeName: ref, AttributeType: {attribute_type}");
            let (record_table, _) = made.split_once("MeterVersions").unwrap();
            assert!(record_table.contains(&key), "{record_table}");
        }
    }

    #[test]
    fn a_sort_key_is_the_second_key_of_the_records_alone() {
        let own = r#"{"resource": "meter", "key": "ref", "sort_key": "at", "sort_key_type": "number"}"#;
        let text = format!(r#"{{"title": "Meter", "x-ripple": {own}, "type": "object"}}"#);
        let made = tables(&Resources::read(&[("meter.json", text)]).unwrap()).unwrap();
        let (records, history) = made.split_once("MeterVersions").unwrap();
        assert!(records.contains("{AttributeName: at, AttributeType: N}"), "{records}");
        assert!(records.contains("{AttributeName: at, KeyType: RANGE}"), "{records}");
        assert!(!history.contains("AttributeName: at"), "{history}");
    }
}
