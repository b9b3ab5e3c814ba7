//! The resource file that a table's items suggest, and the questions that they leave open.

use std::fmt;

use ripple_core::record::schema::{KeyType, Resources, SchemaFault};

use super::draft::Draft;
use super::json::Json;
use super::shape::Shape;

/// The schemas in a file, from the most detailed proposal to the least. The reader takes 500, and 64 KiB.
const BUDGETS: [usize; 5] = [490, 250, 100, 25, 0];
/// The dialect of a file.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The names of the members that ripple adds, unless a file renames them.
const MEMBERS: [&str; 5] = ["version", "updated_at", "updated_by", "updated_author", "deleted"];

/// The names of a table and its resource.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) resource: String,
    pub(super) title: String,
    pub(super) key: String,
    pub(super) key_type: KeyType,
    pub(super) sort_key: Option<(String, KeyType)>,
    /// The table, if its name does not follow from the resource.
    pub(super) table: Option<String>,
}

/// What the items prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// They are a sample. A rule holds if nearly all of them keep it.
    Sample,
    /// They are all items. A rule holds if each of them keeps it.
    All,
}

impl Evidence {
    /// Reports whether a part of the values suffices for a rule.
    pub(super) fn is_enough(self, part: u64, whole: u64) -> bool {
        match self {
            Evidence::Sample => part.saturating_mul(1_000) >= whole.saturating_mul(995),
            Evidence::All => part == whole,
        }
    }
}

/// A proposal for a resource file.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The text of the file.
    pub(super) file: String,
    /// The questions, which are the file's comments too.
    pub(super) questions: Vec<Question>,
    /// What was decided without a question.
    pub(super) notes: Vec<String>,
}

/// A question about one schema of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// A JSON Pointer into the file.
    pub(super) pointer: String,
    pub(super) text: String,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer: String = self.pointer.chars().flat_map(escaped).collect();
        write!(f, "#{pointer}: {}", self.text)
    }
}

/// Returns a character, or its escape if it would break a line.
fn escaped(letter: char) -> impl Iterator<Item = char> {
    let escape = letter.is_control().then(|| letter.escape_unicode());
    let plain = (!letter.is_control()).then_some(letter);
    escape.into_iter().flatten().chain(plain)
}

/// Returns the most detailed file that the reader of resource files accepts.
///
/// # Errors
/// The faults of the last attempt. No attempt succeeds if a name of the identity is invalid.
pub(super) fn propose(shape: &Shape, identity: &Identity, evidence: Evidence) -> Result<Proposal, Vec<SchemaFault>> {
    let file_name = format!("{}.json", identity.resource);
    // The components of a title may be those that all resources share.
    let titles = [identity.title.clone(), format!("{} record", identity.title)];
    let mut faults = Vec::new();
    for budget in BUDGETS {
        for title in &titles {
            let proposal = draft(shape, identity, title, evidence, budget);
            match Resources::read(&[(&file_name, &proposal.file)]) {
                Ok(_) => return Ok(proposal),
                Err(found) => faults = found,
            }
        }
    }
    Err(faults)
}

fn draft(shape: &Shape, identity: &Identity, title: &str, evidence: Evidence, budget: usize) -> Proposal {
    let mut draft = Draft::new(evidence, budget);
    let record = draft.record(shape);
    let (members, mut notes) = renamed(shape, identity);
    notes.append(&mut draft.notes);
    let mut x_ripple =
        vec![("resource".to_owned(), Json::text(&identity.resource)), ("key".to_owned(), Json::text(&identity.key))];
    if identity.key_type == KeyType::Number {
        x_ripple.push(("key_type".to_owned(), Json::text("number")));
    }
    if let Some((name, kind)) = &identity.sort_key {
        x_ripple.push(("sort_key".to_owned(), Json::text(name)));
        if *kind == KeyType::Number {
            x_ripple.push(("sort_key_type".to_owned(), Json::text("number")));
        }
    }
    if let Some(table) = &identity.table {
        x_ripple.push(("table".to_owned(), Json::text(table)));
    }
    for (name, object) in [("members", members), ("entries", draft.entries)] {
        if !object.is_empty() {
            let object = object.into_iter().map(|(name, text)| (name, Json::text(text))).collect();
            x_ripple.push((name.to_owned(), Json::Object(object)));
        }
    }
    let mut file = vec![
        ("$schema".to_owned(), Json::text(DIALECT)),
        ("title".to_owned(), Json::text(title)),
        ("x-ripple".to_owned(), Json::Object(x_ripple)),
    ];
    file.extend(record);
    Proposal { file: Json::Object(file).to_file(), questions: draft.questions, notes }
}

/// Returns other names for the members that ripple adds, where the items use a name themselves, and a note about each.
fn renamed(shape: &Shape, identity: &Identity) -> (Vec<(String, String)>, Vec<String>) {
    let is_key =
        |name: &str| name == identity.key || identity.sort_key.as_ref().is_some_and(|(sort_key, _)| name == sort_key);
    let (mut members, mut notes) = (Vec::new(), Vec::new());
    for name in MEMBERS {
        let own = shape.members.get(name).map_or(0, Shape::count);
        if own == 0 && !is_key(name) {
            continue;
        }
        let numbered = (2..).map(|number| format!("ripple_{name}_{number}"));
        let mut names = [format!("record_{name}"), format!("ripple_{name}")].into_iter().chain(numbered);
        let is_free = |name: &String| !is_key(name) && !shape.members.contains_key(name);
        let Some(new) = names.find(is_free) else { continue };
        notes.push(match is_key(name) {
            true => format!(r#"the key is called "{name}": the member of ripple is shown as "{new}""#),
            false => {
                let share = percent(own, shape.objects);
                format!(r#"{share} have their own "{name}": the member of ripple is shown as "{new}""#)
            }
        });
        members.push((name.to_owned(), new));
    }
    (members, notes)
}

/// Returns a share in percent. One that is not zero is not shown as zero, and an incomplete one not as 100.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (part.saturating_mul(200) + whole) / (2 * whole.max(1)) {
        0 if part > 0 => "under 1 %".to_owned(),
        100.. if part < whole => "over 99 %".to_owned(),
        share => format!("{share} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_a_sample_may_have_exceptions() {
        assert!(Evidence::Sample.is_enough(1_990, 2_000) && !Evidence::Sample.is_enough(1_989, 2_000));
        assert!(Evidence::All.is_enough(2_000, 2_000) && !Evidence::All.is_enough(1_999, 2_000));
    }

    #[test]
    fn shares_are_rounded_but_not_to_nothing_or_everything() {
        let shares = [(0, 9), (1, 1_000), (1, 3), (1_979, 1_980), (9, 9), (0, 0)];
        let shown = shares.map(|(part, whole)| percent(part, whole));
        assert_eq!(shown, ["0 %", "under 1 %", "33 %", "over 99 %", "100 %", "0 %"]);
    }
}
