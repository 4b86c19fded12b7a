// Bundles the page out of what `tsc -b` made into dist/page: index.html, and scripts and styles with a hash in their names,
// so that a browser may keep those for ever.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = path.join(here, 'dist/page');

const scripts = await bundle();
const style = stylesheet();
let html = readFileSync(path.join(here, 'page/index.html'), 'utf8');
html = replaceOnce(html, 'page.js', scripts.find(({ isEntry, name }) => isEntry && name === 'page').fileName);
html = replaceOnce(html, 'page.css', style.fileName);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const { fileName, content } of [...scripts, style]) writeFileSync(path.join(out, fileName), content);
writeFileSync(path.join(out, 'index.html'), html);

async function bundle() {
  const build = await rolldown({
    cwd: here,
    platform: 'browser',
    input: { page: path.join(here, 'dist/ui/page.js') },
    // Of Node alone; a browser has its own.
    external: ['webgpu'],
    // A part of a door that nobody uses is left out: the page itself needs little of what its workers need.
    treeshake: { moduleSideEffects: (id) => !/packages.(?!web)[a-z]+.dist|bufbuild/.test(id) },
    plugins: [workers()],
    onLog(level, log, handle) {
      // Some libraries look whether they may use `eval`; the page's policy says no.
      if (level === 'warn' && log.code !== 'EVAL') throw new Error(`Bundling the page met a warning: ${log.message}`);
      handle(level, log);
    },
  });
  const { output } = await build.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
  return output.map(({ fileName, code, name, isEntry }) => ({ fileName, content: code, name, isEntry }));
}

/** Workers are bundles of their own: `new URL('./x.js', import.meta.url)` finds them where they lie. */
function workers() {
  return {
    name: 'workers',
    transform(code, id) {
      if (id.includes('node_modules') || !code.includes('import.meta.url')) return null;
      return code.replaceAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g, (_, file) => {
        const worker = path.resolve(path.dirname(id), file);
        const reference = this.emitFile({ type: 'chunk', id: worker, name: path.basename(worker, '.js') });
        return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`;
      });
    },
  };
}

function stylesheet() {
  const content = readFileSync(path.join(here, 'page/page.css'));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
  return { fileName: `page-${hash}.css`, content };
}

function replaceOnce(text, name, by) {
  if (text.split(`"${name}"`).length !== 2) throw new Error(`index.html must name ${name} once.`);
  return text.replace(`"${name}"`, `"${by}"`);
}
