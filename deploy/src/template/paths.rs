//! API Gateway's resources and methods.
//!
//! Each method is listed, so requests outside the route table never reach the function. `HEAD` follows from `GET`, and
//! each resource has `OPTIONS`.

use std::fmt::Write as _;

use anyhow::Result;
use http::Method;
use ripple_core::auth::Scope;
use ripple_core::http::{ROUTES, Route};
use ripple_core::record::schema::{Access, Resources};

use crate::words::Words;

/// The function, as API Gateway calls it: the alias, which a deployment moves to a new version step by step.
const INTEGRATION: &str = "x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: !Sub \
    \"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}:live/invocations\"}";
/// The requirement of a key, if API Gateway checks keys too.
const SECURITY: &str = "security: !If [GatewayChecksKeys, [{key: []}], []]";

/// Returns the paths of every resource and of the site. Those of the first resource are beside those of the site, in the
/// order of the route table.
pub(super) fn paths(all: &Resources) -> Result<String> {
    let mut text = String::new();
    let target = all.target().map(|target| target.name.as_str());
    let mut made: Vec<String> = Vec::new();
    for named in all.iter() {
        let words = Words::of(named, target == Some(&named.name));
        for route in ROUTES {
            let path = route.path_of(&named.name);
            if !made.contains(&path) {
                resource(&mut text, route.path, &path, &words)?;
                made.push(path);
            }
        }
    }
    Ok(text)
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
        operation(made, route.method.as_str(), Some(route), words)?;
        if route.method == Method::GET {
            operation(made, "HEAD", Some(route), words)?;
        }
    }
    operation(made, "OPTIONS", None, words)
}

fn operation(made: &mut String, method: &str, route: Option<&Route>, words: &Words<'_>) -> Result<()> {
    writeln!(made, "  {}:", method.to_ascii_lowercase())?;
    if let Some(route) = route {
        if route.method.as_str() == method {
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
