//! Reads the rows of a sheet.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufRead, Chain, Cursor, Read};

use csv::{ReaderBuilder, StringRecord};

use super::cell;
use crate::limits;
use crate::record::fault::Fault;
use crate::record::schema::{Resource, Types};
use crate::record::{Names, RecordId};
use crate::value::{Members, Value};

/// Separators of cells. Programs for sheets use `;` where numbers have a decimal comma.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The number of bytes in which the end of the header is looked for, to find its separator.
const HEADER: usize = 1 << 20;

/// The largest number of bytes of two rows. A record is much smaller, also where quotes and JSON lengthen it.
const ROWS: u64 = 16 * limits::BODY as u64;

/// A row of its own after the text. If it is not found there, the text has ended inside a quoted cell.
const END: &str = "\n\u{1}end of the sheet\u{1}";

/// A row.
#[derive(Debug)]
pub struct Row {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// What it asks for, or its faults. A fault is at a member.
    pub kind: Result<RowKind, Vec<Fault>>,
}

/// What a row asks for.
#[derive(Debug)]
pub enum RowKind {
    /// A new record with these members. They may have its id.
    New(Members),
    /// These members of the record, on the version among them.
    Edit(RecordId, Members),
}

/// The rows of a sheet. Only one of them is in memory.
#[derive(Debug)]
pub struct Rows<'a, R> {
    resource: &'a Resource,
    columns: Vec<Column>,
    reader: csv::Reader<Chain<Lines<Whole<R>>, &'static [u8]>>,
    /// The row after the one that is returned.
    next: Option<Next>,
}

/// A row as it was read.
#[derive(Debug)]
struct Next {
    cells: StringRecord,
    /// A row that is too long has no end, and none follows it.
    has_end: bool,
}

/// A text whose start was read already.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// Passes a text on, and counts its lines up to a row.
#[derive(Debug)]
struct Lines<R> {
    text: R,
    passed: u64,
    is_after_return: bool,
    /// The places of `\r` and `\n` that were passed on after the last row, and whether a line ends there. The `\n` of
    /// `\r\n` ends none.
    ends: VecDeque<(u64, bool)>,
    line: u64,
    /// The first byte of the last row.
    row: u64,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.passed - self.row > ROWS {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let length = self.text.read(buffer)?;
        for (place, byte) in (self.passed..).zip(&buffer[..length]) {
            if matches!(byte, b'\r' | b'\n') {
                self.ends.push_back((place, *byte == b'\r' || !self.is_after_return));
            }
            self.is_after_return = *byte == b'\r';
        }
        self.passed += length as u64;
        Ok(length)
    }
}

impl<R> Lines<R> {
    /// Returns the line of the row that begins at a byte, or after the line ends there. Rows are asked for in their order.
    fn of(&mut self, byte: u64) -> u64 {
        let mut start = byte;
        self.row = byte;
        while let Some((place, is_end)) = self.ends.pop_front_if(|(place, _)| *place <= start) {
            self.line += u64::from(is_end);
            start = start.max(place + 1);
        }
        self.line
    }
}

#[derive(Debug)]
struct Column {
    /// Empty for a column without a name, which has no cells.
    name: String,
    types: Option<Types>,
}

/// Reads the header of a sheet of a resource's records.
///
/// # Errors
/// One sentence, if the header is not one.
pub fn read<'a>(text: &'a str, resource: &'a Resource) -> Result<Rows<'a, &'a [u8]>, String> {
    read_from(text.as_bytes(), resource)
}

/// Reads the header of a sheet of a resource's records. The caller has read the whole text once: its rows are read
/// without an error.
///
/// # Errors
/// One sentence, if the header is not one.
pub fn read_from<R: BufRead>(mut text: R, resource: &Resource) -> Result<Rows<'_, R>, String> {
    let mut start = start(&mut text).map_err(|error| error.to_string())?;
    if start.starts_with("\u{feff}".as_bytes()) {
        start.drain(.."\u{feff}".len());
    }
    let separator = separator(&start);
    let text = Cursor::new(start).chain(text);
    let lines = Lines { text, passed: 0, is_after_return: false, ends: VecDeque::new(), line: 1, row: 0 };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(lines.chain(END.as_bytes()));
    let header = next(&mut reader).filter(|header| header.has_end).map(|header| header.cells);
    let mut columns = Vec::new();
    let mut names = BTreeSet::new();
    for cell in header.iter().flatten() {
        let name = cell::unmarked(cell).to_owned();
        if !name.is_empty() && !names.insert(name.clone()) {
            return Err(format!("the sheet has two columns {name}"));
        }
        let types = cell::types_of(&name, &resource.schema, &resource.names);
        columns.push(Column { name, types });
    }
    let own = &resource.names;
    if names.is_empty() || header.as_ref().is_some_and(is_end) {
        return Err("the sheet has no header row".to_owned());
    }
    let is_known = |name: &String| own.is_key(name) || resource.schema.property(name).is_some();
    if !names.iter().any(is_known) {
        return Err(format!("the header names neither {} nor another member of {}", own.key, resource.plural));
    }
    let lacks = |name: &str| !names.contains(name);
    if !lacks(&own.version)
        && let Some((key, _)) = own.keys().into_iter().find(|(key, _)| lacks(key))
    {
        return Err(format!("the sheet has a column {}, and no column {key}", own.version));
    }
    let next = next(&mut reader);
    Ok(Rows { resource, columns, reader, next })
}

