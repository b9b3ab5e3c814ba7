/** The rows of a CSV file, as far as a file is divided into parts. The server reads the cells. */

/** The most rows and bytes that one request takes. */
const ROWS = 100;
const SIZE = 1024 * 1024;

const SEPARATORS = [',', ';', '\t'];
const LINE_END = /\r\n|\r|\n/g;

/** A part of a file. */
export interface Part {
  /** The header of the file, and rows. */
  readonly text: string;
  /** The number of lines between the header of the file and the part's first row. */
  readonly before: number;
  /** The line of the file on which the first row begins. */
  readonly line: number;
  /** The part is one row, and no request takes it. */
  readonly isTooLarge: boolean;
}

/** Returns the text of a file in UTF-8, or in UTF-16 with a byte order mark. Throws a sentence if it is neither. */
export function textOf(bytes: Uint8Array): string {
  const mark = bytes.slice(0, 2).join();
  const encoding = mark === '255,254' ? 'utf-16le' : mark === '254,255' ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error('The sheet is not UTF-8. In the spreadsheet program, save it as “CSV UTF-8”.');
  }
}

/** Divides a file into parts, which mean for the server what the file means. Throws a sentence if it was cut off. */
export function batches(file: string): Part[] {
  const whole = file.replace(/^\uFEFF/, '');
  const separator = separatorOf(whole);
  const rows = rowsOf(whole, separator);
  // The server skips empty lines before the header, but looks for separators in the first line.
  const first = rows.findIndex(({ text }) => !/^[\r\n]*$/.test(text));
  const header = join(rows.splice(0, first + 1));
  const [headerSize, headerLines] = [sizeOf(header), linesOf(header)];

  const parts: Part[] = [];
  let [part, size, count] = ['', headerSize, 0];
  let [lines, before] = [0, 0];
  const end = (): void => {
    if (count) {
      parts.push({ text: header + part, before, line: 1 + headerLines + before, isTooLarge: size > SIZE });
    }
    [part, size, count] = ['', headerSize, 0];
  };
  for (const { text, isFilled } of rows) {
    const more = sizeOf(text);
    if (size + more > SIZE || (isFilled && count === ROWS)) end();
    if (!count) before = lines;
    lines += linesOf(text);
    // A part begins with a row that has a cell, so no line end there joins that of the header.
    if (!count && !isFilled) continue;
    part += text;
    size += more;
    if (isFilled) count++;
  }
  end();
  if (parts.some(({ text }) => separatorOf(text) !== separator)) {
    throw new Error('The first row has an unpaired quote.');
  }
  return parts;
}

interface Row {
  /** The row with its line end. */
  readonly text: string;
  /** The row has a cell that is not empty. The server skips others. */
  readonly isFilled: boolean;
}

/** Returns the rows of a file, and empty lines. A quote begins a quoted cell only at the start of a cell. */
function rowsOf(file: string, separator: string): Row[] {
  const rows: Row[] = [];
  const cellEnd = new RegExp(`[${separator}\r\n]|$`, 'g');
  let [at, start, isFilled] = [0, 0, false];
  while (at < file.length) {
    const begin = at;
    if (file[at] === '"') {
      at = file.indexOf('"', at + 1);
      while (at >= 0 && file[at + 1] === '"') at = file.indexOf('"', at + 2);
      const line = (): number => 1 + linesOf(file.slice(0, begin));
      if (at < 0) throw new Error(`The quoted cell that begins on line ${line()} does not end.`);
      at++;
    }
    cellEnd.lastIndex = at;
    const [end = ''] = cellEnd.exec(file) ?? [];
    const cell = file.slice(begin, cellEnd.lastIndex - end.length);
    isFilled ||= cell !== '' && cell !== '""';
    at = cellEnd.lastIndex;
    if (end === separator) continue;
    if (end === '\r' && file[at] === '\n') at++;
    rows.push({ text: file.slice(start, at), isFilled });
    [start, isFilled] = [at, false];
  }
  if (start < at) rows.push({ text: file.slice(start, at), isFilled });
  return rows;
}

/** Returns the separator that the first line has most of, outside of quotes, as the server finds it. */
function separatorOf(text: string): string {
  let [outside, isQuoted] = ['', false];
  for (const unit of text) {
    if (unit === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (unit === '\r' || unit === '\n') break;
    else outside += unit;
  }
  const countOf = (separator: string): number => outside.split(separator).length;
  return SEPARATORS.reduce((most, other) => (countOf(other) > countOf(most) ? other : most));
}

function join(rows: readonly Row[]): string {
  return rows.map(({ text }) => text).join('');
}

function linesOf(text: string): number {
  return text.match(LINE_END)?.length ?? 0;
}

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
