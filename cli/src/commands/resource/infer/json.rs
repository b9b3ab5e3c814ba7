//! JSON whose members keep their order, as a person would write it.

use serde_json::Value;

/// The width up to which an object or an array is written on one line.
const WIDTH: usize = 100;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Scalar(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Json {
        Json::Scalar(Value::String(text.into()))
    }

    pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Json {
        Json::List(texts.into_iter().map(Json::text).collect())
    }

    /// Returns the text of a file.
    pub(super) fn to_file(&self) -> String {
        let mut file = String::new();
        self.write(&mut file, 0, 0);
        file.push('\n');
        file
    }

    /// Writes the value at a column of a line with this indentation.
    fn write(&self, file: &mut String, indentation: usize, column: usize) {
        let line = self.line();
        if column + line.chars().count() < WIDTH {
            return file.push_str(&line);
        }
        let inner = indentation + 2;
        match self {
            Json::Scalar(_) => file.push_str(&line),
            Json::List(list) => {
                file.push('[');
                for (place, json) in list.iter().enumerate() {
                    next_line(file, place, inner);
                    json.write(file, inner, inner);
                }
                close(file, indentation, ']');
            }
            Json::Object(members) => {
                file.push('{');
                for (place, (name, json)) in members.iter().enumerate() {
                    next_line(file, place, inner);
                    let name = quoted(name);
                    file.push_str(&name);
                    file.push_str(": ");
                    json.write(file, inner, inner + name.chars().count() + 2);
                }
                close(file, indentation, '}');
            }
        }
    }

    fn line(&self) -> String {
        match self {
            Json::Scalar(scalar) => scalar.to_string(),
            Json::List(list) => format!("[{}]", list.iter().map(Json::line).collect::<Vec<_>>().join(", ")),
            Json::Object(members) if members.is_empty() => "{}".to_owned(),
            Json::Object(members) => {
                let member = |(name, json): &(String, Json)| format!("{}: {}", quoted(name), json.line());
                format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

fn next_line(file: &mut String, place: usize, indentation: usize) {
    if place > 0 {
        file.push(',');
    }
    file.push('\n');
    file.extend(std::iter::repeat_n(' ', indentation));
}

fn close(file: &mut String, indentation: usize, bracket: char) {
    file.push('\n');
    file.extend(std::iter::repeat_n(' ', indentation));
    file.push(bracket);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_long_objects_are_broken() {
        let short = Json::Object(vec![("b".to_owned(), Json::texts(["x", "y"])), ("a".to_owned(), Json::text("\""))]);
        assert_eq!(short.to_file(), "{ \"b\": [\"x\", \"y\"], \"a\": \"\\\"\" }\n");
        let long = Json::Object(vec![("short".to_owned(), short), ("long".to_owned(), Json::text("x".repeat(90)))]);
        let file = format!(
            "{{\n  \"short\": {{ \"b\": [\"x\", \"y\"], \"a\": \"\\\"\" }},\n  \"long\": \"{}\"\n}}\n",
            "x".repeat(90)
        );
        assert_eq!(long.to_file(), file);
    }
}
