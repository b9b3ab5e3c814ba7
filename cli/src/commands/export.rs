//! `ripple export`

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, IsTerminal as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::Args;
use humantime::format_rfc3339_seconds;
use ripple_core::record::Names;
use ripple_core::record::schema::Resource;
use ripple_core::sheet::{self, Columns};
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{Capacity, Consistency, Keys as _, Page, Position, Source as _};
use ripple_core::{RecordId, Timestamp};
use ripple_host::now;
use serde::{Deserialize, Serialize};

use crate::output;
use crate::scratch::Scratch;
use crate::target;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Output file; `-` is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Format of a record
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the summary as a line of JSON; on standard error if the records are on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    chosen: target::Chosen,
}

/// The format of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// A line of JSON for each record, as in the API and with its version: an import of it merges what was edited. A
    /// set is an array, a binary is base64 text
    #[default]
    Json,
    /// CSV with a row for each record, and its version: an import of it merges what was edited. It begins with a byte
    /// order mark, without which some programs read UTF-8 as another encoding
    Csv,
    /// JSON with DynamoDB's types, as in its export to S3: an import of it restores records that are missing, and keeps
    /// every type
    DynamodbJson,
}

/// How long after its start an interrupted export can continue. A file with records of different days would show
/// neither.
const RESUMED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The source of an export. An export continues only if all of it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    account: Option<String>,
    endpoint: String,
    region: String,
    table: String,
    format: Format,
}

/// The progress of an export. It is stored beside the export after each page, so that the export can continue.
#[derive(Serialize, Deserialize)]
struct Mark {
    origin: Origin,
    /// Milliseconds since 1970.
    started: u64,
    after: String,
    bytes: u64,
    projects: u64,
}

impl Mark {
    /// Returns why an export does not continue from here. Returns `None` if it does.
    fn is_outdated(&self, origin: &Origin, part: &Path, now: Timestamp) -> Option<String> {
        if self.origin != *origin {
            let Origin { table, endpoint, .. } = &self.origin;
            return Some(format!("it exported {table} of {endpoint}, or used another format"));
        }
        if now >= Timestamp(self.started).after(RESUMED_WITHIN) {
            let started = format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(self.started));
            return Some(format!("it began at {started}"));
        }
        let whole = fs::metadata(part).is_ok_and(|part| part.len() >= self.bytes);
        (!whole).then(|| "its output is missing or incomplete".to_owned())
    }
}

pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let Options { file, format, json, chosen } = options;
    if file.is_dir() {
        bail!("{} is a folder: give a file in it", file.display());
    }
    let mut target = connection.open().await?;
    let store = target.store_of(&chosen)?.clone();
    let count = if file.as_os_str() == "-" {
        to_output(&store, format).await?
    } else {
        connection.identify(&mut target).await;
        let (account, endpoint, region) = target.whereabouts();
        let table = store.table().to_owned();
        let (account, region) = (account.map(str::to_owned), region.to_owned());
        to_file(&store, &file, Origin { account, endpoint, region, table, format }).await?
    };
    let is_output = file.as_os_str() == "-";
    let summary = Summary { exported: count, resource: &store.resource().name, file: (!is_output).then_some(&file) };
    match (json, is_output) {
        (true, true) => eprintln!("{}", serde_json::to_string(&summary)?),
        (true, false) => output::line(&summary)?,
        (false, _) => eprintln!("exported {count} {}", store.resource().plural),
    }
    Ok(())
}

/// The summary in the form of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    exported: u64,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a PathBuf>,
}

async fn to_output(store: &DynamoDb, format: Format) -> anyhow::Result<u64> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    if format == Format::Csv {
        let (part, mut lines) = Scratch::create("export")?;
        let count = write_pages(store, &mut lines, format).await?;
        write_sheet(part.path(), &mut output, store.resource())?;
        return Ok(count);
    }
    write_pages(store, &mut output, format).await
}

/// Writes a file of JSON lines as a sheet. It is read twice, since the last record may have a column of its own.
fn write_sheet(lines: &Path, output: &mut impl Write, resource: &Resource) -> anyhow::Result<()> {
    let open = || Ok::<_, std::io::Error>(BufReader::new(File::open(lines)?).split(b'\n'));
    let mut names = BTreeSet::new();
    for line in open()? {
        sheet::names_in(&line?, &mut names);
    }
    let columns = Columns::of(resource, &names);
    output.write_all("\u{feff}".as_bytes())?;
    output.write_all(&columns.header())?;
    for line in open()? {
        output.write_all(&columns.row(&line?).context("a record cannot be read")?)?;
    }
    Ok(output.flush()?)
}

