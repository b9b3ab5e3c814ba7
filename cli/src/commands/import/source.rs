//! A file of records in any supported form, read into entries of one line of JSON each.
//!
//! | form | recognized by |
//! |---|---|
//! | `.gz` of any of the others | its first two bytes |
//! | UTF-8 or UTF-16, with or without a byte order mark | its first bytes |
//! | a record or an item `{"Item": …}` on each line | the first line, which is a JSON object |
//! | a JSON array of records or items, or objects one after another | its first character |
//! | `aws dynamodb scan`'s output | the member `Items`, beside which only the scan's own may be |
//! | CSV | a header with several cells, or the file's name, which ends with `.csv` or `.csv.gz` |
//!
//! An item need not have its `{"Item": …}`. Then it is recognized by its key, whose values name their types.
//!
//! Any other file is refused as a whole, with a message that explains what to do.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use ripple_core::limits;
use ripple_core::record::Names;
use serde_json::value::RawValue;

use super::identity;

/// The largest size of an entry, in bytes. DynamoDB's JSON is several times the size of a record.
const ENTRY: usize = 8 * limits::BODY;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The number of bytes at the start of a file that distinguish text from other content.
const LOOK: usize = 4096;

const NOT_TEXT: &str = "is neither text nor gzip: save it as UTF-8, one JSON object per line";

/// The content of a file.
#[derive(Debug)]
pub(super) enum Source {
    /// Records in JSON.
    Entries(Vec<Entry>),
    /// A sheet, as text.
    Sheet(String),
}

/// An entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its position, for messages: `line 3`, `entry 3`.
    pub(super) place: String,
    /// A record as JSON, or an item in the form of an export.
    pub(super) json: Bytes,
}

/// Returns the content of a file of records with these names. `-` is standard input.
pub(super) fn read(file: &Path, names: &Names) -> anyhow::Result<Source> {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        let mut open = File::open(file).with_context(|| format!("cannot open {name}"))?;
        open.read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    }
    if bytes.starts_with(&GZIP) {
        let mut unpacked = Vec::new();
        let read = MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked);
        read.with_context(|| format!("{name} cannot be unpacked"))?;
        bytes = unpacked;
    }
    content(bytes, is_named_csv(&name), names).with_context(|| format!("{name} cannot be read"))
}

/// Reports whether a file is CSV by its name.
fn is_named_csv(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv")
}

/// Returns the content of a file. `is_csv` says that its name is that of CSV.
fn content(bytes: Vec<u8>, is_csv: bool, names: &Names) -> anyhow::Result<Source> {
    let text = text(bytes)?;
    let start = text.trim_start();
    let first_line = start.lines().next().unwrap_or_default();
    let is_value = serde_json::from_str::<&RawValue>(first_line).is_ok();
    if start.is_empty() {
        return Ok(Source::Entries(Vec::new()));
    }
    if !start.starts_with(['{', '[']) {
        if is_csv || [',', ';', '\t'].iter().any(|separator| first_line.contains(*separator)) {
            return Ok(Source::Sheet(text));
        }
        bail!(
            "it begins with neither {{ nor [: give one JSON object per line, an array of objects, or CSV with a header; \
             the name of a sheet with one column must end with .csv"
        );
    }
    let entries = if start.starts_with('{') && is_value && scan(first_line).is_none() {
        lines(&text, names)?
    } else {
        values(&text, names)?
    };
    // A key of another kind must be in the file.
    Ok(Source::Entries(if names.has_plain_key() { identity::identified(entries, names) } else { entries }))
}

