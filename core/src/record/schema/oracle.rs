//! `prj.json` against the rules that it replaces, [`record/check.rs`](crate::record), until those are gone.

use proptest::prelude::*;

use super::{EditForm, Resources, Schema};
use crate::record::fault::{Error, Fault};
use crate::record::{check_new, check_sent};
use crate::value::{Members, Number, Value};

/// Bodies are checked in groups: the strategies of one test case are made once.
const GROUP: usize = 50;

fn prj() -> Schema {
    let file = include_bytes!("../../../../resources/prj.json");
    let resources = Resources::read(&[("prj.json", file)]).expect("the file is valid");
    resources.get("prj").expect("it is there").schema.clone()
}

fn name() -> impl Strategy<Value = String> {
    let names = ["name", "goal", "issue", "description", "term", "term_unit", "create_date"];
    let others = ["timeline", "rpl_v", "rpl_", "Name", "term/~"];
    prop_oneof![7 => prop::sample::select(names.to_vec()), 1 => prop::sample::select(others.to_vec())]
        .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let numbers = ["0", "1", "-1", "1.5", "1e37", "1.0", "-0", "99999999999999999999999999999999999999", "1e-130"];
    let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
    let text = |letter: &'static str, least: usize, most: usize| {
        (least..=most).prop_map(move |count| Value::String(letter.repeat(count)))
    };
    prop_oneof![
        6 => text("x", 0, 2),
        2 => text("é", 63, 65),
        2 => text("7", 37, 39),
        1 => prop::sample::select(vec!["", "0", "007", "4 2", "-1", "٣", "1.0", "1\n"]).prop_map(Value::from),
        2 => prop::sample::select(numbers.to_vec()).prop_map(number),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::List(vec![Value::from("x")])),
        1 => Just(Value::Map(Members::new())),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<Members>> {
    let body = (prop::collection::vec((name(), value()), 0..9), any::<[bool; 7]>());
    let body = body.prop_map(|(members, present)| {
        let names = ["name", "goal", "issue", "description", "term", "term_unit", "create_date"];
        let valid = names.into_iter().zip(present).filter(|(_, present)| *present);
        let mut body: Members = valid.map(|(name, _)| (name.to_owned(), Value::from("1"))).collect();
        body.extend(members);
        body
    });
    prop::collection::vec(body, GROUP)
}

fn faults(result: Result<(), Error>) -> Vec<Fault> {
    match result {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(faults)) => faults,
        Err(other) => panic!("{other}"),
    }
}

/// The text of `term` follows from `oneOf`, so it differs.
fn without_text_of_term(fault: Fault) -> Fault {
    match (fault.pointer.as_str(), fault.detail.starts_with("must be a whole number")) {
        ("/term", true) => Fault { detail: "term".to_owned(), ..fault },
        _ => fault,
    }
}

#[track_caller]
fn agree(body: &Members, old: Result<(), Error>, new: Result<(), Vec<super::Fault>>) {
    let old: Vec<Fault> = faults(old).into_iter().map(without_text_of_term).collect();
    let new: Vec<Fault> = new.err().into_iter().flatten().map(|fault| without_text_of_term(fault.into())).collect();
    assert_eq!(old, new, "{body:?}");
}

proptest! {
    // `PROPTEST_CASES=2000` checks a hundred thousand bodies.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn prj_agrees_with_the_rules_that_it_replaces(bodies in bodies()) {
        let prj = prj();
        for mut body in bodies {
            let form = EditForm::Replace;
            agree(&body, check_sent(&body), prj.check_edit(form, &body, &[]));
            // A new record's null counts as absent, where it was a removal before.
            prop_assert_eq!(check_new(&body).is_ok(), prj.check_new(&body).is_ok());
            body.retain(|_, value| *value != Value::Null);
            agree(&body, check_new(&body), prj.check_new(&body));
        }
    }
}

#[test]
fn a_null_of_a_new_record_counts_as_absent() {
    let mut body: Members = ["name", "goal", "issue", "description", "term_unit", "create_date"]
        .map(|name| (name.to_owned(), Value::from("x")))
        .into_iter()
        .collect();
    body.insert("term".to_owned(), Value::Null);
    assert_eq!(faults(check_new(&body))[0].detail, "is required and cannot be removed");
    let faults = prj().check_new(&body).expect_err("refused");
    assert_eq!((faults.len(), faults[0].detail.as_str()), (1, "is required"));
}

#[test]
fn the_text_of_term_follows_from_its_branches() {
    let body = Members::from([("term".to_owned(), Value::from("soon"))]);
    let fault = prj().check_edit(EditForm::Replace, &body, &[]).expect_err("refused").remove(0);
    assert_eq!(
        fault.detail,
        "must be a whole number, at least 0, or a string of 1 to 38 characters that matches ^[0-9]+$"
    );
}
