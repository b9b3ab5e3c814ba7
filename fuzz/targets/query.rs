//! Fuzzes the query string of a list: conditions, order and pages.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::query::{Listing, Query, Row};
use ripple_core::record::schema::Resource;
use ripple_core::value::{Value, parse};
use ripple_core::{Record, RecordId};

/// Records with every kind of value that a condition distinguishes.
const RECORDS: [&str; 5] = [
    r#"{"name": "Garden", "term": 3, "x": [1, "a", {"y": "é"}], "address": {"city": "Basel", "a/b": null}}"#,
    r#"{"name": "Gate", "term": "12", "x": {"y": [true, -0.5, "2026-03-01"]}, "q": "v"}"#,
    r#"{"name": "", "term": 12345678901234567890123456789012345678, "x": null, "x[gte]": ","}"#,
    r#"{"x": [[], [[{"0": 1}]], {}], "~": 1e-130}"#,
    "{}",
];

fuzz_target!(|text: &[u8]| -> Corpus {
    let resource = Resource::built_in();
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(text).into_owned().collect();
    let query = match Query::parse(&pairs, &resource) {
        Ok(query) => query,
        Err(faults) => {
            let named = |name: &String| pairs.iter().any(|(other, _)| other == name);
            assert!(!faults.is_empty() && faults.iter().all(|fault| named(&fault.parameter)), "{faults:?}");
            return Corpus::Keep;
        }
    };
    let records = records();
    let mut listing = Listing::new(&query);
    records.iter().rev().for_each(|record| listing.add(record));
    let page = listing.finish();
    let mut listing = Listing::new(&query);
    let live = records.iter().filter(|record| !record.is_deleted() && !query.is_of_deleted());
    live.for_each(|record| listing.add_row(&Row::new(record.clone(), &resource)));
    records.iter().filter(|_| query.is_of_deleted()).for_each(|record| listing.add(record));
    let rows = listing.finish();
    assert_eq!((&page.body, &page.etag, page.count), (&rows.body, &rows.etag, rows.count));
    assert_eq!((&page.next, &page.previous, &page.unknown), (&rows.next, &rows.previous, &rows.unknown));
    // A cursor that the list gives belongs to it.
    for cursor in page.next.into_iter().chain(page.previous) {
        pairs.retain(|(name, _)| name != "cursor");
        pairs.push(("cursor".to_owned(), cursor));
        let beside = Query::parse(&pairs, &resource).expect("the same list");
        let mut listing = Listing::new(&beside);
        records.iter().for_each(|record| listing.add(record));
        assert_eq!(listing.finish().count, page.count);
    }
    Corpus::Keep
});

fn records() -> Vec<Record> {
    let record = |(place, json): (usize, &&str)| {
        let Ok(Value::Map(members)) = parse(json.as_bytes()) else { panic!("the target's own record") };
        Record { version: 1, ..Record::new(RecordId::stored(format!("p{place}")), members) }
    };
    let live = RECORDS.iter().enumerate().map(record);
    live.chain([Record::tombstone(RecordId::stored("gone".to_owned()), 2)]).collect()
}
