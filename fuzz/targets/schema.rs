//! Resource files.
//!
//! The first line of an input is a record's members; the rest is a file. Without such a line, all of it is a file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ripple_core::record::schema::{EditForm, Resources};
use ripple_core::value::{Members, Value, parse};

fuzz_target!(|input: &[u8]| {
    let (record, file) = match input.split(|byte| *byte == b'\n').next().map(|line| (parse(line), line.len())) {
        Some((Ok(Value::Map(record)), length)) if length < input.len() => (record, &input[length + 1..]),
        _ => (Members::new(), input),
    };
    for name in ["prj.json", "task.json", "meter.json", "x.json"] {
        let resources = match Resources::read(&[(name, file)]) {
            Ok(resources) => resources,
            Err(faults) => {
                assert!((1..=21).contains(&faults.len()));
                for fault in faults {
                    assert!(!fault.to_string().contains(char::is_control), "a fault is one line: {fault:?}");
                }
                continue;
            }
        };
        let again = Resources::read(&[("elsewhere/".to_owned() + name, file)]).expect("the folder does not matter");
        assert_eq!(again.get(&name[..name.len() - 5]), resources.target());
        let _ = resources.check_annotations();
        let resource = resources.target().expect("there is one");
        assert!(resource.columns().count() <= 64 && !resource.table_name("site").contains('{'));
        let new = resource.schema.check_new(&record);
        for form in [EditForm::Replace, EditForm::Patch] {
            let alone = resource.schema.check_edit(form, &record, &[]);
            assert!(alone.is_err() || resource.schema.check_edit(form, &record, &[&Members::new()]).is_ok());
            let unchanged = resource.schema.check_edit(form, &record, &[&record]);
            assert!(unchanged.is_ok() || has_reserved_name(&record), "what was read can be saved: {unchanged:?}");
        }
        assert!(
            new.err().into_iter().flatten().all(|fault| fault.pointer.starts_with('/') && !fault.detail.is_empty())
        );
    }
});

/// Reports whether a record has a name that no record of the table has.
fn has_reserved_name(record: &Members) -> bool {
    record.keys().any(|name| name.starts_with("rpl_"))
}