/// Reads a text up to the first line end outside of quotes.
fn start(text: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut start, mut quoted) = (Vec::new(), false);
    while start.len() < HEADER {
        let part = text.fill_buf()?;
        let end = part.iter().position(|byte| {
            quoted ^= *byte == b'"';
            !quoted && matches!(byte, b'\r' | b'\n')
        });
        let length = end.map_or(part.len(), |end| end + 1);
        start.extend_from_slice(&part[..length]);
        text.consume(length);
        if length == 0 || end.is_some() {
            break;
        }
    }
    Ok(start)
}

/// Returns the separator that the header has most of, outside of quotes.
fn separator(start: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; SEPARATORS.len()];
    for byte in start.iter().copied() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            byte => {
                if let Some(place) = SEPARATORS.iter().position(|separator| *separator == byte) {
                    counts[place] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    SEPARATORS[counts.iter().position(|count| *count == most).unwrap_or(0)]
}

fn next<R: Read>(reader: &mut csv::Reader<R>) -> Option<Next> {
    let mut cells = StringRecord::new();
    // Text is read without an error, whatever it is, unless a row is too long.
    let read = reader.read_record(&mut cells);
    (!matches!(read, Ok(false))).then_some(Next { cells, has_end: read.is_ok() })
}

fn is_end(record: &StringRecord) -> bool {
    record.len() == 1 && record.get(0) == Some(END.trim_start())
}

impl<R: BufRead> Iterator for Rows<'_, R> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let Next { cells: record, has_end } = self.next.take().filter(|next| !is_end(&next.cells))?;
            self.next = if has_end { next(&mut self.reader) } else { None };
            let begins = record.position().map_or(0, csv::Position::byte);
            let line = self.reader.get_mut().get_mut().0.of(begins);
            // The row after the last one is missing only if that one has swallowed it.
            if self.next.is_none() {
                let detail = match has_end {
                    true => "the sheet ends inside a quoted cell".to_owned(),
                    false => format!("the row is longer than {} bytes: is a quote not closed?", ROWS / 2),
                };
                return Some(Row { line, kind: Err(vec![Fault { pointer: String::new(), detail }]) });
            }
            // Programs for sheets write rows without any cell after the last one.
            if record.iter().any(|cell| !cell.is_empty()) {
                return Some(Row { line, kind: self.kind(&record) });
            }
        }
    }
}

