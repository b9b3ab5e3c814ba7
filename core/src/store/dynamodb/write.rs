//! One write as the items of `TransactWriteItems`: the record, its row of the history, and what else goes with it.
//!
//! An update sets and removes just the attributes that differ, each on condition that it is as it was read:
//! what others write beside ripple, without knowing of versions, is neither overwritten nor lost. A creation
//! and a tombstone put the whole item.

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};

use super::Item;
use super::item::{self, to_dynamodb};
use super::rows;
use crate::project::{PRJ_ID, Project, VERSION};
use crate::store::Write;

/// Where an item's reason stands when the transaction is cancelled.
pub(super) const RECORD: usize = 0;
pub(super) const CLAIM: usize = 2;

/// Everything that one write does, or none of it.
pub(super) fn items(write: &Write<'_>, projects: &str, versions: &str, shards: u16) -> Vec<TransactWriteItem> {
    let mut items = vec![record(projects, write.before, write.after, shards), put_new(versions, rows::version(write))];
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

/// Replaces `before` by `after`, or fails its condition and hands back what is there.
fn record(table: &str, before: Option<&Project>, after: &Project, shards: u16) -> TransactWriteItem {
    match before {
        Some(before) if !before.is_deleted() && !after.is_deleted() => {
            TransactWriteItem::builder().update(update(table, before, after, shards)).build()
        }
        _ => TransactWriteItem::builder().put(put(table, before, after, shards)).build(),
    }
}

/// A version that is not ripple's number counts as none.
const UNVERSIONED: &str =
    "attribute_exists(#id) AND (attribute_not_exists(#version) OR NOT attribute_type(#version, :n))";

fn put(table: &str, before: Option<&Project>, after: &Project, shards: u16) -> Put {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item::item(after, shards)))
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    let put = match before {
        None => put.condition_expression("attribute_not_exists(#id)").expression_attribute_names("#id", PRJ_ID),
        Some(Project { version: 0, .. }) => put
            .condition_expression(UNVERSIONED)
            .expression_attribute_names("#id", PRJ_ID)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":n", AttributeValue::S("N".to_owned())),
        Some(before) => put
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", AttributeValue::N(before.version.to_string())),
    };
    put.build().expect("table and item are set")
}

fn update(table: &str, before: &Project, after: &Project, shards: u16) -> Update {
    let mut update = Update::builder()
        .table_name(table)
        .key(PRJ_ID, AttributeValue::S(after.id.to_string()))
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .expression_attribute_names("#version", VERSION);
    let (mut set, mut remove, mut conditions) = (Vec::new(), Vec::new(), Vec::new());

    if before.version == 0 {
        conditions.push(UNVERSIONED.to_owned());
        update = update
            .expression_attribute_names("#id", PRJ_ID)
            .expression_attribute_values(":n", AttributeValue::S("N".to_owned()));
    } else {
        conditions.push("#version = :version".to_owned());
        update = update.expression_attribute_values(":version", AttributeValue::N(before.version.to_string()));
    }
    for (index, (name, value)) in item::system(after, shards).into_iter().enumerate() {
        set.push(format!("#s{index} = :s{index}"));
        update = update
            .expression_attribute_names(format!("#s{index}"), name)
            .expression_attribute_values(format!(":s{index}"), value);
    }
    // At most `limits::CHANGED_MEMBERS`, which the save has checked.
    for (index, name) in before.differing(after).enumerate() {
        update = update.expression_attribute_names(format!("#{index}"), name);
        match before.attributes.get(name) {
            Some(old) => {
                conditions.push(format!("#{index} = :o{index}"));
                update = update.expression_attribute_values(format!(":o{index}"), to_dynamodb(old));
            }
            None => conditions.push(format!("attribute_not_exists(#{index})")),
        }
        match after.attributes.get(name) {
            Some(new) => {
                set.push(format!("#{index} = :{index}"));
                update = update.expression_attribute_values(format!(":{index}"), to_dynamodb(new));
            }
            None => remove.push(format!("#{index}")),
        }
    }
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    update
        .update_expression(expression)
        .condition_expression(conditions.join(" AND "))
        .build()
        .expect("table, key and expression are set")
}
