//! One write as the items of `TransactWriteItems`: the record, its row of the history, and what else goes with it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};

use super::Item;
use super::item::{self, to_dynamodb};
use super::rows;
use crate::record::PRJ_ID;
use crate::store::{Condition, Write};

/// Where an item's reason stands when the transaction is cancelled.
pub(super) const RECORD: usize = 0;
pub(super) const CLAIM: usize = 2;

/// Everything that one write does, or none of it.
pub(super) fn items(write: &Write<'_>, projects: &str, versions: &str, shards: u16) -> Vec<TransactWriteItem> {
    let mut items = vec![record(projects, write, shards), put_new(versions, rows::version(write))];
    items.extend(write.claim.map(|claim| put_new(versions, rows::claim(claim, write.now))));
    items.extend(write.foreign().map(|foreign| put_new(versions, rows::foreign(&foreign, write.now))));
    items
}

/// Puts an item where there is none, or hands back the one that is there.
fn put_new(table: &str, item: Item) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#id)")
        .expression_attribute_names("#id", PRJ_ID)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

/// Makes of the item that is there what it is to be, or fails a condition and hands that item back.
fn record(table: &str, write: &Write<'_>, shards: u16) -> TransactWriteItem {
    let Expression { text, names, values } = conditions(write);
    let item = TransactWriteItem::builder();
    let Some(changed) = write.changed() else {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item::item(write.after, shards)))
            .condition_expression(text)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        return item.put(put.build().expect("table and item are set")).build();
    };
    let mut update = Update::builder()
        .table_name(table)
        .key(PRJ_ID, AttributeValue::S(write.after.id.to_string()))
        .condition_expression(text)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let system = item::system(write.after, shards).map(|(name, value)| (name, Some(value)));
    let changed = changed.into_iter().map(|name| (name, write.after.attributes.get(name).map(to_dynamodb)));
    for (index, (name, value)) in system.into_iter().chain(changed).enumerate() {
        update = update.expression_attribute_names(format!("#{index}"), name);
        match value {
            Some(value) => {
                set.push(format!("#{index} = :{index}"));
                update = update.expression_attribute_values(format!(":{index}"), value);
            }
            None => remove.push(format!("#{index}")),
        }
    }
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    item.update(update.update_expression(expression).build().expect("table, key and expression are set")).build()
}

/// An expression, and what its placeholders stand for.
struct Expression {
    text: String,
    names: HashMap<String, String>,
    values: Item,
}

/// Names and values that begin with `c`: in an update there are others.
fn conditions(write: &Write<'_>) -> Expression {
    let (mut texts, mut names, mut values) = (Vec::new(), HashMap::new(), Item::new());
    for (index, Condition { name, value }) in write.conditions().into_iter().enumerate() {
        names.insert(format!("#c{index}"), name.to_owned());
        texts.push(match value {
            Some(value) => {
                values.insert(format!(":c{index}"), to_dynamodb(&value));
                format!("#c{index} = :c{index}")
            }
            None => format!("attribute_not_exists(#c{index})"),
        });
    }
    Expression { text: texts.join(" AND "), names, values }
}
