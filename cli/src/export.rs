//! `ripple export`

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use ripple_core::RecordId;
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{Capacity, Page, Position, Source as _};
use serde::{Deserialize, Serialize};

use crate::connection;
use crate::progress;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to; `-` is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// How a project is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a project is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// As the API shows it: a set is an array, a binary is base64
    #[default]
    Json,
    /// With the types of its values, as DynamoDB's own export to S3: for a restore, which loses nothing so
    DynamodbJson,
}

/// How far an export has come: kept beside it after each page, so that it can go on.
#[derive(Serialize, Deserialize)]
struct Mark {
    after: String,
    bytes: u64,
    projects: u64,
    #[serde(default)]
    format: Format,
}

pub(crate) async fn run(connection: &connection::Options, options: Options) -> anyhow::Result<()> {
    let store = connection.open().await?.store;
    let Options { file, format } = options;
    let count =
        if file.as_os_str() == "-" { to_output(&store, format).await? } else { to_file(&store, &file, format).await? };
    eprintln!("{count} projects exported");
    Ok(())
}

async fn to_output(store: &DynamoDb, format: Format) -> anyhow::Result<u64> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    let (mut from, mut count) = (None, 0);
    loop {
        let page = read_page(store, from).await?;
        count += write_page(&mut output, &page, format)?;
        output.flush().context("cannot write")?;
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(count),
        }
    }
}

/// Writes beside the file until all is there; then it takes the file's place. Interrupted, it goes on from its mark.
async fn to_file(store: &DynamoDb, file: &Path, format: Format) -> anyhow::Result<u64> {
    let (part, mark_file) = (beside(file, "part"), beside(file, "mark"));
    let mark: Option<Mark> = fs::read(&mark_file).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let whole = |mark: &Mark| fs::metadata(&part).is_ok_and(|part| part.len() >= mark.bytes);
    let mark = mark.filter(|mark| mark.format == format && whole(mark));
    let open = OpenOptions::new().create(true).write(true).truncate(false).open(&part);
    let mut output = open.with_context(|| format!("cannot write {}", part.display()))?;
    let bytes = mark.as_ref().map_or(0, |mark| mark.bytes);
    output.set_len(bytes)?;
    output.seek(SeekFrom::Start(bytes))?;

    let mut count = mark.as_ref().map_or(0, |mark| mark.projects);
    let mut from = mark.map(|mark| Position { id: RecordId::stored(mark.after), updated_at: None });
    let bar = progress::bar(None, "projects");
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    loop {
        bar.set_position(count);
        let page = read_page(store, from).await?;
        count += write_page(&mut BufWriter::new(&output), &page, format)?;
        let Some(next) = page.next else { break };
        let mark = Mark { after: next.id.to_string(), bytes: synced_length(&output)?, projects: count, format };
        fs::write(&mark_file, serde_json::to_vec(&mark)?).context("cannot keep the mark")?;
        from = Some(next);
    }
    synced_length(&output)?;
    fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    if mark_file.exists() {
        fs::remove_file(&mark_file)?;
    }
    bar.finish_and_clear();
    Ok(count)
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
    store.scan(from, &mut Capacity::default()).await.context("cannot read the table")
}

fn write_page(output: &mut impl Write, page: &Page, format: Format) -> anyhow::Result<u64> {
    let mut count = 0;
    for project in page.projects.iter().filter(|project| !project.is_deleted()) {
        let json = match format {
            Format::Json => project.to_json(),
            Format::DynamodbJson => export::line(project),
        };
        output.write_all(&json).and_then(|()| output.write_all(b"\n")).context("cannot write")?;
        count += 1;
    }
    output.flush().context("cannot write")?;
    Ok(count)
}
