//! A sheet or a file of JSON that was edited while others saved: export, edits on both sides, import.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context as Waiting, Poll, Waker};

use proptest::prelude::*;
use ripple_core::random::Random;
use ripple_core::record::change::Edit;
use ripple_core::record::decide::Change;
use ripple_core::record::schema::Resource;
use ripple_core::service::{Author, Context, Metrics, Saved, save};
use ripple_core::session::Session;
use ripple_core::sheet::{self, RowKind};
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value, parse};
use ripple_core::{RecordId, Timestamp};
use serde_json::json;

use crate::generate::three;
use crate::resource;

/// Runs a future that waits for nothing, as the store in memory lets it.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Waiting::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the store in memory waits for nothing"),
    }
}

fn made(store: &Memory, by: &str, change: &Change) -> Saved {
    let mut context = Context {
        store,
        author: Author { name: by, person: None, lineage: by },
        now: Timestamp(1_800_000_000_000),
        random: &mut Random::new([7; 32]),
        idempotency: None,
        session: &mut Session::default(),
        metrics: &mut Metrics::default(),
    };
    let id = RecordId::parse("r").expect("a letter");
    run(save(&mut context, &id, change, &())).expect("it is small")
}

fn json_of(value: Option<&Value>) -> Option<String> {
    value.map(|value| serde_json::to_string(value).expect("JSON"))
}

/// Returns the text of a value, if it has no entries that could get an `id`.
fn plain_json(value: Option<&Value>) -> Option<String> {
    json_of(value).filter(|text| !text.contains('{'))
}

/// Returns what an entry of a list asks for, as its only row in CSV or as JSON.
fn read_back(entry: &str, as_csv: bool, resource: &Resource) -> RowKind {
    if !as_csv {
        let Ok(Value::Map(members)) = parse(entry.as_bytes()) else { panic!("no object: {entry}") };
        return RowKind::of(members, &resource.names).expect("it has an id");
    }
    let list = format!("[{entry}]");
    let text = sheet::page(list.as_bytes(), None, resource, usize::MAX, <[u8]>::len).body;
    let text = String::from_utf8(text).expect("a sheet is UTF-8");
    let mut rows = sheet::read(&text, resource).expect("a sheet");
    let row = rows.next().expect("a row");
    assert!(rows.next().is_none(), "one record is one row: {text}");
    row.kind.expect("it is valid")
}

/// Returns a configuration for a hundred thousand sheets. `PROPTEST_CASES` sets a larger number, as every night.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(100_000), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_import_changes_only_edited_cells_and_names_each_that_it_replaced(
        (base, theirs, mine) in three(),
        as_csv in any::<bool>(),
        left_out in any::<u64>(),
    ) {
        let resource = resource("{}", "{}");
        let store = Memory::of(resource.clone());
        let exported = made(&store, "Ann", &Change::Import(base.clone())).record;

        // The author of the file edits cells, and leaves some out. A cell without a value was emptied on purpose.
        let mut cells: Vec<String> = vec![r#""ref":"r""#.to_owned(), format!(r#""version":{}"#, exported.version)];
        let names: BTreeSet<&String> = base.keys().chain(mine.keys()).collect();
        let is_left_out: BTreeMap<&String, bool> =
            names.iter().enumerate().map(|(place, name)| (*name, left_out >> (place % 64) & 1 == 1)).collect();
        for name in names.iter().filter(|name| !is_left_out[**name]) {
            let json = json_of(mine.get(*name)).unwrap_or_else(|| "null".to_owned());
            cells.push(format!("{}:{json}", json!(name)));
        }
        let text = format!("{{{}}}", cells.join(","));

        // Meanwhile another client saves.
        let gone = base.keys().filter(|name| !theirs.contains_key(*name)).map(|name| (name.clone(), Value::Null));
        let sent: Members = theirs.clone().into_iter().chain(gone).collect();
        made(&store, "Bo", &Change::edit(Edit::Replace(sent), Some(exported.version), false, &resource.schema));
        let there = made(&store, "Bo", &Change::edit(Edit::Replace(Members::new()), None, false, &resource.schema));
        let there = there.record.attributes;

        let RowKind::Edit(id, mut members) = read_back(&text, as_csv, &resource) else {
            return Err(TestCaseError::fail(text));
        };
        prop_assert_eq!(id.as_str(), "r");
        members.remove("ref");
        members.remove("version");
        let change = Change::edit(Edit::Replace(members), Some(exported.version), false, &resource.schema);
        let Saved { record, outcome } = made(&store, "Ann", &change);
        let now = record.attributes;

        for name in base.keys().chain(mine.keys()).chain(there.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (base.get(name), now.get(name));
            // `json:null` removes, so a cell cannot make a NULL. DynamoDB has no empty set, so `[]` removes one.
            let is_null = |value: &&Value| **value == Value::Null && was != Some(&Value::Null);
            let was_set = matches!(was, Some(Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_)));
            let is_empty_set = |value: &&Value| was_set && **value == Value::List(Vec::new());
            let wanted = mine.get(name).filter(|value| !is_null(value) && !is_empty_set(value));
            let is_sent = is_left_out.get(name) == Some(&false);
            let (edited, saved) = (is_sent && json_of(wanted) != json_of(was), there.get(name) != was);
            if !edited {
                prop_assert_eq!(is, there.get(name), "{} was not edited: {}", name, text);
                continue;
            }
            if !saved && plain_json(wanted).is_some() {
                prop_assert_eq!(json_of(is), json_of(wanted), "{} was edited here alone: {}", name, text);
            }
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            let is_named = |other: &str| other == pointer || other.starts_with(&format!("{pointer}/"));
            let fields = &outcome.fields;
            let touched = fields.taken.iter().chain(&fields.merged).map(|field| field.pointer.as_str());
            let mut named = touched.chain(fields.won.iter().map(String::as_str));
            if saved && there.contains_key(name) && is != there.get(name) {
                prop_assert!(named.any(is_named), "{} was replaced unnamed: {:?}", name, outcome);
            }
        }
    }
}
