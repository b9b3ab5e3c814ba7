//! One write as the items of `TransactWriteItems`: the record, the rows of the history, and the idempotency record.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update};

use super::Item;
use super::item::{key, to_dynamodb, to_item};
use super::rows::{self, seconds};
use crate::record::Names;
use crate::store::item::RPL_EXPIRES_AT;
use crate::store::{Action, Condition, IdempotencyRecord, StoreError, Write, row};
use crate::time::Timestamp;

/// The position of the record's reason if the transaction is cancelled.
pub(super) const RECORD: usize = 0;
/// The position of the idempotency record's reason, if there is one.
pub(super) const CLAIM: usize = 1;

/// Returns the item that stores an idempotency record, unless one exists that has not expired.
pub(super) fn claim(claim: &IdempotencyRecord, now: Timestamp, versions: &str, key: &str) -> TransactWriteItem {
    let unclaimed = Put::builder()
        .condition_expression("attribute_not_exists(#id) OR #expires <= :now")
        .expression_attribute_names("#expires", RPL_EXPIRES_AT)
        .expression_attribute_values(":now", seconds(now));
    put(unclaimed, versions, key, rows::claim(key, claim))
}

/// Returns the items of one write, which are all applied or none.
pub(super) fn items(
    write: &Write<'_>,
    records: &str,
    versions: &str,
    shards: u16,
    key_names: &Names,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let key = &*key_names.key;
    let mut items = vec![record(records, write, shards, key_names)];
    items.extend(write.claim.map(|claim| self::claim(claim, write.now, versions, key)));
    for row in write.rows {
        for item in row::items(row, key)? {
            let new = Put::builder().condition_expression("attribute_not_exists(#id)");
            items.push(put(new, versions, key, to_item(&item)));
        }
    }
    Ok(items)
}

/// Puts an item on a condition. If the condition fails, DynamoDB returns the existing item.
fn put(put: aws_sdk_dynamodb::types::builders::PutBuilder, table: &str, key: &str, item: Item) -> TransactWriteItem {
    let put = put
        .table_name(table)
        .set_item(Some(item))
        .expression_attribute_names("#id", key)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

/// Puts or updates the record on the write's conditions. If one fails, DynamoDB returns the existing item.
fn record(table: &str, write: &Write<'_>, shards: u16, key_names: &Names) -> TransactWriteItem {
    let Expression { text, names, values } = conditions(write, key_names);
    let item = TransactWriteItem::builder();
    let changes = match write.action(shards, key_names) {
        Action::Put(whole) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(to_item(&whole)))
                .condition_expression(text)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values((!values.is_empty()).then_some(values))
                .return_values_on_condition_check_failure(OnFailure::AllOld);
            return item.put(put.build().expect("table and item are set")).build();
        }
        Action::Update(changes) => changes,
    };
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(key(&write.after.id, key_names)))
        .condition_expression(text)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    for (index, (name, value)) in changes.into_iter().enumerate() {
        update = update.expression_attribute_names(format!("#{index}"), name);
        match value {
            Some(value) => {
                set.push(format!("#{index}=:{index}"));
                update = update.expression_attribute_values(format!(":{index}"), to_dynamodb(&value));
            }
            None => remove.push(format!("#{index}")),
        }
    }
    let mut expression = format!("SET {}", set.join(","));
    if !remove.is_empty() {
        expression.push_str(" REMOVE ");
        expression.push_str(&remove.join(","));
    }
    item.update(update.update_expression(expression).build().expect("table, key and expression are set")).build()
}

/// An expression, and the values of its placeholders.
struct Expression {
    text: String,
    names: HashMap<String, String>,
    values: Item,
}

/// Returns the conditions. Their placeholders begin with `c`, since an update has others too.
fn conditions(write: &Write<'_>, key_names: &Names) -> Expression {
    let (mut texts, mut names, mut values) = (Vec::new(), HashMap::new(), Item::new());
    for (index, Condition { name, value }) in write.conditions(key_names).into_iter().enumerate() {
        names.insert(format!("#c{index}"), name.to_owned());
        texts.push(match value {
            Some(value) => {
                values.insert(format!(":c{index}"), to_dynamodb(&value));
                format!("#c{index}=:c{index}")
            }
            None => format!("attribute_not_exists(#c{index})"),
        });
    }
    Expression { text: texts.join(" AND "), names, values }
}
