//! The items of a table, read with a scan of several segments.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::describe_table::{DescribeTableError, DescribeTableOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, KeyType as KeyRole, ReturnConsumedCapacity, ScalarAttributeType, TableDescription,
};
use ripple_core::record::Names;
use ripple_core::record::schema::{KeyType, Resource};
use ripple_core::value::{Members, Number, Value};

use crate::target::Target;

/// The segments of a scan. A sample takes pages from each in turn, so it covers the whole range of key hashes.
const SEGMENTS: i32 = 4;
/// The prefix of the attributes that ripple adds. They are not members of a record.
pub(super) const PREFIX: &str = "rpl_";
/// Marks the item of a deleted record.
const DELETED: &str = "rpl_deleted";

/// A table as DynamoDB describes it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// The name of the partition key.
    pub(super) key: String,
    /// The type of the partition key. `None` stands for binary.
    pub(super) key_type: Option<KeyType>,
    /// The sort key, and its type as for the partition key.
    pub(super) sort_key: Option<(String, Option<KeyType>)>,
    /// The number of items, which DynamoDB updates every six hours.
    items: u64,
}

impl Table {
    /// Reports whether a member is a part of the key.
    pub(super) fn is_key(&self, name: &str) -> bool {
        self.key == name || self.sort_key.as_ref().is_some_and(|(sort_key, _)| sort_key == name)
    }

    /// Reports whether a resource's key is that of the table.
    fn has_key_of(&self, names: &Names) -> bool {
        let sort_key = names.sort_key.as_ref().map(|sort_key| (sort_key.name.to_string(), Some(sort_key.kind)));
        self.key == names.key && self.key_type == Some(names.key_type) && self.sort_key == sort_key
    }
}

/// The extent of a read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// The number of items, without those of deleted records.
    pub(super) items: u64,
    units: f64,
    is_complete: bool,
}

/// Describes the table of a resource.
pub(super) async fn of(target: &Target, resource: &Resource) -> anyhow::Result<Table> {
    let name = resource.table_name(target.site());
    let table = describe(&target.client, &name).await?;
    if !table.has_key_of(&resource.names) {
        let sort_key = table.sort_key.map(|(sort_key, _)| format!(" and the sort key {sort_key}")).unwrap_or_default();
        bail!("{name} has the key {}{sort_key}, which is not the key of {}.json", table.key, resource.name);
    }
    Ok(table)
}

/// Describes a table.
pub(super) async fn describe(client: &Client, name: &str) -> anyhow::Result<Table> {
    let described = client.describe_table().table_name(name).send().await;
    let table = match described {
        Ok(DescribeTableOutput { table: Some(table), .. }) => table,
        Err(SdkError::ServiceError(error)) if is_missing(error.err()) => bail!("there is no table {name}"),
        Err(error) => return Err(error).with_context(|| format!("cannot describe the table {name}")),
        Ok(_) => bail!("DynamoDB does not describe the table {name}"),
    };
    let named = |role: KeyRole| {
        let key = table.key_schema().iter().find(|key| *key.key_type() == role);
        key.map(|key| key.attribute_name().to_owned())
    };
    let key = named(KeyRole::Hash).with_context(|| format!("DynamoDB does not state the key of {name}"))?;
    Ok(Table {
        name: name.to_owned(),
        key_type: key_type(&table, &key),
        key,
        sort_key: named(KeyRole::Range).map(|name| (name.clone(), key_type(&table, &name))),
        items: table.item_count().and_then(|count| count.try_into().ok()).unwrap_or_default(),
    })
}

fn is_missing(error: &DescribeTableError) -> bool {
    error.is_resource_not_found_exception()
}

fn key_type(table: &TableDescription, key: &str) -> Option<KeyType> {
    let definition = table.attribute_definitions().iter().find(|definition| definition.attribute_name() == key)?;
    match definition.attribute_type() {
        ScalarAttributeType::S => Some(KeyType::String),
        ScalarAttributeType::N => Some(KeyType::Number),
        _ => None,
    }
}

