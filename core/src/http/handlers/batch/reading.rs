//! The body of a batch. A batch that is not well formed is refused as a whole.

use serde_json::value::RawValue;

use super::operation::{Content, Kind, Operation, Stands};
use crate::http::body::{self, SHEET};
use crate::http::contract::Shape;
use crate::http::request::Call;
use crate::http::{Error, Fault};
use crate::limits;
use crate::record::schema::KeyType;
use crate::record::{Names, RecordId};
use crate::sheet::{self, RowKind};
use crate::store::Store;
use crate::value::{Malformed, Number, Parts, Value, parse};

/// The number of faults that are told at once.
const FAULTS: usize = 100;

/// A parameter that is `true` or `false`.
pub(super) const FLAG: Shape = Shape::Text { least: 1, most: None, pattern: Some("^(true|false)$") };

/// A batch.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) operations: Vec<Operation<'a>>,
    pub(super) atomic: bool,
    pub(super) dry_run: bool,
}

/// Reads the body of a batch.
pub(super) fn read<'a, S: Store>(call: &Call<'a, S>) -> Result<Batch<'a>, Error> {
    let request = call.request;
    body::check(request, body::BATCH)?;
    let text = str::from_utf8(request.body())
        .map_err(|error| malformed(format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    let is_sheet = body::is_of_type(request, SHEET);
    let batch = if is_sheet { of_sheet(call, text)? } else { of_json(call, text)? };
    if batch.operations.len() > limits::BATCH {
        return Err(Error::BatchTooLarge(format!("a batch has at most {} operations", limits::BATCH)));
    }
    Ok(batch)
}

fn malformed(detail: impl Into<String>) -> Error {
    Malformed { pointer: String::new(), detail: detail.into() }.into()
}

/// Reads a sheet. A row with a version changes a record, and a row without one creates it.
fn of_sheet<'a, S: Store>(call: &Call<'a, S>, text: &'a str) -> Result<Batch<'a>, Error> {
    let mut batch = Batch { operations: Vec::new(), atomic: false, dry_run: false };
    let mut faults = Vec::new();
    for (name, value) in call.parameters() {
        let flag = match name.as_str() {
            "atomic" => &mut batch.atomic,
            "dry_run" => &mut batch.dry_run,
            _ => {
                faults.push(Fault::parameter(name, "is not a parameter here"));
                continue;
            }
        };
        match value.as_str() {
            "true" => *flag = true,
            "false" => {}
            _ => faults.push(Fault::parameter(name, "must be true or false")),
        }
    }
    if !faults.is_empty() {
        return Err(Error::InvalidRequest(faults));
    }
    // One more than a batch may have shows that there are too many.
    for row in sheet::read(text, call.store.resource()).map_err(malformed)?.take(limits::BATCH + 1) {
        let (kind, id, content) = match row.kind {
            Ok(RowKind::New(members)) => (Kind::Create, None, Ok(members)),
            Ok(RowKind::Edit(id, members)) => (Kind::Replace, Some(id), Ok(members)),
            Err(faults) => (Kind::Replace, None, Err(faults.into_iter().map(Fault::from).collect())),
        };
        let stands = Stands::OnLine(row.line);
        batch.operations.push(Operation { kind, id, to: 0, content: Content::Row(content), stands });
    }
    Ok(batch)
}

fn of_json<'a, S: Store>(call: &Call<'a, S>, text: &'a str) -> Result<Batch<'a>, Error> {
    call.no_parameters()?;
    let json: &RawValue = serde_json::from_str(text).map_err(|error| malformed(format!("not JSON: {error}")))?;
    let mut reading = Reading { faults: Vec::new(), names: call.store.names() };
    let (mut operations, mut atomic, mut dry_run) = (None, false, false);
    for (name, json) in reading.members(json, &[]) {
        match name.as_str() {
            "operations" => operations = reading.list(json),
            "atomic" => atomic = reading.flag(json, "atomic"),
            "dry_run" => dry_run = reading.flag(json, "dry_run"),
            _ => reading.fault(&[&name], "is not taken here"),
        }
    }
    let missing = || vec![Fault::member("operations", "must be an array of operations")];
    let read: Vec<Operation<'a>> = match operations {
        // Too many are refused before they are read.
        Some(list) if list.len() > limits::BATCH => {
            return Err(Error::BatchTooLarge(format!("a batch has at most {} operations", limits::BATCH)));
        }
        Some(list) => list.into_iter().enumerate().filter_map(|(place, json)| reading.operation(json, place)).collect(),
        None if reading.faults.is_empty() => return Err(Error::InvalidBody(missing())),
        None => Vec::new(),
    };
    match reading.faults {
        faults if faults.is_empty() => Ok(Batch { operations: read, atomic, dry_run }),
        faults => Err(Error::InvalidBody(faults)),
    }
}

