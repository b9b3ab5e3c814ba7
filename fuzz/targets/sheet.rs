//! Fuzzes sheets of records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ripple_core::limits;
use ripple_core::record::schema::Resource;
use ripple_core::sheet::{self, RowKind};
use ripple_core::value::{Members, Value};

fuzz_target!(|text: &str| {
    let resource = Resource::built_in();
    let mut line = 0;
    for row in sheet::read(text, &resource).into_iter().flatten() {
        assert!(row.line > line, "the rows are in the order of their lines");
        line = row.line;
        let members = match row.kind {
            Ok(RowKind::New(members) | RowKind::Edit(_, members)) => members,
            Err(faults) => {
                assert!(faults.iter().all(|fault| !fault.detail.is_empty()));
                continue;
            }
        };
        assert_eq!(again(&members, &resource), members, "the row comes back as another");
    }
});

/// Writes a row as a sheet and reads it again.
fn again(members: &Members, resource: &Resource) -> Members {
    let member = |(name, value): (&String, &Value)| {
        let json = serde_json::to_string(value).expect("a value is JSON");
        format!("{}:{json}", serde_json::Value::from(name.as_str()))
    };
    let list = format!("[{{{}}}]", members.iter().map(member).collect::<Vec<_>>().join(","));
    let written = sheet::page(list.as_bytes(), None, resource, limits::PAGE, <[u8]>::len);
    assert_eq!(written.records, 1);
    let text = String::from_utf8(written.body).expect("a sheet is UTF-8");
    let mut rows = sheet::read(&text, resource).expect("what was written has a header");
    let row = rows.next().map(|row| row.kind);
    assert!(rows.next().is_none(), "one record is one row");
    match row {
        Some(Ok(RowKind::New(members) | RowKind::Edit(_, members))) => members,
        // A row without any cell is none.
        None => Members::new(),
        Some(Err(faults)) => panic!("{faults:?}: {text}"),
    }
}
