//! What can be said of `deploy/` and the workflows without an account.

use anyhow::Result;

use crate::process::{output, run};
use crate::python::{DEPLOY, TESTS};
use crate::workspace;

const TEMPLATE: &str = "deploy/template.yaml";

const WORKFLOWS: [&str; 2] = [".github/workflows/test.yml", ".github/workflows/deploy.yml"];

/// The template by CloudFormation's rules and SAM's, the OpenAPI document by its own, the workflows by GitHub's and by
/// those of linters.
pub(crate) fn check() -> Result<()> {
    run(DEPLOY.command("cfn-lint")?.arg(TEMPLATE))?;
    let mut sam = DEPLOY.command("sam")?;
    sam.args(["validate", "--lint", "--template-file", TEMPLATE]);
    // It wants to know for which region; it asks nobody there, and is not to tell anybody.
    run(sam.env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0"))?;
    run(TESTS.command("openapi-spec-validator")?.arg("deploy/openapi.json"))?;
    for (schema, files) in
        [("vendor.github-workflows", &WORKFLOWS[..]), ("vendor.dependabot", &[".github/dependabot.yml"])]
    {
        run(TESTS.command("check-jsonschema")?.args(["--builtin-schema", schema]).args(files))?;
    }
    // Asks GitHub nothing; what it would ask is whether a pinned commit is known to be bad.
    run(DEPLOY
        .command("zizmor")?
        .args(["--offline", "--no-progress", "--persona=pedantic", "--min-severity=medium"])
        .args(WORKFLOWS))?;
    // It comes from GitHub alone: the package of that name fetches it from there while it is installed.
    if output(workspace::command("actionlint").arg("--version")).is_ok() {
        run(workspace::command("actionlint").args(WORKFLOWS))
    } else {
        eprintln!("there is no actionlint here: zizmor and GitHub's schema have read the workflows");
        Ok(())
    }
}
