/** The rows of a CSV file, as far as a file is divided into parts. The server reads the cells. */

/** The most rows and characters that one request takes. */
const ROWS = 100;
const SIZE = 400_000;

/** Divides a file into parts that the server takes. Each begins with the header of the file. */
export function batches(file: string): { readonly text: string; readonly before: number }[] {
  const [header, ...rows] = rowsOf(file.replace(/^\uFEFF/, ''));
  if (!header) return [];
  const parts: { text: string; before: number }[] = [];
  let [part, count, lines] = ['', 0, 0];
  /** The lines of the file before the part's first row, less those of its header. */
  let before = 0;
  const end = (): void => {
    if (count) parts.push({ text: header + part, before });
    before = lines;
    part = '';
    count = 0;
  };
  for (const row of rows) {
    if (count === ROWS || part.length + row.length > SIZE) end();
    part += row;
    count++;
    lines += row.split(/\r\n|\r|\n/).length - 1;
  }
  end();
  return parts;
}

/** Returns the rows of a file, each with its line end. A line end between quotes belongs to a cell. */
export function rowsOf(file: string): string[] {
  return file.match(/(?:"(?:[^"]|"")*"|[^"\r\n])*(?:\r\n|\r|\n|$)/g)?.filter(Boolean) ?? [];
}
