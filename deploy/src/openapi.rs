//! Generates the OpenAPI document from the route table and the contracts of operations.

use std::collections::BTreeMap;

use anyhow::Result;
use http::Method;
use ripple_core::auth::Scope;
use ripple_core::http::contract::{Contract, Field, Kind, OPERATORS, PATH, PROBLEM, Refusal, Shape};
use ripple_core::http::{ROUTES, Route, Served};
use ripple_core::record::schema::{Access, Resource, Resources};
use serde::Serialize;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    Content, Header, Info, License, OpenApiVersion, Paths, Ref, RefOr, Required, SecurityRequirement, Tag,
};

use crate::example::Examples;
use crate::extension;
use crate::schema::Schemas;
use crate::words::Words;

const KEY: &str = "key";
const PROBLEM_JSON: &str = "application/problem+json";
const ABOUT: &str = "ecords that a whole team edits at once without losing an edit. \
    `HEAD` answers like `GET` without the body; `OPTIONS` says what a resource takes, and wants no key. \
    An error is a problem (RFC 9457), told by its `code`.";

/// The rules for a body, of which schemas can express only a part.
const BODY_FAULTY: &str = "The body is not as it must be: members have names of 1 to 255 bytes, none twice, at most 32 levels \
    deep; numbers up to 38 digits and of DynamoDB's range.";
const ANY_TEXT: Shape = Shape::Text { least: 0, most: None, pattern: None };

/// The rules for the names of a list's conditions.
const FILTERS: &str = "Any other name is a member's: it equals the value; an array or set contains it. A name that ends in an \
    operator, as in `note[prefix]`, is a condition of that operator. A name that begins with `/` is a JSON Pointer \
    (RFC 6901): `/address/city`. Up to 64 conditions in all.";

/// The group of operations that need no key.
const WITHOUT_KEY: &str = "without a key";

/// The headers of answers.
const HEADERS: &[(&str, &str)] = &[
    ("ETag", "The strong entity tag: the same on every host."),
    (
        "Ripple-Session",
        "Which versions this client has written lately. Sent along, it makes a read see them, on any host.",
    ),
    ("Ripple-Receipt", "What became of the write, field by field (a dictionary of RFC 9651)."),
    (
        "Idempotent-Replayed",
        "`true` if the request was made before with the same `Idempotency-Key`, and this is its first answer. Of a batch: \
         if that is so for at least one operation.",
    ),
    ("Ripple-Capacity", "DynamoDB's capacity units that this answer cost: `read=0.5, write=4`."),
    ("x-request-id", "The request's id, the caller's own where one was sent."),
    ("Age", "At the edge: how many seconds old the answer is."),
    ("Cache-Status", "At the edge: what was done for the answer (RFC 9211)."),
    ("Retry-After", "After how many seconds to ask again."),
];

/// Returns the text of the document of a site's API.
///
/// # Errors
/// If the document cannot be written as JSON.
pub fn text(resources: &Resources) -> Result<String> {
    Ok(serde_json::to_string_pretty(&document(resources))? + "\n")
}

/// The document, as far as ripple's has members.
#[derive(Serialize)]
struct Document<'a> {
    openapi: OpenApiVersion,
    info: Info,
    paths: Paths,
    components: Components<'a>,
    tags: Vec<Tag>,
    #[serde(flatten)]
    extensions: Extensions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components<'a> {
    schemas: Schemas<'a>,
    headers: BTreeMap<&'static str, Header>,
    security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

