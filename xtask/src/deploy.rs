//! Checks of `deploy/` and the workflows that need no account.

use anyhow::Result;

use crate::process::{output, run};
use crate::python::{DEPLOY, TESTS};
use crate::workspace;

/// The folders of templates: that of one resource, and that of two.
const FOLDERS: [&str; 2] = ["deploy", "deploy/tests/golden/two"];

/// The OpenAPI documents: that of one resource, and that of all.
const DOCUMENTS: [&str; 2] = ["deploy/openapi.json", "edge/openapi.json"];

const WORKFLOWS: [&str; 2] = [".github/workflows/test.yml", ".github/workflows/deploy.yml"];

/// Checks the templates by the rules of CloudFormation and SAM, the OpenAPI documents by their schema, and the workflows
/// by GitHub's schema and by linters.
pub(crate) fn check() -> Result<()> {
    for folder in FOLDERS {
        let template = format!("{folder}/template.yaml");
        run(DEPLOY.command("cfn-lint")?.arg(&template))?;
        let mut sam = DEPLOY.command("sam")?;
        sam.args(["validate", "--lint", "--template-file", &template]);
        // SAM requires a region, although it contacts no service in it. Its telemetry is off.
        run(sam.env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0"))?;
    }
    run(TESTS.command("openapi-spec-validator")?.args(DOCUMENTS))?;
    for (schema, files) in
        [("vendor.github-workflows", &WORKFLOWS[..]), ("vendor.dependabot", &[".github/dependabot.yml"])]
    {
        run(TESTS.command("check-jsonschema")?.args(["--builtin-schema", schema]).args(files))?;
    }
    // Offline: online, it would only ask GitHub whether a pinned commit is known to be bad.
    run(DEPLOY
        .command("zizmor")?
        .args(["--offline", "--no-progress", "--persona=pedantic", "--min-severity=medium"])
        .args(WORKFLOWS))?;
    // Only GitHub has it: the package of that name downloads it from there during installation.
    if output(workspace::command("actionlint").arg("--version")).is_ok() {
        run(workspace::command("actionlint").args(WORKFLOWS))
    } else {
        eprintln!("actionlint is not installed, so only zizmor and GitHub's schema checked the workflows");
        Ok(())
    }
}
