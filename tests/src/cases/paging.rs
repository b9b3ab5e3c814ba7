//! Lists in pages: following `Link` gives the whole list.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::case::cases;
use crate::{Kit, Target};

cases! { paging:
    pages_make_up_the_list,
    pages_make_up_the_sorted_list,
    cursor_survives_deletion_of_its_record,
    a_walk_ends_though_its_members_are_gone,
    a_cursor_of_long_texts_can_be_followed,
    complete_page_has_no_link,
    a_cursor_takes_another_limit,
    a_cursor_of_another_query_is_refused,
    a_damaged_cursor_is_refused,
    pages_lead_back,
    a_page_whose_neighbours_are_gone_leads_to_them_all_the_same,
    the_count_is_of_all_matches,
}

/// Creates seventeen records with ties, numbers, texts and absent values in the sorted attributes.
#[track_caller]
fn create_many(t: &Target) {
    for n in 0..17 {
        let draft = t.draft().with("n", n % 5).with("text", format!("{}\u{1F6A2}", n % 3));
        let draft = match n % 4 {
            0 => draft,
            1 => draft.with("mixed", n),
            2 => draft.with("mixed", format!("text {}", n % 8)),
            _ => draft.with("mixed", json!([n])).with("long", "x".repeat(300)),
        };
        t.create(&draft);
    }
}

/// Asserts that the list in pages of at most `limit` equals the list in one page.
#[track_caller]
fn walk(t: &Target, parameters: &str, limit: usize) {
    let whole = t.get(t.list_path(parameters)).send().expect(200);
    assert_eq!(whole.next(), None, "the list without a limit is in one page");
    let and = if parameters.is_empty() { "" } else { "&" };
    let pages = t.pages(&t.list_path(&format!("{parameters}{and}limit={limit}")));
    for page in &pages {
        assert!(page.array().len() <= limit, "{}", page.asked());
    }
    let walked: Vec<Value> = pages.iter().flat_map(Answer::array).collect();
    assert_eq!(walked, whole.array(), "{parameters} in pages of {limit}");
}

fn pages_make_up_the_list(t: &Target) {
    create_many(t);
    assert_eq!(t.list("").len(), 17);
    for limit in [1, 2, 5, 16, 17, 18] {
        walk(t, "", limit);
    }
    for parameters in ["q=0", "n=1", &format!("fields={}", t.kit.title), "fields=n&q=%F0%9F%9A%A2&text=1%F0%9F%9A%A2"] {
        walk(t, parameters, 2);
    }
}

fn pages_make_up_the_sorted_list(t: &Target) {
    create_many(t);
    for sort in [
        "n",
        "-n",
        "mixed",
        "-mixed",
        "long,-n",
        "-long,text",
        "text,-mixed,n",
        &format!("-{}", t.kit.key),
        "-updated_at",
        "updated_author",
        t.kit.number,
    ] {
        assert_eq!(t.list(&format!("sort={sort}")).len(), 17);
        for limit in [1, 4] {
            walk(t, &format!("sort={sort}"), limit);
        }
    }
    walk(t, "sort=-n&fields=text&n=2", 2);
}

/// A cursor is a position, not a record.
fn cursor_survives_deletion_of_its_record(t: &Target) {
    for sort in [String::new(), format!("&sort=-{}", t.kit.title)] {
        let t = &t.stranger();
        for n in 0..6 {
            t.create(&t.draft().title(format!("{n}")));
        }
        let whole = t.list_ids(sort.trim_start_matches('&'));
        let page = t.get(t.list_path(&format!("limit=3{sort}"))).send().expect(200);
        t.delete(&whole[2]).send().expect(204);
        let next = page.next().expect("there is more");
        let rest: Vec<String> = t.pages(&next).iter().flat_map(Answer::array).map(|record| t.id_of(&record)).collect();
        assert_eq!(rest, whole[3..]);
    }
}

/// A list goes on though no record has a member any longer that the resource does not declare.
fn a_walk_ends_though_its_members_are_gone(t: &Target) {
    for form in ["sort={}", "fields={}", "{}[not]=y"] {
        let t = &t.stranger();
        let first = t.draft();
        let member = format!("of_{}", t.run);
        let first = first.with(&member, "x");
        t.create(&first);
        t.some_record();
        let parameters = form.replace("{}", &member);
        let page = t.get(t.list_path(&format!("{parameters}&limit=1"))).send().expect(200);
        let next = page.next().expect("there is more");
        t.delete(first.id()).send().expect(204);
        t.get(t.list_path(&parameters)).send().problem(400, "invalid_request");
        t.get(&next).send().expect(200);
    }
}

/// Each text that a cursor carries has the greatest possible length after escaping.
fn a_cursor_of_long_texts_can_be_followed(t: &Target) {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for letter in ["\u{1}", "\u{1F6A2}", "\""] {
        let t = &t.stranger();
        for n in 0..3 {
            let text = format!("{}{n}", letter.repeat(63));
            t.create(&names.iter().fold(t.draft(), |draft, name| draft.with(name, text.as_str())));
        }
        walk(t, &format!("sort={}", names.join(",")), 1);
    }
}

fn complete_page_has_no_link(t: &Target) {
    for _ in 0..3 {
        t.some_record();
    }
    for (limit, more) in [(2, true), (3, false), (4, false)] {
        let page = t.get(t.list_path(&format!("limit={limit}"))).send().expect(200);
        assert_eq!(page.next().is_some(), more, "limit {limit}");
    }
}

