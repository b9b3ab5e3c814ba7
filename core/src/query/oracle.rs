//! Lists checked against an oracle: a naive evaluation of the same parameters, over hostile names and values.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Fault, Line, ListPage, Listing, Query, Row};
use crate::record::schema::Resource;
use crate::record::{Names, Record, RecordId};
use crate::time::Timestamp;
use crate::value::{Members, Number, Value};

/// A record's value, as JSON shows it.
enum Json {
    Opaque,
    Word(&'static str),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn json(value: &Value) -> Json {
    let number = |number: &Number| Json::Number(number.to_string());
    match value {
        Value::Null => Json::Word("null"),
        Value::Bool(true) => Json::Word("true"),
        Value::Bool(false) => Json::Word("false"),
        Value::Number(value) => number(value),
        Value::String(text) => Json::Text(text.clone()),
        Value::Binary(_) => Json::Opaque,
        Value::List(list) => Json::List(list.iter().map(json).collect()),
        Value::Map(members) => Json::Object(members.iter().map(|(name, value)| (name.clone(), json(value))).collect()),
        Value::Strings(set) => Json::List(set.iter().cloned().map(Json::Text).collect()),
        Value::Numbers(set) => Json::List(set.iter().map(number).collect()),
        Value::Binaries(set) => Json::List(set.iter().map(|_| Json::Opaque).collect()),
    }
}

/// Returns a number as its sign and its digits around a fixed point. Returns `None` if DynamoDB does not take it.
fn fixed(text: &str) -> Option<(bool, String)> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, "0".repeat(400)));
    }
    let leading = digits.len() - digits.trim_start_matches('0').len();
    // The place of the first significant digit, before or behind the point.
    let first = whole.len() as i64 - leading as i64 - 1 + exponent;
    if significant.len() > 38 || !(-130..=125).contains(&first) {
        return None;
    }
    let mut places = "0".repeat(usize::try_from(125 - first).ok()?) + significant;
    places.push_str(&"0".repeat(400 - places.len()));
    Some((negative, places))
}

fn order(one: &(bool, String), other: &(bool, String)) -> Ordering {
    match (one.0, other.0) {
        (false, false) => one.1.cmp(&other.1),
        (true, true) => other.1.cmp(&one.1),
        (one, other) => other.cmp(&one),
    }
}

fn equals(value: &Json, wanted: &str) -> bool {
    match value {
        Json::Word(word) => *word == wanted,
        Json::Text(text) => text == wanted,
        Json::Number(number) => fixed(wanted).is_some_and(|wanted| Some(wanted) == fixed(number)),
        _ => false,
    }
}

fn compared(value: &Json, wanted: &str, is: fn(Ordering) -> bool) -> bool {
    match value {
        Json::Text(text) => is(text.chars().cmp(wanted.chars())),
        Json::Number(number) => {
            fixed(number).zip(fixed(wanted)).is_some_and(|(number, wanted)| is(order(&number, &wanted)))
        }
        _ => false,
    }
}

/// Returns the values that a path leads to.
fn found<'a>(value: &'a Json, path: &[String]) -> Vec<&'a Json> {
    let [token, rest @ ..] = path else { return vec![value] };
    let is_place = token == "0" || token.bytes().all(|b| b.is_ascii_digit()) && !token.starts_with('0');
    match value {
        Json::Object(members) => {
            members.iter().filter(|(name, _)| name == token).flat_map(|(_, value)| found(value, rest)).collect()
        }
        Json::List(list) if is_place && !token.is_empty() => {
            token.parse().ok().and_then(|place: usize| list.get(place)).map_or(Vec::new(), |value| found(value, rest))
        }
        Json::List(list) => list.iter().flat_map(|value| found(value, path)).collect(),
        _ => Vec::new(),
    }
}

/// Returns a value, or the elements of an array at any depth.
fn elements(value: &Json) -> Vec<&Json> {
    match value {
        Json::List(list) => list.iter().flat_map(elements).collect(),
        value => vec![value],
    }
}

