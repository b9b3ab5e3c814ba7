//! What the function and the edge may do in DynamoDB.
//!
//! IAM limits the characters of policies, and each table is named in them. So the longest name of a site follows from
//! the number of its resources. Policies with a `*` for all tables of a site would also reach tables of other sites.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use ripple_core::record::schema::{Access, Resource, Resources};

/// The longest name of a site, if policies have room for it.
const SITE: usize = 200;
/// The default name of a site. It must fit.
const DEFAULT_SITE: &str = "ripple";
/// Characters of a role's inline policies together: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const INLINE: usize = 10_240;
/// Characters of the role's policy for the log and for X-Ray, with a stack name of 128.
const LOG: usize = 600;
/// Characters of a managed policy, from the same page.
const MANAGED: usize = 6_144;
/// The longest beginning of an ARN, with the longest names of a partition and of a region.
const LONGEST_ARN: &str = "arn:aws-us-gov:dynamodb:ap-northeast-1:123456789012:table/";
/// Characters of a table's name.
const TABLE: usize = 255;
const SUBSTITUTED_SITE: &str = "${Site}";

/// Actions that are allowed on tables and indexes.
struct Statement {
    actions: &'static [&'static str],
    /// The part of each ARN after `table/`.
    tables: Vec<String>,
}

/// The policies of a site.
pub(super) struct Policies {
    function: Vec<Statement>,
    edge: Vec<Statement>,
}

impl Policies {
    /// Returns the policies for a site's resources. A read-only resource gets no write.
    pub(super) fn of(resources: &Resources) -> Policies {
        let of = |wanted: &dyn Fn(&Resource) -> bool, name: &dyn Fn(&Resource) -> String| -> Vec<String> {
            resources.iter().filter(|resource| wanted(resource)).map(|resource| name(resource)).collect()
        };
        let all = |_: &Resource| true;
        let writable = |resource: &Resource| resource.access == Access::ReadWrite;
        let read_only = |resource: &Resource| resource.access == Access::ReadOnly;
        let records = |resource: &Resource| resource.table_name(SUBSTITUTED_SITE);
        let history = |resource: &Resource| resource.history_table_name(SUBSTITUTED_SITE);
        let index = |resource: &Resource| format!("{}/index/by_update", records(resource));
        let indexes = |resource: &Resource| format!("{}/index/by_*", records(resource));
        let keys = || vec![format!("{SUBSTITUTED_SITE}_key")];
        let statement = |actions, tables| Statement { actions, tables };
        let function = [
            statement(&["GetItem", "BatchGetItem", "Scan", "PutItem", "UpdateItem"], of(&writable, &records)),
            statement(&["Query"], of(&all, &indexes)),
            statement(&["GetItem", "Query", "PutItem", "UpdateItem"], of(&writable, &history)),
            statement(&["GetItem", "UpdateItem"], keys()),
            statement(&["GetItem", "BatchGetItem", "Scan"], of(&read_only, &records)),
            statement(&["GetItem", "Query"], of(&read_only, &history)),
        ];
        let edge = [
            statement(&["Query", "Scan"], of(&all, &records)),
            statement(&["Query"], of(&all, &index)),
            statement(&["Query"], keys()),
        ];
        let with_tables = |statement: &Statement| !statement.tables.is_empty();
        Policies {
            function: function.into_iter().filter(with_tables).collect(),
            edge: edge.into_iter().filter(with_tables).collect(),
        }
    }

    /// Returns the statements of the function's role.
    pub(super) fn function(&self) -> String {
        self.function.iter().map(Statement::to_yaml).collect()
    }

    /// Returns the statements of the edge's policy.
    pub(super) fn edge(&self) -> String {
        self.edge.iter().map(Statement::to_yaml).collect()
    }

