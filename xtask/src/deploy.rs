//! What can be said of `deploy/` and the workflows without an account.

use anyhow::Result;

use crate::process::run;
use crate::python::{DEPLOY, TESTS};

const TEMPLATE: &str = "deploy/template.yaml";

/// The template by CloudFormation's rules and SAM's, the OpenAPI document by its own, the workflows by GitHub's.
pub(crate) fn check() -> Result<()> {
    run(DEPLOY.command("cfn-lint")?.arg(TEMPLATE))?;
    let mut sam = DEPLOY.command("sam")?;
    sam.args(["validate", "--lint", "--template-file", TEMPLATE]);
    // It wants to know for which region; it asks nobody there, and is not to tell anybody.
    run(sam.env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0"))?;
    run(TESTS.command("openapi-spec-validator")?.arg("deploy/openapi.json"))?;
    for (schema, files) in [
        ("vendor.github-workflows", &[".github/workflows/test.yml", ".github/workflows/deploy.yml"][..]),
        ("vendor.dependabot", &[".github/dependabot.yml"]),
    ] {
        run(TESTS.command("check-jsonschema")?.args(["--builtin-schema", schema]).args(files))?;
    }
    Ok(())
}
