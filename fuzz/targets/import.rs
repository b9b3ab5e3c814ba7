//! Fuzzes the files that `ripple import` reads: how they are recognized, decoded and split into entries.
//!
//! The modules of the command line are compiled into this target, since a binary has no public interface.

#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../cli/src/commands/import/identity.rs"]
mod identity;
#[path = "../../cli/src/commands/import/source.rs"]
mod source;
#[path = "../../cli/src/commands/import/text.rs"]
mod text;
#[path = "../../cli/src/commands/import/values.rs"]
mod values;

use std::io::{BufReader, Read as _};

use libfuzzer_sys::fuzz_target;
use ripple_core::record::Names;
use serde_json::value::RawValue;

use source::{Entries, Entry, Form};
use text::Text;
use values::Values;

fuzz_target!(|bytes: &[u8]| {
    let text = decoded(bytes, bytes.len().max(1));
    assert_eq!(text, decoded(bytes, 1), "the parts of a file do not matter");
    let Ok(text) = text else { return };
    split(&text);
    let names = Names::default();
    let Ok(form) = Form::of(&mut Text::of(bytes), false) else { return };
    if form == Form::Sheet {
        return;
    }
    let Ok(entries) = Entries::of(Text::of(bytes), form, &names).collect::<Result<Vec<Entry>, _>>() else { return };
    for entry in &entries {
        let number = entry.place.split(' ').next_back().and_then(|number| number.parse::<u64>().ok());
        assert!(number.is_some_and(|number| number > 0), "{entry:?}");
        assert!(form == Form::Lines || serde_json::from_slice::<&RawValue>(&entry.json).is_ok(), "{entry:?}");
    }
    let json: Vec<&[u8]> = entries.iter().map(|entry| &entry.json[..]).collect();
    let lines = json.join(&b'\n');
    // What has an identity keeps it.
    let is_one_line = |entry: &&[u8]| !entry.contains(&b'\n') && !entry.trim_ascii().is_empty();
    if form == Form::Values
        && json.iter().all(is_one_line)
        && Form::of(&mut &lines[..], false).is_ok_and(|form| form == Form::Lines)
    {
        let again = Entries::of(&lines[..], Form::Lines, &names).map(|entry| entry.expect("a line").json);
        assert!(again.eq(entries.iter().map(|entry| entry.json.clone())), "{entries:?}");
    }
});

fn decoded(bytes: &[u8], part: usize) -> Result<String, String> {
    let mut text = String::new();
    let file = BufReader::with_capacity(part, bytes);
    Text::of(file).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Checks that a text is split as serde_json splits it, wherever its parts end.
fn split(text: &str) {
    let all = |capacity: usize| {
        let mut values = Values::of(BufReader::with_capacity(capacity, text.as_bytes()));
        let all: anyhow::Result<Vec<String>> = std::iter::from_fn(|| values.next().transpose()).collect();
        all.map_err(|error| format!("{error:#}"))
    };
    let found = all(text.len().max(1));
    assert_eq!(found, all(1));
    let mut expected: Vec<&str> = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let Ok(value) = value else {
            assert!(found.is_err(), "{text}");
            return;
        };
        match serde_json::from_str::<Vec<&RawValue>>(value.get()).ok().or_else(|| values::scan(value.get())) {
            Some(elements) => expected.extend(elements.into_iter().map(RawValue::get)),
            None => expected.push(value.get()),
        }
    }
    assert_eq!(found, Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
}
