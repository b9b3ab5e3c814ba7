//! JSON values one after another: arrays, outputs of `aws dynamodb scan`, objects. They are split into entries one at a
//! time.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead};

use anyhow::Context as _;
use serde_json::value::RawValue;

use super::source::ENTRY;

/// The members that the output of a scan has beside `Items`.
const OTHERS: [&str; 6] =
    ["Count", "ScannedCount", "LastEvaluatedKey", "NextToken", "ConsumedCapacity", "ResponseMetadata"];

/// The entries of a text.
pub(super) struct Values<R> {
    text: R,
    /// The start of an output of a scan, which was read to tell it from a record, and how much of it is read again.
    start: (Vec<u8>, usize),
    place: Place,
    /// The items of an output of a scan that is no longer than an entry.
    items: VecDeque<String>,
    /// The number of entries so far.
    count: u64,
}

/// Where the next value is. `true` says that it is the first one there.
#[derive(Clone, Copy)]
enum Place {
    /// Outside of all values.
    Top,
    /// In an array.
    Array(bool),
    /// Between the members of an output of a scan.
    Scan(bool),
    /// In the array `Items` of an output of a scan.
    Items(bool),
}

/// The text of a value.
enum Found {
    Whole(String),
    /// The value is longer than an entry. This is its start.
    Start(Vec<u8>),
}

impl<R: BufRead> Values<R> {
    pub(super) fn of(text: R) -> Values<R> {
        Values { text, start: (Vec::new(), 0), place: Place::Top, items: VecDeque::new(), count: 0 }
    }

    /// Returns the text of the next entry. Returns `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<String>> {
        let next = self.entry()?;
        self.count += 1;
        Ok(next)
    }

    fn entry(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(Some(item));
            }
            let Some(next) = self.peek()? else {
                return if matches!(self.place, Place::Top) { Ok(None) } else { Err(faulty("it ends inside a value")) };
            };
            match (self.place, next) {
                (Place::Top, b'[') => self.enter(Place::Array(true)),
                (Place::Top, _) => match self.value()? {
                    Found::Whole(text) => match scan(&text) {
                        None => return Ok(Some(text)),
                        Some(items) => self.items = items.into_iter().map(|item| item.get().to_owned()).collect(),
                    },
                    Found::Start(start) => {
                        self.start = (start, 0);
                        self.enter(Place::Scan(true));
                    }
                },
                (Place::Array(_), b']') | (Place::Scan(_), b'}') => self.enter(Place::Top),
                (Place::Items(_), b']') => self.enter(Place::Scan(false)),
                (Place::Array(is_first), _) => {
                    self.place = Place::Array(false);
                    return self.element(is_first).map(Some);
                }
                (Place::Items(is_first), _) => {
                    self.place = Place::Items(false);
                    return self.element(is_first).map(Some);
                }
                (Place::Scan(is_first), _) => self.member(is_first)?,
            }
        }
    }

    /// Returns an element of an array.
    fn element(&mut self, is_first: bool) -> anyhow::Result<String> {
        if !is_first {
            self.expect(b',')?;
        }
        match self.value()? {
            Found::Whole(text) => Ok(text),
            Found::Start(_) => Err(self.too_long()),
        }
    }

    /// Reads a member of an object that is longer than an entry, as only the output of a scan may be.
    fn member(&mut self, is_first: bool) -> anyhow::Result<()> {
        self.place = Place::Scan(false);
        if !is_first {
            self.expect(b',')?;
        }
        let name = match self.value()? {
            Found::Whole(name) => serde_json::from_str::<String>(&name).context("it is not valid JSON")?,
            Found::Start(_) => return Err(self.too_long()),
        };
        self.expect(b':')?;
        if name == "Items" && self.peek()? == Some(b'[') {
            self.enter(Place::Items(true));
            return Ok(());
        }
        if !OTHERS.contains(&name.as_str()) || matches!(self.value()?, Found::Start(_)) {
            return Err(self.too_long());
        }
        Ok(())
    }

    fn too_long(&self) -> anyhow::Error {
        anyhow::anyhow!("entry {} is longer than {ENTRY} bytes", self.count + 1)
    }

    /// Goes on behind the next byte.
    fn enter(&mut self, place: Place) {
        self.consume(1);
        self.place = place;
    }

    fn expect(&mut self, wanted: u8) -> anyhow::Result<()> {
        if self.peek()? != Some(wanted) {
            return Err(faulty(&format!("it lacks a {}", char::from(wanted))));
        }
        self.consume(1);
        Ok(())
    }

    /// Returns the next byte that is no white space.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let part = self.part()?;
            let Some(first) = part.first().copied() else { return Ok(None) };
            let spaces = part.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            if spaces == 0 {
                return Ok(Some(first));
            }
            self.consume(spaces);
        }
    }

    fn part(&mut self) -> io::Result<&[u8]> {
        let (start, at) = &self.start;
        if *at < start.len() { Ok(&start[*at..]) } else { self.text.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        let (start, at) = &mut self.start;
        match *at < start.len() {
            true => *at += amount,
            false => self.text.consume(amount),
        }
        if *at == start.len() {
            self.start = (Vec::new(), 0);
        }
    }

    /// Reads a value.
    fn value(&mut self) -> anyhow::Result<Found> {
        self.peek()?;
        let (mut text, mut end) = (Vec::new(), End::default());
        loop {
            let part = self.part()?;
            let length = part.iter().position(|byte| end.is_before(*byte)).unwrap_or(part.len());
            let is_last = part.is_empty() || length < part.len();
            text.extend_from_slice(&part[..length]);
            self.consume(length);
            if text.len() > ENTRY {
                return Ok(Found::Start(text));
            }
            if is_last {
                break;
            }
        }
        let text = String::from_utf8(text).context("it is not valid UTF-8")?;
        serde_json::from_str::<&RawValue>(&text).context("it is not valid JSON")?;
        Ok(Found::Whole(text))
    }
}

