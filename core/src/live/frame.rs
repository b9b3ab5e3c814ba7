//! Frames: texts of one compact JSON object, in both directions.

use serde::{Deserialize, Serialize};

use super::log::Change;
use super::{CREDIT, FRAME, PING_SECONDS, PRESENCE_NAMES, Resync};
use crate::record::Person;

/// The number of characters of the writer's name that an event keeps if it is too long.
const WRITER: usize = 64;
/// The length of a field that a client names as its place, in bytes.
const FIELD: usize = 512;

/// The first frame of a socket.
#[derive(Debug, Serialize)]
pub(super) struct Hello<'a> {
    hello: u8,
    epoch: &'a str,
    seq: u64,
    cursor: &'a str,
    credit: usize,
    ping: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    resync: Option<Resync>,
}

#[derive(Serialize)]
struct Event<'a> {
    seq: u64,
    id: &'a str,
    version: u64,
    updated_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<(&'a str, &'a str)>,
    fields: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<(&'a str, &'a str, u64)>,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Serialize)]
struct Mark<'a> {
    mark: &'a str,
    seq: u64,
}

#[derive(Serialize)]
struct Fault {
    error: &'static str,
    detail: &'static str,
}

/// Who is where on a record: name, id, state, field.
pub(super) type Who<'a> = (&'a str, &'a str, State, &'a str);

#[derive(Serialize)]
struct Presence<'a> {
    presence: &'a str,
    who: &'a [Who<'a>],
    more: usize,
}

/// Returns the first frame: what follows comes after `seq`, and `cursor` is one of `_changes` that goes with it.
pub(super) fn hello(epoch: &str, seq: u64, cursor: &str, resync: Option<Resync>) -> String {
    json(&Hello { hello: 1, epoch, seq, cursor, credit: CREDIT, ping: PING_SECONDS, resync })
}

/// Returns the frame of a change. If it is too large, it names no fields, then no lost values, and then no author. Returns
/// `None` if it is too large even so, as for an id of 2,000 bytes that another program chose.
pub(crate) fn event(seq: u64, change: &Change) -> Option<String> {
    let whole = [String::new()];
    let person = change.person.as_ref();
    let mut event = Event {
        seq,
        id: change.id.as_str(),
        version: change.version,
        updated_at: change.updated_at.0,
        updated_by: change.updated_by.as_deref(),
        author: person.map(|person| (person.name(), person.id().unwrap_or_default())),
        fields: &change.fields,
        lost: change.lost.iter().map(|lost| (&*lost.field, &*lost.author, lost.version)).collect(),
        deleted: change.deleted,
    };
    let fits = |event: &Event<'_>| Some(json(event)).filter(|text| text.len() <= FRAME);
    fits(&event)
        .or_else(|| {
            event.fields = &whole;
            fits(&event)
        })
        .or_else(|| {
            event.lost.clear();
            fits(&event)
        })
        .or_else(|| {
            event.author = None;
            let end = |name: &str| name.char_indices().nth(WRITER).map_or(name.len(), |(at, _)| at);
            event.updated_by = event.updated_by.map(|name| &name[..end(name)]);
            fits(&event)
        })
}

/// Returns the frame that says up to which cursor a client knows everything.
pub(super) fn mark(cursor: &str, seq: u64) -> String {
    json(&Mark { mark: cursor, seq })
}

/// Returns the frame before a close.
pub(super) fn fault(error: &'static str, detail: &'static str) -> String {
    json(&Fault { error, detail })
}

/// Returns the frame of who else has a record open: as many as fit, in order.
pub(super) fn presence(id: &str, who: &[Who<'_>]) -> String {
    let mut named = who.len().min(PRESENCE_NAMES);
    loop {
        let text = json(&Presence { presence: id, who: &who[..named], more: who.len() - named });
        if text.len() <= FRAME || named == 0 {
            return text;
        }
        named -= 1;
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers serialise")
}

/// What a client has open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The id of the record.
    pub(super) id: String,
    pub(super) state: State,
    /// The field that the client edits, as a JSON Pointer.
    #[serde(default)]
    pub(super) field: String,
}

/// What a client does with a record. An editor is named before those who view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Edit,
    View,
}

/// What a client sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The sequence number of the last event that the client has stored.
    pub(super) ack: Option<u64>,
    /// The client's new place. `Some(None)` if it has left.
    pub(super) presence: Option<Option<Place>>,
}

#[derive(Deserialize)]
struct Sent {
    ack: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    presence: Option<Option<Place>>,
}

/// Distinguishes `null` from an absent member.
fn given<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Option<Place>>, D::Error> {
    Option::deserialize(input).map(Some)
}

/// Reads a frame of a client. Unknown members are ignored. Returns `None` if it is malformed.
pub(super) fn read(text: &str) -> Option<Received> {
    // A derived reader of an object takes an array too.
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    let Sent { ack, presence } = serde_json::from_str(text).ok()?;
    let is_place = |place: &Place| {
        let Place { id, field, .. } = place;
        // A frame about this record must have room for at least one name.
        let is_id = !id.is_empty() && id.len() <= FRAME / 4;
        is_id && field.len() <= FIELD && (field.is_empty() || field.starts_with('/'))
    };
    presence.iter().flatten().all(is_place).then_some(Received { ack, presence })
}