fn document(resources: &Resources) -> Document<'_> {
    let mut schemas = Schemas::default();
    let mut paths = Paths::new();
    let target = resources.target().map(|target| target.name.as_str());
    for resource in resources.iter() {
        let words = Words::of(resource, target == Some(&resource.name));
        let is_served = |route: &&Route| resource.access == Access::ReadWrite || route.scope != Some(Scope::Write);
        let examples = Examples::of(resource);
        for route in ROUTES.iter().filter(|route| route.path.contains("{resource}")).filter(is_served) {
            let operation = operation(route, &words, examples.as_ref(), &mut schemas);
            paths.add_path_operation(route.path_of(&resource.name), vec![method_of(&route.method)], operation);
        }
    }
    let words = Words::of(resources.first(), true);
    for route in ROUTES.iter().filter(|route| !route.path.contains("{resource}")) {
        paths.add_path_operation(
            route.path,
            vec![method_of(&route.method)],
            operation(route, &words, None, &mut schemas),
        );
    }
    let text = |about: &str| HeaderBuilder::new().schema(Some(schema_of_text())).description(Some(about)).build();
    let key = ApiKeyValue::with_description("x-api-key", "`rpl_…`, with the scope `read` or `write`.");
    let components = Components {
        schemas,
        headers: HEADERS.iter().map(|(name, about)| (*name, text(about))).collect(),
        security_schemes: BTreeMap::from([(KEY, SecurityScheme::ApiKey(ApiKey::Header(key)))]),
    };

    let mut info = Info::new("ripple", env!("CARGO_PKG_VERSION"));
    let mut all = resources.iter();
    info.description = Some(match (all.next(), all.next()) {
        (Some(only), None) => format!("{} r{ABOUT}", only.title),
        _ => format!("R{ABOUT}"),
    });
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    info.license = Some(license);
    let tags = resources.iter().map(|resource| resource.plural.as_str()).chain([WITHOUT_KEY]);
    let tags = tags.map(Tag::new).collect();
    let extensions = extension::of(resources);
    Document { openapi: OpenApiVersion::Version31, info, paths, components, tags, extensions }
}

fn method_of(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation<'a>(
    route: &'static Route,
    words: &Words<'a>,
    examples: Option<&Examples<'_>>,
    schemas: &mut Schemas<'a>,
) -> Operation {
    let contract = route.contract();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(words.operation_id(route.name)))
        .summary(Some(words.fill(route.summary)))
        .tag(route.scope.map_or(WITHOUT_KEY, |_| words.resource().plural.as_str()));
    if let Some(scope) = route.scope {
        operation = operation
            .security(SecurityRequirement::new(KEY, [] as [&str; 0]))
            .description(Some(format!("Needs a key with the scope `{scope}`.")));
    }

    for name in path_parameters(route.path) {
        let known = PATH.iter().find(|field| field.name == name);
        let field = known.copied().unwrap_or(Field { name, shape: ANY_TEXT, required: true, about: "" });
        let example = examples.and_then(|examples| examples.parameter(name));
        let named = parameter(&field, ParameterIn::Path, words, schemas).example(example);
        let name = if name == "id" { format!("{}id", words.resource().name) } else { name.to_owned() };
        operation = operation.parameter(named.name(name));
    }
    for field in contract.query {
        operation = operation.parameter(parameter(field, ParameterIn::Query, words, schemas));
    }
    if contract.filters {
        let taken: Vec<String> = contract.query.iter().map(|field| words.fill(field.name)).collect();
        for name in members(words.resource()).filter(|name| taken.iter().all(|taken| taken != name)) {
            operation = operation.parameter(conditions(name, words, schemas));
        }
        operation = operation.parameter(filters());
    }
    for field in contract.headers.iter().copied().chain(headers_taken(route, contract)) {
        operation = operation.parameter(parameter(&field, ParameterIn::Header, words, schemas));
    }

    if let Some(body) = contract.body {
        let mut request = RequestBodyBuilder::new();
        for (media_type, shape) in body.content {
            let mut content = Content::new(Some(schemas.of(shape, words)));
            content.example = examples.and_then(|examples| examples.body(route.name, media_type));
            request = request.content(*media_type, content);
        }
        let required = if body.required { Required::True } else { Required::False };
        operation = operation.request_body(Some(request.required(Some(required)).build()));
    }

    let success = contract.success;
    let mut response = ResponseBuilder::new().description(words.fill(success.about));
    if let Some((media_type, shape)) = &success.body {
        response = response.content(*media_type, Content::new(Some(schemas.of(shape, words))));
    }
    if contract.sheet {
        response = response.content("text/csv", Content::new(Some(RefOr::T(schema_of_text()))));
    }
    for field in success.headers {
        response = response.header(field.name, header(field, words, schemas));
    }
    operation = operation.response(success.status.to_string(), with_headers(response, &headers_given(route, contract)));
    if success.tagged && route.scope == Some(Scope::Read) {
        let not_modified = ResponseBuilder::new().description("It is what the caller has already.");
        operation = operation.response("304", with_headers(not_modified, &headers_given(route, contract)));
    }

    for (status, when) in refusals(route, contract) {
        let mut headers = vec!["x-request-id"];
        if route.scope.is_some() {
            headers.push("Ripple-Capacity");
        }
        if matches!(status, 429 | 503) {
            headers.push("Retry-After");
        }
        let problem = Content::new(Some(schemas.of(&Shape::Object(&PROBLEM), words)));
        let response = ResponseBuilder::new().description(words.fill(&when)).content(PROBLEM_JSON, problem);
        operation = operation.response(status.to_string(), with_headers(response, &headers));
    }
    operation.build()
}