/// Finds the end of a value, byte by byte.
#[derive(Default)]
struct End {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    has_begun: bool,
    has_ended: bool,
}

impl End {
    /// Reports whether the value has ended before this byte.
    fn is_before(&mut self, byte: u8) -> bool {
        if self.has_ended {
            return true;
        }
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => (self.is_in_string, self.has_ended) = (false, self.depth == 0),
                _ => {}
            }
            return false;
        }
        match byte {
            b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return true,
            b'"' | b'[' | b'{' if self.depth == 0 && self.has_begun => return true,
            b'"' => self.is_in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth -= 1;
                self.has_ended = self.depth == 0;
            }
            _ => {}
        }
        self.has_begun = true;
        false
    }
}

fn faulty(detail: &str) -> anyhow::Error {
    anyhow::anyhow!("it is not valid JSON: {detail}")
}

/// Returns the items of the output of `aws dynamodb scan` or `query`. Returns `None` if the value is anything else: a
/// record may have a member `Items` too.
pub(super) fn scan(json: &str) -> Option<Vec<&RawValue>> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let items = members.remove("Items")?;
    let is_scan = members.keys().all(|name| OTHERS.contains(&name.as_str()));
    if is_scan { serde_json::from_str(items.get()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn split(text: &str, capacity: usize) -> anyhow::Result<Vec<String>> {
        let mut values = Values::of(BufReader::with_capacity(capacity, text.as_bytes()));
        std::iter::from_fn(|| values.next().transpose()).collect()
    }

    #[test]
    fn values_are_split_wherever_a_part_ends() {
        let text =
            r#" [ {"a": "]\"},"} , [1], "x\\",-1.5e3,null ] {"b":[{}]}{"Items":[{"c":1}],"Count":1} [] "d""e" 5 "#;
        let expected = [
            r#"{"a": "]\"},"}"#,
            "[1]",
            r#""x\\""#,
            "-1.5e3",
            "null",
            r#"{"b":[{}]}"#,
            r#"{"c":1}"#,
            r#""d""#,
            r#""e""#,
            "5",
        ];
        for capacity in 1..20 {
            assert_eq!(split(text, capacity).expect("it is JSON"), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "]",
            "}",
            ",",
            "[1}",
            "[{]}",
            "\"",
            "[1]x",
            "12true",
            "{\"a\" 1}",
            "[1],[2]",
            ":",
        ] {
            let refusal = format!("{:#}", split(text, 3).expect_err(text));
            assert!(refusal.contains("it is not valid JSON"), "{text}: {refusal}");
        }
    }

    #[test]
    fn only_the_output_of_a_scan_may_be_longer_than_an_entry() {
        let items = vec![r#"{"a":{"S":"b"}}"#; ENTRY / 16 + 100];
        let scan = format!(r#"{{"Count": 7, "Items" : [ {} ], "ConsumedCapacity":null}} {{"c":1}}"#, items.join(" , "));
        let found = split(&scan, 1 << 16).expect("it is JSON");
        assert_eq!(found.len(), items.len() + 1);
        assert_eq!((&*found[0], &*found[items.len() - 1], &*found[items.len()]), (items[0], items[0], r#"{"c":1}"#));
        let long = "x".repeat(ENTRY);
        for text in [scan.replace("Count", "Total"), format!(r#"{{"a":"{long}"}}"#), format!(r#"[{{"a":"{long}"}}]"#)] {
            let refusal = split(&text, 1 << 16).expect_err("it is too long").to_string();
            assert!(refusal.starts_with("entry 1 is longer than"), "{refusal}");
        }
        let cut = &scan[..scan.len() - 30];
        assert!(split(cut, 1 << 16).expect_err("it is cut off").to_string().contains("it is not valid JSON"));
    }
}
