//! Listing, searching, sorting and narrowing records.

use serde_json::json;

use crate::case::cases;
use crate::target::escape;
use crate::{Kit, Record, TITLE, Target};

cases! { lists:
    a_list_is_its_records_ordered_by_id,
    the_whole_list_is_complete_and_ordered,
    an_empty_list_is_an_empty_array,
    q_finds_each_word_in_some_text,
    q_ignores_case,
    q_looks_into_objects_and_lists_and_not_at_names_or_numbers,
    q_without_words_finds_everything,
    a_filter_compares_texts_numbers_and_booleans,
    filter_on_a_list_matches_its_entries,
    all_filters_must_match,
    a_filter_on_what_no_record_has_is_refused,
    parameters_that_begin_with_an_underscore_are_ignored,
    parameters_are_form_encoded,
    sorts_texts_by_code_point,
    sorts_numbers_by_value,
    sorts_descending,
    sorts_by_several_names,
    records_without_the_sorted_attribute_come_last,
    ties_are_ordered_by_id,
    sort_compares_the_first_64_characters,
    members_that_the_resource_names_need_not_be_in_any_record,
    members_that_only_records_of_other_pages_have_are_known,
    fields_selects_members_and_the_id,
    a_repeated_parameter_is_refused,
    parameters_where_there_are_none_are_refused,
}

/// Creates a record with each of these members. Returns their ids in that order, which is also the order of ids.
#[track_caller]
fn create_each<const N: usize>(t: &Target, with: [fn(Record) -> Record; N]) -> [String; N] {
    with.map(|with| {
        let draft = with(t.draft());
        t.create(&draft);
        draft.id().to_owned()
    })
}

fn a_list_is_its_records_ordered_by_id(t: &Target) {
    let mut ids = Vec::new();
    for tail in ["b", "~", "a", "B", "0", "aa", "-", "a.b"] {
        let id = format!("{}-{tail}", t.stem);
        t.create(&t.draft().with_id(&id));
        ids.push(id);
    }
    ids.sort();
    let list = t.list("");
    assert_eq!(list.iter().map(|record| t.id_of(record)).collect::<Vec<_>>(), ids);
    for record in list {
        assert_eq!(record, t.read(&t.id_of(&record)).json());
    }
}

fn the_whole_list_is_complete_and_ordered(t: &Target) {
    let mine = [t.some_record(), t.some_record()];
    let gone = t.some_tombstone();
    let all: Vec<String> =
        t.pages(t.kit.path).iter().flat_map(|page| page.array()).map(|record| t.id_of(&record)).collect();
    let place = |id: &str| {
        let (number, text) = t.kit.parts(id);
        (number.map(|number| number.parse::<u64>().expect("the suite's numbers are whole")), text.to_owned())
    };
    assert!(all.is_sorted_by(|a, b| place(a) < place(b)), "ordered, each once");
    assert!(mine.iter().all(|id| all.contains(id)));
    assert!(!all.contains(&gone));
}

fn an_empty_list_is_an_empty_array(t: &Target) {
    let list = t.get(t.list_path("")).send().expect(200);
    assert_eq!(list.text(), "[]");
    assert_eq!(list.next(), None);
    list.etag();
}

fn q_finds_each_word_in_some_text(t: &Target) {
    let [first, second, third] = create_each(
        t,
        [
            |p| p.title("Red boat").text("to the island"),
            |p| p.title("Blue boat").text("to the mainland"),
            |p| p.title("Train").text("to the island"),
        ],
    );
    assert_eq!(t.list_ids("q=boat"), [first.clone(), second.clone()]);
    assert_eq!(t.list_ids("q=island"), [first.clone(), third.clone()]);
    assert_eq!(t.list_ids("q=land%20oat"), [first.clone(), second], "parts of words, in different texts");
    assert_eq!(t.list_ids("q=island%20%20boat+red%09"), [first], "any white space between");
    assert_eq!(t.list_ids("q=island%20plane"), [""; 0]);
    assert_eq!(t.list_ids(&format!("q={third}")), [third], "an id is a text too");
}

