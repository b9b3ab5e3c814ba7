//! Fuzzes the merge with a state and the edited states of two writers.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ripple_core::record::change::Edit;
use ripple_core::record::merge::{Report, Rules, merge};
use ripple_core::value::{Members, Value, parse};
use ripple_fuzz::values::{Attributes, Changes};

#[derive(Arbitrary, Debug)]
struct Input {
    base: Attributes,
    theirs: Changes,
    mine: Changes,
    sent: Attributes,
    seen: Attributes,
    seed: u8,
}

fuzz_target!(|input: Input| {
    let Attributes(base) = &input.base;
    let (theirs, mine) = (input.theirs.of(base), input.mine.of(base));
    let seed = input.seed.to_string();

    assert_eq!(&merge(base, &theirs, base, Rules::default()).0, &theirs, "nothing changed on my side");
    assert_eq!(&merge(base, base, &mine, Rules::default()).0, &mine, "nothing changed on theirs");
    assert_eq!(
        merge(base, &theirs, &theirs, Rules::default()),
        (theirs.clone(), Report::default()),
        "the same on both"
    );

    let whole = Edit::Replace(sent(base, &mine));
    let (merged, _) = once(&whole, &theirs, Some(base), &seed);
    for name in base.keys().chain(theirs.keys()).filter(|name| mine.get(*name) == base.get(*name)) {
        assert_eq!(merged.get(name), theirs.get(name), "{name}: only they changed it");
    }

    let Attributes(state) = input.sent;
    let sent = json(&state);
    let remove = theirs.keys().filter(|name| !sent.contains_key(*name)).take(1).cloned().collect();
    let seen = Edit::Seen { seen: json(&input.seen.0), set: sent.clone(), remove };
    let replace = Edit::Replace(sent.clone());
    for edit in [replace, Edit::Patch(sent.clone()), Edit::MergePatch(sent), Edit::Restore(state), seen] {
        once(&edit, &theirs, Some(base), &seed);
        once(&edit, &theirs, None, &seed);
    }
});

/// Merges an edit, and checks that a repeated edit changes nothing.
fn once(edit: &Edit, theirs: &Members, base: Option<&Members>, seed: &str) -> (Members, Report) {
    let (merged, report) = edit.merge_into(theirs, base, seed, Rules::default()).expect("an input is small");
    let (again, told) = edit.merge_into(&merged, base, seed, Rules::default()).expect("an input is small");
    assert_eq!(again, merged, "sent again, it changes something: {edit:?} on {base:?}, merged into {theirs:?}");
    assert!(
        told.taken.is_empty() && told.merged.is_empty(),
        "sent again, {edit:?} on {base:?} tells of a change: {told:?}"
    );
    (merged, report)
}

/// Returns the members that a client sends after it changed `base` into `mine`.
fn sent(base: &Members, mine: &Members) -> Members {
    let gone = base.keys().filter(|name| !mine.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    json(mine).into_iter().chain(gone).collect()
}

/// Returns the members as a client sends them: as JSON, without DynamoDB's types.
fn json(members: &Members) -> Members {
    let text = serde_json::to_vec(&Value::Map(members.clone())).expect("names are strings and numbers valid JSON");
    match parse(&text) {
        Ok(Value::Map(members)) => members,
        other => panic!("{other:?}"),
    }
}
