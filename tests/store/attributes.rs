//! Tests that the attributes of other programs are kept unchanged, whatever their names and types.

use http::Method;
use ripple_core::value::{Members, Number, Value};
use ripple_test_kit::{Answer, request};
use serde_json::json;

use crate::program::item;
use crate::table::every_type;
use crate::world::{World, in_both_worlds, put};

in_both_worlds! {
    attributes_called_like_ripples_members_are_kept_unseen
    attributes_called_like_ripples_earlier_ones_are_data
    whatever_they_count_versions_with_is_kept
    an_entry_without_an_id_keeps_the_types_in_it
    an_entry_with_an_id_keeps_the_types_in_it
    a_set_stays_a_set_or_goes
    what_cannot_be_a_set_is_a_list
    every_type_survives_every_way_to_write
}

/// Checks that the item has all of these attributes unchanged, except those in `changed`.
#[track_caller]
fn kept(before: &Members, after: &Members, changed: &[&str]) {
    for (name, value) in before {
        assert!(changed.contains(&name.as_str()) || after.get(name) == Some(value), "{name}: {:?}", after.get(name));
    }
    let added = |name: &&String| !before.contains_key(*name) && !changed.contains(&name.as_str());
    let added: Vec<&String> = after.keys().filter(added).filter(|name| !name.starts_with("rpl_")).collect();
    assert!(added.is_empty(), "{added:?}");
}

/// The API shows its own members under these names.
async fn attributes_called_like_ripples_members_are_kept_unseen(world: &World) {
    let theirs = item(
        "p",
        r#"{"goal":"theirs","version":"2.3","updated_at":"2026-03-01T10:00:00Z","updated_by":{"id":7},"deleted":true}"#,
    );
    world.program.put(theirs.clone()).await;
    let record = world.read("p").await;
    let shown = record["version"].as_i64().expect("a whole number");
    assert_eq!(record, json!({"prj_id": "p", "goal": "theirs", "version": shown}));
    assert_eq!(world.get("/prj?prj_id=p").await.json(), json!([record]));
    // Nor can clients filter or sort by them, or set them.
    assert_eq!(world.get("/prj?prj_id=p&version=2.3").await.json(), json!([]));

    let saved = world.put("p", json!({"version": shown, "goal": "ours"})).await.json();
    assert_eq!((&saved["version"], &saved["updated_by"]), (&json!(2), &json!("Ann")));
    kept(&theirs, &world.program.item("p").await.expect("an item"), &["goal"]);
    let mut whole = world.read("p").await;
    whole["goal"] = "ours again".into();
    assert_eq!(world.put("p", whole).await.version(), 3);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &["goal"]);
    assert_eq!(world.restore("p", 1).await.expect(200).version(), 4);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &[]);

    // If another program changes them, that is another state.
    world.program.set("p", "deleted", Some(Value::Bool(false))).await;
    assert!(world.read("p").await["version"].as_i64().is_some_and(|version| version < 0));
}