fn q_ignores_case(t: &Target) {
    let [id] = create_each(t, [|p| p.title("ÉTÉ à la Mer, Straße, ДОРОГА")]);
    for q in ["mer", "MER", "%C3%A9t%C3%A9", "%C3%89T%C3%89", "%D0%B4%D0%BE%D1%80%D0%BE%D0%B3%D0%B0", "STRA%C3%9FE"] {
        assert_eq!(t.list_ids(&format!("q={q}")), [id.as_str()], "{q}");
    }
    for q in ["STRASSE", "strasse", "stra%E1%BA%9Ee"] {
        assert_eq!(t.list_ids(&format!("q={q}")), [id.as_str()], "{q}");
    }
    // A final sigma equals one in the middle of a word.
    let [id] = create_each(t, [|p| p.title("ΟΔΟΣΗΜΑΝΣΗ").text("ὁ δρόμος")]);
    for q in ["ΟΔΟΣ", "οδος", "οδοσ", "ΔΡΌΜΟΣ"] {
        assert_eq!(t.list_ids(&format!("q={}", escape(q))), [id.as_str()], "{q}");
    }
}

fn q_looks_into_objects_and_lists_and_not_at_names_or_numbers(t: &Target) {
    let [id] = create_each(
        t,
        [|p| {
            p.with("meta", json!({"pier": ["north", {"captain": "Quist"}]}))
                .with("depth", 987_654_321)
                .with("open", true)
        }],
    );
    assert_eq!(t.list_ids("q=quist"), [id.as_str()]);
    assert_eq!(t.list_ids("q=north%20quist"), [id.as_str()]);
    for q in ["captain", "987654321", "depth", "true"] {
        assert_eq!(t.list_ids(&format!("q={q}")), [""; 0], "{q}");
    }
}

fn q_without_words_finds_everything(t: &Target) {
    let id = t.some_record();
    assert_eq!(t.list_ids("q="), [id.as_str()]);
    assert_eq!(t.list_ids("q=%20+"), [id.as_str()]);
}

fn a_filter_compares_texts_numbers_and_booleans(t: &Target) {
    let [text, number, yes, half] =
        create_each(t, [|p| p.with("x", "12"), |p| p.with("x", 12), |p| p.with("x", true), |p| p.raw("x", "1.50")]);
    assert_eq!(t.list_ids("x=12"), [text.clone(), number.clone()], "as legacy records hold a number");
    assert_eq!(t.list_ids("x=true"), [yes]);
    assert_eq!(t.list_ids("x=1.5"), [half]);
    for none in ["x=1", "x=TRUE", "x=", "x=121"] {
        assert_eq!(t.list_ids(none), [""; 0], "{none}");
    }
    assert_eq!(t.list_ids(&format!("{}={}", t.kit.key, t.kit.parts(&text).1)), [text]);
    assert_eq!(t.list_ids("version=1").len(), 4);
    let (name, [value, _]) = t.kit.choice;
    assert_eq!(t.list_ids(&format!("{name}={value}")).len(), 4);
    assert_eq!(t.list_ids(&format!("{name}={}", value.to_uppercase())), [""; 0], "case counts");
}

fn filter_on_a_list_matches_its_entries(t: &Target) {
    let [both, one] =
        create_each(t, [|p| p.with("tags", json!(["sea", "air", 7])), |p| p.with("tags", json!(["air"]))]);
    assert_eq!(t.list_ids("tags=air"), [both.clone(), one]);
    assert_eq!(t.list_ids("tags=sea"), [both.as_str()]);
    assert_eq!(t.list_ids("tags=7"), [both]);
    assert_eq!(t.list_ids("tags=se"), [""; 0]);
}

fn all_filters_must_match(t: &Target) {
    let [first, _, _] = create_each(
        t,
        [
            |p| p.with("a", "1").with("b", "1").title("boat"),
            |p| p.with("a", "1").with("b", "2").title("boat"),
            |p| p.with("a", "1").with("b", "1").title("train"),
        ],
    );
    assert_eq!(t.list_ids("a=1&b=1&q=boat"), [first]);
}