/// Reads at most this number of items, or all of them, and calls `each` with every record. Attributes of ripple and the
/// items of deleted records are left out.
pub(super) async fn read(
    client: &Client,
    table: &Table,
    most: Option<u64>,
    mut each: impl FnMut(Members),
) -> anyhow::Result<Extent> {
    let mut open: VecDeque<(i32, Option<Item>)> = (0..SEGMENTS).map(|segment| (segment, None)).collect();
    let (mut extent, mut read) = (Extent::default(), 0);
    while let Some((segment, start)) = open.pop_front() {
        let left = most.map(|most| most.saturating_sub(read));
        if left == Some(0) {
            return Ok(extent);
        }
        let share = left.map(|left| left.div_ceil(open.len() as u64 + 1));
        let page = client
            .scan()
            .table_name(&table.name)
            .segment(segment)
            .total_segments(SEGMENTS)
            .set_exclusive_start_key(start)
            .set_limit(share.map(|share| share.try_into().unwrap_or(i32::MAX)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .with_context(|| format!("cannot read {}", table.name))?;
        extent.units += page.consumed_capacity().and_then(|consumed| consumed.capacity_units()).unwrap_or_default();
        for item in page.items.unwrap_or_default() {
            read += 1;
            if !matches!(item.get(DELETED), Some(AttributeValue::Bool(true))) {
                extent.items += 1;
                each(record(item)?);
            }
        }
        if let Some(next) = page.last_evaluated_key.filter(|next| !next.is_empty()) {
            open.push_back((segment, Some(next)));
        }
    }
    Ok(Extent { is_complete: true, ..extent })
}

impl Extent {
    /// Returns the extent and its cost in a sentence.
    pub(super) fn told(&self, table: &Table) -> String {
        let items = grouped(self.items);
        let items = match self.is_complete {
            true if self.items == 1 => "1 item".to_owned(),
            true => format!("{items} items"),
            false if table.items > self.items => format!("{items} of about {} items", grouped(about(table.items))),
            false => format!("{items} items, and the table has more"),
        };
        format!("{}: {items}; {} read units", table.name, grouped_units(self.units))
    }
}

type Item = HashMap<String, AttributeValue>;

fn record(item: Item) -> anyhow::Result<Members> {
    members(item.into_iter().filter(|(name, _)| !name.starts_with(PREFIX)))
}

fn members(item: impl IntoIterator<Item = (String, AttributeValue)>) -> anyhow::Result<Members> {
    item.into_iter().map(|(name, attribute)| Ok((name, value(attribute)?))).collect()
}

fn value(attribute: AttributeValue) -> anyhow::Result<Value> {
    let number = |text: &str| Number::parse(text).with_context(|| format!("DynamoDB returned the number {text:?}"));
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(text) => Value::Number(number(&text)?),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::B(bytes) => Value::Binary(bytes.into_inner()),
        AttributeValue::L(list) => Value::List(list.into_iter().map(value).collect::<anyhow::Result<_>>()?),
        AttributeValue::M(item) => Value::Map(members(item)?),
        AttributeValue::Ss(set) => Value::Strings(set.into_iter().collect()),
        AttributeValue::Ns(set) => Value::Numbers(set.iter().map(|text| number(text)).collect::<anyhow::Result<_>>()?),
        AttributeValue::Bs(set) => {
            Value::Binaries(set.into_iter().map(aws_sdk_dynamodb::primitives::Blob::into_inner).collect())
        }
        other => bail!("DynamoDB returned a value of an unknown type: {other:?}"),
    })
}

/// Returns a number rounded to two digits, as far as it has more than three.
fn about(number: u64) -> u64 {
    let mut unit = 1;
    while number >= 1_000 && number / unit >= 100 {
        unit *= 10;
    }
    number.saturating_add(unit / 2) / unit * unit
}

/// Returns a number with a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns how many items are outside the rules, in a sentence.
pub(super) fn outside([outside, items]: [u64; 2]) -> String {
    let stay = if outside == 0 { "" } else { " and stay editable" };
    format!("{} of {} items are outside{stay}", grouped(outside), grouped(items))
}

fn grouped_units(units: f64) -> String {
    if units.fract() == 0.0 { grouped(units as u64) } else { format!("{units:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(items: u64) -> Table {
        Table { name: "t".to_owned(), key: "id".to_owned(), key_type: Some(KeyType::String), sort_key: None, items }
    }

    #[test]
    fn the_extent_of_a_sample_names_the_whole() {
        let sample = Extent { items: 2_000, units: 250.0, is_complete: false };
        assert_eq!(sample.told(&table(60_871)), "t: 2,000 of about 61,000 items; 250 read units");
        assert_eq!(sample.told(&table(0)), "t: 2,000 items, and the table has more; 250 read units");
        let whole = Extent { items: 7, units: 0.5, is_complete: true };
        assert_eq!(whole.told(&table(9)), "t: 7 items; 0.5 read units");
    }

    #[test]
    fn numbers_are_rounded_and_grouped() {
        assert_eq!([999, 1_049, 1_950, 60_871, 1_234_567].map(about), [999, 1_000, 2_000, 61_000, 1_200_000]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn attributes_of_ripple_are_left_out_and_types_are_kept() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = Item::from([
            ("rpl_version".to_owned(), AttributeValue::N("1".to_owned())),
            ("tags".to_owned(), AttributeValue::Ss(vec!["a".to_owned()])),
            ("at".to_owned(), AttributeValue::M(Item::from([("rpl_x".to_owned(), text("kept"))]))),
        ]);
        let read = record(item).expect("a record");
        assert_eq!(read.keys().collect::<Vec<_>>(), ["at", "tags"]);
        assert!(matches!(read["tags"], Value::Strings(_)));
        assert!(matches!(&read["at"], Value::Map(members) if members.len() == 1));
    }
}
