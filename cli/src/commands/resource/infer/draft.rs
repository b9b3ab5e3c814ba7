//! The schemas of a proposal.

use std::cmp::Reverse;

use ripple_core::record::schema::Type;

use super::json::Json;
use super::proposal::{Evidence, Question, percent};
use super::shape::{Arrays, Shape, Texts};
use crate::commands::resource::items::{PREFIX, grouped};

/// Objects that are needed before a member of all of them is required.
const REQUIRED_FROM: u64 = 50;
/// Strings that are needed before they are an enumeration.
const ENUM_FROM: u64 = 200;
/// Distinct strings that are needed for an enumeration. One alone says nothing about others.
const OPTIONS_FROM: usize = 2;
/// Values that are needed before all of them have one format or are times.
const FORMAT_FROM: u64 = 10;
/// Lists that are needed before their entries suggest a rule.
const LISTS_FROM: u64 = 10;
/// Properties of a record in a file.
const PROPERTIES: usize = 200;
/// Names of members beyond which an object may be a dictionary.
const DICTIONARY: usize = 50;
/// Bytes of a name in a file.
const NAME: usize = 255;

type Members = Vec<(String, Json)>;

/// A file that is being drafted.
pub(super) struct Draft {
    evidence: Evidence,
    /// The number of schemas that still fit.
    room: usize,
    pub(super) questions: Vec<Question>,
    pub(super) notes: Vec<String>,
    /// The entry keys of lists, by name or JSON Pointer.
    pub(super) entries: Vec<(String, String)>,
}

/// The place of a schema.
#[derive(Clone)]
struct Place {
    /// In the file.
    file: String,
    /// In a record. `None` within the entries of a list.
    record: Option<String>,
}

impl Draft {
    pub(super) fn new(evidence: Evidence, room: usize) -> Draft {
        Draft { evidence, room, questions: Vec::new(), notes: Vec::new(), entries: Vec::new() }
    }

    /// Returns the keywords of a record's schema.
    pub(super) fn record(&mut self, shape: &Shape) -> Members {
        let mut schema = vec![("type".to_owned(), Json::text("object"))];
        let place = Place { file: String::new(), record: Some(String::new()) };
        // A root member that is null counts as absent.
        schema.extend(self.members(shape, &place, PROPERTIES, Shape::others));
        schema
    }

    /// Returns `required` and `properties` of an object. `present` counts the objects that have a member.
    fn members(&mut self, shape: &Shape, place: &Place, most: usize, present: fn(&Shape) -> u64) -> Members {
        let mut members: Vec<(&String, &Shape)> = shape.members.iter().filter(|(name, _)| fits(name)).collect();
        let unfit = shape.members.len() - members.len();
        if unfit > 0 {
            self.notes.push(format!("#{}: {unfit} members have names that a file cannot have", place.file));
        }
        members.sort_by_key(|(name, member)| (Reverse(member.count()), *name));
        let left_out = members.len().saturating_sub(most.min(self.room));
        if left_out > 0 {
            self.notes.push(format!("#{}: {left_out} more members do not fit in the file", place.file));
        }
        members.truncate(members.len() - left_out);
        self.room -= members.len();

        let is_required = |member: &Shape| shape.objects >= REQUIRED_FROM && present(member) == shape.objects;
        let required: Vec<&str> =
            members.iter().filter(|(_, member)| is_required(member)).map(|(name, _)| name.as_str()).collect();
        let required = (!required.is_empty()).then(|| ("required".to_owned(), Json::texts(required)));
        let properties: Members = members
            .into_iter()
            .map(|(name, member)| (name.clone(), Json::Object(self.schema(member, &place.member(name)))))
            .collect();
        let properties = (!properties.is_empty()).then(|| ("properties".to_owned(), Json::Object(properties)));
        required.into_iter().chain(properties).collect()
    }

