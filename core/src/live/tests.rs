//! The channel as a whole: nothing is lost, nothing comes twice where it need not, and the credit holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::limits;
use crate::record::{Person, RecordId};
use crate::service::changes::Cursor;
use crate::time::Timestamp;

const START: Timestamp = Timestamp(1_800_000_000_000);

fn change(id: u8, version: u64) -> Change {
    Change {
        id: RecordId::stored(format!("p{id}")),
        version,
        updated_at: START,
        updated_by: Some("Flask app".to_owned()),
        person: Person::new("Bo", Some("u7")).ok(),
        lost: Vec::new(),
        fields: vec!["/goal".to_owned()],
        deleted: false,
    }
}

fn cursor(at: Timestamp) -> String {
    Cursor::at_end(at, 1).to_token("prj")
}

fn opening(since: Option<&str>) -> Opening<'_> {
    Opening { key_id: "key_1", person: None, since }
}

fn channel() -> Channel {
    Channel::new("prj", "k3f9", 1, START)
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).expect("a frame is JSON")
}

/// Returns the frames that a socket is sent.
fn sent(outputs: &[Output], to: u64) -> Vec<Json> {
    let of = |output: &Output| match output {
        Output::Send(number, text) if *number == to => Some(json(text)),
        _ => None,
    };
    outputs.iter().filter_map(of).collect()
}

/// A client as the protocol describes it.
#[derive(Default)]
struct Reader {
    /// The versions of each record, in the order in which the client heard of them.
    heard: BTreeMap<String, Vec<u64>>,
    base: String,
    epoch: String,
    seq: u64,
    unacknowledged: (usize, usize),
    resync: Option<String>,
}

impl Reader {
    fn hear(&mut self, text: &str) {
        let frame = json(text);
        if frame.get("hello").is_some() {
            self.unacknowledged = (0, 0);
            self.resync = frame["resync"].as_str().map(str::to_owned);
            self.base = frame["cursor"].as_str().expect("a cursor").to_owned();
            self.epoch = frame["epoch"].as_str().expect("an epoch").to_owned();
            self.seq = frame["seq"].as_u64().expect("a number");
        } else if let Some(mark) = frame.get("mark") {
            assert_eq!(frame["seq"].as_u64(), Some(self.seq));
            self.base = mark.as_str().expect("a cursor").to_owned();
        } else if let Some(id) = frame.get("id") {
            let seq = frame["seq"].as_u64().expect("a number");
            assert_eq!(seq, self.seq + 1, "the log is told without a gap");
            self.seq = seq;
            let (events, bytes) = self.unacknowledged;
            self.unacknowledged = (events + 1, bytes + text.len());
            assert!(events < CREDIT && bytes + text.len() <= CREDIT_BYTES, "beyond the credit");
            let id = id.as_str().expect("an id").to_owned();
            self.heard.entry(id).or_default().push(frame["version"].as_u64().expect("a number"));
        }
    }

