//! API Gateway's resources and methods in the SAM template, and its own answers, each between two marks.
//!
//! Each method is listed, so requests outside the route table never reach the function. `HEAD` follows from `GET`, and
//! each resource has `OPTIONS`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use http::Method;
use ripple_core::auth::Scope;
use ripple_core::http::{ROUTES, Route};
use ripple_core::record::schema::{Access, Resources};

use crate::gateway;
use crate::words::Words;

const BEGIN: &str = "# The route table's, from here on: ";
const END: &str = "# That was the route table's.";
const BEGIN_ANSWERS: &str = "# API Gateway's own answers, from here on: ";
const END_ANSWERS: &str = "# Those were API Gateway's own.";

/// The function, as API Gateway calls it: the alias, which a deployment moves to a new version step by step.
const INTEGRATION: &str = "x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: !Sub \
    \"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}:live/invocations\"}";
/// The requirement of a key, if API Gateway checks keys too.
const SECURITY: &str = "security: !If [GatewayChecksKeys, [{key: []}], []]";

/// Returns the template with its generated parts renewed.
pub(crate) fn made_anew(template: &str, all: &Resources) -> Result<String> {
    let with_answers = between(template, BEGIN_ANSWERS, END_ANSWERS, &gateway::responses()?)?;
    let mut resources = String::new();
    let target = all.target().map(|target| target.name.as_str());
    let mut made: Vec<String> = Vec::new();
    // The paths of the default resource are beside those of the site, in the order of the table.
    for named in all.iter() {
        let words = Words::of(named, target == Some(&named.name));
        for route in ROUTES {
            let path = route.path_of(&named.name);
            if !made.contains(&path) {
                resource(&mut resources, route.path, &path, &words)?;
                made.push(path);
            }
        }
    }
    between(&with_answers, BEGIN, END, &resources)
}

/// Returns the template with a text between two marks, indented like them.
fn between(template: &str, begin_mark: &str, end_mark: &str, text: &str) -> Result<String> {
    let lost = |mark: &str| format!("deploy/template.yaml has lost its line {mark:?}");
    let begin = template.find(begin_mark).with_context(|| lost(begin_mark))?;
    let line = template[..begin].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = &template[line..begin];
    let end = template[begin..].find(end_mark).with_context(|| lost(end_mark))? + begin;
    let end = template[..end].rfind('\n').map_or(0, |newline| newline + 1);

    let made = format!("{begin_mark}`{}` writes it anew.\n{text}", crate::COMMAND);
    let lines = made.lines().enumerate().map(|(number, line)| match number {
        0 => format!("{line}\n"), // the text replaces the line of the mark
        _ => format!("{indent}{line}\n"),
    });
    Ok(format!("{}{}{}", &template[..begin], lines.collect::<String>(), &template[end..]))
}

fn resource(made: &mut String, pattern: &str, path: &str, words: &Words<'_>) -> Result<()> {
    writeln!(made, "{path}:")?;
    let names: Vec<&str> = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
    if !names.is_empty() {
        writeln!(made, "  parameters:")?;
        for name in names {
            writeln!(made, "    - {{name: {name}, in: path, required: true, schema: {{type: string}}}}")?;
        }
    }
    let is_served = |route: &&Route| words.resource().access == Access::ReadWrite || route.scope != Some(Scope::Write);
    for route in ROUTES.iter().filter(|route| route.path == pattern).filter(is_served) {
        method(made, route.method.as_str(), Some(route), words)?;
        if route.method == Method::GET {
            method(made, "HEAD", Some(route), words)?;
        }
    }
    method(made, "OPTIONS", None, words)
}

fn method(made: &mut String, verb: &str, route: Option<&Route>, words: &Words<'_>) -> Result<()> {
    writeln!(made, "  {}:", verb.to_ascii_lowercase())?;
    if let Some(route) = route {
        if route.method.as_str() == verb {
            writeln!(made, "    operationId: {}", words.operation_id(route.name))?;
        }
        if route.scope.is_some() {
            writeln!(made, "    {SECURITY}")?;
        }
    }
    writeln!(made, "    responses: {{}}")?;
    writeln!(made, "    {INTEGRATION}")?;
    Ok(())
}
