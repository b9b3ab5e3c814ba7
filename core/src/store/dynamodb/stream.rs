//! Records of DynamoDB Streams, as Lambda's event and `GetRecords` have them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>
//!
//! Each record is decoded on its own, so an item that is not a record does not hide the others.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::Item;
use super::keys::KEY_HASH;
use crate::store::StreamRecord;
use crate::store::item::Malformed;
use crate::time::Timestamp;
use crate::value::Members;

/// The source of a record of DynamoDB Streams.
const SOURCE: &str = "aws:dynamodb";
/// The principal that deletes expired items.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>
const TTL: &str = "dynamodb.amazonaws.com";

/// One record of a stream.
#[derive(Debug)]
pub struct Delivered {
    /// The record's position in its shard.
    pub sequence_number: String,
    /// The name of the table of the change. It is empty if the record does not name it.
    pub table: String,
    /// Whether the change is one of the table of API keys, which its key shows.
    pub is_of_keys: bool,
    /// The change.
    pub change: Result<StreamRecord, Malformed>,
}

/// Reads a batch of records. Returns `None` if the JSON is not a batch of DynamoDB Streams.
///
/// ```
/// let batch = r#"{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{"SequenceNumber":"1",
///     "Keys":{"prj_id":{"S":"p"}},"NewImage":{"prj_id":{"S":"p"}}}}]}"#;
/// let records = ripple_core::store::dynamodb::stream::read(batch).expect("a batch");
/// assert_eq!(records[0].sequence_number, "1");
/// assert!(records[0].change.is_ok());
/// assert!(ripple_core::store::dynamodb::stream::read(r#"{"Records":[{"eventSource":"aws:sqs"}]}"#).is_none());
/// ```
#[must_use]
pub fn read(batch: &str) -> Option<Vec<Delivered>> {
    // Most events are requests, and are not parsed for this.
    if !batch.contains("\"aws:dynamodb\"") {
        return None;
    }
    let batch: Batch<'_> = serde_json::from_str(batch).ok()?;
    batch.records.into_iter().map(delivered).collect()
}

/// A batch has no other members. So the members of a request, which its client chooses, never make one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    records: Vec<Event<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    event_source: String,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: Option<String>,
    #[serde(borrow)]
    dynamodb: Option<Change<'a>>,
    user_identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    sequence_number: String,
    /// Seconds since 1970 UTC.
    approximate_creation_date_time: Option<f64>,
    #[serde(borrow)]
    keys: Option<&'a RawValue>,
    #[serde(borrow)]
    new_image: Option<&'a RawValue>,
    #[serde(borrow)]
    old_image: Option<&'a RawValue>,
}

/// Returns `None` if the record is not one of DynamoDB Streams.
fn delivered(event: Event<'_>) -> Option<Delivered> {
    let change = event.dynamodb.filter(|_| event.event_source == SOURCE)?;
    let expired = event.user_identity.and_then(|identity| identity.principal_id).is_some_and(|who| who == TTL);
    let seconds = change.approximate_creation_date_time.unwrap_or_default().max(0.0);
    let images = || {
        Ok(StreamRecord {
            old: change.old_image.map(members).transpose()?,
            new: change.new_image.map(members).transpose()?,
            at: Timestamp((seconds * 1000.0) as u64),
            expired,
        })
    };
    let is_of_keys = change.keys.and_then(|keys| members(keys).ok()).is_some_and(|keys| keys.contains_key(KEY_HASH));
    let table = event.event_source_arn.as_deref().and_then(table).unwrap_or_default().to_owned();
    Some(Delivered { change: images(), table, is_of_keys, sequence_number: change.sequence_number })
}

/// Returns the name of the table in the ARN of its stream.
fn table(arn: &str) -> Option<&str> {
    arn.split_once(":table/")?.1.split('/').next()
}

fn members(image: &RawValue) -> Result<Members, Malformed> {
    let item: Item<'_> = serde_json::from_str(image.get()).map_err(|error| Malformed(format!("image: {error}")))?;
    Ok(item.into_members())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn record(images: &str) -> String {
        format!(
            r#"{{"Records":[{{"eventID":"1","eventName":"MODIFY","eventSource":"aws:dynamodb","eventSourceARN":
            "arn:aws:dynamodb:us-east-1:111122223333:table/ripple_prj/stream/2026-03-01T00:00:00.000","dynamodb":{{
            "SequenceNumber":"100000000000000000001","ApproximateCreationDateTime":1764000000.0,{images}}},
            "userIdentity":{{"type":"Service","principalId":"dynamodb.amazonaws.com"}}}}]}}"#
        )
    }

    fn only(images: &str) -> Delivered {
        read(&record(images)).expect("a batch").remove(0)
    }

    #[test]
    fn images_have_every_type() {
        let image = r#"{"prj_id":{"S":"p"},"n":{"N":"12345678901234567890"},"s":{"SS":["a"]},"b":{"B":"AP8="},"m":{"M":{"x":{"BOOL":true}}}}"#;
        let found = only(&format!(r#""Keys":{{"prj_id":{{"S":"p"}}}},"OldImage":{image}"#));
        assert_eq!(found.sequence_number, "100000000000000000001");
        let change = found.change.expect("images");
        assert_eq!((change.at, change.expired, &change.new), (Timestamp(1_764_000_000_000), true, &None));
        let old = change.old.expect("an old image");
        assert_eq!(old["b"], Value::Binary(vec![0, 255]));
        assert_eq!(old["s"], Value::Strings(["a".to_owned()].into()));
        assert_eq!(old["n"], Value::Number(crate::value::Number::parse("12345678901234567890").expect("a number")));
    }

    #[test]
    fn the_source_names_the_table_and_the_key_shows_keys() {
        let found = only(r#""Keys":{"prj_id":{"S":"p"}}"#);
        assert_eq!((found.table.as_str(), found.is_of_keys), ("ripple_prj", false));
        assert!(only(r#""Keys":{"key_hash":{"S":"ab"}}"#).is_of_keys);
    }

    #[test]
    fn an_image_that_cannot_be_read_does_not_hide_the_record() {
        let found = only(r#""Keys":{"prj_id":{"S":"p"}},"NewImage":{"prj_id":{"X":"p"}}"#);
        assert!(found.change.is_err());
        assert_eq!(found.sequence_number, "100000000000000000001");
    }

    #[test]
    fn other_events_are_no_batch() {
        for event in
            ["{}", "[]", "7", r#"{"Records":7}"#, r#"{"Records":[{}]}"#, r#"{"Records":[{"eventSource":"aws:sqs"}]}"#]
        {
            assert!(read(event).is_none(), "{event}");
        }
        let batch = record(r#""Keys":{"prj_id":{"S":"p"}}"#);
        assert!(read(&batch).is_some());
        assert!(read(&batch.replacen('{', r#"{"method":"create","#, 1)).is_none(), "a client may choose its members");
    }
}
