//! Resources as data: the files of this repository, files that mean harm, and what holds of every file.

mod edits;
mod hostile;
mod properties;
mod sentences;
mod table;

use peak_alloc::PeakAlloc;
use ripple_core::record::schema::{EditForm, Fault, Resource, Resources};
use ripple_core::value::Members;
pub(crate) use ripple_test_kit::members;

#[global_allocator]
pub(crate) static ALLOCATED: PeakAlloc = PeakAlloc;

pub(crate) const PRJ: &str = include_str!("../../../resources/prj.json");
pub(crate) const TASK: &str = include_str!("../../../resources/task.json");
pub(crate) const METER: &str = include_str!("../../../tests/resources/meter.json");

/// Reads one file that is valid.
#[track_caller]
pub(crate) fn read(name: &str, text: &str) -> Resource {
    let resources = match Resources::read(&[(format!("{name}.json"), text)]) {
        Ok(resources) => resources,
        Err(faults) => panic!("{}", faults[0]),
    };
    Resource::clone(resources.get(name).expect("it is in its file"))
}

pub(crate) fn task() -> Resource {
    read("task", TASK)
}

/// A resource `x` whose record has these properties, as members of an object.
#[track_caller]
pub(crate) fn with_properties(properties: &str) -> Resource {
    read("x", &file("", &format!(r#""properties":{{{properties}}}"#)))
}

/// A file of the resource `x`. What is added begins with a comma, or is a member.
pub(crate) fn file(x_ripple: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"title":"X","x-ripple":{{"resource":"x","key":"k"{x_ripple}}},"type":"object"{comma}{members}}}"#)
}

/// The faults as pointers and sentences.
pub(crate) fn told(result: Result<(), Vec<Fault>>) -> Vec<(String, String)> {
    result.err().into_iter().flatten().map(|fault| (fault.pointer, fault.detail)).collect()
}

/// The faults of a new record.
#[track_caller]
pub(crate) fn of_new(resource: &Resource, json: &str) -> Vec<(String, String)> {
    told(resource.schema.check_new(&members(json)))
}

/// The pointers of an edit's faults.
#[track_caller]
pub(crate) fn of_edit(resource: &Resource, form: EditForm, json: &str, states: &[&Members]) -> Vec<String> {
    told(resource.schema.check_edit(form, &members(json), states)).into_iter().map(|(pointer, _)| pointer).collect()
}