/// The faults of a body so far.
struct Reading<'n> {
    faults: Vec<Fault>,
    names: &'n Names,
}

impl Reading<'_> {
    fn fault(&mut self, tokens: &[&str], detail: impl Into<String>) {
        if self.faults.len() < FAULTS {
            self.faults.push(Fault::at(tokens, detail));
        }
    }

    /// Returns the members of an object, each once.
    fn members<'a>(&mut self, json: &'a RawValue, tokens: &[&str]) -> Vec<(String, &'a RawValue)> {
        let is_object = json.get().starts_with('{');
        let Some(Parts(parts)) = is_object.then(|| serde_json::from_str(json.get()).ok()).flatten() else {
            self.fault(tokens, "must be a JSON object");
            return Vec::new();
        };
        let mut members: Vec<(String, &RawValue)> = Vec::new();
        for (name, part) in parts {
            if members.iter().any(|(earlier, _)| *earlier == name) {
                self.fault(&[tokens, &[&name]].concat(), "the member occurs twice");
            } else if members.len() < FAULTS {
                members.push((name, part));
            }
        }
        members
    }

    fn list<'a>(&mut self, json: &'a RawValue) -> Option<Vec<&'a RawValue>> {
        let list = serde_json::from_str(json.get()).ok();
        if list.is_none() {
            self.fault(&["operations"], "must be an array of operations");
        }
        list
    }

    fn flag(&mut self, json: &RawValue, name: &str) -> bool {
        match json.get() {
            "true" => true,
            "false" => false,
            _ => {
                self.fault(&[name], "must be true or false");
                false
            }
        }
    }

    fn operation<'a>(&mut self, json: &'a RawValue, place: usize) -> Option<Operation<'a>> {
        let at = place.to_string();
        let before = self.faults.len();
        let (mut kind, mut id, mut to, mut body) = (None, None, None, None);
        for (name, json) in self.members(json, &["operations", &at]) {
            let read: Result<(), String> = match name.as_str() {
                "op" => operation_kind(json).map(|read| kind = Some(read)),
                "id" => record_id(json, self.names).map(|read| id = Some(read)),
                "to" => version(json).map(|read| to = Some(read)),
                "body" if json.get().starts_with('{') => {
                    body = Some(json);
                    Ok(())
                }
                "body" => Err("must be a JSON object".to_owned()),
                _ => Err("is not taken here".to_owned()),
            };
            if let Err(detail) = read {
                self.fault(&["operations", &at, &name], detail);
            }
        }
        if self.faults.len() > before {
            return None;
        }
        let Some(kind) = kind else {
            self.fault(&["operations", &at, "op"], "is required");
            return None;
        };
        let wanted = [
            ("id", id.is_some(), Some(kind != Kind::Create)),
            ("to", to.is_some(), Some(kind == Kind::Restore)),
            ("body", body.is_some(), kind.needs_body().then_some(true)),
        ];
        for (name, is_there, must) in wanted {
            match must {
                Some(true) if !is_there => self.fault(&["operations", &at, name], "is required"),
                Some(false) if is_there => self.fault(&["operations", &at, name], "is not taken by this operation"),
                _ => {}
            }
        }
        let stands = Stands::At(place);
        Some(Operation { kind, id, to: to.unwrap_or_default(), content: Content::Json(body), stands })
    }
}

fn operation_kind(json: &RawValue) -> Result<Kind, String> {
    let name: Option<String> = serde_json::from_str(json.get()).ok();
    let kind = name.and_then(|name| Kind::named(&name));
    kind.ok_or_else(|| "must be create, replace, patch, edit, delete or restore".to_owned())
}

/// Reads an id as the table has it. In a path it would be escaped.
fn record_id(json: &RawValue, names: &Names) -> Result<RecordId, String> {
    let of_number = names.key_type == KeyType::Number && names.sort_key.is_none();
    let text = match parse(json.get().as_bytes()) {
        Ok(Value::String(text)) => text,
        Ok(Value::Number(number)) if of_number => number.to_string(),
        _ => return Err("must be a string".to_owned()),
    };
    let id = RecordId::addressed(&text).map_err(|_| format!("must have 1 to {} bytes", limits::STORED_ID))?;
    if names.key_of(&id).is_empty() { Err("is not an id of this resource".to_owned()) } else { Ok(id) }
}

fn version(json: &RawValue) -> Result<u64, String> {
    let number = Number::parse(json.get()).filter(Number::is_natural).ok_or("must be a whole number, 0 or more")?;
    // No record has a version above the greatest one.
    Ok(number.as_u64().unwrap_or(u64::MAX).min(limits::VERSION + 1))
}
