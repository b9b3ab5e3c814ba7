//! Conditions on members of a list: operators, nested members, and what is refused.

use serde_json::json;

use crate::case::cases;
use crate::target::escape;
use crate::{Answer, Record, Target};

cases! { conditions:
    ranges_compare_numbers_by_value_and_texts_by_code_point,
    a_bound_compares_only_with_values_of_its_type,
    bounds_are_exact_to_the_last_digit,
    not_is_the_opposite_of_equality,
    in_takes_several_values_and_a_comma_can_be_escaped,
    prefix_is_about_texts,
    exists_is_about_members,
    a_pointer_leads_inside_objects_and_lists,
    any_member_has_a_name_for_conditions,
    brackets_may_be_encoded,
    conditions_on_ripples_own_members,
    unknown_operators_and_names_are_refused,
    values_that_an_operator_does_not_take_are_refused,
    conditions_are_counted,
}

/// Creates a record with each of these values of `x`. Returns their ids in that order, which is the order of ids.
#[track_caller]
fn create_each<const N: usize>(t: &Target, values: [&str; N]) -> [String; N] {
    values.map(|value| {
        let draft = t.draft().raw("x", value);
        t.create(&draft);
        draft.id().to_owned()
    })
}

/// Asserts which of the records match, as their places.
#[track_caller]
fn finds(t: &Target, ids: &[String], parameters: &str, expected: &[usize]) {
    let expected: Vec<&str> = expected.iter().map(|place| ids[*place].as_str()).collect();
    assert_eq!(t.list_ids(parameters), expected, "{parameters}");
}

