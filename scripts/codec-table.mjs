// Measures the tables of docs/codecs.md: every codec against pictures of the input, bytes against accuracy, on the models
// and data in ../shared, and writes them into the document: `npm run codecs:table`. What was measured is kept in
// docs/measured, a file for each model, and not measured again, so an interrupted run goes on where it was.
//   -- --limit 100     on at most so many samples; rows of fewer are measured again
//   -- --only tiny     only models whose names begin so; the document keeps what is known of the others
//   -- --again rans    measures rows again whose codec contains this
//   -- --check         measures nothing; fails unless the document tells what was measured
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { models } from './codec-table/models.mjs';
import { render } from './codec-table/render.mjs';

const shared = fileURLToPath(new URL('../../shared/models/', import.meta.url));
const documentPath = fileURLToPath(new URL('../docs/codecs.md', import.meta.url));
const measuredFolder = fileURLToPath(new URL('../docs/measured/', import.meta.url));
const marks = ['<!-- npm run codecs:table writes what follows -->\n', '<!-- end of what it writes -->\n'];

const text = { type: 'string' };
const { values } = parseArgs({ options: { limit: text, only: text, again: text, check: { type: 'boolean' } } });
if (values.check) await check();
else await measure();

async function check() {
  const document = await readFile(documentPath, 'utf8');
  if (document === (await withTables(document))) return;
  process.stderr.write('docs/codecs.md does not tell what docs/measured holds: run npm run codecs:table\n');
  process.exitCode = 1;
}

async function measure() {
  // Not before: it loads the runtime.
  const { measureModel } = await import('./codec-table/measure.mjs');
  for (const model of models.filter(({ file }) => file.startsWith(values.only ?? ''))) {
    await measureModel(model, shared, await known(model), {
      limit: values.limit === undefined ? undefined : Number(values.limit),
      again: values.again,
      onProgress: (line) => process.stderr.write(`\r\u001b[2K${line}`),
      onCut: (found) => keep(model, found),
    });
    process.stderr.write('\n');
  }
  const document = await readFile(documentPath, 'utf8');
  await writeFile(documentPath, await withTables(document));
}

function pathOf({ file }) {
  return join(measuredFolder, file.replace('.onnx', '.codecs.json'));
}

async function known(model) {
  const path = pathOf(model);
  return existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined;
}

async function keep(model, found) {
  await mkdir(measuredFolder, { recursive: true });
  await writeFile(pathOf(model), `${JSON.stringify(found, null, 2)}\n`);
}

/** The document with the tables between its marks. */
async function withTables(document) {
  const [before, after] = [document.split(marks[0])[0], document.split(marks[1])[1]];
  if (after === undefined) throw new Error(`${documentPath} lacks ${marks.join(' or ')}`);
  const measured = await Promise.all(models.map(known));
  return before + marks[0] + render(models, measured) + marks[1] + after;
}