impl<R> Rows<'_, R> {
    fn kind(&self, record: &StringRecord) -> Result<RowKind, Vec<Fault>> {
        let whole = |detail: String| vec![Fault { pointer: String::new(), detail }];
        if record.len() != self.columns.len() {
            let (cells, columns) = (record.len(), self.columns.len());
            return Err(whole(format!("the row has {cells} cells, and the header has {columns}")));
        }
        let (mut members, mut faults) = (Vec::new(), Vec::new());
        for (column, cell) in self.columns.iter().zip(record) {
            match cell::read(cell, column.types) {
                Ok(None) => {}
                Ok(Some(_)) if column.name.is_empty() => {
                    faults.extend(whole("a cell is in a column without a name".to_owned()));
                }
                Ok(Some(value)) => members.push((column.name.clone(), value)),
                Err(detail) => faults.push(Fault::member(&column.name, detail)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        RowKind::of(members.into_iter().collect(), &self.resource.names)
    }
}

impl RowKind {
    /// Returns what the members of a record ask for. They may come from a row, or from a record in JSON.
    ///
    /// # Errors
    /// If there is a version, and no id beside it.
    pub fn of(members: Members, names: &Names) -> Result<RowKind, Vec<Fault>> {
        if members.get(&*names.version).is_none_or(|version| *version == Value::Null) {
            return Ok(RowKind::New(members));
        }
        let key: Vec<Value> = names.keys().into_iter().filter_map(|(name, _)| members.get(name).cloned()).collect();
        match names.id_of(&key) {
            Some(id) => Ok(RowKind::Edit(id, members)),
            None => Err(vec![Fault::member(&names.key, format!("is required beside {}", names.version))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        read(text, &Resource::built_in()).expect("a sheet").collect()
    }

    fn detail(row: &Row) -> &str {
        row.kind.as_ref().err().map_or("", |faults| &faults[0].detail)
    }

    #[test]
    fn a_row_with_a_version_is_an_edit_and_one_without_is_new() {
        let rows = rows("\u{feff}prj_id,version,goal,tags\r\np1,3,\"a \"\"b\"\"\r\nc\",[1]\r\n,,new,\r\n\r\n,,,\r\n");
        let [edit, new] = rows.as_slice() else { panic!("two rows: {rows:?}") };
        let Ok(RowKind::Edit(id, members)) = &edit.kind else { panic!("{edit:?}") };
        assert_eq!((edit.line, id.as_str(), members.len()), (2, "p1", 4));
        assert_eq!(members["goal"], "a \"b\"\r\nc".into());
        assert!(matches!(&new.kind, Ok(RowKind::New(members)) if members.len() == 1), "{new:?}");
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["prj_id,goal", "a,1", "", "b,\"x", "y\"", ",", "c,3"].join(end);
            let lines: Vec<u64> = rows(&text).iter().map(|row| row.line).collect();
            assert_eq!(lines, [2, 4, 7], "{end:?}");
        }
    }

    #[test]
    fn a_sheet_is_read_the_same_wherever_its_parts_end() {
        let text = "\u{feff}\"prj_id\";goal\r\n\r\na;\"x;\r\ny\"\r\n\n\nb;é\n;\nc;\"\n";
        let (all, resource) = (format!("{:?}", rows(text)), Resource::built_in());
        for length in 1..text.len() {
            let parts = io::BufReader::with_capacity(length, text.as_bytes());
            let found: Vec<Row> = read_from(parts, &resource).expect("a sheet").collect();
            assert_eq!(format!("{found:?}"), all);
        }
    }

    #[test]
    fn separators_of_other_countries_are_recognized() {
        for text in [
            "prj_id;version;goal\np1;3;a,b\n",
            "prj_id\tversion\tgoal\np1\t3\ta,b",
            "prj_id,version,goal\rp1,3,\"a,b\"\r",
        ] {
            let rows = rows(text);
            let Ok(RowKind::Edit(_, members)) = &rows[0].kind else { panic!("{rows:?}") };
            assert_eq!(members["goal"], "a,b".into());
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_take_the_memory_of_the_whole_text() {
        let resource = Resource::built_in();
        let text = "prj_id,version,goal\np1,1,a\np2,1,\"".as_bytes().chain(io::repeat(b'\n'));
        let found: Vec<Row> = read_from(io::BufReader::new(text), &resource).expect("a sheet").collect();
        let [sound, long] = &found[..] else { panic!("two rows: {found:?}") };
        assert!(sound.kind.is_ok() && long.line == 3 && detail(long).contains("longer than 8"), "{found:?}");
    }

    #[test]
    fn a_sheet_that_was_cut_off_is_no_sheet() {
        let text = "prj_id,version,goal\np1,1,a\np2,1,\"b";
        let found = rows(text);
        assert!(found[0].kind.is_ok());
        assert_eq!(detail(&found[1]), "the sheet ends inside a quoted cell");
        assert_eq!(detail(&rows("prj_id,version,goal\np1,1")[0]), "the row has 2 cells, and the header has 3");
        assert_eq!(rows("prj_id,version,goal\np1,1,\"b\"").len(), 1);
    }

    #[test]
    fn a_header_names_each_column_once_and_the_key_beside_the_version() {
        let refusal = |text: &str| read(text, &Resource::built_in()).expect_err("a refusal");
        assert_eq!(refusal(""), "the sheet has no header row");
        assert_eq!(refusal(",,\n"), "the sheet has no header row");
        assert_eq!(refusal("a,b,a\n"), "the sheet has two columns a");
        assert_eq!(refusal("Dear Sir,\nHello"), "the header names neither prj_id nor another member of projects");
        assert_eq!(refusal("version,goal\n1,x\n"), "the sheet has a column version, and no column prj_id");
        assert_eq!(detail(&rows("prj_id,version\n,4\n")[0]), "is required beside version");
        assert_eq!(detail(&rows("prj_id,\np1,4\n")[0]), "a cell is in a column without a name");
        assert!(detail(&rows("prj_id,x\np1,json:{\n")[0]).contains("not JSON"));
    }
}