fn ranges_compare_numbers_by_value_and_texts_by_code_point(t: &Target) {
    let ids = create_each(t, ["9", "10", "-3", "9.5"]);
    finds(t, &ids, "x[gte]=9.50", &[1, 3]);
    finds(t, &ids, "x[gt]=9.5", &[1]);
    finds(t, &ids, "x[lt]=9e0", &[2]);
    finds(t, &ids, "x[lte]=9", &[0, 2]);
    finds(t, &ids, "x[gte]=-3&x[lt]=10", &[0, 2, 3]);
    let t = &t.stranger();
    let ids = create_each(t, [r#""2026-03-01""#, r#""2026-11-02""#, r#""\uffff""#, r#""\ud83d\udea2""#]);
    finds(t, &ids, "x[gte]=2026-03-01&x[lt]=2026-11-02", &[0]);
    finds(t, &ids, "x[gt]=2026-11-02", &[2, 3]);
    finds(t, &ids, "x[gt]=%EF%BF%BF", &[3]);
}

/// The type of the record's value decides, as for equality.
fn a_bound_compares_only_with_values_of_its_type(t: &Target) {
    let ids = create_each(t, ["12", r#""12""#, "true", "null", r#"{"y": 12}"#, r#"[3, "b"]"#]);
    finds(t, &ids, "x[gte]=2", &[0, 5]);
    finds(t, &ids, "x[lt]=2", &[1]);
    finds(t, &ids, "x[gte]=a", &[5]);
    finds(t, &ids, "x[lte]=~", &[1, 5]);
    finds(t, &ids, "x[gte]=true", &[]);
}

fn bounds_are_exact_to_the_last_digit(t: &Target) {
    let [less, more] = ["12345678901234567890123456789012345678", "12345678901234567890123456789012345679"];
    let ids = create_each(t, [less, more, "1e-130", "9.9e125"]);
    finds(t, &ids, &format!("x[gt]={less}&x[lt]=1e100"), &[1]);
    finds(t, &ids, &format!("x[lte]={less}"), &[0, 2]);
    finds(t, &ids, "x[gt]=0&x[lt]=1e-129", &[2]);
    finds(t, &ids, "x[lt]=1e126", &[]);
}

fn not_is_the_opposite_of_equality(t: &Target) {
    let mut ids = create_each(t, ["1", r#""1""#, "2", "[1, 2]", "[null]"]).to_vec();
    ids.push(t.some_record());
    finds(t, &ids, "x=1", &[0, 1, 3]);
    finds(t, &ids, "x[eq]=1", &[0, 1, 3]);
    finds(t, &ids, "x[not]=1", &[2, 4, 5]);
    finds(t, &ids, "x[not]=1&x[exists]=true", &[2, 4]);
}

fn in_takes_several_values_and_a_comma_can_be_escaped(t: &Target) {
    let ids = create_each(t, ["1", r#""a,b""#, r#""a""#, r#""\\""#, r#""""#, r#"["b", "c"]"#]);
    finds(t, &ids, "x[in]=1.0,a", &[0, 2]);
    finds(t, &ids, "x[in]=b", &[5]);
    finds(t, &ids, &format!("x[in]={}", escape(r"a\,b,z")), &[1]);
    finds(t, &ids, &format!("x[in]={}", escape(r"\\,q")), &[3]);
    finds(t, &ids, "x[in]=", &[4]);
    finds(t, &ids, "x[in]=z,", &[4]);
}

fn prefix_is_about_texts(t: &Target) {
    let ids = create_each(t, [r#""Garden""#, r#""garden""#, "12", r#"["shed", "Gate"]"#]);
    finds(t, &ids, "x[prefix]=Ga", &[0, 3]);
    finds(t, &ids, "x[prefix]=1", &[]);
    finds(t, &ids, "x[prefix]=", &[0, 1, 3]);
}

fn exists_is_about_members(t: &Target) {
    let mut ids = create_each(t, ["0", r#"{"y": null}"#, "[]"]).to_vec();
    ids.push(t.some_record());
    finds(t, &ids, "x[exists]=true", &[0, 1, 2]);
    finds(t, &ids, "x[exists]=false", &[3]);
    finds(t, &ids, "/x/y[exists]=true", &[1]);
    finds(t, &ids, "/x/y=null", &[1]);
}

fn a_pointer_leads_inside_objects_and_lists(t: &Target) {
    let ids = create_each(
        t,
        [
            r#"{"city": "Basel", "zip": 4051, "a/b": 1, "m~n": 2}"#,
            r#"[{"city": "Bern", "zip": 3000}, {"city": "Basel"}]"#,
            r#"{"at": [47.56, 7.59]}"#,
            r#""Basel""#,
        ],
    );
    finds(t, &ids, "/x/city=Basel", &[0, 1]);
    finds(t, &ids, "%2Fx%2Fcity=Basel", &[0, 1]);
    finds(t, &ids, "/x/0/city=Basel", &[]);
    finds(t, &ids, "/x/0/city[prefix]=Be", &[1]);
    finds(t, &ids, "/x/zip[lt]=4000", &[1]);
    finds(t, &ids, "/x/at/0[gte]=47&/x/at/1[gte]=7", &[2]);
    finds(t, &ids, "/x/city[exists]=false", &[2, 3]);
    finds(t, &ids, "/x/a~1b=1", &[0]);
    finds(t, &ids, "/x/m~0n=2", &[0]);
    finds(t, &ids, "/x=Basel", &[3]);
}

/// Names of parameters, names that end in brackets, and names that caches may add are members too.
fn any_member_has_a_name_for_conditions(t: &Target) {
    let names = ["q", "count", "_x", "x[gte]", "a/b"];
    let ids = names.map(|name| {
        let draft = t.draft().with(name, "v");
        t.create(&draft);
        draft.id().to_owned()
    });
    for (place, parameter) in ["/q=v", "count[eq]=v", "/_x=v", "x[gte][eq]=v", "/a~1b=v"].iter().enumerate() {
        finds(t, &ids, parameter, &[place]);
    }
    finds(t, &ids, "a/b=v", &[4]);
}

fn brackets_may_be_encoded(t: &Target) {
    let ids = create_each(t, ["1", "2"]);
    finds(t, &ids, "x%5Bgt%5D=1", &[1]);
    finds(t, &ids, "x%5bgt]=1", &[1]);
}

fn conditions_on_ripples_own_members(t: &Target) {
    let [first, second] = create_each(t, ["1", "2"]);
    t.patch(&second, json!({"x": 3})).send().expect(200);
    assert_eq!(t.list_ids("version[gt]=1"), [second.as_str()]);
    let at = t.read(&first).json()["updated_at"].as_u64().expect("a time");
    assert_eq!(t.list_ids(&format!("updated_at[lte]={at}&version[lt]=2")), [first.as_str()]);
    let texts = [&first, &second].map(|id| t.kit.parts(id).1);
    assert_eq!(t.list_ids(&format!("{}[in]={}", t.kit.key, texts.join(","))), [first.as_str(), &second]);
    assert_eq!(t.list_ids("/updated_author/name=nobody"), [""; 0]);
}

#[track_caller]
fn refused(t: &Target, parameters: &str, parameter: &str) -> Answer {
    let answer = t.get(t.list_path(parameters)).send();
    answer.problem(400, "invalid_request");
    answer.blames("parameter", parameter);
    answer
}

fn unknown_operators_and_names_are_refused(t: &Target) {
    t.create(&t.draft().with("x", json!({"y": 1})));
    for parameter in ["x[like]", "x[]", "x[GTE]", "x[gte][min]"] {
        let answer = refused(t, &format!("{parameter}=1"), parameter);
        assert!(answer.text().contains("[gte]"), "the known ones are listed: {}", answer.text());
    }
    for parameter in ["none", "none[gte]", "/none/y", "/x/none", "/x/none[exists]", "/x/y/z"] {
        let answer = refused(t, &format!("{parameter}=true"), parameter);
        let text = answer.text();
        assert!(text.contains("cursor") && text.contains(t.kit.title), "the known ones are listed: {text}");
    }
    for (parameter, names) in [("sort", "none"), ("sort", "x,-none"), ("fields", "x,none"), ("fields", "/x/y")] {
        for page in ["", "&limit=1"] {
            let answer = refused(t, &format!("{parameter}={names}{page}"), parameter);
            let text = answer.text();
            assert!(text.contains("none") || text.contains("/x/y"), "the wrong one is named: {text}");
        }
    }
    for parameter in ["[gte]", "/x~", "/x~2", "/~"] {
        refused(t, &format!("{parameter}=1"), parameter);
    }
}

fn values_that_an_operator_does_not_take_are_refused(t: &Target) {
    t.create(&t.draft().with("x", 1));
    let many = vec!["1"; 101].join(",");
    for (parameter, value) in [
        ("x[exists]", "yes"),
        ("x[exists]", ""),
        ("count", "1"),
        ("deleted", "TRUE"),
        ("x[in]", r"a\b"),
        ("x[in]", r"a\"),
        ("x[in]", &many),
    ] {
        refused(t, &format!("{parameter}={}", escape(value)), parameter);
    }
    t.get(t.list_path("x[gt]=0&x[gt]=0")).send().problem(400, "invalid_request");
}

/// With `run`, which every list of a case has.
fn conditions_are_counted(t: &Target) {
    t.create(&many(t.draft()));
    let conditions = |count: usize| (0..count).map(|n| format!("m{n}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(t.list(&conditions(63)).len(), 1);
    // An event keeps no order of parameters, so it may be any of them.
    let answer = t.get(t.list_path(&conditions(64))).send();
    answer.problem(400, "invalid_request");
    assert!(answer.text().contains("is one condition more than the 64 of a list"), "{}", answer.text());
}

fn many(draft: Record) -> Record {
    (0..64).fold(draft, |draft, n| draft.with(&format!("m{n}"), 1))
}
