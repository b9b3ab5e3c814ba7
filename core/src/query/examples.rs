//! The examples of docs/API.md, tried.

use super::{Listing, Query};
use crate::record::schema::Resource;
use crate::record::{Record, RecordId};
use crate::value::{Value, parse};

const DOCUMENT: &str = include_str!("../../../docs/API.md");

fn section() -> &'static str {
    let (_, rest) = DOCUMENT.split_once("\n### Conditions\n").expect("the section");
    rest.split_once("\n### ").expect("another section follows").0
}

fn records() -> Vec<Record> {
    let (_, rest) = section().split_once("```json\n").expect("the records of the examples");
    let (json, _) = rest.split_once("```").expect("the end of the block");
    let Ok(Value::List(list)) = parse(json.as_bytes()) else { panic!("an array of records") };
    let record = |value| match value {
        Value::Map(mut members) => {
            let Some(Value::String(id)) = members.remove("prj_id") else { panic!("an id") };
            Record { version: 1, ..Record::new(RecordId::stored(id), members) }
        }
        other => panic!("{other:?}"),
    };
    list.into_iter().map(record).collect()
}

#[test]
fn the_examples_of_the_documentation_find_what_it_says() {
    let (records, mut tried) = (records(), 0);
    for row in section().lines().filter_map(|line| line.strip_prefix("| `")) {
        let (example, rest) = row.split_once("` | ").expect("an example");
        let expected = rest.split_once(" | ").expect("what it finds").0;
        let encoded = example.replace('\\', "%5C").replace(' ', "+");
        let pairs: Vec<_> = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
        let query = Query::parse(&pairs, &Resource::built_in()).expect("an example is a query");
        let mut listing = Listing::new(&query);
        records.iter().for_each(|record| listing.add(record));
        let page = listing.finish();
        assert_eq!(page.unknown, [], "{example}");
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&page.body).expect("an array");
        let found: Vec<&str> = rows.iter().map(|row| row["prj_id"].as_str().expect("an id")).collect();
        assert_eq!(found.join(", "), expected, "{example}");
        tried += 1;
    }
    assert!(tried >= 13, "each operator has an example: {tried}");
}
