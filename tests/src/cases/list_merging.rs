//! Two clients edit one list at once: its places, equal entries, copied entries, and its order.

use http::Method;
use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { list_merging:
    changes_of_different_places_are_both_kept,
    later_value_wins_at_a_place_that_both_changed,
    a_pair_of_coordinates_stays_a_pair,
    a_place_and_an_added_entry_are_both_kept,
    a_change_of_a_place_sent_again_changes_nothing,
    equal_entries_of_two_requests_are_two_entries,
    equal_entries_of_two_requests_join_a_list_that_is_there,
    empty_id_counts_as_absent,
    a_copied_entry_gets_an_id_of_its_own,
    copies_by_two_authors_are_two_entries,
    a_copy_sent_again_after_a_move_changes_nothing,
    a_new_order_sent_again_changes_nothing,
}

/// Both ways to save. The body of each is the whole record.
const BOTH: [Method; 2] = [Method::PUT, Method::PATCH];

/// A record whose member `list` two clients edit. Both have read version 1.
struct Shared<'t> {
    t: &'t Target,
    method: Method,
    id: String,
    first: Value,
}

impl<'t> Shared<'t> {
    #[track_caller]
    fn new(t: &'t Target, method: Method, list: &Value) -> Shared<'t> {
        let first = t.create(&t.draft().with("list", list.clone())).json();
        Shared { t, method, id: t.id_of(&first), first }
    }

    fn id(&self) -> &str {
        &self.id
    }

    /// Returns the request of a client that read version 1 and sends the whole record back with this list.
    fn save(&self, list: &Value) -> Call<'t> {
        let mut record = self.first.clone();
        record["list"] = list.clone();
        self.t.call(self.method.clone(), self.t.path(self.id())).json(record.to_string())
    }

    /// Sends Ann's list and then Bo's. Returns the response to Bo.
    #[track_caller]
    fn both_save(&self, ann: &Value, bo: &Value) -> Answer {
        self.save(ann).send().expect(200);
        self.save(bo).send().expect(200)
    }

    /// Returns the list as it is now.
    #[track_caller]
    fn list(&self) -> Value {
        self.t.read(self.id()).json()["list"].clone()
    }

    /// Sends the request with that list again, and asserts that it changes nothing.
    #[track_caller]
    fn changes_nothing_again(&self, list: &Value) {
        let before = self.t.version(self.id());
        let again = self.save(list).send().expect(200);
        assert!(receipt(&again).starts_with("result=unchanged, "), "{}", receipt(&again));
        assert_eq!(self.t.version(self.id()), before);
    }
}

#[track_caller]
fn receipt(answer: &Answer) -> &str {
    answer.header("ripple-receipt").expect("every write has a receipt")
}

/// Returns the ids of a list's entries. Asserts that all have one.
#[track_caller]
fn ids(list: &Value) -> Vec<String> {
    let entries = list.as_array().expect("a list");
    let id = |entry: &Value| entry["id"].as_str().map(str::to_owned);
    entries.iter().map(|entry| id(entry).unwrap_or_else(|| panic!("{entry} has no id"))).collect()
}

/// Asserts that all entries have different ids.
#[track_caller]
fn ids_differ(list: &Value) {
    let mut ids = ids(list);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{list}");
}

fn changes_of_different_places_are_both_kept(t: &Target) {
    for [base, ann, bo, merged] in [
        [
            json!([false, false, false]),
            json!([true, false, false]),
            json!([false, true, false]),
            json!([true, true, false]),
        ],
        [json!([true, false]), json!([true, true]), json!([false, false]), json!([false, true])],
        [json!([0, 0]), json!([1, 0]), json!([0, 1]), json!([1, 1])],
        [json!(["", ""]), json!(["a", ""]), json!(["", "b"]), json!(["a", "b"])],
        [json!([null, null]), json!([1, null]), json!([null, 2]), json!([1, 2])],
        [json!([[0], [0]]), json!([[1], [0]]), json!([[0], [2]]), json!([[1], [2]])],
        [json!({"a": [0, 0]}), json!({"a": [1, 0]}), json!({"a": [0, 1]}), json!({"a": [1, 1]})],
        [
            json!([{"id": "x", "done": [false, false]}]),
            json!([{"id": "x", "done": [true, false]}]),
            json!([{"id": "x", "done": [false, true]}]),
            json!([{"id": "x", "done": [true, true]}]),
        ],
    ] {
        for method in BOTH {
            let shared = Shared::new(t, method, &base);
            let answer = shared.both_save(&ann, &bo);
            assert_eq!(shared.list(), merged, "{base}: {ann} and {bo}");
            assert!(receipt(&answer).starts_with("result=saved, version=3, base=1"), "{}", receipt(&answer));
            assert!(!receipt(&answer).contains("won="), "{}", receipt(&answer));
        }
    }
}