async fn write_pages(store: &DynamoDb, output: &mut impl Write, format: Format) -> anyhow::Result<u64> {
    let (mut from, mut count) = (None, 0);
    loop {
        let page = read_page(store, from).await?;
        count += write_page(output, &page, format, store.names())?;
        output.flush()?;
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(count),
        }
    }
}

/// Writes to a second file, which replaces the target when it is complete. An interrupted export continues from its
/// mark.
async fn to_file(store: &DynamoDb, file: &Path, origin: Origin) -> anyhow::Result<u64> {
    let (part, mark_file, next_mark) = (beside(file, "part"), beside(file, "mark"), beside(file, "mark-part"));
    let mark = match fs::read(&mark_file) {
        Ok(json) => resumable(&json, &origin, &part),
        Err(_) => None,
    };
    let started = mark.as_ref().map_or(now().0, |mark| mark.started);
    let open = OpenOptions::new().create(true).write(true).truncate(false).open(&part);
    let mut output = open.with_context(|| format!("cannot write {}", part.display()))?;
    let bytes = mark.as_ref().map_or(0, |mark| mark.bytes);
    output.set_len(bytes)?;
    output.seek(SeekFrom::Start(bytes))?;

    let mut count = mark.as_ref().map_or(0, |mark| mark.projects);
    let mut from = mark.map(|mark| Position { id: RecordId::stored(mark.after), at: None });
    let bar = output::bar(None, &store.resource().plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    loop {
        bar.set_position(count);
        let page = read_page(store, from).await?;
        count += write_page(&mut BufWriter::new(&output), &page, origin.format, store.names())?;
        let Some(next) = page.next else { break };
        let (after, bytes) = (next.id.to_string(), synced_length(&output)?);
        let mark = Mark { origin: origin.clone(), started, after, bytes, projects: count };
        // Whenever the export is interrupted, there is a whole mark.
        let written =
            fs::write(&next_mark, serde_json::to_vec(&mark)?).and_then(|()| fs::rename(&next_mark, &mark_file));
        written.context("cannot write the mark")?;
        from = Some(next);
    }
    synced_length(&output)?;
    if origin.format == Format::Csv {
        let sheet = beside(file, "sheet");
        let mut made = File::create(&sheet).with_context(|| format!("cannot write {}", sheet.display()))?;
        write_sheet(&part, &mut BufWriter::new(&mut made), store.resource())?;
        synced_length(&made)?;
        fs::rename(&sheet, &part).with_context(|| format!("cannot write {}", part.display()))?;
    }
    fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    for mark in [mark_file, next_mark].iter().filter(|mark| mark.exists()) {
        fs::remove_file(mark)?;
    }
    bar.finish_and_clear();
    Ok(count)
}

/// Returns the mark to continue from. Otherwise prints why the export begins again, and returns `None`.
fn resumable(json: &[u8], origin: &Origin, part: &Path) -> Option<Mark> {
    let mark = serde_json::from_slice::<Mark>(json).ok();
    let outdated = match &mark {
        None => Some("its mark cannot be read".to_owned()),
        Some(mark) => mark.is_outdated(origin, part, now()),
    };
    match outdated {
        None => {
            let projects = mark.as_ref().map_or(0, |mark| mark.projects);
            eprintln!("continuing the export that was interrupted after {projects} records");
            mark
        }
        Some(why) => {
            eprintln!("starting a new export, since an interrupted one cannot continue: {why}");
            None
        }
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    file.with_file_name(name)
}

fn synced_length(file: &File) -> anyhow::Result<u64> {
    file.sync_data()?;
    Ok(file.metadata()?.len())
}

async fn read_page(store: &DynamoDb, from: Option<Position>) -> anyhow::Result<Page> {
    store.scan(from, Consistency::Eventual, &mut Capacity::default()).await.context("cannot read the table")
}

fn write_page(output: &mut impl Write, page: &Page, format: Format, names: &Names) -> anyhow::Result<u64> {
    let mut count = 0;
    for project in page.records.iter().filter(|project| !project.is_deleted()) {
        let json = match format {
            // A sheet is made of the JSON when all its columns are known.
            Format::Json | Format::Csv => project.to_json(names),
            Format::DynamodbJson => export::line(project, names),
        };
        output.write_all(&json)?;
        output.write_all(b"\n")?;
        count += 1;
    }
    output.flush()?;
    Ok(count)
}
