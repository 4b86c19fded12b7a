import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore } from './store.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-crash-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The built package, as another process imports it. */
const door = new URL('../../dist/store/store.js', import.meta.url).href;

/** Runs a script that works on the store of the folder and says what it has done, until `enough` is said; then kills it. */
async function killWhen(script: string, enough: (line: string) => boolean): Promise<string[]> {
  const code = `import { openStore } from '${door}';
    import { writeSync } from 'node:fs';
    const store = openStore(${JSON.stringify(folder)});
    const say = (what) => writeSync(1, what + '\\n');
    ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (enough(line)) child.kill('SIGKILL');
  }
  expect((await exited)[1]).toBe('SIGKILL');
  return said;
}

it('keeps each change that was reported, in whole, however often the process is killed', {
  timeout: 120_000,
}, async () => {
  // Each change is one transaction over two tables; after a kill there is never one half of it.
  const script = `
    for (let i = 0; ; i++) {
      const generation = store.transaction(() => {
        const made = store.deployments.prepare({ filler: 'x'.repeat(20_000) }, i);
        store.audit.add({ atMs: i, event: 'made', subject: String(made), detail: 'x'.repeat(900) });
        return made;
      });
      say(String(generation));
    }`;
  let reported = 0;
  for (let round = 0; round < 5; round++) {
    const stopAt = reported + 5 + 9 * round;
    const said = await killWhen(script, (line) => Number(line) >= stopAt);
    reported = Number(said.at(-1));
    expect(existsSync(join(folder, 'owner'))).toBe(true);
    using store = openStore(folder);
    const kept = store.deployments.list().map(({ generation }) => Number(generation));
    const audited = store.audit.newest(10_000).map(({ subject }) => Number(subject));
    expect(kept).toEqual(audited);
    // Nothing that was reported is lost; one more may have been done without a word.
    expect(kept[0]).toBeGreaterThanOrEqual(reported);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => kept.length - i));
    reported = kept[0] ?? 0;
  }
});

it('undoes what a process was killed in the middle of, when parts of it were in the file already', async () => {
  const script = `
    const before = store.deployments.prepare({ text: 'before' }, 0);
    store.deployments.activate(before);
    store.transaction(() => {
      // More than SQLite's cache holds, so that pages go to the file before the end.
      for (let i = 0; i < 40; i++) store.deployments.prepare({ filler: 'y'.repeat(400_000) }, 1);
      store.devices.put({ device: 'half', role: 'agent', hosts: [], pairedAtMs: 1 });
      say('in the middle');
      process.kill(process.pid, 'SIGKILL');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    });`;
  await killWhen(script, () => false);
  expect(existsSync(join(folder, 'store.db-journal'))).toBe(true);
  using store = openStore(folder);
  expect(store.devices.list()).toEqual([]);
  expect(store.deployments.list().map(({ body }) => body)).toEqual([{ text: 'before' }]);
  expect(store.deployments.active()?.body).toEqual({ text: 'before' });
});