fn path_parameters(resource: &'static str) -> impl Iterator<Item = &'static str> {
    let names = resource.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.filter(|name| *name != "resource")
}

fn parameter<'a>(field: &Field, place: ParameterIn, words: &Words<'a>, schemas: &mut Schemas<'a>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(words.fill(field.name))
        .parameter_in(place)
        .required(if field.required { Required::True } else { Required::False })
        .description((!field.about.is_empty()).then(|| words.fill(field.about)))
        .schema(Some(schemas.of(&field.shape, words)))
}

/// Returns the names of the members that a resource's records show.
fn members(resource: &Resource) -> impl Iterator<Item = &str> {
    let names = &resource.names;
    let declared = resource.schema.root.properties.iter().map(|(name, _)| name.as_str());
    let own =
        names.keys().into_iter().map(|(name, _)| name).chain([&*names.version, &names.updated_at, &names.updated_by]);
    own.chain(declared.filter(|name| !names.is_key(name)))
}

/// Returns the parameter for the operators on a member: `name[gte]=…`.
fn conditions<'a>(name: &str, words: &Words<'a>, schemas: &mut Schemas<'a>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .style(Some(ParameterStyle::DeepObject))
        .explode(Some(true))
        .schema(Some(schemas.of(&Shape::Object(&OPERATORS), words)))
}

/// Returns the parameter for all other names of the query.
fn filters() -> ParameterBuilder {
    let values = AdditionalProperties::RefOr(schema_of_text().into());
    let name = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    ParameterBuilder::new()
        .name("filters")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .description(Some(FILTERS))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property_names(Some(name))
                .additional_properties(Some(values)),
        ))
}

fn header<'a>(field: &Field, words: &Words<'a>, schemas: &mut Schemas<'a>) -> Header {
    let schema = schemas.of(&field.shape, words);
    HeaderBuilder::new().schema(Some(schema)).description(Some(words.fill(field.about))).build()
}

fn schema_of_text() -> utoipa::openapi::Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

fn with_headers(response: ResponseBuilder, names: &[&str]) -> ResponseBuilder {
    let location = |name: &str| Ref::new(format!("#/components/headers/{name}"));
    names.iter().fold(response, |response, name| response.header_ref(*name, location(name)))
}

/// Returns the request's headers that follow from the route.
fn headers_taken(route: &Route, contract: &Contract) -> Vec<Field> {
    let field = |name, about| Field { name, shape: ANY_TEXT, required: false, about };
    let mut fields = vec![field("x-request-id", "An id of the caller's own: up to 128 visible ASCII characters.")];
    if route.scope == Some(Scope::Write) {
        fields.push(field("ripple-session", "The `Ripple-Session` of an earlier answer, carried on into this one's."));
        // An empty value counts as none: some hosts pass it on, some do not.
        let shape =
            Shape::Text { least: 0, most: Some(ripple_core::limits::IDEMPOTENCY_KEY), pattern: Some("^[!-~]*$") };
        let about = "The same key and request again, within a day, get the first answer again; another request 422.";
        fields.push(Field { shape, ..field("idempotency-key", about) });
        let about = "On whose behalf: a String or Display String of RFC 9651, which may have the parameter `id`, as in \
                     `\"Bo\";id=\"u7\"`.";
        fields.push(field("ripple-author", about));
    } else if contract.success.tagged {
        fields.push(field("if-none-match", "Entity tags: 304 if it has one of them."));
        fields.push(field("if-match", "Entity tags: 412 unless it has one of them."));
    }
    if route.served == Served::Replica && route.scope.is_some() {
        fields.push(field("cache-control", "At the edge: `no-cache` wants nothing older than the request."));
    }
    fields
}

