import { drawBraille } from './braille.js';
import type { ReadPicture } from './demo.js';
import { formatMs } from './format.js';
import type { PictureResult } from './measure.js';
import type { Screen } from './screen.js';

/** The result of one picture: drawn if the screen can, both texts, and a bar for the time of each part. */
export function pictureReport({ picture: { name, picture }, result }: ReadPicture, screen: Screen): string {
  const { colours } = screen;
  const { whole, split, agree } = result;
  const { timing } = split;
  const agent = (text: string) => colours.cyan(text);
  const link = (text: string) => colours.yellow(text);
  const server = (text: string) => colours.magenta(text);
  const scale = { ms: Math.max(whole.totalMs, timing.totalMs), width: Math.min(60, screen.columns - 32) };
  const wholeBar = bar([[whole.totalMs, (length) => '█'.repeat(length)]], scale);
  const splitBar = bar(
    [
      [timing.frontMs, (length) => agent('█'.repeat(length))],
      [timing.encodeMs + timing.sendMs + timing.decodeMs, (length) => link('░'.repeat(length))],
      [timing.remoteMs, (length) => server('▒'.repeat(length))],
    ],
    scale,
  );
  const parts = [
    agent(`front ${formatMs(timing.frontMs)}`),
    link(`encode ${formatMs(timing.encodeMs)}`),
    link(`send ${formatMs(timing.sendMs)}`),
    server(`remote ${formatMs(timing.remoteMs)}`),
    link(`decode ${formatMs(timing.decodeMs)}`),
  ];
  const lines = [
    colours.bold(name) + colours.dim(`  ${picture.width} x ${picture.height} pixels`),
    ...(screen.drawsPictures ? drawBraille(picture, screen.columns) : []),
    `  whole  ${percent(whole.confidence)}  ${colours.bold(whole.text)}`,
    `  split  ${percent(split.confidence)}  ${colours.bold(split.text)}`,
    `         ${(agree ? colours.green : colours.red)(agreement(result))}`,
    `  whole  ${formatMs(whole.totalMs).padStart(8)}  ${wholeBar}`,
    `  split  ${formatMs(timing.totalMs).padStart(8)}  ${splitBar} ${colours.dim(`${(timing.totalMs / whole.totalMs).toFixed(2)} x whole`)}`,
    `         ${parts.join('  ')}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

/** The last line: whether all pictures agree. */
export function verdict(read: readonly ReadPicture[], { colours }: Screen): string {
  const apart = read.filter(({ result }) => !result.agree).map(({ picture }) => picture.name);
  if (apart.length > 0) return `${colours.bold(colours.red(`Split and whole disagree about ${apart.join(', ')}.`))}\n`;
  const worst = Math.max(...read.map(({ result }) => result.maxAbsDiff));
  const how = worst === 0 ? 'bit for bit' : `on every text, and on every probability within ${worst.toExponential(1)}`;
  const who = read.length === 1 ? 'Split and whole' : `All ${read.length} pictures: split and whole`;
  return `${colours.bold(colours.green(`${who} agree ${how}.`))}\n`;
}

/** In words, how near the two answers are. */
function agreement({ agree, maxAbsDiff, whole, split }: PictureResult): string {
  if (maxAbsDiff === 0) return 'they agree bit for bit';
  const difference = `probabilities differ by at most ${maxAbsDiff.toExponential(1)}`;
  if (agree) return `they agree: the same text, ${difference}`;
  return `THEY DISAGREE: ${whole.text === split.text ? 'the same text' : 'different texts'}, ${difference}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1).padStart(6)} %`;
}

/** A part of a bar: its time, and how so many characters of it are drawn. */
type BarPart = readonly [ms: number, draw: (length: number) => string];

/** A bar of times. Each part ends where the sum up to it says, so rounding does not add up. */
function bar(parts: readonly BarPart[], scale: { readonly ms: number; readonly width: number }): string {
  let ms = 0;
  let drawn = 0;
  let line = '';
  for (const [partMs, draw] of parts) {
    ms += partMs;
    const end = Math.round((ms / scale.ms) * scale.width);
    line += draw(end - drawn);
    drawn = end;
  }
  return line;
}
