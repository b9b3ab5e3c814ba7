//! A file of records. It is read from its start for each purpose, since nothing of it stays in memory.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use ripple_core::record::schema::Resource;

use super::source::{Entries, Form};
use super::text::Text;
use super::{Found, row};
use crate::scratch::Scratch;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An entry with its position in the file, or why it cannot be read.
type Placed = anyhow::Result<(String, Found)>;

/// A file in a form that was recognized.
pub(super) struct File {
    path: PathBuf,
    /// What the file is called in messages.
    name: String,
    pub(super) form: Form,
    /// The copy of a file that can be read only once, such as standard input.
    _copy: Option<Scratch>,
}

impl File {
    /// Recognizes a file. `-` is standard input.
    pub(super) fn open(file: &Path) -> anyhow::Result<File> {
        let is_input = file.as_os_str() == "-";
        let name = if is_input { "standard input".to_owned() } else { file.display().to_string() };
        let (path, copy) = if is_input {
            copied(&mut io::stdin().lock()).context("cannot read standard input")?
        } else {
            let mut open = fs::File::open(file).with_context(|| format!("cannot open {name}"))?;
            if open.metadata().is_ok_and(|metadata| metadata.is_file()) {
                (file.to_owned(), None)
            } else {
                copied(&mut open).with_context(|| format!("cannot read {name}"))?
            }
        };
        let mut opened = File { path, name, form: Form::Lines, _copy: copy };
        let form = opened.text().and_then(|mut text| Form::of(&mut text, is_named_csv(&opened.name)));
        opened.form = form.with_context(|| opened.fault())?;
        Ok(opened)
    }

    fn fault(&self) -> String {
        format!("{} cannot be read", self.name)
    }

    fn text(&self) -> anyhow::Result<Text<Box<dyn Read>>> {
        let mut bytes = BufReader::new(fs::File::open(&self.path)?);
        let is_packed = bytes.fill_buf()?.starts_with(&GZIP);
        Ok(Text::of(if is_packed { Box::new(Unpacked(MultiGzDecoder::new(bytes))) } else { Box::new(bytes) }))
    }

    /// Reads the whole file, so that a file that is no such file changes nothing. Returns the number of its entries.
    pub(super) fn check(&self, resource: &Resource) -> anyhow::Result<u64> {
        if self.form == Form::Sheet {
            // Rows are read without an error.
            let all = || anyhow::Ok(io::copy(&mut self.text()?, &mut io::sink())?);
            all().with_context(|| self.fault())?;
            return Ok(row::of_sheet(self.text()?, resource)?.count() as u64);
        }
        let count = || {
            Entries::of(self.text()?, self.form, &resource.names).try_fold(0, |count, entry| entry.map(|_| count + 1))
        };
        count().with_context(|| self.fault())
    }

    /// Returns the entries of a file, each with its position. The last one may be an error.
    pub(super) fn entries<'a>(
        &'a self,
        resource: &'a Resource,
    ) -> anyhow::Result<Box<dyn Iterator<Item = Placed> + 'a>> {
        let text = self.text().with_context(|| self.fault())?;
        Ok(if self.form == Form::Sheet {
            Box::new(row::of_sheet(text, resource)?.map(|(place, row)| Ok((place, Found::Row(row)))))
        } else {
            let entries = Entries::of(text, self.form, &resource.names);
            Box::new(entries.map(|entry| Ok(Found::of(entry.with_context(|| self.fault())?, &resource.names))))
        })
    }
}

/// Copies what can be read only once.
fn copied(bytes: &mut impl Read) -> anyhow::Result<(PathBuf, Option<Scratch>)> {
    let (scratch, mut file) = Scratch::create("import")?;
    io::copy(bytes, &mut file)?;
    Ok((scratch.path().to_owned(), Some(scratch)))
}

/// Reports whether a file is CSV by its name.
fn is_named_csv(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv")
}

/// A file that was packed.
struct Unpacked<R>(MultiGzDecoder<R>);

impl<R: io::BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let faulty = |error: io::Error| io::Error::new(error.kind(), format!("it cannot be unpacked: {error}"));
        self.0.read(buffer).map_err(faulty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_that_it_is_a_sheet() {
        assert!(is_named_csv("a/b.CSV") && is_named_csv("b.csv.gz") && !is_named_csv("csv") && !is_named_csv("b.gz"));
    }
}