/// With an empty list, a mistyped parameter would seem to work.
fn a_filter_on_what_no_record_has_is_refused(t: &Target) {
    t.create(&t.draft().with("one_record_has_this", 1));
    for parameters in ["no_record_has_this=1", "no_record_has_this=", "one_record_has_this=1&no_record_has_this=1"] {
        let answer = t.get(t.list_path(parameters)).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "no_record_has_this");
    }
    assert_eq!(t.list_ids("one_record_has_this=2"), [""; 0]);
    // A filter on a member of the contract needs no record that has it.
    assert_eq!(t.list_ids("updated_by=nobody"), [""; 0]);
}

fn parameters_that_begin_with_an_underscore_are_ignored(t: &Target) {
    let id = t.some_record();
    assert_eq!(t.list_ids("_=1764000000"), [id.as_str()]);
    assert_eq!(t.list_ids("_a=1&_b=2&q=ferry&_b=3"), [id.as_str()]);
    t.get(format!("{}?_=1764000000", t.path(&id))).send().expect(200);
    t.get(t.path("_changes?_=1764000000")).send().expect(200);
}

fn parameters_are_form_encoded(t: &Target) {
    let [id] = create_each(t, [|p| p.with("a b&c", "d+e =f é")]);
    assert_eq!(t.list_ids("a+b%26c=d%2Be+%3Df%20%C3%A9"), [id.as_str()]);
    assert_eq!(t.list_ids("a%20b%26c=d%2be+=f+%c3%a9"), [id.as_str()]);
}

fn sorts_texts_by_code_point(t: &Target) {
    let [b, z, a, e] =
        create_each(t, [|p| p.with("x", "b"), |p| p.with("x", "Z"), |p| p.with("x", "a"), |p| p.with("x", "é")]);
    assert_eq!(t.list_ids("sort=x"), [z, a, b, e]);
}

fn sorts_numbers_by_value(t: &Target) {
    let [ten, nine, minus, half, more, most] = create_each(
        t,
        [
            |p| p.with("x", 10),
            |p| p.with("x", 9),
            |p| p.with("x", -100),
            |p| p.raw("x", "9.5"),
            |p| p.raw("x", "12345678901234567890123456789012345678"),
            |p| p.raw("x", "12345678901234567890123456789012345679"),
        ],
    );
    assert_eq!(t.list_ids("sort=x"), [minus, nine, half, ten, more, most]);
}

fn sorts_descending(t: &Target) {
    let [a, c, b] = create_each(t, [|p| p.with("x", "a"), |p| p.with("x", "c"), |p| p.with("x", "b")]);
    assert_eq!(t.list_ids("sort=-x"), [c, b, a]);
    let ids = t.list_ids("");
    assert!(t.list_ids(&format!("sort=-{}", t.kit.key)).iter().eq(ids.iter().rev()));
    t.patch(&ids[1], json!({t.kit.title: "saved last"})).send().expect(200);
    assert_eq!(t.list_ids("sort=-version,-updated_at")[0], ids[1]);
}

fn sorts_by_several_names(t: &Target) {
    let [a2, b1, a1, b2] = create_each(
        t,
        [
            |p| p.with("x", "a").with("y", 2),
            |p| p.with("x", "b").with("y", 1),
            |p| p.with("x", "a").with("y", 1),
            |p| p.with("x", "b").with("y", 2),
        ],
    );
    assert_eq!(t.list_ids("sort=x,-y"), [&a2, &a1, &b2, &b1].map(Clone::clone));
    assert_eq!(t.list_ids("sort=-y,x"), [a2, b2, a1, b1]);
}

fn records_without_the_sorted_attribute_come_last(t: &Target) {
    let [none, b, also_none, a] = create_each(t, [|p| p, |p| p.with("x", "b"), |p| p, |p| p.with("x", "a")]);
    assert_eq!(t.list_ids("sort=x"), [&a, &b, &none, &also_none].map(Clone::clone));
    assert_eq!(t.list_ids("sort=-x"), [b, a, none, also_none]);
}