/// A condition, as the naive reader understands it.
struct Naive {
    path: Vec<String>,
    operator: String,
    values: Vec<String>,
}

/// Reads a parameter. Returns `None` if it must be refused.
fn read(parameter: &str, value: &str) -> Option<Naive> {
    let (member, operator) = match parameter.char_indices().rev().find(|(_, letter)| *letter == '[') {
        Some((place, _)) if parameter.ends_with(']') => {
            (&parameter[..place], &parameter[place + 1..parameter.len() - 1])
        }
        _ => (parameter, "eq"),
    };
    let path: Vec<String> = match member.strip_prefix('/') {
        None if member.is_empty() => return None,
        None => vec![member.to_owned()],
        Some(_) if member.replace("~0", "").replace("~1", "").contains('~') => return None,
        Some(pointer) => pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect(),
    };
    let values = match operator {
        "in" => {
            // A private character stands for an escaped comma, and another one for an escaped backslash.
            let marked = value.replace(r"\\", "\u{e000}").replace(r"\,", "\u{e001}");
            if marked.contains('\\') {
                return None;
            }
            marked.split(',').map(|value| value.replace('\u{e001}', ",").replace('\u{e000}', r"\")).collect()
        }
        "exists" if value != "true" && value != "false" => return None,
        "eq" | "not" | "gt" | "gte" | "lt" | "lte" | "prefix" | "exists" => vec![value.to_owned()],
        _ => return None,
    };
    (values.len() <= 100 && path.len() <= 32).then(|| Naive { path, operator: operator.to_owned(), values })
}

impl Naive {
    fn found<'a>(&self, shown: &'a Json) -> Vec<&'a Json> {
        found(shown, &self.path)
    }

    fn matches(&self, shown: &Json) -> bool {
        let values = self.found(shown);
        let any = |test: &dyn Fn(&Json) -> bool| values.iter().copied().flat_map(elements).any(test);
        let value = &self.values[0];
        match &*self.operator {
            "exists" => values.is_empty() == (value == "false"),
            "not" => !any(&|found| equals(found, value)),
            "prefix" => any(&|found| matches!(found, Json::Text(text) if text.starts_with(value.as_str()))),
            "gt" => any(&|found| compared(found, value, Ordering::is_gt)),
            "gte" => any(&|found| compared(found, value, Ordering::is_ge)),
            "lt" => any(&|found| compared(found, value, Ordering::is_lt)),
            "lte" => any(&|found| compared(found, value, Ordering::is_le)),
            _ => any(&|found| self.values.iter().any(|value| equals(found, value))),
        }
    }
}

/// Returns a record as the API shows it.
fn shown(record: &Record) -> Json {
    let names = Names::default();
    let own = ["prj_id", "version", "updated_at", "updated_by", "deleted"];
    let own = own.iter().filter_map(|name| Some(((*name).to_owned(), json(record.member(name, &names)?.as_ref()))));
    let attributes = record.attributes.iter().filter(|(name, _)| !names.are_fixed(name));
    Json::Object(own.chain(attributes.map(|(name, value)| (name.clone(), json(value)))).collect())
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "ab",
    "aé",
    "é",
    "\u{ffff}",
    "\u{10000}",
    "2026-03-01",
    "2026-11-02",
    "true",
    "null",
    "1",
    "1.0",
    "01",
    "-0",
    "10",
    "9",
    "1e2",
    "100",
    "-1.5",
    "0.1",
    "1e-130",
    "9.9e125",
    "1e126",
    "-9e125",
    "12345678901234567890123456789012345678",
    "12345678901234567890123456789012345679",
    "123456789012345678901234567890123456789",
    "a,b",
    ",",
    r"a\,b",
    r"\\",
    r"\",
    r"a,\\,é",
    "~",
];
const NAMES: &[&str] = &["a", "b", "c", "x[gte]", "/", "~", "0", "1", "é", "name", "term", "", "q", "_x"];
const MEMBERS: &[&str] = &[
    "a",
    "b",
    "c",
    "name",
    "term",
    "version",
    "updated_by",
    "/a",
    "/a/b",
    "/a/0",
    "/a/1",
    "/a/0/b",
    "/b/a",
    "/b/c/0",
    "/a/~0",
    "/a/~1",
    "/~1",
    "/~2",
    "/a/~",
    "/",
    "/a/",
    "/q",
    "/_x",
    "/count",
    "x[gte]",
    "/x[gte]",
    "é",
    "none",
    "/name/a",
    "/a/00",
    "/a/é",
    "/updated_by",
    "",
    "/deleted",
    "/a/18446744073709551616",
];
const OPERATORS: &[&str] = &[
    "", "", "[eq]", "[not]", "[in]", "[gt]", "[gte]", "[lt]", "[lte]", "[prefix]", "[exists]", "[", "]", "[]", "[GT]",
    "[gt][lt]", "[regex]",
];

