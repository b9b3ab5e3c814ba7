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
//! Any other file is refused as a whole, with a message that explains what to do. So a file is read twice: to check it, and
//! to import it. Both times only one entry of it is in memory.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use anyhow::bail;
use bytes::Bytes;
use ripple_core::limits;
use ripple_core::record::Names;
use serde_json::value::RawValue;

use super::identity::Ids;
use super::values::{Values, scan};

/// The largest size of an entry, in bytes. DynamoDB's JSON is several times the size of a record.
pub(super) const ENTRY: usize = 8 * limits::BODY;

/// The form of a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Records in JSON, one on each line.
    Lines,
    /// Records in JSON: arrays, outputs of a scan, objects one after another.
    Values,
    /// A sheet.
    Sheet,
}

impl Form {
    /// Recognizes the form of a text by its start. `is_csv` says that the file's name is that of CSV.
    pub(super) fn of(text: &mut impl BufRead, is_csv: bool) -> anyhow::Result<Form> {
        let first_line = first_line(text)?;
        if first_line.is_empty() {
            return Ok(Form::Lines);
        }
        if !first_line.starts_with(['{', '[']) {
            if is_csv || first_line.contains([',', ';', '\t']) {
                return Ok(Form::Sheet);
            }
            bail!(
                "it begins with neither {{ nor [: give one JSON object per line, an array of objects, or CSV with a \
                 header; the name of a sheet with one column must end with .csv"
            );
        }
        let is_value = serde_json::from_str::<&RawValue>(&first_line).is_ok();
        Ok(if first_line.starts_with('{') && is_value && scan(&first_line).is_none() {
            Form::Lines
        } else {
            Form::Values
        })
    }
}

/// Returns the first line that is not empty, or its start if it is longer than an entry.
fn first_line(text: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    while line.trim_ascii().is_empty() {
        line.clear();
        if text.take(ENTRY as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(line.trim_ascii()).into_owned())
}

/// An entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its position, for messages: `line 3`, `entry 3`.
    pub(super) place: String,
    /// A record as JSON, or an item in the form of an export.
    pub(super) json: Bytes,
}

/// The entries of a file, in their order. After an error there are none.
pub(super) struct Entries<'n, R> {
    text: Split<R>,
    /// The number of the last one: of its line, or among the entries.
    number: u64,
    names: &'n Names,
    ids: Option<Ids>,
    has_failed: bool,
}

enum Split<R> {
    Lines(R),
    Values(Values<R>),
}

impl<'n, R: BufRead> Entries<'n, R> {
    /// Returns the entries of a text with records of these names.
    pub(super) fn of(text: R, form: Form, names: &'n Names) -> Entries<'n, R> {
        let text = if form == Form::Values { Split::Values(Values::of(text)) } else { Split::Lines(text) };
        // A key of another kind must be in the file.
        let ids = names.has_plain_key().then(Ids::default);
        Entries { text, number: 0, names, ids, has_failed: false }
    }

    fn read(&mut self) -> anyhow::Result<Option<Entry>> {
        let (place, json) = match &mut self.text {
            Split::Values(values) => {
                let Some(json) = values.next()? else { return Ok(None) };
                self.number += 1;
                (format!("entry {}", self.number), json)
            }
            Split::Lines(text) => {
                let Some(line) = line(text, &mut self.number)? else { return Ok(None) };
                (format!("line {}", self.number), line)
            }
        };
        let entry = Entry { place, json: entry(&json, self.names) };
        Ok(Some(match &mut self.ids {
            Some(ids) => ids.identified(entry, self.names),
            None => entry,
        }))
    }
}

impl<R: BufRead> Iterator for Entries<'_, R> {
    type Item = anyhow::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = if self.has_failed { None } else { self.read().transpose() };
        self.has_failed |= entry.as_ref().is_some_and(Result::is_err);
        entry
    }
}

/// Returns the next line that is not empty, and counts it. A line that is not JSON is an entry too, and is refused
/// separately.
fn line(text: &mut impl BufRead, number: &mut u64) -> anyhow::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if text.take(ENTRY as u64 + 2).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        *number += 1;
        if line.trim_ascii_end().len() > ENTRY || line.len() > ENTRY && !line.ends_with(b"\n") {
            bail!("line {number} is longer than {ENTRY} bytes");
        }
        let line = str::from_utf8(&line)?.trim();
        if !line.is_empty() {
            return Ok(Some(line.to_owned()));
        }
    }
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

    use super::super::text::Text;
    use super::*;

    const TWO: &str = "{\"prj_id\":\"a\"}\n\n{\"prj_id\":\"b\"}\n";

    fn found(bytes: impl Into<Vec<u8>>) -> Vec<String> {
        found_with(bytes, &Names::default())
    }

    fn form(bytes: &[u8], is_csv: bool) -> anyhow::Result<Form> {
        Form::of(&mut Text::of(bytes), is_csv)
    }

    fn entries(bytes: &[u8], names: &Names) -> anyhow::Result<Vec<String>> {
        let form = form(bytes, false)?;
        assert_ne!(form, Form::Sheet);
        let json = |entry: anyhow::Result<Entry>| Ok(String::from_utf8(entry?.json.to_vec())?);
        Entries::of(Text::of(bytes), form, names).map(json).collect()
    }

    fn found_with(bytes: impl Into<Vec<u8>>, names: &Names) -> Vec<String> {
        entries(&bytes.into(), names).expect("entries")
    }

    fn refusal(bytes: impl Into<Vec<u8>>) -> String {
        format!("{:#}", entries(&bytes.into(), &Names::default()).expect_err("a refusal"))
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
                assert_eq!(form(&bytes, false).expect("a form"), Form::Sheet, "{text}");
            }
        }
    }

    #[test]
    fn a_sheet_of_one_column_is_recognized_by_the_name_of_its_file() {
        let one = "\u{feff}prj_id\r\na\r\n";
        assert_eq!(form(one.as_bytes(), true).expect("a form"), Form::Sheet);
        assert!(refusal(one).contains("must end with .csv"));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_with_its_number() {
        let long = |length: usize| format!("{{}}\n\n{{\"a\":\"{}\"}}\n{{}}", "x".repeat(length - 8));
        assert_eq!(found(long(ENTRY)).len(), 3);
        assert!(refusal(long(ENTRY + 1)).starts_with("line 3 is longer than"));
    }

    #[test]
    fn a_line_that_is_no_json_is_an_entry_to_be_refused() {
        assert_eq!(found("{\"prj_id\":\"a\"}\nnot JSON"), [r#"{"prj_id":"a"}"#, "not JSON"]);
        assert!(found(" \n").is_empty());
    }
}