/// Decodes bytes as text by their byte order mark, or by the positions of their zeros.
fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    let utf16 = |bytes: &[u8], order: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            bail!("it is incomplete UTF-16");
        }
        let units: Vec<u16> = pairs.map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16(&units).context("it is not valid UTF-16")
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'{' | b'[' | b' ' | b'\r' | b'\n', 0, ..] => utf16(&bytes, u16::from_le_bytes),
        [0, b'{' | b'[' | b' ' | b'\r' | b'\n', ..] => utf16(&bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(std::str::from_utf8(rest).context("it is not valid UTF-8")?.to_owned()),
        _ if bytes.iter().take(LOOK).any(|byte| *byte == 0) => bail!("it {NOT_TEXT}"),
        _ => match String::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                bail!("it is not valid UTF-8 from byte {at}: save it as UTF-8")
            }
        },
    }
}

/// Returns one entry for each line. A line that is not JSON is an entry too, and is refused separately.
fn lines(text: &str, names: &Names) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.len() > ENTRY {
            bail!("line {number} is longer than {ENTRY} bytes");
        }
        if !line.is_empty() {
            entries.push(Entry { place: format!("line {number}"), json: entry(line, names) });
        }
    }
    Ok(entries)
}

/// Returns the entries of JSON values one after another: arrays, outputs of a scan, objects.
fn values(text: &str, names: &Names) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut add = |json: &RawValue| {
        let place = format!("entry {}", entries.len() + 1);
        if json.get().len() > ENTRY {
            bail!("{place} is longer than {ENTRY} bytes");
        }
        entries.push(Entry { place, json: entry(json.get(), names) });
        Ok(())
    };
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.context("it is not valid JSON")?;
        if value.get().starts_with('[') {
            serde_json::from_str::<Vec<&RawValue>>(value.get())?.into_iter().try_for_each(&mut add)?;
        } else if let Some(items) = scan(value.get()) {
            items.into_iter().try_for_each(&mut add)?;
        } else {
            add(value)?;
        }
    }
    Ok(entries)
}

/// Returns the items of the output of `aws dynamodb scan` or `query`. Returns `None` if the value is anything else: a
/// record may have a member `Items` too.
fn scan(json: &str) -> Option<Vec<&RawValue>> {
    const OTHERS: [&str; 6] =
        ["Count", "ScannedCount", "LastEvaluatedKey", "NextToken", "ConsumedCapacity", "ResponseMetadata"];

    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let items = members.remove("Items")?;
    let is_scan = members.keys().all(|name| OTHERS.contains(&name.as_str()));
    if is_scan { serde_json::from_str(items.get()).ok() } else { None }
}

