//! Writes records as a sheet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use csv::{Terminator, Writer, WriterBuilder};
use serde_json::value::RawValue;

use super::cell;
use crate::record::schema::{Resource, Types};
use crate::value::Parts;

/// The columns of a sheet.
#[derive(Clone, Debug)]
pub struct Columns {
    names: Vec<String>,
    types: Vec<Option<Types>>,
    places: BTreeMap<String, usize>,
}

impl Columns {
    /// Returns the columns of a resource's records: the key, the version, the members of the schema in the order of its
    /// file, `others` by name, and the author of the last write.
    #[must_use]
    pub fn of(resource: &Resource, others: &BTreeSet<String>) -> Columns {
        let names = &resource.names;
        let declared = resource.schema.root.properties.iter().map(|(name, _)| name.as_str());
        let shown = [&*names.updated_at, &names.updated_by, &names.updated_author];
        let own = |name: &&str| !names.are_fixed(name);
        let others = others.iter().map(String::as_str);
        Columns::named(resource, declared.chain(others).filter(own).chain(shown))
    }

    /// Returns the columns that a client has named, after the key and the version.
    #[must_use]
    pub fn chosen(resource: &Resource, fields: &[String]) -> Columns {
        Columns::named(resource, fields.iter().map(String::as_str))
    }

    fn named<'a>(resource: &'a Resource, others: impl Iterator<Item = &'a str>) -> Columns {
        let keys = resource.names.keys().into_iter().map(|(name, _)| name);
        let mut columns = Columns { names: Vec::new(), types: Vec::new(), places: BTreeMap::new() };
        for name in keys.chain([&*resource.names.version]).chain(others) {
            if !columns.places.contains_key(name) {
                columns.places.insert(name.to_owned(), columns.names.len());
                columns.types.push(cell::types_of(name, &resource.schema, &resource.names));
                columns.names.push(name.to_owned());
            }
        }
        columns
    }

    /// Returns the header row, with its line end.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        line(self.names.iter().map(|name| cell::marked(Cow::Borrowed(name))))
    }

    /// Returns the row of a record in JSON, with its line end. Members without a column are left out. Returns `None` if
    /// the JSON is not an object.
    #[must_use]
    pub fn row(&self, json: &[u8]) -> Option<Vec<u8>> {
        let Parts(members) = serde_json::from_slice(json).ok()?;
        Some(self.row_of(&members))
    }

    fn row_of(&self, members: &[(String, &RawValue)]) -> Vec<u8> {
        let mut cells: Vec<Cow<'_, str>> = vec![Cow::Borrowed(""); self.names.len()];
        for (name, json) in members {
            if let Some(place) = self.places.get(name) {
                cells[*place] = cell::write(json, self.types[*place]);
            }
        }
        line(cells.into_iter())
    }
}

fn line<'a>(cells: impl Iterator<Item = Cow<'a, str>>) -> Vec<u8> {
    let mut writer: Writer<Vec<u8>> = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let cells: Vec<Cow<'_, str>> = cells.collect();
    writer.write_record(cells.iter().map(|cell| cell.as_bytes())).expect("writing to memory");
    writer.into_inner().expect("writing to memory")
}

/// Adds the names of a record's members in JSON.
pub fn names_in(json: &[u8], names: &mut BTreeSet<String>) {
    if let Ok(Parts(members)) = serde_json::from_slice(json) {
        names.extend(members.into_iter().map(|(name, _)| name));
    }
}

/// A page of a list as a sheet.
#[derive(Debug)]
pub struct Page {
    /// The sheet.
    pub body: Vec<u8>,
    /// The number of records in it: as many of the first ones as fit.
    pub records: usize,
}