fn value() -> impl Strategy<Value = Value> {
    let texts = || select(TEXTS).prop_map(str::to_owned);
    let number = || select(TEXTS).prop_filter_map("no number", Number::parse);
    let leaf = prop_oneof![
        4 => texts().prop_map(Value::String),
        4 => number().prop_map(Value::Number),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => Just(Value::Binary(b"a".to_vec())),
        1 => vec(texts(), 1..4).prop_map(|texts| Value::Strings(texts.into_iter().collect())),
        1 => vec(number(), 1..4).prop_map(|numbers| Value::Numbers(numbers.into_iter().collect())),
        1 => Just(Value::Binaries([b"a".to_vec()].into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let members = vec((select(NAMES).prop_map(str::to_owned), inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::List),
            members.prop_map(|members| Value::Map(members.into_iter().collect()))
        ]
    })
}

fn record(place: usize) -> impl Strategy<Value = Record> {
    let attributes = vec((select(NAMES).prop_map(str::to_owned), value()), 0..5);
    (attributes, 1..4_i64, prop::option::weighted(0.2, 0..20_u64)).prop_map(move |(attributes, version, tombstone)| {
        let day = crate::limits::DAY.as_millis() as u64;
        let attributes: Members = if tombstone.is_some() { Members::new() } else { attributes.into_iter().collect() };
        Record {
            version,
            updated_at: Some(Timestamp(place as u64 * 7 % 5)),
            updated_by: Some("a".to_owned()),
            tombstone: tombstone.map(|days| Timestamp(days * day)),
            ..Record::new(RecordId::stored(format!("p{}", place * 5 % 8)), attributes)
        }
    })
}

fn parameter() -> impl Strategy<Value = (String, String)> {
    let known = (select(MEMBERS), select(OPERATORS)).prop_map(|(member, operator)| format!("{member}{operator}"));
    let name = prop_oneof![12 => known, 1 => "[a~/\\[\\]0é]{0,6}"];
    let text = prop_oneof![12 => select(TEXTS).prop_map(str::to_owned), 1 => any::<String>()];
    let flag = select(&["true", "false", "TRUE"][..]).prop_map(str::to_owned);
    (name, text, flag).prop_map(|(name, text, flag)| {
        let takes_flag = name.ends_with("[exists]");
        (name, if takes_flag { flag } else { text })
    })
}

fn parse(pairs: &[(String, String)]) -> Result<Query, Vec<Fault>> {
    Query::parse(pairs, &Resource::built_in()).map(|query| query.at(Timestamp(NOW)))
}

/// Three days. The tombstones that expire more than seven days later can be restored, which is half of them.
const NOW: u64 = 3 * 24 * 60 * 60 * 1000;

fn scanned(records: &[Record], query: &Query) -> ListPage {
    let mut listing = Listing::new(query);
    records.iter().rev().for_each(|record| listing.add(record));
    listing.finish()
}

/// Returns the page of a snapshot's rows, or of lines.
fn prepared(records: &[Record], query: &Query, resource: &Arc<Resource>) -> ListPage {
    let mut listing = Listing::new(query);
    for record in records {
        if query.takes_lines() && !record.is_deleted() {
            listing.add_line(Line { id: record.id.clone(), json: record.to_json(&resource.names).into() });
        } else if query.is_of_deleted() {
            listing.add(record);
        } else if !record.is_deleted() {
            listing.add_row(&Row::new(record.clone(), resource));
        }
    }
    listing.finish()
}

fn all_of(page: &ListPage) -> (&Bytes, &Option<String>, &Option<String>, usize, &str, &[Fault]) {
    (&page.body, &page.next, &page.previous, page.count, &page.etag, &page.unknown)
}

/// A `sort` and `fields` of one name each, or none.
fn named() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = || select(&["", "a", "c", "é", "name", "version", "none", "/", "~"][..]);
    (name(), name()).prop_map(|(sort, fields)| {
        let given = [("sort", sort), ("fields", fields)].into_iter().filter(|(_, name)| !name.is_empty());
        given.map(|(parameter, name)| (parameter, name.to_owned())).collect()
    })
}

