//! Hostile records: every type, Unicode, missing members, ties, 38 digits, and names that are ripple's own.

use ripple_core::record::Person;
use ripple_core::value::{Members, Number, Value};
use ripple_core::{Record, RecordId, Timestamp};

/// Numbers from a seed.
pub(crate) struct Luck(pub(crate) u64);

impl Luck {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }

    pub(crate) fn is(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Names that the schema declares, names that it does not, and names of ripple's own members.
pub(crate) const NAMES: &[&str] =
    &["name", "goal", "term", "tags", "position", "x", "ÄLL", "a\nb", "version", "deleted", "updated_at", "", "\"q\"="];

pub(crate) const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "Straße",
    "STRASSE",
    "ΟΔΥΣΣΕΥΣ",
    "οδυσσευς",
    "null",
    "true",
    "1",
    "1.0",
    "-7",
    "x\ny",
    "\u{0}b",
    "%_",
    "\"",
    "\\",
    "it's",
    "🦆",
    "e\u{301}",
    "é",
    "İ",
    "ﬀ",
    "\u{10FFFF}",
    "=\"a\"",
    "?\"x\"",
];

pub(crate) const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "7",
    "-7",
    "0.5",
    "-0.5",
    "10",
    "100",
    "-100",
    "12345678901234567890123456789012345678",
    "12345678901234567890123456789012345679",
    "-12345678901234567890123456789012345678",
    "9007199254740993",
    "9007199254740992",
    "1e125",
    "-1e125",
    "1e-130",
    "-1e-130",
    "1.0000000000000000000000000000000000001",
];

pub(crate) fn text(luck: &mut Luck) -> String {
    let text = luck.pick(TEXTS).to_owned();
    match luck.below(12) {
        0 => text.repeat(60),
        1 => text + luck.pick(TEXTS),
        2 => "\u{1}".repeat(luck.below(600)) + &text,
        _ => text,
    }
}

fn number(luck: &mut Luck) -> Number {
    Number::parse(luck.pick(NUMBERS)).expect("a number")
}

fn value(luck: &mut Luck, depth: usize) -> Value {
    match luck.below(if depth == 0 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => Value::Bool(luck.is(2)),
        2 | 3 => Value::Number(number(luck)),
        4 | 5 => Value::String(text(luck)),
        6 => Value::Binary(text(luck).into_bytes()),
        7 => Value::Strings((0..=luck.below(3)).map(|_| text(luck)).collect()),
        8 if luck.is(2) => Value::Numbers((0..=luck.below(3)).map(|_| number(luck)).collect()),
        8 => Value::Binaries([vec![0, 255], text(luck).into_bytes()].into()),
        9 | 10 => Value::List((0..luck.below(4)).map(|_| value(luck, depth - 1)).collect()),
        _ => Value::Map((0..luck.below(3)).map(|_| (luck.pick(NAMES).to_owned(), value(luck, depth - 1))).collect()),
    }
}

/// Returns members. One record in 300 has more than the columns hold.
pub(crate) fn attributes(luck: &mut Luck) -> Members {
    let mut members = members(luck);
    if luck.is(300) {
        widen(&mut members, luck);
    }
    members
}

/// Returns members that the columns hold.
pub(crate) fn members(luck: &mut Luck) -> Members {
    (0..luck.below(7)).map(|_| (luck.pick(NAMES).to_owned(), value(luck, 2))).collect::<Vec<_>>().into_iter().collect()
}

/// Adds more than the columns hold: many distinct numbers, or text that folding makes longer.
pub(crate) fn widen(members: &mut Members, luck: &mut Luck) {
    let many = (0..30_000).map(|n| Value::from(n as u64)).collect();
    members.insert("x".to_owned(), if luck.is(2) { Value::List(many) } else { "\u{1}İ".repeat(100_000).into() });
}

pub(crate) fn id(luck: &mut Luck, among: usize) -> RecordId {
    id_of(luck.below(among))
}

pub(crate) fn id_of(n: usize) -> RecordId {
    RecordId::stored(match n % 4 {
        0 => format!("p{n}"),
        1 => format!("P {n} é"),
        2 => format!("{n}"),
        _ => format!("{n}\u{10000}/\"{n}\""),
    })
}

/// Returns a state that ripple wrote, live or deleted.
pub(crate) fn state(luck: &mut Luck, id: RecordId, number: u64, now: Timestamp) -> Record {
    if luck.is(8) {
        let gone = Record::new(id, Members::new()).deleted(Timestamp(u64::MAX / 2000 * 1000));
        return gone.written(None, number, now, "Bo");
    }
    let record = Record::new(id, attributes(luck));
    written(luck, record, number, now)
}

/// Returns a record as some author wrote it.
pub(crate) fn written(luck: &mut Luck, record: Record, number: u64, now: Timestamp) -> Record {
    let by = luck.pick(&["", "Ann", "Bo", "ann"]);
    let person = luck.is(4).then(|| Person::new("Zoë", None).expect("a name"));
    record.written(None, number, now, by).on_behalf_of(person.as_ref())
}
