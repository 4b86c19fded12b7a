/** Bytes as a person reads them, in powers of 1,000: `512 B`, `26.9 KB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${digits(bytes / 1000)} KB` : `${digits(bytes / 1_000_000)} MB`;
}

/** Milliseconds with a fixed number of places, so that they stand well below one another: `3.21 ms`. */
export function formatMs(ms: number): string {
  return `${ms.toFixed(ms < 9.995 ? 2 : 1)} ms`;
}

function digits(value: number): string {
  return value.toFixed(value < 99.95 ? 1 : 0);
}

/** Text lines with aligned columns, two spaces apart. `align` holds one letter per column: l or r. */
export function alignColumns(align: string, rows: readonly (readonly string[])[]): string[] {
  const widths = [...align].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    align[column] === 'r' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

/** Breaks a text into lines of at most `width` characters, at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