    /// Returns the keywords of the schema of one place.
    fn schema(&mut self, shape: &Shape, place: &Place) -> Members {
        let mut questions = Vec::new();
        let mut schema = Vec::new();
        if let Some(kind) = self.kind(shape, &mut questions) {
            let types = [Some(kind), (shape.nulls > 0).then_some(Type::Null)];
            let mut types: Vec<&str> = types.into_iter().flatten().map(Type::as_str).collect();
            let json = if types.len() > 1 { Json::texts(types) } else { Json::text(types.remove(0)) };
            schema.push(("type".to_owned(), json));
            match kind {
                Type::String => schema.extend(self.text(&shape.texts, shape.nulls > 0, &mut questions)),
                Type::Integer | Type::Number => self.time(shape, &mut questions),
                Type::Array => schema.extend(self.array(&shape.arrays, place, &mut questions)),
                Type::Object if is_dictionary(shape) => {
                    let names = grouped(shape.members.len() as u64);
                    let more = if shape.has_more_names { " or more" } else { "" };
                    questions.push(format!("the objects have {names}{more} different names: are the names data?"));
                }
                Type::Object => schema.extend(self.members(shape, place, usize::MAX, Shape::count)),
                _ => {}
            }
        }
        if !questions.is_empty() {
            schema.push(("$comment".to_owned(), Json::text(questions.join("; "))));
            let question = |text| Question { pointer: place.file.clone(), text };
            self.questions.extend(questions.into_iter().map(question));
        }
        schema
    }

    /// Returns the type of the values. Returns `None`, with a question, if they do not have one.
    fn kind(&self, shape: &Shape, questions: &mut Vec<String>) -> Option<Type> {
        let others = shape.others();
        let kinds = shape.kinds();
        let (kind, count) = kinds[0];
        if count == 0 {
            questions.push("every value is null: which type has this member?".to_owned());
            return None;
        }
        if count == others {
            return Some(kind);
        }
        let rest = kinds.iter().filter(|(_, count)| *count > 0);
        if self.evidence.is_enough(count, others) {
            let rest: Vec<&str> = rest.skip(1).map(|(kind, _)| kind.as_str()).collect();
            let (part, whole) = (grouped(others - count), grouped(others));
            questions.push(format!("{part} of {whole} values have another type: {}", rest.join(", ")));
            return Some(kind);
        }
        let shares: Vec<String> =
            rest.map(|(kind, count)| format!("{} {}", percent(*count, others), kind.as_str())).collect();
        questions.push(format!("the values have several types: {}", shares.join(", ")));
        None
    }

    /// Returns the keywords of strings: a format, or an enumeration.
    fn text(&self, texts: &Texts, is_nullable: bool, questions: &mut Vec<String>) -> Option<(String, Json)> {
        if texts.binaries > 0 {
            return None;
        }
        let formats = [("date-time", texts.times), ("date", texts.dates)];
        let format = formats.into_iter().find(|(_, count)| self.evidence.is_enough(*count, texts.count));
        if let Some((format, count)) = format.filter(|_| texts.count >= FORMAT_FROM) {
            if count < texts.count {
                let (part, whole) = (grouped(texts.count - count), grouped(texts.count));
                questions.push(format!("{part} of {whole} strings have another format"));
            }
            return Some(("format".to_owned(), Json::text(format)));
        }
        let is_frequent = |count: &u64| count.saturating_mul(100) >= texts.count;
        let options = texts.distinct().filter(|options| options.values().all(is_frequent));
        let options = options.filter(|options| texts.count >= ENUM_FROM && options.len() >= OPTIONS_FROM)?;
        let mut options: Vec<Json> = options.keys().map(Json::text).collect();
        options.extend(is_nullable.then_some(Json::Scalar(serde_json::Value::Null)));
        Some(("enum".to_owned(), Json::List(options)))
    }