fn later_value_wins_at_a_place_that_both_changed(t: &Target) {
    for method in BOTH {
        let shared = Shared::new(t, method, &json!([1, 2]));
        let answer = shared.both_save(&json!([5, 2]), &json!([7, 3]));
        assert_eq!(shared.list(), json!([7, 3]));
        assert!(receipt(&answer).contains(r#"won=("/list/0";replaced=2)"#), "{}", receipt(&answer));
        let replaced = t.get(format!("{}/versions/2", t.path(shared.id()))).send().expect(200).json();
        assert_eq!(replaced["list"], json!([5, 2]));
    }
}

fn a_pair_of_coordinates_stays_a_pair(t: &Target) {
    for method in BOTH {
        let shared = Shared::new(t, method, &json!([37.5, 127.0]));
        let answer = shared.both_save(&json!([37.6, 127.0]), &json!([37.7, 127.0]));
        assert_eq!(shared.list(), json!([37.7, 127]));
        assert!(receipt(&answer).contains(r#"won=("/list/0";replaced=2)"#), "{}", receipt(&answer));
    }
}

fn a_place_and_an_added_entry_are_both_kept(t: &Target) {
    for method in BOTH {
        let [ann, bo] = [json!([1, 2, 1, 5]), json!([9, 2, 1])];
        let shared = Shared::new(t, method, &json!([1, 2, 1]));
        shared.both_save(&ann, &bo);
        assert_eq!(shared.list(), json!([9, 2, 1, 5]));
        shared.changes_nothing_again(&ann);
        shared.changes_nothing_again(&bo);
    }
}

fn a_change_of_a_place_sent_again_changes_nothing(t: &Target) {
    for method in BOTH {
        let [ann, bo] = [json!([true, false, false]), json!([false, true, false])];
        let shared = Shared::new(t, method, &json!([false, false, false]));
        shared.both_save(&ann, &bo);
        shared.changes_nothing_again(&ann);
        shared.changes_nothing_again(&bo);
    }
}

/// The `Idempotency-Key` tells two requests apart. Without one, equal requests of one client are a retry.
fn equal_entries_of_two_requests_are_two_entries(t: &Target) {
    for method in BOTH {
        let draft = t.draft();
        let id = draft.id();
        t.create(&draft);
        let save = |key: &str| {
            let call = t.call(method.clone(), t.path(id)).json(r#"{"version":1,"hours":[{"h":2}]}"#);
            call.header("idempotency-key", format!("{id}-{key}")).send().expect(200)
        };
        let (ann, bo) = (save("ann"), save("bo"));
        assert!(receipt(&bo).starts_with("result=saved, version=3, base=1"), "{}", receipt(&bo));
        let hours = t.read(id).json()["hours"].clone();
        assert_eq!(hours.as_array().map(Vec::len), Some(2), "{hours}");
        ids_differ(&hours);

        let before = t.version(id);
        for (again, first) in [(save("ann"), &ann), (save("bo"), &bo)] {
            assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(first)));
        }
        assert_eq!(t.version(id), before);
    }
}

fn equal_entries_of_two_requests_join_a_list_that_is_there(t: &Target) {
    let shared = Shared::new(t, Method::PUT, &json!([{"id": "x", "h": 1}]));
    let longer = json!([{"id": "x", "h": 1}, {"h": 2}]);
    for key in ["ann", "bo"] {
        shared.save(&longer).header("idempotency-key", format!("{}-{key}", shared.id())).send().expect(200);
    }
    let list = shared.list();
    let hours: Vec<&Value> = list.as_array().expect("a list").iter().map(|entry| &entry["h"]).collect();
    assert_eq!(hours, [1, 2, 2]);
    ids_differ(&list);
}

fn empty_id_counts_as_absent(t: &Target) {
    let entries = json!([{"id": "", "n": 1}, {"id": null, "n": 2}, {"id": "", "n": 1}, {"n": 4}]);
    let created = t.create(&t.draft().with("list", entries.clone())).json();
    ids_differ(&created["list"]);
    assert!(!ids(&created["list"]).contains(&String::new()), "{}", created["list"]);
    let shared = Shared::new(t, Method::PUT, &json!([]));
    shared.save(&entries).send().expect(200);
    ids_differ(&shared.list());
    shared.changes_nothing_again(&entries);
}

fn a_copied_entry_gets_an_id_of_its_own(t: &Target) {
    let original = json!({"id": "a", "text": "x"});
    for copy in [json!({"id": "a", "text": "x"}), json!({"id": "a", "text": "y"})] {
        let twice = json!([original, copy]);
        let created = t.create(&t.draft().with("list", twice.clone())).json();
        ids_differ(&created["list"]);
        assert_eq!(created["list"][0], original);
        assert_eq!(created["list"][1]["text"], copy["text"]);

        for method in BOTH {
            let shared = Shared::new(t, method, &json!([original]));
            shared.save(&twice).send().expect(200);
            let list = shared.list();
            ids_differ(&list);
            assert_eq!(list[0], original);
            assert_eq!(list[1]["text"], copy["text"]);
            shared.changes_nothing_again(&twice);
        }
    }
}

/// Returns the lists of Ann and Bo: each has copied the only entry with its id, and has changed the copy.
fn copies() -> [Value; 3] {
    let copied = |text: &str| json!([{"id": "a", "text": "original"}, {"id": "a", "text": text}]);
    [json!([{"id": "a", "text": "original"}]), copied("Ann's"), copied("Bo's")]
}

fn copies_by_two_authors_are_two_entries(t: &Target) {
    let [base, ann, bo] = copies();
    for method in BOTH {
        let shared = Shared::new(t, method, &base);
        shared.both_save(&ann, &bo);
        let list = shared.list();
        ids_differ(&list);
        assert_eq!(list[0], base[0]);
        let mut texts: Vec<&str> = (0..3).filter_map(|entry| list[entry]["text"].as_str()).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["Ann's", "Bo's", "original"], "{list}");
    }
}

fn a_copy_sent_again_after_a_move_changes_nothing(t: &Target) {
    let [base, ann, bo] = copies();
    for method in BOTH {
        let shared = Shared::new(t, method, &base);
        let mut record = shared.both_save(&ann, &bo).json();
        let mut moved = record["list"].as_array().expect("a list").clone();
        moved.reverse();
        record["list"] = moved.into();
        t.put(shared.id(), record.to_string()).send().expect(200);
        assert_eq!(shared.list(), record["list"]);
        shared.changes_nothing_again(&ann);
        shared.changes_nothing_again(&bo);
    }
}

fn a_new_order_sent_again_changes_nothing(t: &Target) {
    let entry = |id: &str| json!({"id": id});
    for [base, bo, ann] in [
        [json!([1, 2, 3]), json!([3, 1, 2]), json!([2, 1])],
        [json!(["a", "b", "c"]), json!(["c", "a", "b"]), json!(["b", "a"])],
        [
            json!([entry("a"), entry("b"), entry("c")]),
            json!([entry("c"), entry("a"), entry("b")]),
            json!([entry("b"), entry("a")]),
        ],
    ] {
        for method in BOTH {
            let shared = Shared::new(t, method, &base);
            shared.save(&bo).send().expect(200);
            shared.save(&ann).send().expect(200);
            let list = shared.list();
            let entries = list.as_array().expect("a list");
            assert!(!entries.contains(&base[2]), "Ann removed it and Bo only moved it: {list}");
            assert!(entries.contains(&base[0]) && entries.contains(&base[1]) && entries.len() == 2, "{list}");
            shared.changes_nothing_again(&ann);
            assert_eq!(shared.list(), list);
        }
    }
}
