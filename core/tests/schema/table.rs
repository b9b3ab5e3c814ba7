//! The table of docs/RESOURCES.md, as far as it is about values.

use ripple_core::record::schema::EditForm::{Patch, Replace};
use ripple_core::record::schema::{Access, EditForm, KeyType, Resources};
use ripple_core::value::Value;

use crate::{METER, PRJ, TASK, members, of_edit, of_new, read, task};

/// Creates a task that has this too.
#[track_caller]
fn faults_of(more: &str) -> Vec<(String, String)> {
    of_new(&task(), &format!(r#"{{"subject":"S","state":"todo",{more}}}"#))
}

#[track_caller]
fn good(more: &str) {
    assert_eq!(faults_of(more), [], "{more}");
}

#[track_caller]
fn bad(more: &str, pointer: &str) {
    let faults = faults_of(more);
    assert_eq!(faults.iter().map(|(pointer, _)| pointer).collect::<Vec<_>>(), [pointer], "{more}: {faults:?}");
}

#[test]
fn numbers_are_exact() {
    good(r#""size":1.0"#);
    good(r#""size":13"#);
    good(r#""size":1e0"#);
    for size in ["13.5", "14", "0", "\"3\"", "true", "[1]"] {
        bad(&format!(r#""size":{size}"#), "/size");
    }
    good(r#""cost":0.07"#);
    good(r#""cost":12345678901234567890123456789012345.67"#);
    bad(r#""cost":0.075"#, "/cost");
    bad(r#""cost":-0.01"#, "/cost");
}

#[test]
fn a_required_member_is_there_on_creates_and_left_alone_on_edits() {
    let task = task();
    let of_state = |state: &str| of_new(&task, &format!(r#"{{"subject":"S"{state}}}"#));
    let fault = |rule: &str| vec![("/state".to_owned(), rule.to_owned())];
    assert_eq!(of_state(r#","state":"Done""#), fault(r#"must be one of "todo", "doing", "done""#));
    assert_eq!(of_state(r#","state":null"#), fault("is required"));
    assert_eq!(of_state(""), fault("is required"));
    let removed = task.schema.check_edit(Patch, &members(r#"{"state":null}"#), &[]).expect_err("refused");
    assert_eq!(removed[0].detail, "is required and cannot be removed");
    assert_eq!(of_edit(&task, Replace, r#"{"state":"done"}"#, &[]), [""; 0]);
    assert_eq!(of_edit(&task, Replace, r#"{"size":null,"unknown":null}"#, &[]), [""; 0]);
}

#[test]
fn lengths_are_of_code_points_and_dates_of_the_calendar() {
    let task = task();
    for (count, faults) in [(200, 0), (201, 1), (0, 1)] {
        let body = format!(r#"{{"subject":"{}","state":"todo"}}"#, "😀".repeat(count));
        assert_eq!(of_new(&task, &body).len(), faults, "{count}");
    }
    good(r#""due":"2028-02-29""#);
    bad(r#""due":"2026-02-29""#, "/due");
    bad(r#""due":"2026-2-1""#, "/due");
}

#[test]
fn what_another_program_stored_can_be_saved() {
    let task = task();
    let step = |number: usize, text: &str| format!(r#"{{"step":"s{number}"{text}}}"#);
    let steps = |edited: usize| -> String {
        let step = |number: usize| match number {
            7 => step(number, ""),
            number if number == edited => step(number, r#","text":"edited""#),
            number => step(number, r#","text":"as it was""#),
        };
        (0..201).map(step).collect::<Vec<_>>().join(",")
    };
    let record = |subject: &str, edited: usize| {
        format!(r#"{{"subject":"{subject}","state":"todo","size":"big","steps":[{}]}}"#, steps(edited))
    };
    let stored = members(&record("S", 999));
    let sent = record("New", 999);
    assert_eq!(of_edit(&task, Replace, &sent, &[]), ["/size", "/steps", "/steps/7/text"]);
    assert_eq!(of_edit(&task, Replace, &sent, &[&stored]), [""; 0]);
    assert_eq!(of_edit(&task, Replace, &record("S", 100), &[&stored]), [""; 0]);
    assert_eq!(of_edit(&task, Patch, r#"{"size":"huge"}"#, &[&stored]), ["/size"]);
    assert_eq!(of_edit(&task, Patch, r#"{"size":null}"#, &[&stored]), [""; 0]);
}

#[test]
fn a_place_is_two_numbers() {
    bad(r#""place":[1]"#, "/place");
    bad(r#""place":[1,2,3]"#, "/place");
    bad(r#""place":[91,0]"#, "/place/0");
    bad(r#""place":[0,"x"]"#, "/place/1");
    good(r#""place":[90,-180]"#);
    good(r#""labels":["a","b"]"#);
    bad(r#""labels":["a","a"]"#, "/labels");
    bad(r#""labels":["a",""]"#, "/labels/1");
}

#[test]
fn the_files_of_this_repository_have_their_defaults() {
    let resources = Resources::read(&[("task.json", TASK), ("prj.json", PRJ)]).expect("they are valid");
    assert_eq!(resources.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>(), ["prj", "task"]);
    assert_eq!(resources.target().expect("a default").name, "prj");
    assert!(resources.warnings().is_empty() && resources.check_annotations().is_ok());
    let (prj, task) = (resources.get("prj").expect("read"), resources.get("task").expect("read"));
    assert_eq!(prj.logical_ids.all(), ["Projects", "Versions", "TableThrottleAlarm"]);
    assert_eq!(task.logical_ids.all(), ["TaskTable", "TaskVersions", "TaskThrottleAlarm"]);
    assert_eq!((prj.table_name("a"), task.history_table_name("a")), ("a_prj".to_owned(), "a_task_version".to_owned()));
    assert_eq!((prj.singular.as_str(), task.singular.as_str(), task.plural.as_str()), ("a project", "a task", "tasks"));
    assert_eq!((task.entries.key_of("/steps"), task.entries.key_of("/timeline")), (Some("step"), Some("id")));
    assert_eq!((task.names.key_type, task.access, task.retention_days), (KeyType::String, Access::ReadWrite, 90));
    let columns: Vec<&str> = task.columns().map(|(name, _)| name).collect();
    assert_eq!(columns, ["subject", "details", "state", "size", "cost", "due"]);
    assert_ne!(prj.view_digest(), task.view_digest());
}

#[test]
fn a_table_may_have_a_number_key_and_a_sort_key() {
    let meter = read("meter", METER);
    assert_eq!(meter.names.keys(), [("meter_no", KeyType::Number), ("read_at", KeyType::String)]);
    assert!(!meter.is_ordered_by_id());
    assert_eq!(of_edit(&meter, EditForm::Replace, r#"{"meter_no":"x","read_at":1}"#, &[]), [""; 0]);
    let other = METER.replace(r#""sort_key": "read_at", "sort_key_type": "string","#, "");
    assert_ne!(read("meter", &other).view_digest(), meter.view_digest());
}

#[test]
fn a_record_may_have_a_version_of_its_own() {
    let text = METER.replace(r#""sort_key": "read_at", "sort_key_type": "string","#, "");
    assert_ne!(text, METER);
    let meter = read("meter", &text);
    assert_eq!(meter.names.key_type, KeyType::Number);
    assert_eq!(meter.names.ripples(), ["rev", "saved_at", "saved_by", "saved_for", "gone"]);
    assert_eq!((meter.component().as_str(), meter.retention_days), ("MeterReading", 365));
    assert_eq!(of_new(&meter, r#"{"place":"Roof","version":"2.3","kwh":0.5}"#), []);
    assert_eq!(of_new(&meter, r#"{"place":"Roof","version":2}"#).len(), 1);
    // The key is in the path, so it is not checked in a body.
    assert_eq!(of_edit(&meter, EditForm::Replace, r#"{"meter_no":"x"}"#, &[]), [""; 0]);
    let mut stored = members(r#"{"place":"Roof"}"#);
    stored.insert("tags".to_owned(), Value::Strings(["a".to_owned()].into()));
    assert!(meter.schema.check_new(&stored).is_ok());
}
