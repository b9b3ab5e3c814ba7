//! One change of a resource file.

use std::fmt;
use std::process::ExitCode;

use ripple_core::record::schema::Fault;
use serde_json::Value;

use super::rule::Rule;
use crate::commands::resource::items;

/// Characters of a value that is shown.
const VALUE: usize = 60;

/// What holds while hosts with the old file and hosts with the new one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Nothing that is valid before becomes invalid.
    Safe,
    /// Hosts with the old file accept more. Stored records are never refused.
    Tighter,
    /// Hosts merge or order by different rules. No rule loses an edit.
    TwoRules,
    /// Clients or tables break.
    Breaking,
}

impl Class {
    pub(super) fn exit_code(self) -> ExitCode {
        match self {
            Class::Safe | Class::Tighter => ExitCode::SUCCESS,
            Class::TwoRules => ExitCode::from(3),
            Class::Breaking => ExitCode::from(4),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Class::Safe => "safe",
            Class::Tighter => "tighter",
            Class::TwoRules => "two rules meanwhile",
            Class::Breaking => "breaking",
        }
    }
}

/// A change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    file: String,
    /// The place in the file. `None` stands for the file itself.
    pointer: Option<String>,
    /// The old and the new value.
    values: String,
    pub(super) class: Class,
    word: &'static str,
    /// The items of the table that break the new rule, and all of them.
    outside: Option<[u64; 2]>,
}

impl Change {
    /// Returns a change of the value at a place.
    pub(super) fn at(pointer: String, old: Option<&Value>, new: Option<&Value>, class: Class) -> Change {
        let values = format!("{} → {}", shown(old), shown(new));
        Change { file: String::new(), pointer: Some(pointer), values, class, word: class.word(), outside: None }
    }

    /// Returns a change of what is present at a place.
    pub(super) fn present(pointer: String, values: &str, class: Class) -> Change {
        Change { pointer: Some(pointer), ..Change::of_file(values, class, class.word()) }
    }

    /// Returns a change of a whole file.
    pub(super) fn of_file(values: &str, class: Class, word: &'static str) -> Change {
        Change { file: String::new(), pointer: None, values: values.to_owned(), class, word, outside: None }
    }

    /// Returns the change with another word for its class.
    pub(super) fn called(self, word: &'static str) -> Change {
        Change { word, ..self }
    }

    /// Returns the rule of the schema that is tighter, if the change is in the file of a resource.
    pub(super) fn tighter_rule(&self, resource: &str) -> Option<Rule<'_>> {
        let pointer = self.pointer.as_deref().filter(|pointer| !pointer.starts_with("/x-ripple/"))?;
        let is_it = self.class == Class::Tighter && self.file.strip_suffix(".json") == Some(resource);
        is_it.then(|| Rule::at(pointer))
    }

    /// Counts an item with these faults.
    pub(super) fn count(&mut self, resource: &str, faults: &[Fault]) {
        if let Some(rule) = self.tighter_rule(resource) {
            let is_outside = faults.iter().any(|fault| rule.is_broken(fault));
            let [outside, items] = self.outside.unwrap_or_default();
            self.outside = Some([outside + u64::from(is_outside), items + 1]);
        }
    }

    /// Returns the change in the file of a resource.
    pub(super) fn in_file(self, resource: &str) -> Change {
        Change { file: format!("{resource}.json"), ..self }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(pointer) = &self.pointer {
            write!(f, "#{pointer}")?;
        }
        write!(f, ": {}: {}", self.values, self.word)?;
        match self.outside {
            None => Ok(()),
            Some(counts) => write!(f, "; {}", items::outside(counts)),
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "absent".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(VALUE) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
