const colourOf: Readonly<Record<string, number>> = { trace: 90, debug: 90, info: 36, warn: 33, error: 31, fatal: 31 };
const hidden = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);

/** Turns one line of the JSON log into one for people: `12:03:44 info  server  ready  url=ws://127.0.0.1:7400`. */
export function prettyLine(line: string, colours: boolean): string {
  const entry: Record<string, unknown> = JSON.parse(line);
  const level = String(entry.level);
  const clock = new Date(Number(entry.time)).toTimeString().slice(0, 8);
  const paint = (text: string) => (colours ? `\u001b[${colourOf[level] ?? 0}m${text}\u001b[0m` : text);
  const details = Object.entries(entry)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => `${key}=${printable(value)}`);
  return `${[clock, paint(level.padEnd(5)), printable(entry.name), printable(entry.msg), ...details].join('  ')}\n`;
}

// What a caller sent must not steer the terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to look for.
const control = /[\u0000-\u001f\u007f-\u009f]/g;

function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(control, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
