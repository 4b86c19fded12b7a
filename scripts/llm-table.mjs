// Measures the tables of docs/language-model-losses.md on the model in ../shared/models/lm and writes them into the document:
// `npm run llm:table`. What was measured is kept in docs/measured/wren-7m.losses.json.
// A run that was cut off goes on with the part it was at: what is done is kept in .report/llm-table.json.
//   -- --tokens 4096   of the text, for the table over cuts and widths
//   -- --render        measures nothing, writes the document from what was measured
//   -- --check         writes nothing, says whether the document is what was measured
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openParts } from './llm-table/kept-parts.mjs';
import { render } from './llm-table/render.mjs';

const wren = fileURLToPath(new URL('../../shared/models/lm/wren-7m/', import.meta.url));
const documentPath = fileURLToPath(new URL('../docs/language-model-losses.md', import.meta.url));
const measuredPath = fileURLToPath(new URL('../docs/measured/wren-7m.losses.json', import.meta.url));
const partsPath = fileURLToPath(new URL('../.report/llm-table.json', import.meta.url));
const marks = ['<!-- npm run llm:table writes what follows -->\n', '<!-- end of what it writes -->\n'];

const { values } = parseArgs({
  options: { tokens: { type: 'string', default: '4096' }, render: { type: 'boolean' }, check: { type: 'boolean' } },
});
if (!values.render && !values.check) await measureAll();
const document = await readFile(documentPath, 'utf8');
const [before, rest = ''] = document.split(marks[0]);
const after = rest.split(marks[1])[1] ?? '';
const tables = render(JSON.parse(await readFile(measuredPath, 'utf8')));
const written = `${before}${marks[0]}\n${tables}\n${marks[1]}${after}`;
if (!values.check) await writeFile(documentPath, written);
else if (written !== document) {
  process.stderr.write(
    'docs/language-model-losses.md is not what was measured: npm run llm:table -- --render writes it.\n',
  );
  process.exitCode = 1;
}

async function measureAll() {
  // Not before: it loads the runtime.
  const { measureLosses } = await import('./llm-table/measure.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-llm-table-'));
  try {
    const part = await openParts(partsPath, { gridTokens: values.tokens });
    const onProgress = (line) => process.stderr.write(`\r\u001b[2K${line}`);
    const found = await measureLosses({ source: wren, folder, gridTokens: Number(values.tokens), part, onProgress });
    await writeFile(measuredPath, `${JSON.stringify(found, null, 2)}\n`);
    await rm(partsPath);
  } finally {
    await rm(folder, { recursive: true });
  }
}