/// Returns a page of a list, a JSON array of records, as a sheet. `fields` are the columns that a client has named. The
/// sheet weighs at most `most` by `weight`, unless its first record alone weighs more.
#[must_use]
pub fn page(
    list: &[u8],
    fields: Option<&[String]>,
    resource: &Resource,
    most: usize,
    weight: impl Fn(&[u8]) -> usize,
) -> Page {
    let records: Vec<Parts<'_>> = serde_json::from_slice(list).expect("a list is an array of objects");
    let mut fit = if fields.is_some() { records.len() } else { within(&records, most) };
    loop {
        let columns = match fields {
            Some(fields) => Columns::chosen(resource, fields),
            None => Columns::of(resource, &names_of(&records[..fit])),
        };
        let mut body = columns.header();
        let mut weighs = weight(&body);
        let mut written = 0;
        for Parts(members) in &records[..fit] {
            let row = columns.row_of(members);
            weighs += weight(&row);
            if weighs > most && written > 0 {
                break;
            }
            body.extend_from_slice(&row);
            written += 1;
        }
        // Fewer records may have fewer columns.
        if written == fit || fields.is_some() {
            return Page { body, records: written };
        }
        fit = written;
    }
}

/// Returns how many records make at most this many cells. Every record has a cell for each member of any, so a few odd
/// records could make the sheet far larger than the list.
fn within(records: &[Parts<'_>], most: usize) -> usize {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (place, Parts(members)) in records.iter().enumerate() {
        names.extend(members.iter().map(|(name, _)| name.as_str()));
        if place > 0 && (place + 1) * names.len() > most {
            return place;
        }
    }
    records.len()
}

fn names_of(records: &[Parts<'_>]) -> BTreeSet<String> {
    records.iter().flat_map(|Parts(members)| members.iter().map(|(name, _)| name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn resource() -> Arc<Resource> {
        Resource::built_in()
    }

    fn text(page: Page) -> String {
        String::from_utf8(page.body).expect("a sheet is UTF-8")
    }

    #[test]
    fn columns_are_in_the_order_of_the_file_with_others_by_name() {
        let list = br#"[{"zone":"=z","prj_id":"a","version":2,"goal":"x, y"},{"prj_id":"b","version":1,"apt":null}]"#;
        let expected = "prj_id,version,name,goal,issue,description,term,term_unit,create_date,timeline,tags,apt,zone,\
            updated_at,updated_by,updated_author\r\n";
        let sheet = text(page(list, None, &resource(), usize::MAX, <[u8]>::len));
        let (header, rows) = sheet.split_once("\r\n").expect("a header");
        let known = |name: &&str| !["timeline", "tags"].contains(name);
        let shown: Vec<&str> = header.split(',').filter(known).collect();
        let expected: Vec<&str> = expected.trim_end().split(',').filter(known).collect();
        assert_eq!(shown, expected);
        assert!(rows.starts_with("a,2,,\"x, y\","), "{rows}");
        assert!(rows.contains("'=z") && rows.contains("json:null"), "{rows}");
    }

    #[test]
    fn a_sheet_is_bounded_whatever_its_columns() {
        let record = |place: usize| {
            let odd: Vec<String> = (0..50).map(|name| format!("\"m{place}-{name}\":1")).collect();
            format!("{{\"prj_id\":\"p{place}\",\"version\":1,{}}}", odd.join(","))
        };
        let list = format!("[{}]", (0..400).map(record).collect::<Vec<_>>().join(","));
        let most = 2 * list.len();
        let made = page(list.as_bytes(), None, &resource(), most, <[u8]>::len);
        assert!(made.body.len() <= most && (1..400).contains(&made.records), "{}", made.records);
        let lines = text(made).matches("\r\n").count();
        let again = page(list.as_bytes(), None, &resource(), 1, <[u8]>::len);
        assert_eq!(again.records, 1, "one record always fits");
        assert!(lines > 2);
    }

    #[test]
    fn a_list_without_records_is_a_header() {
        assert!(text(page(b"[]", None, &resource(), usize::MAX, <[u8]>::len)).starts_with("prj_id,version,"));
    }
}
