//! The text of a file as UTF-8, without its byte order mark. It is read part by part, so that a file of any size takes the
//! same memory.

use std::io::{self, BufRead, Read};

/// The number of bytes of a part. The first one distinguishes text from other content.
const PART: usize = 64 << 10;

const NOT_TEXT: &str = "it is neither text nor gzip: save it as UTF-8, one JSON object per line";

/// A text in one of the encodings that [`Encoding::of`] recognizes.
pub(super) struct Text<R> {
    file: R,
    encoding: Option<Encoding>,
    /// The bytes that are not decoded yet.
    bytes: Vec<u8>,
    /// The number of bytes before them.
    passed: usize,
    decoded: Vec<u8>,
    /// The number of decoded bytes that were consumed.
    at: usize,
    has_ended: bool,
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

impl Encoding {
    /// Returns the encoding of a text by its byte order mark, or by the positions of its zeros, and the length of the mark.
    fn of(start: &[u8]) -> io::Result<(Encoding, usize)> {
        Ok(match start {
            [0xff, 0xfe, ..] => (Encoding::Utf16(u16::from_le_bytes), 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16(u16::from_be_bytes), 2),
            [b'{' | b'[' | b' ' | b'\r' | b'\n', 0, ..] => (Encoding::Utf16(u16::from_le_bytes), 0),
            [0, b'{' | b'[' | b' ' | b'\r' | b'\n', ..] => (Encoding::Utf16(u16::from_be_bytes), 0),
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            _ if start.contains(&0) => return Err(invalid(NOT_TEXT)),
            _ => (Encoding::Utf8, 0),
        })
    }
}

impl<R: Read> Text<R> {
    pub(super) fn of(file: R) -> Text<R> {
        Text { file, encoding: None, bytes: Vec::new(), passed: 0, decoded: Vec::new(), at: 0, has_ended: false }
    }

    /// Decodes the next part. A character that is not complete yet is left to the part after it.
    fn advance(&mut self) -> io::Result<()> {
        let read = self.file.by_ref().take(PART as u64).read_to_end(&mut self.bytes)?;
        self.has_ended = read < PART;
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => {
                let (encoding, mark) = Encoding::of(&self.bytes)?;
                self.pass(mark);
                *self.encoding.insert(encoding)
            }
        };
        (self.decoded, self.at) = (Vec::new(), 0);
        let length = match encoding {
            Encoding::Utf8 => self.utf8()?,
            Encoding::Utf16(order) => self.utf16(order)?,
        };
        self.pass(length);
        Ok(())
    }

    fn pass(&mut self, length: usize) {
        self.bytes.drain(..length);
        self.passed += length;
    }

    /// Decodes UTF-8. Returns the number of bytes that were decoded.
    fn utf8(&mut self) -> io::Result<usize> {
        let length = match str::from_utf8(&self.bytes) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() && !self.has_ended => error.valid_up_to(),
            Err(error) => {
                let at = self.passed + error.valid_up_to();
                return Err(invalid(format!("it is not valid UTF-8 from byte {at}: save it as UTF-8")));
            }
        };
        self.decoded.extend_from_slice(&self.bytes[..length]);
        Ok(length)
    }

    /// Decodes UTF-16. Returns the number of bytes that were decoded.
    fn utf16(&mut self, order: fn([u8; 2]) -> u16) -> io::Result<usize> {
        let pairs = self.bytes.chunks_exact(2);
        if self.has_ended && !pairs.remainder().is_empty() {
            return Err(invalid("it is incomplete UTF-16"));
        }
        let mut units: Vec<u16> = pairs.map(|pair| order([pair[0], pair[1]])).collect();
        if !self.has_ended && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        let text = String::from_utf16(&units).map_err(|_| invalid("it is not valid UTF-16"))?;
        self.decoded = text.into_bytes();
        Ok(2 * units.len())
    }
}

impl<R: Read> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.decoded.len() && !self.has_ended {
            self.advance()?;
        }
        Ok(&self.decoded[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

fn invalid(detail: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        Text::of(bytes).read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn characters_between_two_parts_are_complete() {
        for pad in 0..8 {
            let text = format!("{{{}{}", "x".repeat(PART - pad), "é서😀".repeat(PART / 4));
            assert_eq!(read(text.as_bytes()).as_ref(), Ok(&text));
            for order in [u16::to_le_bytes, u16::to_be_bytes] {
                let units: Vec<u8> = text.encode_utf16().flat_map(order).collect();
                assert_eq!(read(&units).as_ref(), Ok(&text));
            }
        }
    }

    #[test]
    fn a_fault_is_told_wherever_it_is() {
        let long = "é".repeat(PART);
        assert_eq!(
            read(&[long.as_bytes(), &[0xe9]].concat()),
            Err(format!("it is not valid UTF-8 from byte {}: save it as UTF-8", 2 * PART))
        );
        assert_eq!(
            read(&[long.as_bytes(), b"\xe9)"].concat()),
            Err(format!("it is not valid UTF-8 from byte {}: save it as UTF-8", 2 * PART))
        );
        assert_eq!(read(b"\xff\xfe{"), Err("it is incomplete UTF-16".to_owned()));
        assert_eq!(read(b"\xff\xfe\x00\xd8"), Err("it is not valid UTF-16".to_owned()));
        assert_eq!(read(b"PK\x03\x04\0"), Err(NOT_TEXT.to_owned()));
        assert_eq!(read(b""), Ok(String::new()));
    }
}
