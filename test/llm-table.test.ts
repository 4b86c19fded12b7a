import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { passFrameBytes } from '@cutpoint/llm';
import { expect, it } from 'vitest';
import measured from '../docs/measured/wren-7m.losses.json' with { type: 'json' };

const script = fileURLToPath(new URL('../scripts/llm-table.mjs', import.meta.url));

it('the tables in docs/language-model-losses.md are those of what was measured, with the frames as they are', async () => {
  const { stderr } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stderr).toBe('');
  expect(measured.frameBytes).toEqual(passFrameBytes());
});
