//! The steps of `cargo xtask test`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::adding;
use crate::book;
use crate::browser::{CHROMIUM, FIREFOX};
use crate::check;
use crate::deploy;
use crate::edge;
use crate::fuzz;
use crate::package;
use crate::process::run;
use crate::python;
use crate::release;
use crate::server::{self, Server};
use crate::step::Step;
use crate::tools;
use crate::wasi::{self, Served};
use crate::workspace::{self, cargo};

/// The steps that follow those of [`check`].
const STEPS: &[Step] = &[
    Step { name: "rust", purpose: "the tests of every crate, and the black-box suite in process", run: rust },
    Step { name: "doctests", purpose: "the examples in the documentation", run: doctests },
    Step { name: "black-box", purpose: "the black-box suite against `ripple dev`", run: black_box },
    Step { name: "edge", purpose: "the same suite against the edge worker under workerd", run: edge },
    Step {
        name: "deploy",
        purpose: "template, policies, OpenAPI document and workflows agree with each other and with a running ripple",
        run: deploy,
    },
    Step {
        name: "python",
        purpose: "boto3 as a second writer, failures of the edge worker, the Flask app, /app and /docs in browsers",
        run: python,
    },
];

/// The steps that only `--long` adds. Each builds a tool or all of ripple once more, in another profile.
const LONG: &[Step] = &[
    Step {
        name: "dependencies",
        purpose: "dependencies have allowed licences and sources, and no advisory applies",
        run: check::dependencies,
    },
    Step { name: "book", purpose: "the documents as a site, and its links", run: book::build },
    Step { name: "adding-an-operation", purpose: "docs/ADDING_AN_OPERATION.md, applied to a copy", run: adding::check },
    Step { name: "fuzz", purpose: "a short run of each fuzz target from its seeds", run: fuzz::short },
    Step {
        name: "replica",
        purpose: "the black-box suite against the edge worker in front of a replica, and what its sockets do after a minute",
        run: replica,
    },
    Step { name: "wasi", purpose: "the black-box suite and failures against the WASI component under Node", run: wasi },
    Step {
        name: "package",
        purpose: "the zip file for Lambda starts and serves events of the Runtime API",
        run: package,
    },
    Step {
        name: "archive",
        purpose: "the archive runs README's first page without a toolchain, and the packages for pip and npm install it",
        run: archive,
    },
];

/// The name of the black-box suite as a test.
const SUITE: &str = "suite";
/// The tests of a replica's sockets that wait for its time limits.
const REPLICA_WAITS: &str = "tests/python/test_replica_waits.py";
/// The suite's cases against a URL. The step `rust` runs the cases in process.
const AT_URL: &str = "url::";

/// Returns the steps of `cargo xtask test`.
pub(crate) fn steps() -> impl Iterator<Item = &'static Step> {
    check::STEPS.iter().chain(STEPS)
}

/// Returns the steps of `cargo xtask test --long`.
pub(crate) fn all_steps() -> impl Iterator<Item = &'static Step> {
    steps().chain(LONG)
}

fn rust() -> Result<()> {
    let mut tests = test_workspace();
    tests.args(["--lib", "--bins", "--tests", "--examples"]);
    server::forget(&mut tests);
    run(&mut tests)
}

fn doctests() -> Result<()> {
    run(cargo("test").args(["--workspace", "--doc"]))
}

fn black_box() -> Result<()> {
    build_binaries()?;
    let resources = resources_of_the_suite()?;
    let server = Server::start_with_resources(&resources)?;
    // The limits of a resource do not depend on its key, and take as long as all other cases together.
    let cases = ["--", "--skip", "url::meter::limits"];
    run(suite_at(&server).env("RIPPLE_SERVED", "prj,task,meter").args(cases))?;
    server.stop()?;
    fs::remove_dir_all(&resources).with_context(|| format!("{} cannot be removed", resources.display()))
}

