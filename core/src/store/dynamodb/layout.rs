//! Names of tables, and partitions of the index.

/// Characters of a site: a table's name has up to 255, its resource included.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
const LONGEST_SITE: usize = 200;
/// Each costs a query at every refresh.
const MOST_SHARDS: u16 = 100;

/// Which tables, and how many partitions `by_update` has.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Tables are named `<site>_<resource>`.
    pub site: String,
    /// Partitions of `by_update`: more of them take more writes a second (1,000 units each), and cost
    /// a query each at every refresh.
    pub shards: u16,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { site: "ripple".to_owned(), shards: 1 }
    }
}

/// What a variable of [`Layout::read`] must be. The text names the variable and never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} must be {must_be}")]
pub struct LayoutError {
    /// The variable.
    pub variable: &'static str,
    /// What it is not.
    pub must_be: &'static str,
}

impl Layout {
    /// `RIPPLE_SITE` (default `ripple`) and `RIPPLE_SHARDS` (default 1), as the host's environment has them.
    ///
    /// # Errors
    /// When one of them cannot be.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Layout, LayoutError> {
        let mut layout = Layout::default();
        if let Some(site) = env("RIPPLE_SITE") {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            if site.len() > LONGEST_SITE || !site.bytes().all(letter) {
                let must_be = "made of A-Z a-z 0-9 _ . -, as a table's name is";
                return Err(LayoutError { variable: "RIPPLE_SITE", must_be });
            }
            layout.site = site;
        }
        if let Some(shards) = env("RIPPLE_SHARDS") {
            let shards = shards.parse().ok().filter(|shards| (1..=MOST_SHARDS).contains(shards));
            let error = LayoutError { variable: "RIPPLE_SHARDS", must_be: "a whole number from 1 to 100" };
            layout.shards = shards.ok_or(error)?;
        }
        Ok(layout)
    }

    /// The table of projects.
    #[must_use]
    pub fn projects(&self) -> String {
        format!("{}_prj", self.site)
    }

    /// The table of the history.
    #[must_use]
    pub fn versions(&self) -> String {
        format!("{}_prj_version", self.site)
    }

    /// The table of API keys.
    #[must_use]
    pub fn keys(&self) -> String {
        format!("{}_key", self.site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variable: &str, value: &str) -> Result<Layout, LayoutError> {
        Layout::read(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn tables_are_named_after_the_site() {
        let layout = read("RIPPLE_SITE", "my.site-1").expect("a site");
        assert_eq!((layout.projects().as_str(), layout.shards), ("my.site-1_prj", 1));
        assert_eq!(read("RIPPLE_SHARDS", "100").expect("shards").shards, 100);
        assert_eq!(read("", "").expect("the default").keys(), "ripple_key");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let long = "x".repeat(LONGEST_SITE + 1);
        for (variable, value) in [
            ("RIPPLE_SITE", "a b"),
            ("RIPPLE_SITE", long.as_str()),
            ("RIPPLE_SHARDS", "0"),
            ("RIPPLE_SHARDS", "101"),
            ("RIPPLE_SHARDS", "many"),
        ] {
            assert_eq!(read(variable, value).expect_err(value).variable, variable);
        }
    }
}