async fn attributes_called_like_ripples_earlier_ones_are_data(world: &World) {
    let theirs = item("p", r#"{"goal":"theirs","expires_at":1735689600,"list_shard":7,"updated_at":"soon"}"#);
    world.program.put(theirs.clone()).await;
    world.program.expire(world.now()).await;
    let record = world.read("p").await;
    assert_eq!((&record["expires_at"], &record["list_shard"]), (&json!(1_735_689_600), &json!(7)));
    let saved = world.put("p", json!({"version": record["version"], "goal": "ours"})).await;
    kept(&theirs, &world.program.item("p").await.expect("an item"), &["goal"]);
    let edit = json!({"version": saved.version(), "expires_at": 5, "list_shard": null});
    let edited = world.put("p", edit).await.json();
    assert_eq!((&edited["expires_at"], edited.get("list_shard")), (&json!(5), None));
    world.delete("p").await.expect(204);
    let tombstone = world.program.item("p").await.expect("a tombstone");
    assert!(!tombstone.contains_key("expires_at"), "nothing of the record is kept in it");
}

/// The attribute is not shown. It neither hides the record nor prevents a write.
async fn whatever_they_count_versions_with_is_kept(world: &World) {
    let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
    let counters = ["0", "-1", "1.5", "9007199254740992", "18446744073709551616", "1e125"].map(number);
    let others = [Value::Null, "3".into(), Value::List(vec![3.into()]), Value::Numbers([Number::from(3)].into())];
    for (count, counter) in counters.into_iter().chain(others).enumerate() {
        let id = format!("p{count}");
        let mut theirs = item(&id, r#"{"goal":"theirs"}"#);
        theirs.insert("version".to_owned(), counter.clone());
        world.program.put(theirs.clone()).await;
        let shown = world.read(&id).await["version"].as_i64().expect("a whole number");
        // The other program continues to count meanwhile.
        world.program.set(&id, "version", Some(number("0.5"))).await;
        let other = world.read(&id).await["version"].as_i64().expect("a whole number");
        assert!(shown < 0 && other < 0 && shown != other, "{counter:?}");
        world.program.put(theirs.clone()).await;
        assert_eq!(world.put(&id, json!({"version": shown, "goal": "ours"})).await.version(), 2, "{counter:?}");
        let item = world.program.item(&id).await.expect("an item");
        assert_eq!((item.get("version"), item.get("goal")), (Some(&counter), Some(&"ours".into())));
        world.delete(&id).await.expect(204);
        let tombstone = world.program.item(&id).await.expect("a tombstone");
        assert!(!tombstone.contains_key("version"), "nothing of the record is kept in it");
        assert_eq!(world.restore(&id, 1).await.expect(200).version(), 4);
        kept(&theirs, &world.program.item(&id).await.expect("an item"), &[]);
    }
}

/// Returns an entry with these members.
fn entry(members: &[(&str, Value)]) -> Value {
    let members = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Value::Map(every_type().into_iter().chain(members).collect())
}

/// Sends the record `p` back as it was read, with one part of its text replaced. (An `f64` would lose digits.)
async fn edit_text(world: &World, from: &str, to: &str) -> Answer {
    let read = world.get("/prj/p").await.expect(200);
    let text = std::str::from_utf8(read.body()).expect("JSON");
    assert!(text.contains(from), "{text}");
    world.send(request(Method::PUT, "/prj/p", text.replacen(from, to, 1))).await.expect(200)
}

/// Returns the entries of the item's list.
async fn entries(world: &World, id: &str) -> Vec<Members> {
    let item = world.program.item(id).await.expect("an item");
    let Value::List(list) = &item["list"] else { panic!("{item:?}") };
    let members = |entry: &Value| if let Value::Map(members) = entry { members.clone() } else { panic!("{entry:?}") };
    list.iter().map(members).collect()
}

async fn an_entry_without_an_id_keeps_the_types_in_it(world: &World) {
    let mut theirs = item("p", r#"{"goal":"theirs"}"#);
    let list = ["first", "second"].map(|note| entry(&[("note", note.into())]));
    theirs.insert("list".to_owned(), Value::List(list.to_vec()));
    world.program.put(theirs).await;
    edit_text(world, r#""note":"second""#, r#""note":"edited""#).await;
    let entries = entries(world, "p").await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    for (entry, note) in entries.iter().zip(["first", "edited"]) {
        assert_eq!(entry["note"], note.into());
        for (name, value) in every_type() {
            assert_eq!(entry.get(&name), Some(&value), "{name}");
        }
    }
}

async fn an_entry_with_an_id_keeps_the_types_in_it(world: &World) {
    let mut theirs = item("p", r#"{"goal":"theirs"}"#);
    let inner = Value::List(vec![entry(&[("note", "inner".into())])]);
    let list = ["a", "b"].map(|id| entry(&[("id", id.into()), ("inner", inner.clone())]));
    theirs.insert("list".to_owned(), Value::List(list.to_vec()));
    world.program.put(theirs).await;
    edit_text(world, r#""note":"inner""#, r#""note":"edited""#).await;
    let entries = entries(world, "p").await;
    for (entry, note) in entries.iter().zip(["edited", "inner"]) {
        let Value::List(inner) = &entry["inner"] else { panic!("{entry:?}") };
        let [Value::Map(inner)] = inner.as_slice() else { panic!("{inner:?}") };
        assert_eq!(inner.get("note"), Some(&note.into()));
        for (name, value) in every_type() {
            assert_eq!((entry.get(&name), inner.get(&name)), (Some(&value), Some(&value)), "{name}");
        }
    }
}

/// DynamoDB has no empty set, and adds elements only to a set.
async fn a_set_stays_a_set_or_goes(world: &World) {
    let texts = |texts: &[&str]| Value::Strings(texts.iter().map(|text| (*text).to_owned()).collect());
    for (sent, stored) in [
        (json!([]), None),
        (json!(["x", "y", "y"]), Some(texts(&["x", "y"]))),
        (json!(["x"]), Some(texts(&["x"]))),
        (json!(["x", "new", "new", "x"]), Some(texts(&["new", "x"]))),
    ] {
        let id = format!("p{}", sent.to_string().len());
        let mut theirs = item(&id, r#"{"goal":"theirs"}"#);
        theirs.insert("tags".to_owned(), texts(&["x", "z"]));
        theirs.insert("meta".to_owned(), Value::Map(Members::from([("tags".to_owned(), texts(&["x", "z"]))])));
        world.program.put(theirs).await;
        let shown = world.read(&id).await["version"].clone();
        let edit = json!({"version": shown, "tags": sent, "meta": {"tags": sent, "n": 1}});
        let saved = world.put(&id, edit.clone()).await;
        let item = world.program.item(&id).await.expect("an item");
        assert_eq!(item.get("tags"), stored.as_ref(), "{sent}");
        let Some(Value::Map(meta)) = item.get("meta") else { panic!("{item:?}") };
        assert_eq!(meta.get("tags"), stored.as_ref(), "{sent}");
        assert_eq!(saved.json(), world.read(&id).await);
        let again = world.send(put(&id, edit)).await.expect(200);
        assert!(again.receipt().starts_with("result=unchanged, "), "{}", again.receipt());
    }
    let mut theirs = item("numbers", r#"{"goal":"theirs"}"#);
    theirs.insert("numbers".to_owned(), Value::Numbers([Number::from(1)].into()));
    theirs.insert("binaries".to_owned(), Value::Binaries([vec![1]].into()));
    world.program.put(theirs).await;
    let shown = world.read("numbers").await["version"].clone();
    world.put("numbers", json!({"version": shown, "numbers": [2, 2.0, 3], "binaries": ["Ag==", "Ag=="]})).await;
    let item = world.program.item("numbers").await.expect("an item");
    assert_eq!(item["numbers"], Value::Numbers([Number::from(2), Number::from(3)].into()));
    assert_eq!(item["binaries"], Value::Binaries([vec![2]].into()));
}

async fn what_cannot_be_a_set_is_a_list(world: &World) {
    let mut theirs = item("p", r#"{"goal":"theirs"}"#);
    theirs.insert("tags".to_owned(), Value::Strings(["x".to_owned()].into()));
    theirs.insert("bytes".to_owned(), Value::Binary(vec![1]));
    world.program.put(theirs).await;
    let shown = world.read("p").await["version"].clone();
    world.put("p", json!({"version": shown, "tags": ["x", 5, null], "bytes": "no base64!"})).await;
    let item = world.program.item("p").await.expect("an item");
    assert_eq!(item["tags"], Value::List(vec!["x".into(), 5.into(), Value::Null]));
    assert_eq!(item["bytes"], "no base64!".into());
}

async fn every_type_survives_every_way_to_write(world: &World) {
    let mut theirs = item("p", r#"{"goal":"theirs"}"#);
    theirs.extend(every_type());
    theirs.insert("deep".to_owned(), Value::List(vec![entry(&[("id", "a".into())])]));
    world.program.put(theirs.clone()).await;
    // The record is adopted, edited, sent back whole, deleted and restored.
    assert_eq!(world.put("p", json!({})).await.version(), 1);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &[]);
    assert_eq!(world.put("p", json!({"goal": "ours"})).await.version(), 2);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &["goal"]);
    assert_eq!(edit_text(world, r#""goal":"ours""#, r#""goal":"ours again""#).await.version(), 3);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &["goal"]);
    world.delete("p").await.expect(204);
    assert_eq!(world.restore("p", 1).await.expect(200).version(), 5);
    kept(&theirs, &world.program.item("p").await.expect("an item"), &[]);
}
