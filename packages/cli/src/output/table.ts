/** One column of a table: its heading and how its cells are aligned. */
export interface Column {
  readonly name: string;
  readonly align?: 'left' | 'right';
}

/** A text table with aligned columns, two spaces apart, headings first. Ends with a newline. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map((column) => column.name), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => displayWidth(line[i] ?? ''))));
  const format = (line: readonly string[]) =>
    columns
      .map((column, i) => {
        const cell = line[i] ?? '';
        const gap = ' '.repeat((widths[i] ?? 0) - displayWidth(cell));
        return column.align === 'right' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  return `${lines.map(format).join('\n')}\n`;
}

/** Lines of `name  value` with the values aligned. Ends with a newline. */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}

/** Texts padded on the left to the width of the longest, so that numbers with equal decimals stand below one another. */
export function alignRight(cells: readonly string[]): readonly string[] {
  const width = Math.max(0, ...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padStart(width));
}

// Colour codes take no room on the screen.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour code.
const colourCode = /\u001b\[[0-9;]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to look for.
const codeOrControl = /\u001b\[[0-9;]*m|[\u0000-\u001f\u007f-\u009f]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to look for.
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/** What devices say of themselves is shown as well: it must neither steer the terminal nor begin a line. */
function printable(text: string): string {
  return text.replace(codeOrControl, (found) => (found.length > 1 ? found : '?'));
}

/** Text of a file or of another machine for a terminal, without so much as a colour of its own: some hide what follows. */
export function plainText(text: string): string {
  return text.replace(control, '?');
}

function displayWidth(text: string): number {
  return [...text.replace(colourCode, '')].length;
}
