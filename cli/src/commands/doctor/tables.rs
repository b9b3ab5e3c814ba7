//! Checks in DynamoDB: the tables, and the key's record.

use std::time::Duration;

use humantime::format_duration;
use ripple_core::auth::ApiKey;
use ripple_core::store::dynamodb::{DynamoDb, TableState};
use ripple_core::store::{Capacity, Keys as _};
use ripple_host::now;

use super::Finding;
use crate::commands::table::{self, Protection};
use crate::target::Target;

/// The remaining time below which an expiring key is reported.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn look(target: &Target, key: Option<&ApiKey>) -> Vec<Finding> {
    let tables = match table::describe(target).await {
        Ok(tables) => tables,
        Err(cause) => {
            return vec![Finding::bad(
                "tables",
                format!("cannot read the tables; check region, credentials and policy: {cause:#}"),
            )];
        }
    };
    let mut findings: Vec<Finding> = tables
        .into_iter()
        .map(|(table, protection)| {
            let name = table.name;
            match table.state {
                TableState::Ready => match protection.as_ref().and_then(Protection::lacking) {
                    None => Finding::good("table", name),
                    Some(what) => Finding::bad("table", format!("{name} lacks {what}: run `ripple table create`")),
                },
                TableState::Pending(status) => Finding::bad(
                    "table",
                    format!("{name} is not ready yet ({}): wait and check again", status.to_lowercase()),
                ),
                TableState::Lacks(what) => {
                    Finding::bad("table", format!("{name} lacks {what}: run `ripple table create`"))
                }
                TableState::Foreign(key) => Finding::bad(
                    "table",
                    format!("{name} is not a table of ripple, since its key is {key}: set RIPPLE_SITE to another name"),
                ),
                TableState::Missing => {
                    Finding::bad("table", format!("{name} is missing: run `ripple table create`, or set RIPPLE_SITE"))
                }
            }
        })
        .collect();
    if findings.iter().all(|finding| finding.told.is_ok()) {
        findings.push(record(target.keys(), key).await);
    }
    findings
}

async fn record(store: &DynamoDb, key: Option<&ApiKey>) -> Finding {
    let Some(key) = key else {
        return Finding::bad(
            "key",
            "there is no key to check: set RIPPLE_KEY, or pass it on standard input with --key-stdin",
        );
    };
    let (hash, now) = (key.hash(), now());
    let record = match store.key(&hash, &mut Capacity::default()).await {
        Ok(record) => record,
        Err(error) => return Finding::bad("key", format!("cannot read its record: {:#}", anyhow::Error::from(error))),
    };
    let Some(record) = record else {
        return Finding::bad(
            "key",
            "is not in the table and may belong to another site or account: `ripple key list` lists the keys",
        );
    };
    let id = &record.key_id;
    if record.revoked.is_some() {
        return Finding::bad("key", format!("{id} is revoked: create another key with `ripple key create`"));
    }
    match record.expires.map(|expires| Duration::from_millis(expires.saturating_sub(now.0))) {
        Some(left) if left.is_zero() => {
            Finding::bad("key", format!("{id} has expired: create another key with `ripple key create`"))
        }
        Some(left) if left < SOON => {
            let left = format_duration(Duration::from_secs(left.as_secs()));
            Finding::good("key", format!("{id} is valid for {left}: replace it with `ripple key rotate {id}`"))
        }
        _ => Finding::good("key", format!("{id} is valid")),
    }
}