    fn since(&self) -> String {
        format!("{}~{}.{}", self.base, self.epoch, self.seq)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Change(u8),
    /// Seconds that pass.
    Wait(u16),
    Ack(u8),
    Cut(u8),
    Open(u8),
    /// The host is suspended, and all that it keeps of its sockets is text.
    Suspend,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..4u8).prop_map(Step::Change),
        1 => (0..70u16).prop_map(Step::Wait),
        4 => (0..3u8).prop_map(Step::Ack),
        1 => (0..3u8).prop_map(Step::Cut),
        2 => (0..3u8).prop_map(Step::Open),
        1 => Just(Step::Suspend),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Three readers that acknowledge when they like and lose their connections hear of every version, in order.
    #[test]
    fn every_reader_hears_of_every_version_in_order(steps in steps()) {
        let mut channel = channel();
        let mut now = START;
        let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut readers: Vec<Reader> = (0..3).map(|_| Reader::default()).collect();
        let mut number = 0;
        let mut open: [Option<u64>; 3] = [None; 3];
        for reader in &mut readers {
            // All know the empty table at the beginning.
            (reader.base, reader.epoch, reader.seq) = (cursor(START), "k3f9".to_owned(), 0);
        }
        let last = (0..3u8).flat_map(|reader| [Step::Open(reader), Step::Ack(reader)]);
        let drained = last.chain((0..3u8).cycle().take(60).map(Step::Ack)).collect::<Vec<_>>();
        for step in steps.into_iter().chain(drained) {
            let outputs = match step {
                Step::Change(id) => {
                    let known = versions.entry(format!("p{id}")).or_default();
                    known.push(known.last().map_or(1, |last| last + 1));
                    let version = *known.last().expect("it has one");
                    let outputs = channel.append(change(id, version), now);
                    channel.confirm(now);
                    // A batch of the stream may be delivered again.
                    prop_assert!(channel.append(change(id, version), now).is_empty());
                    outputs
                }
                Step::Wait(seconds) => {
                    now = now.after(Duration::from_secs(u64::from(seconds)));
                    channel.tick(now)
                }
                Step::Ack(reader) => {
                    let Some(number) = open[usize::from(reader)] else { continue };
                    let reader = &mut readers[usize::from(reader)];
                    // The bucket of frames is not what is tried here.
                    now = now.after(Duration::from_secs(1));
                    reader.unacknowledged = (0, 0);
                    channel.receive(number, &format!(r#"{{"ack":{}}}"#, reader.seq), now)
                }
                Step::Cut(reader) => {
                    if let Some(number) = open[usize::from(reader)].take() {
                        channel.closed(number);
                    }
                    continue;
                }
                Step::Open(reader) => {
                    if open[usize::from(reader)].is_some() {
                        continue;
                    }
                    number += 1;
                    open[usize::from(reader)] = Some(number);
                    let since = readers[usize::from(reader)].since();
                    channel.open(number, opening(Some(&since)), now)
                }
                Step::Suspend => {
                    for number in open.into_iter().flatten() {
                        let kept = serde_json::to_string(channel.socket(number).expect("it is open")).expect("text");
                        prop_assert!(kept.len() <= ATTACHMENT, "{} bytes", kept.len());
                        channel.closed(number);
                        channel.restore(number, serde_json::from_str(&kept).expect("a socket"));
                    }
                    continue;
                }
            };
            for output in outputs {
                let (Output::Send(number, _) | Output::Close(number, _)) = &output;
                let at = open.iter().position(|open| *open == Some(*number)).expect("it is open");
                match output {
                    Output::Send(_, text) => readers[at].hear(&text),
                    Output::Close(_, close) => {
                        prop_assert_eq!(close, Close::Slow);
                        open[at] = None;
                    }
                }
            }
        }
        for (at, reader) in readers.iter().enumerate() {
            prop_assert_eq!(reader.resync.as_deref(), None);
            if open[at].is_some() {
                prop_assert_eq!(&reader.heard, &versions);
            }
        }
    }

    /// Whatever clients send, the channel goes on, and says why it closes a socket.
    #[test]
    fn hostile_frames_close_only_their_own_socket(frames in prop::collection::vec(hostile(), 0..60)) {
        let mut channel = channel();
        channel.open(1, opening(None), START);
        channel.open(2, opening(None), START);
        for frame in frames {
            let outputs = channel.receive(1, &frame, START);
            for output in &outputs {
                let Output::Close(number, close) = output else { continue };
                prop_assert_eq!(*number, 1);
                prop_assert!(matches!(close, Close::BadFrame | Close::FrameTooLarge | Close::Rate), "{close:?}");
                let told = sent(&outputs, 1);
                prop_assert_eq!(told.last().and_then(|frame| frame["error"].as_str()), Some(close.reason()));
                channel.open(1, opening(None), START);
            }
        }
        prop_assert_eq!(sent(&channel.append(change(1, 1), START), 2).len(), 1);
    }

    #[test]
    fn any_cursor_is_taken_or_answered_with_a_resync(since in ".{0,80}", seq in any::<u64>()) {
        let mut channel = channel();
        channel.append(change(1, 1), START);
        for since in [since, format!("{}~k3f9.{seq}", cursor(START)), format!("{}~k3f9.x", cursor(START))] {
            let outputs = channel.open(1, opening(Some(&since)), START);
            prop_assert!(sent(&outputs, 1)[0].get("hello").is_some());
            channel.closed(1);
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("ping".to_owned()),
        Just("[".repeat(2_000)),
        (0..3000usize).prop_map(|length| "x".repeat(length)),
        any::<i64>().prop_map(|ack| format!(r#"{{"ack":{ack}}}"#)),
        ".{0,600}".prop_map(|id| format!(r#"{{"presence":{{"id":{},"state":"view"}}}}"#, Json::from(id))),
        Just(r#"{"presence":null}"#.to_owned()),
    ]
}

#[test]
fn a_silent_reader_is_told_its_credit_and_then_closed() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    let told: usize = (1..=200).map(|version| sent(&channel.append(change(1, version), START), 1).len()).sum();
    assert_eq!(told, CREDIT);
    assert!(channel.tick(Timestamp(START.0 + 59_999)).is_empty());
    assert_eq!(channel.tick(START.after(SLOW)), [Output::Close(1, Close::Slow)]);
    assert!(channel.is_empty());
}

#[test]
fn an_acknowledgement_makes_room_for_what_waits() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    for version in 1..=100 {
        channel.append(change(1, version), START);
    }
    assert_eq!(sent(&channel.receive(1, r#"{"ack":32}"#, START), 1).len(), 32);
    assert_eq!(sent(&channel.receive(1, r#"{"ack":96}"#, START), 1).len(), 4);
    let outputs = channel.receive(1, r#"{"ack":101}"#, START);
    assert_eq!(outputs.last(), Some(&Output::Close(1, Close::BadFrame)));
}

#[test]
fn a_burst_of_frames_is_too_much() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    for _ in 0..RATE {
        assert!(channel.receive(1, "{}", START).is_empty());
    }
    assert_eq!(channel.receive(1, "ping", START), [Output::Send(1, "pong".into())]);
    let later = Timestamp(START.0 + 1_000);
    assert!(channel.receive(1, "{}", later).is_empty());
    assert_eq!(channel.receive(1, "{}", later).last(), Some(&Output::Close(1, Close::Rate)));
}

#[test]
fn another_log_resumes_by_time_and_says_when_it_cannot() {
    let mut channel = channel();
    let hello = |channel: &mut Channel, since: &str, now| sent(&channel.open(1, opening(Some(since)), now), 1);
    let old = cursor(START.before(Duration::from_secs(1)));
    assert_eq!(hello(&mut channel, &old, START)[0]["resync"], "too_old");
    assert_eq!(hello(&mut channel, "nonsense", START)[0]["resync"], "bad_cursor");
    let foreign = Cursor::at_end(START, 1).to_token("task");
    assert_eq!(hello(&mut channel, &foreign, START)[0]["resync"], "bad_cursor");
    assert_eq!(hello(&mut channel, &format!("{old}~k3f9.7"), START)[0]["resync"], "bad_cursor");

    // The log is complete from its beginning. A reader lacks at most what was written in the overlap before its cursor.
    let known = START.after(limits::OVERLAP);
    channel.append(change(1, 1), Timestamp(known.0 - 1));
    let frames = hello(&mut channel, &format!("{}~other.7", cursor(known)), known);
    assert_eq!(frames[0].get("resync"), None);
    assert_eq!((&frames[0]["seq"], &frames[1]["seq"]), (&Json::from(0), &Json::from(1)));
    let later = known.after(limits::OVERLAP);
    assert_eq!(hello(&mut channel, &cursor(later), later).len(), 1);
}

#[test]
fn a_log_that_is_full_forgets_the_oldest() {
    let mut channel = channel();
    for version in 1..=LOG as u64 + 1 {
        channel.append(change(1, version), START.after(limits::OVERLAP));
    }
    let now = START.after(2 * limits::OVERLAP);
    for (seq, resync) in [(0, Some("too_old")), (1, None)] {
        let since = format!("{}~k3f9.{seq}", cursor(START));
        let hello = sent(&channel.open(1, opening(Some(&since)), now), 1);
        assert_eq!(hello[0]["resync"].as_str(), resync, "{seq}");
    }
    channel.tick(START.after(LOG_LIFE + limits::OVERLAP));
    let since = format!("{}~k3f9.{LOG}", cursor(START));
    assert_eq!(sent(&channel.open(2, opening(Some(&since)), now), 2)[0]["resync"], "too_old");
}

#[test]
fn a_change_that_no_frame_holds_sends_all_back_to_the_list_of_changes() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    channel.append(change(1, 1), START);
    let long = Change { id: RecordId::stored("i".repeat(2_000)), ..change(1, 1) };
    assert_eq!(channel.append(long, START), [Output::Close(1, Close::Restart)]);
    let since = format!("{}~k3f9.1", cursor(START));
    assert_eq!(sent(&channel.open(1, opening(Some(&since)), START), 1)[0]["resync"], "too_old");
    assert_eq!(sent(&channel.append(change(1, 2), START), 1)[0]["seq"], 3);
}

#[test]
fn a_mark_comes_after_an_event_once_a_minute() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    let marks = |frames: &[Json]| frames.iter().filter(|frame| frame.get("mark").is_some()).count();
    let later = START.after(MARK);
    channel.confirm(later);
    assert_eq!(marks(&sent(&channel.append(change(1, 1), START), 1)), 0);
    assert!(channel.tick(later).is_empty());
    let frames = sent(&channel.append(change(1, 2), later), 1);
    assert_eq!(frames[1], serde_json::json!({ "mark": cursor(later), "seq": 2 }));
    assert_eq!(marks(&sent(&channel.append(change(1, 3), later), 1)), 0);
}

#[test]
fn news_are_what_was_told_since_the_cursor() {
    let mut channel = channel();
    let cursor = |seconds: u64| Cursor::at_end(START.after(Duration::from_secs(seconds)), 1);
    channel.append(change(1, 1), START.after(Duration::from_secs(10)));
    assert!(channel.has_news_since(&cursor(9)));
    assert!(channel.has_news_since(&cursor(10)));
    assert!(!channel.has_news_since(&cursor(11)));
    let before = Cursor::at_end(START.before(Duration::from_secs(1)), 1);
    assert!(channel.has_news_since(&before), "the log does not go back so far");
}

#[test]
fn people_on_a_record_hear_of_each_other_once_a_second() {
    let mut channel = channel();
    let people = [Person::new("Ann", Some("u1")), Person::new("Bo", Some("u7")), Person::new("Bo", Some("u7"))];
    for (number, person) in (1..).zip(&people) {
        let person = person.as_ref().ok();
        channel.open(number, Opening { key_id: "k", person, since: None }, START);
    }
    channel.open(4, opening(None), START);
    let enter = |state: &str, field: &str| {
        serde_json::json!({ "presence": { "id": "p1", "state": state, "field": field } }).to_string()
    };
    assert!(channel.receive(1, &enter("view", ""), START).is_empty(), "no other socket is there");
    let outputs = channel.receive(2, &enter("edit", "/goal"), START);
    let frame = |who: Json| serde_json::json!({ "presence": "p1", "who": who, "more": 0 });
    assert_eq!(sent(&outputs, 1), [frame(serde_json::json!([["Bo", "u7", "edit", "/goal"]]))]);
    assert_eq!(sent(&outputs, 2), [frame(serde_json::json!([["Ann", "u1", "view", ""]]))]);
    // A second page of the same person, and a client without a name.
    assert!(channel.receive(3, &enter("view", ""), START).is_empty(), "within the same second");
    assert!(channel.receive(4, &enter("view", ""), START).is_empty());
    let outputs = channel.tick(START.after(PRESENCE));
    assert_eq!(sent(&outputs, 1), [frame(serde_json::json!([["Bo", "u7", "edit", "/goal"]]))]);
    assert_eq!(sent(&outputs, 3), [frame(serde_json::json!([["Ann", "u1", "view", ""]]))]);
    assert_eq!(sent(&outputs, 4)[0]["who"].as_array().map(Vec::len), Some(2));
    channel.closed(2);
    channel.receive(3, r#"{"presence":null}"#, START.after(PRESENCE));
    let outputs = channel.tick(START.after(2 * PRESENCE));
    assert_eq!(sent(&outputs, 1), [frame(serde_json::json!([]))]);
}

#[test]
fn the_sockets_of_a_key_are_closed() {
    let mut channel = channel();
    channel.open(1, opening(None), START);
    channel.open(2, Opening { key_id: "key_2", ..opening(None) }, START);
    let of_key: Vec<u64> = channel.sockets_of("key_1").collect();
    assert_eq!(channel.close(&of_key, Close::Key), [Output::Close(1, Close::Key)]);
    assert_eq!(channel.len(), 1);
    assert_eq!((Close::Key.code(), Close::Key.reason()), (4001, "key"));
}