/// Returns the names of a person in a frame.
pub(super) fn names(person: &Person) -> (String, String) {
    (person.name().to_owned(), person.id().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::RecordId;
    use crate::record::lost::Lost;
    use crate::time::Timestamp;

    fn change() -> Change {
        Change {
            id: RecordId::stored("p1".to_owned()),
            version: 8,
            updated_at: Timestamp(1_764_000_000_000),
            updated_by: Some("Flask app".to_owned()),
            person: Person::new("Bo", Some("u7")).ok(),
            fields: vec!["/goal".to_owned(), "/timeline".to_owned()],
            lost: vec![Lost { field: "/goal".to_owned(), author: "u3".to_owned(), version: 7 }],
            deleted: false,
        }
    }

    #[test]
    fn frames_are_written_as_documented() {
        assert_eq!(
            hello("k3f9", 40, "c", None),
            r#"{"hello":1,"epoch":"k3f9","seq":40,"cursor":"c","credit":64,"ping":30}"#
        );
        assert_eq!(
            hello("k3f9", 40, "c", Some(Resync::TooOld)),
            r#"{"hello":1,"epoch":"k3f9","seq":40,"cursor":"c","credit":64,"ping":30,"resync":"too_old"}"#
        );
        assert_eq!(
            event(41, &change()).as_deref(),
            Some(concat!(
                r#"{"seq":41,"id":"p1","version":8,"updated_at":1764000000000,"updated_by":"Flask app","#,
                r#""author":["Bo","u7"],"fields":["/goal","/timeline"],"lost":[["/goal","u3",7]]}"#
            ))
        );
        let deletion =
            Change { fields: vec![String::new()], deleted: true, person: None, lost: Vec::new(), ..change() };
        assert_eq!(
            event(42, &deletion).as_deref(),
            Some(concat!(
                r#"{"seq":42,"id":"p1","version":8,"updated_at":1764000000000,"updated_by":"Flask app","#,
                r#""fields":[""],"deleted":true}"#
            ))
        );
        assert_eq!(mark("c", 42), r#"{"mark":"c","seq":42}"#);
        assert_eq!(
            presence("p1", &[("Bo", "u7", State::Edit, "/goal")]),
            r#"{"presence":"p1","who":[["Bo","u7","edit","/goal"]],"more":0}"#
        );
        assert_eq!(fault("bad_frame", "no"), r#"{"error":"bad_frame","detail":"no"}"#);
    }

    #[test]
    fn an_event_that_is_too_large_names_less() {
        let fields: Vec<String> = (0..200).map(|number| format!("/field{number}")).collect();
        let text = event(1, &Change { fields, ..change() }).expect("it fits");
        assert!(text.ends_with(r#""author":["Bo","u7"],"fields":[""],"lost":[["/goal","u3",7]]}"#), "{text}");
        let lost = Lost { field: format!("/{}", "f".repeat(900)), author: "u3".to_owned(), version: 7 };
        let text = event(1, &Change { lost: vec![lost], ..change() }).expect("it fits");
        assert!(text.ends_with(r#""author":["Bo","u7"],"fields":[""]}"#), "{text}");
        let long = Change { updated_by: Some("n".repeat(5_000)), ..change() };
        let text = event(1, &long).expect("it fits");
        assert!(text.contains(&"n".repeat(64)) && !text.contains("author"), "{text}");
        assert_eq!(event(1, &Change { id: RecordId::stored("i".repeat(2_000)), ..change() }), None);
    }

    #[test]
    fn frames_of_clients_are_read() {
        let place = |field: &str| Place { id: "p1".to_owned(), state: State::Edit, field: field.to_owned() };
        let presence = |presence| Some(Received { presence: Some(presence), ack: None });
        for (text, expected) in [
            (r#"{"ack":42}"#, Some(Received { ack: Some(42), presence: None })),
            (r#"{"ack":42,"more":{"a":[1]}}"#, Some(Received { ack: Some(42), presence: None })),
            ("{}", Some(Received::default())),
            (r#"{"presence":{"id":"p1","state":"edit","field":"/goal"}}"#, presence(Some(place("/goal")))),
            (r#"{"presence":{"id":"p1","state":"edit"}}"#, presence(Some(place("")))),
            (r#"{"presence":null}"#, presence(None)),
            ("", None),
            ("[42,null]", None),
            ("null", None),
            (r#"{"ack":-1}"#, None),
            (r#"{"ack":"42"}"#, None),
            (r#"{"ack":1,"ack":2}"#, None),
            (r#"{"presence":{"id":"","state":"edit"}}"#, None),
            (r#"{"presence":{"id":"p1","state":"delete"}}"#, None),
            (r#"{"presence":{"id":"p1","state":"edit","field":"goal"}}"#, None),
            (r#"{"presence":7}"#, None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_frame_is_too_large(
            id in ".{1,128}", by in prop::option::of(".{0,300}"), name in ".{1,60}",
            fields in prop::collection::vec("/.{0,60}", 0..30), lost in prop::collection::vec("/.{0,300}", 0..8),
            people in 0..80usize,
        ) {
            let person = Person::new(&name, Some("u7")).ok();
            let of_ann = |field| Lost { field, author: "u3".to_owned(), version: 7 };
            let lost = lost.into_iter().map(of_ann).collect();
            let change =
                Change { id: RecordId::stored(id.clone()), updated_by: by, person, fields, lost, ..change() };
            prop_assert!(event(u64::MAX, &change).is_none_or(|text| text.len() <= FRAME));
            let who: Vec<Who<'_>> = (0..people).map(|_| (&*name, "u7", State::View, "/goal")).collect();
            let id = &id[..id.char_indices().nth(20).map_or(id.len(), |(at, _)| at)];
            let text = presence(id, &who);
            prop_assert!(text.len() <= FRAME, "{text}");
            let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let named = read["who"].as_array().expect("a list").len();
            prop_assert_eq!(read["more"].as_u64(), Some((people - named) as u64));
        }
    }
}