    /// Returns the largest number of characters of a site's name with which both policies and the names of all tables are
    /// short enough.
    pub(super) fn longest_site(&self) -> Result<usize> {
        let fits = |site: usize| {
            let site = "x".repeat(site);
            let mut tables = self.function.iter().flat_map(|statement| &statement.tables);
            size(&self.function, &site) + LOG <= INLINE
                && size(&self.edge, &site) <= MANAGED
                && tables.all(|table| table.contains('/') || table.replace(SUBSTITUTED_SITE, &site).len() <= TABLE)
        };
        let longest = (DEFAULT_SITE.len()..=SITE).rev().find(|site| fits(*site)).unwrap_or(0);
        ensure!(longest > 0, "the policies would be too long for IAM: use fewer resources, or shorter x-ripple.table");
        Ok(longest)
    }
}

impl Statement {
    /// Returns the statement in the form of the template.
    fn to_yaml(&self) -> String {
        const ARN: &str = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/";
        let actions: Vec<String> = self.actions.iter().map(|action| format!("\"dynamodb:{action}\"")).collect();
        let mut made = format!("- Effect: Allow\n  Action: [{}]\n", actions.join(", "));
        if let [only] = &*self.tables {
            let _ = writeln!(made, "  Resource: !Sub \"{ARN}{only}\""); // a String takes every text
        } else {
            made.push_str("  Resource:\n");
            self.tables.iter().for_each(|table| made.push_str(&format!("    - !Sub \"{ARN}{table}\"\n")));
        }
        made
    }
}

/// Returns the characters of a policy, as IAM counts them: without white space.
fn size(statements: &[Statement], site: &str) -> usize {
    let quoted = |parts: Vec<String>| parts.iter().map(|part| part.len() + "\"\",".len()).sum::<usize>();
    let statement = |statement: &Statement| {
        let actions = statement.actions.iter().map(|action| format!("dynamodb:{action}")).collect();
        let tables = &statement.tables;
        let arns =
            tables.iter().map(|table| format!("{LONGEST_ARN}{}", table.replace(SUBSTITUTED_SITE, site))).collect();
        r#"{"Effect":"Allow","Action":[],"Resource":[]},"#.len() + quoted(actions) + quoted(arns)
    };
    r#"{"Version":"2012-10-17","Statement":[]}"#.len() + statements.iter().map(statement).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resources of so many files, each with these members of `x-ripple`.
    fn resources(count: usize, also: &str) -> Resources {
        let file = |number: usize| {
            let name = format!("abcdefghijklmnop{number:02}");
            let also = also.replace("NUMBER", &number.to_string());
            let text = format!(
                r#"{{"title": "Title {number}", "x-ripple": {{"resource": "{name}", "key": "ref"{also}}}, "type": "object"}}"#
            );
            (format!("{name}.json"), text)
        };
        Resources::read(&(0..count).map(file).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_longest_site_follows_from_the_number_of_resources() {
        let longest = |count| Policies::of(&resources(count, "")).longest_site().unwrap();
        assert_eq!((longest(1), longest(2)), (SITE, SITE));
        let at_most = longest(20);
        assert!((32..SITE).contains(&at_most), "{at_most}");
        let policies = Policies::of(&resources(20, ""));
        let fits = |site: usize| {
            let site = "x".repeat(site);
            size(&policies.function, &site) + LOG <= INLINE && size(&policies.edge, &site) <= MANAGED
        };
        assert!(fits(at_most) && !fits(at_most + 1));
    }

    #[test]
    fn policies_that_are_too_long_are_an_error() {
        let table = format!(r#", "table": "{}NUMBER""#, "t".repeat(250));
        let error = Policies::of(&resources(20, &table)).longest_site().unwrap_err().to_string();
        assert!(error.starts_with("the policies would be too long for IAM"), "{error}");
    }

    #[test]
    fn a_read_only_resource_gets_no_write() {
        let policies = Policies::of(&resources(2, r#", "access": "read-only""#));
        let text = policies.function();
        assert!(!text.contains("PutItem"), "{text}");
        assert_eq!(text.matches("UpdateItem").count(), 1, "the use of keys is counted: {text}");
    }
}