/// Copies this project's resource files and those that only the suite has into one folder. Returns its path.
fn resources_of_the_suite() -> Result<PathBuf> {
    let folder = workspace::target()?.join("xtask").join(format!("resources-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    for source in ["resources", "tests/resources/suite"] {
        let source = workspace::root().join(source);
        for entry in fs::read_dir(&source).with_context(|| format!("{} cannot be read", source.display()))? {
            let entry = entry?;
            fs::copy(entry.path(), folder.join(entry.file_name()))
                .with_context(|| format!("{} cannot be copied", entry.path().display()))?;
        }
    }
    Ok(folder)
}

fn edge() -> Result<()> {
    build_binaries()?;
    edge::build()?;
    edge::build_near()?;
    edge::check_bundles()?;
    let server = Server::start_with_edge()?;
    run(&mut suite_at(&server))?;
    server.stop()
}

fn replica() -> Result<()> {
    let mut near = workspace::command(python::TESTS.ready()?);
    build_binaries()?;
    edge::build_near()?;
    edge::build_replica()?;
    let suite = suite();
    near.arg("tests/python/near.py").arg(suite.get_program()).args(suite.get_args());
    server::forget(&mut near);
    run(near.env("RIPPLE_BIN", workspace::binary("ripple")?))?;
    let mut waits = pytest(REPLICA_WAITS)?;
    server::forget(&mut waits);
    run(waits.env("RIPPLE_BIN", workspace::binary("ripple")?))
}

fn wasi() -> Result<()> {
    build_binaries()?;
    let component = wasi::build()?;
    let server = Server::start()?;
    let served = Served::start(&component, &server)?;
    run(suite_at(&server).env("RIPPLE_URL", &served.url))?;
    drop(served);
    let mut failures = pytest("tests/python/test_wasi.py")?;
    server.introduce(&mut failures);
    run(failures.env("RIPPLE_COMPONENT", component))?;
    server.stop()
}

fn suite() -> Command {
    let mut suite = test_workspace();
    suite.args(["--test", SUITE, AT_URL]);
    suite
}

fn suite_at(server: &Server) -> Command {
    let mut suite = suite();
    server.introduce(&mut suite);
    suite
}

fn deploy() -> Result<()> {
    deploy::check()?;
    let mut pytest = pytest("tests/python/deploy")?;
    build_binaries()?;
    edge::build()?;
    server::forget(&mut pytest);
    pytest.env("RIPPLE_BOOTSTRAP", workspace::binary("bootstrap")?);
    run(pytest.env("RIPPLE_BIN", workspace::binary("ripple")?))
}

fn package() -> Result<()> {
    let bootstrap = package::unpacked()?;
    let mut tests = test_workspace();
    tests.args(["--test", "function"]).env("RIPPLE_BOOTSTRAP", bootstrap);
    server::forget(&mut tests);
    run(&mut tests)
}

fn archive() -> Result<()> {
    let archives = release::own_archive()?;
    let mut tests = pytest("tests/python/archive")?;
    server::forget(&mut tests);
    run(tests.env("RIPPLE_ARCHIVES", archives))
}

fn pytest(folder: &str) -> Result<Command> {
    let mut pytest = workspace::command(python::TESTS.ready()?);
    // The tests of a file share servers, so they stay together.
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "-n", "auto", "--dist", "loadfile", folder]);
    Ok(pytest)
}

fn python() -> Result<()> {
    let mut pytest = pytest("tests/python")?;
    let (chromium, firefox) = (CHROMIUM.ready()?, FIREFOX.ready()?);
    build_binaries()?;
    edge::build_all()?;
    let server = Server::start()?;
    // These are parts of other steps.
    for other in ["tests/python/archive", "tests/python/deploy", "tests/python/test_wasi.py", REPLICA_WAITS] {
        pytest.args(["--ignore", other]);
    }
    server.introduce(&mut pytest);
    pytest.env("RIPPLE_BROWSER", chromium);
    pytest.env("RIPPLE_FIREFOX", firefox);
    pytest.env("RIPPLE_XTASK", workspace::binary("xtask")?);
    pytest.env("RIPPLE_BIN", workspace::binary("ripple")?);
    pytest.env("RIPPLE_BOOTSTRAP", workspace::binary("bootstrap")?);
    run(&mut pytest)?;
    server.stop()
}

/// Returns a command for tests of the workspace. It uses cargo-nextest if it is installed.
fn test_workspace() -> Command {
    let mut test = if tools::nextest_is_present() {
        let mut nextest = cargo("nextest");
        nextest.arg("run");
        nextest
    } else {
        cargo("test")
    };
    test.args(["--workspace", "--no-fail-fast"]);
    test
}

/// Builds `ripple` and `bootstrap` together with the suite. So Cargo builds the dependencies once, with the features
/// that the tests use anyway.
fn build_binaries() -> Result<()> {
    workspace::build(&["--bins", "--test", SUITE])
}
