// Draws the output of a terminal program as an SVG picture (docs/guides/read-text.md shows how docs/images/demo.svg was made).
// Knows the colours that this repository uses (SGR 1, 2, 22, 30-39); braille and blocks become shapes, since fonts
// differ in how wide they draw them.
import { readFileSync } from 'node:fs';

const cell = { width: 8.4, height: 18 };
const margin = 16;
const colours = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 35: '#d2a8ff', 36: '#79c0ff', 39: '#d6dde6' };
const ground = '#0d1117';

const lines = readFileSync(0, 'utf8').replaceAll('\r', '').trimEnd().split('\n').map(styledRuns);
const columns = Math.max(...lines.map((runs) => Math.max(0, ...runs.map((run) => run.at + widthOf(run.text)))));
const width = Math.ceil(columns * cell.width + 2 * margin);
const height = Math.ceil(lines.length * cell.height + 2 * margin);
const drawn = lines.flatMap((runs, row) => runs.map((run) => drawRun(run, row)));
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n` +
    '<title>The output of the demo in a terminal</title>\n' +
    '<style>text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:14px;white-space:pre}</style>\n' +
    `<rect width="100%" height="100%" rx="8" fill="${ground}"/>\n${drawn.filter(Boolean).join('\n')}\n</svg>\n`,
);

/** A line as runs of text with one style, each with the column where it begins. */
function styledRuns(line) {
  const runs = [];
  let style = { colour: 39, bold: false, dim: false };
  let at = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour code.
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    const code = /^.\[(\d+)m$/.exec(part)?.[1];
    if (code !== undefined) style = applyCode(style, Number(code));
    else {
      // Spaces apart, so that words keep their places whatever the viewer's font.
      for (const text of part.match(/[\u2800-\u28ff]+|▇+|█+|░+|▒+| +|[^ \u2800-\u28ff▇█░▒]+/gu) ?? []) {
        runs.push({ text, at, ...style });
        at += widthOf(text);
      }
    }
  }
  return runs;
}

function applyCode(style, code) {
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  return { ...style, colour: code };
}

/** Columns that a text takes: East Asian wide characters take two. */
function widthOf(text) {
  return [...text].reduce((sum, char) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(char) ? 2 : 1), 0);
}

function drawRun({ text, at, colour, bold, dim }, row) {
  if (text.trim() === '') return '';
  const x = margin + at * cell.width;
  const y = margin + row * cell.height;
  const fill = `fill="${colours[colour] ?? colours[39]}"${dim ? ' opacity=".6"' : ''}`;
  if (/[\u2800-\u28ff]/.test(text)) return `<path ${fill} d="${brailleDots(text, x, y)}"/>`;
  if (/[▇█░▒]/.test(text)) return drawBlocks(text, x, y, fill);
  const length = (widthOf(text) * cell.width).toFixed(1);
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${x.toFixed(1)}" y="${(y + 13).toFixed(1)}" textLength="${length}" ${fill}${weight}>${escaped}</text>`;
}

/** A bar as one rectangle; the shades are drawn paler. */
function drawBlocks(text, x, y, fill) {
  const opacity = { '░': '.45', '▒': '.7' }[text[0]] ?? '1';
  const size = `width="${(text.length * cell.width).toFixed(1)}" height="${cell.height - 6}"`;
  return `<rect x="${x.toFixed(1)}" y="${(y + 3).toFixed(1)}" ${size} ${fill} fill-opacity="${opacity}"/>`;
}

/** Squares for the dots of braille characters: bits 0 to 2 and 6 are the left column, 3 to 5 and 7 the right one. */
function brailleDots(text, x, y) {
  const places = [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
    [0, 3],
    [1, 3],
  ];
  let path = '';
  for (const [index, char] of [...text].entries()) {
    for (const [bit, [column, line]] of places.entries()) {
      if (((char.codePointAt(0) >> bit) & 1) === 0) continue;
      const left = x + (index + column / 2) * cell.width;
      const top = y + (line / 4) * cell.height;
      path += `M${left.toFixed(1)} ${top.toFixed(1)}h3.4v3.6h-3.4z`;
    }
  }
  return path;
}
