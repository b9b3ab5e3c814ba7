//! `merge ENTRIES TIMES`: merges two edits of a timeline `TIMES` times, and then waits until its input ends.
//! `cargo xtask bench merge` counts the cost.

use std::hint::black_box;
use std::io::Read as _;

use ripple_core::record::change::Edit;
use ripple_core::record::merge::Rules;
use ripple_core::value::{Members, Value};

fn main() {
    let argument = |number| std::env::args().nth(number).and_then(|text| text.parse().ok());
    let (Some(entries), Some(times)) = (argument(1), argument(2)) else {
        eprintln!("usage: merge ENTRIES TIMES");
        std::process::exit(2);
    };
    let base: Vec<Value> = (0..entries).map(entry).collect();
    let (theirs, mine) = (edited(&base, "theirs", 0), edited(&base, "mine", 5));
    let (base, theirs) = (record(base), record(theirs));
    let mine = Edit::Replace(record(mine));
    for _ in 0..times {
        let merged = black_box(&mine).merge_into(black_box(&theirs), Some(black_box(&base)), "3", Rules::default());
        black_box(merged.expect("it is small"));
    }
    println!("done");
    let _ = std::io::stdin().read(&mut [0]); // the input has ended, or it cannot be read
}

/// Returns an entry as a team writes it.
fn entry(number: usize) -> Value {
    let members = [
        ("id", format!("AbCdEfGhIjKl{number:04}")),
        ("at", format!("2026-03-{:02}", number % 28 + 1)),
        ("by", format!("member {}", number % 7)),
        ("text", format!("{number}: the beans are through the soil, the snails have found them, copper tape ordered")),
    ];
    Value::Map(members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
}

/// Changes one of every ten entries, removes one of every twenty, and adds one for every ten.
fn edited(base: &[Value], who: &str, from: usize) -> Vec<Value> {
    let mut list = Vec::new();
    for (number, entry) in base.iter().enumerate() {
        let mut entry = entry.clone();
        match ((number + from) % 10, (number + from) % 20) {
            (0, _) => set(&mut entry, "text", &format!("{number}: said otherwise by {who}")),
            (_, 3) => continue,
            (7, _) => list.push(new(who, number)),
            _ => {}
        }
        list.push(entry);
    }
    list
}

fn set(entry: &mut Value, name: &str, text: &str) {
    if let Value::Map(members) = entry {
        members.insert(name.to_owned(), text.into());
    }
}

/// Returns a new entry. An entry of `mine` has no id.
fn new(who: &str, number: usize) -> Value {
    let mut entry = entry(10_000 + number);
    set(&mut entry, "by", who);
    if let Value::Map(members) = &mut entry {
        match who {
            "mine" => drop(members.remove("id")),
            _ => drop(members.insert("id".to_owned(), format!("new {number}").into())),
        }
    }
    entry
}

fn record(timeline: Vec<Value>) -> Members {
    let mut record = Members::from([("timeline".to_owned(), Value::List(timeline))]);
    for name in ["name", "goal", "issue", "description", "term_unit", "create_date"] {
        record.insert(name.to_owned(), format!("the {name} of the garden behind the house").into());
    }
    record
}