fn a_cursor_takes_another_limit(t: &Target) {
    create_many(t);
    let whole = t.list_ids("sort=-n");
    let first = t.get(t.list_path("sort=-n&limit=3")).send().expect(200);
    let next = first.next().expect("there is more").replace("limit=3", "limit=4");
    let page: Vec<String> = t.get(next).send().expect(200).array().iter().map(|record| t.id_of(record)).collect();
    assert_eq!(page, whole[3..7]);
}

/// Returns the cursor in the link of the list's first page.
#[track_caller]
fn cursor(t: &Target, parameters: &str) -> String {
    let page = t.get(t.list_path(&format!("{parameters}&limit=1"))).send().expect(200);
    let next = page.next().expect("there is more");
    let cursor = next.split(['?', '&']).find_map(|pair| pair.strip_prefix("cursor="));
    cursor.expect("the link has a cursor").to_owned()
}

fn a_cursor_of_another_query_is_refused(t: &Target) {
    t.some_record();
    t.some_record();
    let Kit { title, text, number, choice: (choice, [value, another]), .. } = t.kit;
    let own = format!("sort=-{title}&q=ferry&fields={title}&{choice}={value}");
    let cursor = cursor(t, &own);
    t.get(t.list_path(&format!("{own}&cursor={cursor}"))).send().expect(200);
    for other in [
        format!("sort={title}&q=ferry&fields={title}&{choice}={value}"),
        format!("q=ferry&fields={title}&{choice}={value}"),
        format!("sort=-{title}&q=boat&fields={title}&{choice}={value}"),
        format!("sort=-{title}&fields={title}&{choice}={value}"),
        format!("sort=-{title}&q=ferry&fields={text}&{choice}={value}"),
        format!("sort=-{title}&q=ferry&{choice}={value}"),
        format!("sort=-{title}&q=ferry&fields={title}&{choice}={another}"),
        format!("sort=-{title}&q=ferry&fields={title}"),
        format!("{own}&{number}=6"),
    ] {
        let answer = t.get(t.list_path(&format!("{other}&cursor={cursor}"))).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "cursor");
    }
    let answer = t.get(t.path(&format!("_changes?since={cursor}"))).send();
    answer.problem(400, "invalid_request");
    answer.blames("parameter", "since");
}

fn a_damaged_cursor_is_refused(t: &Target) {
    t.some_record();
    t.some_record();
    let cursor = cursor(t, "");
    let half = &cursor[..cursor.len() / 2];
    let longer = format!("{cursor}{cursor}");
    let swapped: String = cursor.chars().rev().collect();
    for damaged in ["", "x", "!!!!", "%00", "AAAAAAAAAAAAAAAA", half, &longer, &swapped, &"A".repeat(4000)] {
        let answer = t.get(t.list_path(&format!("cursor={damaged}"))).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "cursor");
    }
}

fn pages_lead_back(t: &Target) {
    create_many(t);
    for sort in ["", "&sort=-mixed,n"] {
        let path = t.list_path(&format!("limit=4{sort}"));
        let pages = t.pages(&path);
        assert_eq!((pages.len(), pages[0].link("prev"), pages[0].link("first")), (5, None, None));
        for two in pages.windows(2) {
            let back = t.get(two[1].link("prev").expect("a link")).send().expect(200);
            assert_eq!(back.array(), two[0].array(), "{sort}");
            let forth = t.get(back.next().expect("a link")).send().expect(200);
            assert_eq!(forth.array(), two[1].array(), "{sort}");
            let first = t.get(two[1].link("first").expect("a link")).send().expect(200);
            assert_eq!((first.array(), first.etag()), (pages[0].array(), pages[0].etag()));
        }
    }
}

fn a_page_whose_neighbours_are_gone_leads_to_them_all_the_same(t: &Target) {
    let ids: Vec<String> = (0..4).map(|_| t.some_record()).collect();
    let pages = t.pages(&t.list_path("limit=2"));
    let back = pages[1].link("prev").expect("a link");
    t.delete(&ids[0]).send().expect(204);
    t.delete(&ids[1]).send().expect(204);
    let nothing = t.get(back).send().expect(200);
    assert_eq!((nothing.text(), nothing.link("prev")), ("[]", None));
    let next = t.get(nothing.next().expect("a link")).send().expect(200);
    assert_eq!(next.array(), pages[1].array());
}

fn the_count_is_of_all_matches(t: &Target) {
    create_many(t);
    let get = |parameters: &str| t.get(t.list_path(parameters)).send().expect(200);
    for (parameters, count) in [
        ("", Some(17)),
        ("n=1", Some(4)),
        ("limit=17", Some(17)),
        ("limit=4", None),
        ("limit=4&count=true", Some(17)),
        ("limit=4&count=false", None),
        ("n=1&limit=1&count=true&sort=-n&fields=n", Some(4)),
        ("n[gt]=9&count=true", Some(0)),
    ] {
        assert_eq!(get(parameters).count(), count, "{parameters}");
    }
    let pages = t.pages(&t.list_path("limit=6&count=true"));
    assert!(pages.len() == 3 && pages.iter().all(|page| page.count() == Some(17)));
    let head = t.call(http::Method::HEAD, t.list_path("limit=1&count=true")).send().expect(200);
    assert_eq!(head.count(), Some(17));
    let last = t.pages(&t.list_path("limit=6")).pop().expect("a page");
    assert_eq!(last.count(), None, "the last of several pages does not know the others");
    let same = t.get(t.list_path("n=1")).header("if-none-match", get("n=1").etag()).send().expect(304);
    assert_eq!(same.count(), Some(4));
}