/// Returns an entry's JSON. An item without its `{"Item": …}` gets it.
fn entry(json: &str, names: &Names) -> Bytes {
    Bytes::from(if is_item(json, names) { format!(r#"{{"Item":{json}}}"#) } else { json.to_owned() })
}

/// Reports whether an entry is an item. In a record a part of the key is a string or a number, and in an item it is
/// `{"S": …}` or `{"N": …}`.
fn is_item(json: &str, names: &Names) -> bool {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    names.keys().into_iter().all(|(name, kind)| {
        let typed: Option<BTreeMap<String, String>> =
            members.get(name).and_then(|value| serde_json::from_str(value.get()).ok());
        typed.is_some_and(|value| value.keys().eq([kind.letter()]))
    })
}

#[cfg(test)]
mod tests {
    use ripple_core::record::SortKey;
    use ripple_core::record::schema::KeyType;

    use super::*;

    const TWO: &str = "{\"prj_id\":\"a\"}\n\n{\"prj_id\":\"b\"}\n";

    fn found(bytes: impl Into<Vec<u8>>) -> Vec<String> {
        found_with(bytes, &Names::default())
    }

    fn found_with(bytes: impl Into<Vec<u8>>, names: &Names) -> Vec<String> {
        let Source::Entries(entries) = content(bytes.into(), false, names).expect("entries") else {
            panic!("it is no sheet")
        };
        entries.into_iter().map(|entry| String::from_utf8(entry.json.to_vec()).expect("UTF-8")).collect()
    }

    fn refusal(bytes: impl Into<Vec<u8>>) -> String {
        format!("{:#}", content(bytes.into(), false, &Names::default()).expect_err("a refusal"))
    }

    /// Returns the names of a resource with this key, and with this sort key, a text, if there is one.
    fn keyed(key: &'static str, key_type: KeyType, sort_key: Option<&'static str>) -> Names {
        let sort_key = sort_key.map(|name| SortKey { name: name.into(), kind: KeyType::String });
        Names { key: key.into(), key_type, sort_key, ..Names::default() }
    }

    #[test]
    fn encodings_are_told_apart() {
        let units = |order: fn(u16) -> [u8; 2]| TWO.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let expected = [r#"{"prj_id":"a"}"#, r#"{"prj_id":"b"}"#];
        assert_eq!(found(TWO), expected);
        assert_eq!(found(format!("\u{feff}{TWO}")), expected);
        assert_eq!(found(TWO.replace('\n', "\r\n")), expected);
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let marked = [order(0xfeff).to_vec(), units(order)].concat();
            assert_eq!(found(marked), expected);
            assert_eq!(found(units(order)), expected);
        }
    }

    #[test]
    fn arrays_and_scans_are_taken_apart() {
        assert_eq!(found(r#" [ {"prj_id":"a"}, {"Item":{"prj_id":{"S":"b"}}} ] "#).len(), 2);
        let scan = "{\n \"Items\": [ {\"prj_id\": {\"S\": \"a\"}, \"n\": {\"N\": \"1\"}} ],\n \"Count\": 1, \"ScannedCount\": 1 }";
        let item = r#"{"Item":{"prj_id": {"S": "a"}, "n": {"N": "1"}}}"#;
        assert_eq!(found(scan), [item]);
        assert_eq!(found(scan.replace('\n', "")), [item]);
        assert_eq!(found(format!("{scan}\n{scan}")).len(), 2);
        assert_eq!(found("{\n\"prj_id\": \"a\"\n}\n{\"prj_id\": \"b\"}").len(), 2);
        assert_eq!(found(r#"{"prj_id":{"S":"a"}}"#), [r#"{"Item":{"prj_id":{"S":"a"}}}"#]);
        for record in [r#"{"prj_id":"a","Items":[1]}"#, r#"{"prj_id":"a","Items":[1],"Count":1}"#] {
            assert_eq!(found(record), [record], "a scan's output has no id");
        }
    }

    #[test]
    fn an_item_has_each_part_of_the_key_with_its_type() {
        let [text, number] = [KeyType::String, KeyType::Number].map(|kind| keyed("no", kind, None));
        let pair = keyed("no", KeyType::Number, Some("at"));
        for (names, item) in [
            (&text, r#"{"no":{"S":"a \"b\" \u00fc"},"n":{"N":"1"}}"#),
            (&number, r#"{"n":{"S":"a"},"no":{"N":"1.50"}}"#),
            (&pair, r#"{"at":{"S":"b"},"no":{"N":"1"},"prj_id":{"S":"c"}}"#),
        ] {
            assert_eq!(found_with(item, names), [format!(r#"{{"Item":{item}}}"#)]);
        }
        for (names, record) in [
            (&text, r#"{"no":{"N":"1"}}"#),
            (&text, r#"{"no":{"S":"a","N":"1"}}"#),
            (&text, r#"{"no":"a","prj_id":{"S":"b"}}"#),
            (&number, r#"{"no":1,"prj_id":{"S":"b"}}"#),
            (&pair, r#"{"no":{"N":"1"},"at":"b"}"#),
            (&pair, r#"{"no":{"N":"1"}}"#),
        ] {
            assert_eq!(found_with(record, names), [record]);
        }
    }

    #[test]
    fn an_id_follows_from_the_content() {
        let line = r#"{"name":"x","n":1.0}"#;
        let once = found(line);
        assert!(once[0].starts_with(r#"{"prj_id":""#) && once[0].ends_with(r#"","name":"x","n":1.0}"#), "{once:?}");
        let twice = found(format!("{line}\n{line}\n{{}}"));
        assert_eq!(twice[0], once[0]);
        assert_ne!(twice[1], twice[0], "two equal lines are two records");
        assert!(twice[2].ends_with("\"}"), "{twice:?}");
        let null = found(r#"{"prj_id":null,"n":1.0}"#);
        assert!(null[0].starts_with(r#"{"prj_id":""#) && null[0].ends_with(r#"","n":1.0}"#), "{null:?}");
        let grown = found(format!("{{\"name\":\"first\"}}\n{line}\n{line}"));
        assert_eq!(grown[1..], twice[..2], "a line that is added before changes no other's id");
    }

    #[test]
    fn the_id_is_the_resources_own_key() {
        let names = keyed("a \"key\"", KeyType::String, None);
        let key = r#"{"a \"key\"":"#;
        for (record, rest) in [
            (r#"{"prj_id":"a"}"#, r#"","prj_id":"a"}"#),
            (r#"{"prj_id":null}"#, r#"","prj_id":null}"#),
            (r#"{"Item":"a","n":1}"#, r#"","Item":"a","n":1}"#),
            (r#"{"n":1,"a \"key\"":null}"#, r#"","n":1}"#),
        ] {
            let [found] = &found_with(record, &names)[..] else { panic!("one entry") };
            assert!(found.starts_with(key) && found.ends_with(rest), "{found}");
        }
        let named = r#"{"prj_id":null,"a \"key\"":"b"}"#;
        assert_eq!(found_with(named, &names), [named]);
    }

    #[test]
    fn a_record_with_a_version_gets_no_id() {
        let edit = r#"{"version":3,"n":1}"#;
        assert_eq!(found(edit), [edit]);
        assert!(found(r#"{"version":null,"n":1}"#)[0].starts_with(r#"{"prj_id":""#));
    }

    #[test]
    fn a_key_that_is_a_number_or_has_two_parts_is_not_invented() {
        let names = [
            keyed("no", KeyType::Number, None),
            keyed("no", KeyType::String, Some("at")),
            keyed("no", KeyType::Number, Some("at")),
        ];
        for names in &names {
            for record in [r#"{"n":1}"#, r#"{"no":null,"n":1}"#, r#"{"at":"a","prj_id":null}"#] {
                assert_eq!(found_with(record, names), [record]);
            }
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused_once() {
        assert!(refusal("hello").contains("neither { nor ["));
        assert!(refusal(b"PK\x03\x04\0\0\0".to_vec()).contains("neither text nor gzip"));
        assert!(refusal(b"{\"name\":\"\xe9\"}".to_vec()).contains("not valid UTF-8 from byte 9"));
        assert!(refusal("[{\"prj_id\":\"a\"},").contains("not valid JSON"));
        assert!(refusal(vec![0xff, 0xfe, b'{']).contains("incomplete UTF-16"));
    }

    #[test]
    fn a_header_with_several_cells_begins_a_sheet() {
        for text in ["prj_id,name\na,b\n", "prj_id;name\na;b\n", "\u{feff}prj_id\tname\r\n"] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for bytes in [text.as_bytes().to_vec(), [b"\xff\xfe".to_vec(), bytes].concat()] {
                assert!(matches!(content(bytes, false, &Names::default()), Ok(Source::Sheet(_))), "{text}");
            }
        }
    }

    #[test]
    fn a_sheet_of_one_column_is_recognized_by_the_name_of_its_file() {
        let one = "\u{feff}prj_id\r\na\r\n";
        assert!(matches!(content(one.into(), true, &Names::default()), Ok(Source::Sheet(_))));
        assert!(refusal(one).contains("must end with .csv"));
        assert!(is_named_csv("a/b.CSV") && is_named_csv("b.csv.gz") && !is_named_csv("csv") && !is_named_csv("b.gz"));
    }

    #[test]
    fn a_line_that_is_no_json_is_an_entry_to_be_refused() {
        assert_eq!(found("{\"prj_id\":\"a\"}\nnot JSON"), [r#"{"prj_id":"a"}"#, "not JSON"]);
        assert!(found(" \n").is_empty());
    }
}