    fn time(&self, shape: &Shape, questions: &mut Vec<String>) {
        let numbers = &shape.numbers;
        let units = [("seconds since 1970", numbers.seconds), ("milliseconds since 1970", numbers.milliseconds)];
        let unit = units.into_iter().find(|(_, count)| self.evidence.is_enough(*count, numbers.count));
        questions.extend(unit.filter(|_| numbers.count >= FORMAT_FROM).map(|(unit, _)| unit.to_owned()));
    }

    fn array(&mut self, arrays: &Arrays, place: &Place, questions: &mut Vec<String>) -> Members {
        let mut keywords = Vec::new();
        if let Some(entries) = arrays.entries.as_ref().filter(|_| self.room > 0) {
            self.room -= 1;
            let items = Json::Object(self.schema(entries, &place.entries()));
            keywords.push(("items".to_owned(), items));
            let kinds = entries.kinds();
            let has_one_type = kinds[0].1 == entries.others();
            let is_scalar = !matches!(kinds[0].0, Type::Array | Type::Object);
            if arrays.sets == arrays.count && has_one_type && is_scalar {
                keywords.push(("uniqueItems".to_owned(), Json::Scalar(true.into())));
            }
            ask_about_lists(arrays, entries, questions);
        }
        self.entry_key(arrays, place, questions);
        keywords
    }

    fn entry_key(&mut self, arrays: &Arrays, place: &Place, questions: &mut Vec<String>) {
        let Some(record) = place.record.as_deref().filter(|_| arrays.keys.lists > 0) else { return };
        match arrays.keys.best().filter(|name| fits(name) && !name.starts_with(PREFIX)) {
            // This is the default.
            Some("id") => {}
            Some(name) if arrays.keys.lists >= LISTS_FROM => {
                let list = match record.strip_prefix('/') {
                    Some(list) if !list.contains(['/', '~']) => list,
                    _ => record,
                };
                self.entries.push((list.to_owned(), name.to_owned()));
            }
            Some(name) => {
                questions.push(format!("does \"{name}\" identify an entry? Then name it in x-ripple.entries"))
            }
            None => questions.push("no member identifies an entry: x-ripple.entries may name one, or false".to_owned()),
        }
    }
}

/// Asks whether lists are tuples or sets.
fn ask_about_lists(arrays: &Arrays, entries: &Shape, questions: &mut Vec<String>) {
    let Some((shortest, longest)) = arrays.lengths.filter(|_| arrays.sets == 0 && arrays.count >= LISTS_FROM) else {
        return;
    };
    let kinds = entries.kinds();
    let is_mixed = kinds[1].1 > 0;
    let has_numbers = matches!(kinds[0].0, Type::Integer | Type::Number);
    if shortest == longest && shortest >= 2 && (is_mixed || has_numbers) {
        questions.push(format!("each list has {shortest} entries: are they a tuple (prefixItems)?"));
    }
    if longest >= 2 && arrays.distinct_texts == arrays.count {
        questions.push("no list has a string twice: is it a set (uniqueItems)?".to_owned());
    }
}

/// Reports whether the names in an object are data: there are many, and few objects share one.
fn is_dictionary(shape: &Shape) -> bool {
    let names = shape.members.len() as u64;
    let uses: u64 = shape.members.values().map(Shape::count).sum();
    shape.has_more_names || names > DICTIONARY as u64 && uses.saturating_mul(10) < names * shape.objects
}

/// Reports whether a file can have this name of a member.
fn fits(name: &str) -> bool {
    (1..=NAME).contains(&name.len()) && !name.chars().any(char::is_control) && name != "__proto__"
}

impl Place {
    fn member(&self, name: &str) -> Place {
        let token = name.replace('~', "~0").replace('/', "~1");
        let record = self.record.as_ref().map(|record| format!("{record}/{token}"));
        Place { file: format!("{}/properties/{token}", self.file), record }
    }

    fn entries(&self) -> Place {
        Place { file: format!("{}/items", self.file), record: None }
    }
}