fn entries(body: &Bytes) -> Vec<serde_json::Value> {
    serde_json::from_slice(body).expect("a JSON array")
}

fn ids(body: &Bytes) -> Vec<String> {
    entries(body).iter().map(|entry| entry["prj_id"].as_str().expect("an id").to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(3_000)))]

    /// Each case makes ten lists of eight records.
    #[test]
    fn a_list_is_what_a_naive_evaluation_finds(
        records in (0..8).map(record).collect::<Vec<_>>(),
        queries in vec((vec(parameter(), 0..4), any::<bool>(), named()), 10),
    ) {
        let resource = Resource::built_in();
        for (mut pairs, deleted, named) in queries {
            let mut seen = BTreeSet::new();
            pairs.retain(|(name, _)| seen.insert(name.clone()) && !name.starts_with('_'));
            let naive: Option<Vec<Naive>> = pairs.iter().map(|(name, value)| read(name, value)).collect();
            let conditions = pairs.clone();
            if deleted {
                pairs.push(("deleted".to_owned(), "true".to_owned()));
            }
            for (parameter, name) in &named {
                pairs.push(((*parameter).to_owned(), name.clone()));
            }
            let query = match (parse(&pairs), naive) {
                (Err(faults), None) => {
                    prop_assert!(faults.iter().all(|fault| pairs.iter().any(|(name, _)| *name == fault.parameter)));
                    continue;
                }
                (Ok(query), Some(naive)) => (query, naive),
                (parsed, naive) => panic!("{pairs:?}: {parsed:?}, though the oracle takes it: {}", naive.is_some()),
            };
            let (query, naive) = query;
            let page = scanned(&records, &query);
            let other = prepared(&records, &query, &resource);
            prop_assert_eq!(all_of(&page), all_of(&other), "{:?}", pairs);

            let lasts = |expires: Timestamp| expires > Timestamp(NOW).after(crate::limits::TOMBSTONE_BEYOND);
            let of_list = |record: &&Record| record.tombstone.map_or(!deleted, |expires| deleted && lasts(expires));
            let listed = records.iter().filter(of_list).map(|record| (record, shown(record)));
            let listed: Vec<(&Record, Json)> = listed.collect();
            let matching = |(_, shown): &&(&Record, Json)| naive.iter().all(|condition| condition.matches(shown));
            let found = listed.iter().filter(matching).map(|(record, _)| record.id.to_string());
            let mut expected: Vec<String> = found.collect();
            expected.sort();
            let mut shown = ids(&page.body);
            if named.iter().any(|(parameter, _)| *parameter == "sort") {
                shown.sort();
            }
            prop_assert_eq!(shown, &expected[..], "{:?}", pairs);
            prop_assert_eq!((page.count, &page.next, &page.previous), (expected.len(), &None, &None));

            let is_declared = |path: &[String]| {
                let (root, rest) = (&path[0], &path[1..]);
                resource.names.are_fixed(root) || resource.schema.property(root).is_some() && rest.is_empty()
            };
            let strange = |(naive, _): &(&Naive, &(String, String))| {
                !is_declared(&naive.path) && listed.iter().all(|(_, shown)| naive.found(shown).is_empty())
            };
            let unknown = naive.iter().zip(&conditions).filter(strange).map(|(_, (name, _))| name.clone());
            let unknown = unknown.chain(named.iter().filter_map(|(parameter, name)| {
                let member = Naive { path: vec![name.clone()], operator: String::new(), values: Vec::new() };
                strange(&(&member, &(String::new(), String::new()))).then(|| (*parameter).to_owned())
            }));
            let unknown: Vec<String> = if listed.is_empty() { Vec::new() } else { unknown.collect() };
            let blamed: Vec<String> = page.unknown.iter().map(|fault| fault.parameter.clone()).collect();
            prop_assert_eq!(blamed, unknown, "{:?}", pairs);
        }
    }

    #[test]
    fn pages_lead_forth_and_back_through_the_same_list(
        records in (0..8).map(record).collect::<Vec<_>>(),
        sort in select(&["", "a", "-a,b", "-updated_at", "name", "prj_id", "prj_id,a", "-prj_id"][..]),
        limit in 1..5_usize,
        gone in vec(any::<bool>(), 8),
    ) {
        let mut pairs = vec![("limit".to_owned(), limit.to_string())];
        if !sort.is_empty() {
            pairs.push(("sort".to_owned(), sort.to_owned()));
        }
        let whole = ids(&scanned(&records, &parse(&pairs[1..]).expect("a query")).body);
        let get = |records: &[Record], cursor: Option<&String>| {
            let cursor = cursor.map(|cursor| ("cursor".to_owned(), cursor.clone()));
            let pairs: Vec<_> = pairs.iter().cloned().chain(cursor).collect();
            scanned(records, &parse(&pairs).expect("a query"))
        };
        let mut pages = vec![get(&records, None)];
        while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
            pages.push(get(&records, Some(&next)));
        }
        let walked: Vec<String> = pages.iter().flat_map(|page| ids(&page.body)).collect();
        prop_assert_eq!(&walked, &whole);
        prop_assert!(pages[0].previous.is_none());
        // Back from the last page: the same pages.
        for page in pages.windows(2).rev() {
            let back = get(&records, page[1].previous.as_ref());
            prop_assert_eq!(ids(&back.body), ids(&page[0].body));
            prop_assert_eq!(back.count, whole.len());
            let forth = get(&records, back.next.as_ref());
            prop_assert_eq!(ids(&forth.body), ids(&page[1].body));
        }
        // Whatever is deleted meanwhile, both links of any page lead to all that is left.
        let left = records.iter().zip(&gone).filter(|(_, gone)| !**gone);
        let left: Vec<Record> = left.map(|(record, _)| record.clone()).collect();
        let is_left = |id: &&String| left.iter().any(|record| record.id.as_str() == **id);
        let rest: Vec<String> = whole.iter().filter(is_left).cloned().collect();
        for cursor in pages.iter().flat_map(|page| [&page.next, &page.previous]).flatten() {
            let here = get(&left, Some(cursor));
            let mut around = ids(&here.body);
            let mut side = here.previous.clone();
            while let Some(previous) = side {
                let page = get(&left, Some(&previous));
                around.splice(0..0, ids(&page.body));
                side = page.previous;
            }
            let mut side = here.next;
            while let Some(next) = side {
                let page = get(&left, Some(&next));
                around.extend(ids(&page.body));
                side = page.next;
            }
            prop_assert_eq!(&around, &rest);
        }
    }
}
