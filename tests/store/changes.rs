//! Tests of `_changes`: a cursor that is too old, and items of other writers in the index.

use ripple_core::value::{Number, Value};
use ripple_test_kit::Answer;
use serde_json::json;

use crate::program::item;
use crate::world::{DAY, World, in_both_worlds};

in_both_worlds! {
    a_cursor_older_than_a_tombstone_lives_is_told_to_begin_anew
    a_link_older_than_a_tombstone_lives_is_told_to_begin_anew
    a_walk_goes_on_past_what_another_program_wrote
    items_with_attributes_of_any_type_do_not_end_a_walk
}

/// More pages than any test reads.
const PAGES: usize = 50;

/// Returns the cursor of the current end of the changes.
async fn cursor(world: &World) -> String {
    let pages = walk(world, "/prj/_changes").await;
    pages.last().expect("a page")["cursor"].as_str().expect("a cursor").to_owned()
}

/// Follows the links from a path to their end, and returns the pages.
async fn walk(world: &World, path: &str) -> Vec<serde_json::Value> {
    let (mut pages, mut path) = (Vec::new(), Some(path.to_owned()));
    while let Some(next) = path {
        assert!(pages.len() < PAGES, "the walk does not end: {next}");
        let page = world.get(&next).await.expect(200);
        path = link(&page);
        pages.push(page.json());
    }
    pages
}

fn link(page: &Answer) -> Option<String> {
    let reference = page.header("link").strip_prefix('<')?.split_once('>')?.0;
    Some(format!("/prj/{reference}"))
}

/// Returns the ids in the pages, each once.
fn told(pages: &[serde_json::Value], list: &str) -> Vec<String> {
    let records = pages.iter().flat_map(|page| page[list].as_array().expect("a list").clone());
    let id = |told: serde_json::Value| told.as_str().or(told["prj_id"].as_str()).expect("an id").to_owned();
    let mut ids: Vec<String> = records.map(id).collect();
    ids.sort();
    ids.dedup();
    ids
}

async fn a_cursor_older_than_a_tombstone_lives_is_told_to_begin_anew(world: &World) {
    for id in ["a", "b"] {
        world.create(id, json!({})).await;
    }
    let old = format!("/prj/_changes?since={}", cursor(world).await);
    world.pass(DAY);
    world.delete("b").await.expect(204);
    world.pass(94 * DAY);
    world.program.expire(world.now()).await;
    assert_eq!(told(&walk(world, &old).await, "deleted"), ["b"]);

    world.pass(3 * DAY);
    world.program.expire(world.now()).await;
    world.get(&old).await.problem(410, "cursor_expired");
    assert_eq!(world.get(&old).await.header("cache-control"), "no-store");
    let anew = walk(world, "/prj/_changes").await;
    assert_eq!(told(&anew, "changed"), ["a"]);
    assert_eq!(told(&anew, "deleted"), [""; 0]);
    let cursor = anew.last().expect("a page")["cursor"].as_str().expect("a cursor").to_owned();
    walk(world, &format!("/prj/_changes?since={cursor}")).await;
}

/// A reader may pause between two pages.
async fn a_link_older_than_a_tombstone_lives_is_told_to_begin_anew(world: &World) {
    let begun = cursor(world).await;
    for id in ["a", "b", "c"] {
        world.create(id, json!({})).await;
    }
    let path = format!("/prj/_changes?since={begun}&limit=1");
    let next = link(&world.get(&path).await.expect(200)).expect("more is ready");
    world.pass(98 * DAY);
    world.get(&next).await.problem(410, "cursor_expired");
}

async fn a_walk_goes_on_past_what_another_program_wrote(world: &World) {
    let begun = cursor(world).await;
    for id in ["a", "b", "c", "d", "e", "f"] {
        world.create(id, json!({})).await;
    }
    // The items stay in the index, and none of their seals matches.
    world.program.set("a", "goal", Some("theirs".into())).await;
    world.program.set("b", "rpl_version", None).await;
    world.program.set("c", "rpl_version", Some("x".into())).await;
    world.program.set("d", "rpl_version", Number::parse("0.5").map(Value::Number)).await;
    world.program.set("e", "rpl_seal", None).await;
    for limit in 1..8 {
        for path in [format!("/prj/_changes?limit={limit}"), format!("/prj/_changes?since={begun}&limit={limit}")] {
            let pages = walk(world, &path).await;
            assert!(told(&pages, "changed").contains(&"f".to_owned()), "{path}");
            for page in &pages {
                let since = page["cursor"].as_str().expect("a cursor");
                world.get(&format!("/prj/_changes?since={since}&limit=1")).await.expect(200);
            }
        }
    }
    let everything = told(&walk(world, "/prj/_changes?limit=1").await, "changed");
    assert_eq!(everything, ["a", "b", "c", "d", "e", "f"]);
}

/// Another program may have attributes with the names of the index's keys, if DynamoDB accepts their types.
async fn items_with_attributes_of_any_type_do_not_end_a_walk(world: &World) {
    world.create("a", json!({})).await;
    let ours = world.program.item("a").await.expect("an item");
    for (id, members) in [
        ("b", r#"{"rpl_version":0}"#),
        ("c", r#"{"rpl_version":18446744073709551616,"rpl_seal":1}"#),
        ("d", r#"{"rpl_version":[1],"rpl_seal":{},"rpl_by":7,"rpl_deleted":"yes"}"#),
        ("e", r#"{"rpl_version":1,"rpl_seal":"AAAAAAAAAAAAAAAA","rpl_deleted":true,"rpl_expires_at":"soon"}"#),
    ] {
        let mut item = item(id, members);
        for name in ["rpl_at", "rpl_shard"] {
            item.extend(ours.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        world.program.put(item).await;
    }
    for path in ["/prj/_changes?limit=1", "/prj/_changes", "/prj/_changes?limit=2"] {
        assert_eq!(told(&walk(world, path).await, "changed"), ["a", "b", "c", "d", "e"], "{path}");
    }
    for id in ["b", "c", "d", "e"] {
        assert!(world.read(id).await["version"].as_i64().is_some_and(|version| version < 0), "{id}");
    }
}
