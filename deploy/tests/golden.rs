//! Tests that the committed files are what the route table generates.

use std::fs;

#[test]
fn the_files_are_what_the_routes_make_of_them() {
    for made in ripple_deploy::files().expect("the files can be made") {
        let committed = fs::read_to_string(&made.path).unwrap_or_default();
        let differs = committed.lines().zip(made.text.lines()).position(|(one, other)| one != other);
        assert!(
            committed == made.text,
            "{} is not what the routes make of it (line {}): `{}` writes it anew",
            made.path.display(),
            differs.unwrap_or_else(|| committed.lines().count().min(made.text.lines().count())) + 1,
            ripple_deploy::COMMAND,
        );
    }
}