/// Returns the answer's headers that follow from the route, by their names in [`HEADERS`].
fn headers_given(route: &Route, contract: &Contract) -> Vec<&'static str> {
    let mut names = vec!["x-request-id"];
    if route.scope.is_some() {
        names.push("Ripple-Capacity");
    }
    if contract.success.tagged {
        names.push("ETag");
    }
    if route.scope == Some(Scope::Write) {
        names.extend(["Ripple-Session", "Idempotent-Replayed"]);
        // The receipts of a batch are in its body.
        if contract.success.tagged || contract.success.body.is_none() {
            names.push("Ripple-Receipt");
        }
    } else if route.served == Served::Replica && route.scope.is_some() {
        names.extend(["Age", "Cache-Status"]);
    }
    names
}

/// Returns the errors that follow from the route, and then the operation's own, by status.
fn refusals(route: &Route, contract: &Contract) -> BTreeMap<u16, String> {
    let mut all: Vec<Refusal> = Vec::new();
    let mut add = |kind: &'static Kind, when| all.push(Refusal { kind, when });
    add(&Kind::INVALID_REQUEST, "A parameter or a header is not as it must be.");
    if contract.body.is_some() {
        add(&Kind::INVALID_BODY, BODY_FAULTY);
        add(&Kind::BODY_TOO_LARGE, "The body is longer than 1 MB.");
        add(&Kind::UNSUPPORTED_MEDIA_TYPE, "The body is of another type.");
    }
    if route.scope.is_some() {
        add(&Kind::FORBIDDEN, "There is no valid key.");
        add(&Kind::INSUFFICIENT_SCOPE, "The key has not the scope.");
        add(&Kind::TOO_MANY_REQUESTS, "The key asks too often; `RateLimit-Policy` tells how often it may.");
        add(&Kind::INTERNAL, "Something is wrong on the server; its log has the cause under the request's id.");
        add(&Kind::UNAVAILABLE, "DynamoDB does not answer, or too many save the same record: ask again.");
        add(&Kind::TABLE_MISSING, "The table of the records does not exist yet.");
    }
    if route.scope == Some(Scope::Write) {
        add(&Kind::AUTHOR_NOT_ALLOWED, "`Ripple-Author` is another one than the key may name.");
        add(&Kind::IDEMPOTENCY_KEY_REUSED, "The `Idempotency-Key` came with another request before.");
        add(&Kind::OUTCOME_UNKNOWN, "DynamoDB does not say whether it was written: send it again with the same key.");
    } else if contract.success.tagged {
        add(&Kind::PRECONDITION_FAILED, "`If-Match` does not hold.");
    }
    all.extend_from_slice(contract.refusals);

    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for Refusal { kind, when } in &all {
        by_status.entry(kind.status.as_u16()).or_default().push((kind.code, when));
    }
    if route.scope.is_some() {
        // Errors of the edge itself and of API Gateway.
        by_status.entry(429).or_default().push(("too_many_requests", "The key asks too often."));
        by_status.entry(502).or_default().push(("bad_gateway", "The edge cannot reach the origin."));
        by_status.entry(504).or_default().push(("gateway_timeout", "The origin does not answer the edge in time."));
    }
    let told = |codes: Vec<(&str, &str)>| {
        codes.iter().map(|(code, when)| format!("`{code}`: {when}")).collect::<Vec<_>>().join("\n\n")
    };
    by_status.into_iter().map(|(status, codes)| (status, told(codes))).collect()
}
