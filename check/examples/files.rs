//! Reads the resource files that cost the most, and prints the milliseconds of each. `cargo xtask bench files` compares
//! them with the goal.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use ripple_core::record::schema::Resources;

/// The number of times that a file is read. The fastest one counts, since a disturbance only adds to a time.
const TIMES: usize = 20;
/// The largest file, in bytes.
const FILE: usize = 64 * 1024;
/// The greatest number of properties of a file.
const PROPERTIES: usize = 200;

fn main() {
    for (name, file) in files() {
        let files = [("x.json", &file)];
        let times = (0..TIMES).map(|_| {
            let start = Instant::now();
            // Whether it is accepted does not matter.
            let _ = black_box(Resources::read(black_box(&files)));
            start.elapsed()
        });
        let least = times.min().unwrap_or_default();
        println!("{:.3} {} {name}", least.as_secs_f64() * 1000.0, file.len());
    }
}

/// Returns each file with its name.
fn files() -> Vec<(&'static str, String)> {
    let nested = |count| format!("{}{{}}{}", r#"{"items":"#.repeat(count), "}".repeat(count));
    vec![
        ("brackets", "[".repeat(FILE)),
        ("schemas in each other", nested(6_000)),
        ("names without a meaning", filled(|number| format!(r#""n{number}":1"#))),
        ("a name many times", filled(|_| r#""n":1"#.to_owned())),
        ("properties", with_properties(|number| format!(r#""p{number}":{{"type":"string"}}"#))),
        ("schemas", with_properties(|number| format!(r#""p{number}":{{"items":{{"items":{{}}}}}}"#))),
        ("choices", with_properties(|number| format!(r#""p{number}":{{"enum":["a","b","c","d","e","f","g","h"]}}"#))),
        ("patterns", with_properties(|number| pattern(number, &format!("^(a|b){{{}}}$", 9 + number % 30)))),
        ("patterns of classes", with_properties(|number| pattern(number, r"^[\\p{L}\\p{N}]{1,9}$"))),
        ("patterns that are too large", with_properties(|number| pattern(number, "(a{100}){100}"))),
    ]
}

fn pattern(number: usize, pattern: &str) -> String {
    format!(r#""p{number}":{{"maxLength":9,"pattern":"{pattern}"}}"#)
}

/// Returns a file that is full of properties.
fn with_properties(property: impl Fn(usize) -> String) -> String {
    let start = r#"{"title":"X","x-ripple":{"resource":"x","key":"k"},"type":"object","properties":{"#;
    full(start, PROPERTIES, property, "}}")
}

/// Returns a file that is full of members.
fn filled(member: impl Fn(usize) -> String) -> String {
    full(r#"{"title":"X","x-ripple":{"resource":"x","key":"k"},"type":"object","#, FILE, member, "}")
}

/// Returns a file of at most so many members.
fn full(start: &str, most: usize, member: impl Fn(usize) -> String, end: &str) -> String {
    let mut file = format!("{start}{}", member(0));
    for number in 1..most {
        let next = member(number);
        if file.len() + next.len() + 1 + end.len() > FILE {
            break;
        }
        // Writing to a text cannot fail.
        let _ = write!(file, ",{next}");
    }
    file + end
}