fn ties_are_ordered_by_id(t: &Target) {
    let ids = create_each(t, [|p| p.with("x", 1), |p| p.with("x", 1), |p| p.with("x", 1)]);
    assert_eq!(t.list_ids("sort=x"), ids);
    assert_eq!(t.list_ids("sort=-x"), ids);
}

fn sort_compares_the_first_64_characters(t: &Target) {
    let [later, sooner, last] = create_each(
        t,
        [
            |p| p.with("x", format!("{}b", "é".repeat(63))),
            |p| p.with("x", format!("{}ab", "é".repeat(63))),
            |p| p.with("x", format!("{}aa", "é".repeat(63))),
        ],
    );
    assert_eq!(t.list_ids("sort=x"), [sooner, last, later]);
}

/// A list whose entries the resource gives a key is no property of every schema.
fn members_that_the_resource_names_need_not_be_in_any_record(t: &Target) {
    let id = t.some_record();
    let list = t.kit.list;
    for parameters in [format!("sort={list}"), format!("fields={list},{}", t.kit.key), format!("{list}[not]=x")] {
        assert_eq!(t.list_ids(&parameters), [id.as_str()], "{parameters}");
    }
}

/// A page from an index shows only some records.
fn members_that_only_records_of_other_pages_have_are_known(t: &Target) {
    let [first, last] = [t.draft(), t.draft()];
    let member = format!("of_{}", t.run);
    t.create(&first);
    t.create(&last.with(&member, 1));
    let page = t.get(t.list_path(&format!("fields={member}&limit=1"))).send().expect(200).array();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].get(&member), None);
    assert_eq!(t.list(&format!("fields={member}")).len(), 2);
    // Without a condition, this page is from an index.
    t.get(format!("{}?fields={member}&limit=1", t.kit.path)).send().expect(200);
}

fn fields_selects_members_and_the_id(t: &Target) {
    let [id] = create_each(t, [|p| p.with("owner", "Ann").with("tags", json!(["sea"]))]);
    let shown = |parameters: &str| t.list(parameters);
    let Kit { key, title, text, .. } = t.kit;
    let with_key = |members: serde_json::Value| [t.with_key(&id, members)];
    assert_eq!(shown(&format!("fields={title},owner")), with_key(json!({*title: TITLE, "owner": "Ann"})));
    assert_eq!(shown(&format!("fields={key}")), with_key(json!({})));
    assert_eq!(shown("fields=version"), with_key(json!({"version": 1})));
    let found = shown(&format!("fields={text}&tags=sea&sort=owner"));
    assert_eq!(found[0].get("tags"), None, "found and sorted by what is not shown");
    assert_eq!(shown(&format!("fields={text}&q=ann")).len(), 1);
}

fn a_repeated_parameter_is_refused(t: &Target) {
    for (parameters, name) in [
        ("limit=1&limit=1", "limit"),
        ("q=a&q=b", "q"),
        ("q=a&%71=b", "q"),
        ("sort=a&sort=b", "sort"),
        ("fields=a&fields=b", "fields"),
        ("cursor=a&cursor=b", "cursor"),
        ("owner=a&owner=b", "owner"),
        ("owner=a&owner=a", "owner"),
    ] {
        let answer = t.get(t.list_path(parameters)).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", name);
    }
    for parameters in ["since=a&since=b", "limit=1&limit=2"] {
        t.get(t.path(&format!("_changes?{parameters}"))).send().problem(400, "invalid_request");
    }
}

/// If ignored, `?limit=` of a record or `?fields=` of the changes would seem to work.
fn parameters_where_there_are_none_are_refused(t: &Target) {
    let id = t.some_record();
    for call in [
        t.get(t.path(&format!("{id}?fields=name"))),
        t.put(&format!("{id}?fields=name"), json!({t.kit.title: "x"})),
        t.patch(&format!("{id}?fields=name"), json!({t.kit.title: "x"})),
        t.delete(&format!("{id}?fields=name")),
        t.post(format!("{}?fields=name", t.kit.path), t.draft().to_json()),
        t.get(t.path("_changes?fields=name")),
    ] {
        t.refused(&id, call, 400, "invalid_request").blames("parameter", "fields");
    }
}
