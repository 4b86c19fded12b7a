import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { resolveSettings } from './resolve.js';

const schema = z.strictObject({
  model: z.string().min(1).meta({ argument: 'model' }),
  at: z.int().min(0).optional(),
  maxQueue: z.int().min(1).default(64),
  slowDown: z.number().min(1).optional(),
  insecure: z.boolean().default(false),
  logLevel: z.enum(['info', 'warn']).default('info'),
  threads: z.int().min(1).max(1024).optional(),
  cuts: z.array(z.int().min(0)).max(2).optional(),
  codec: z.array(z.enum(['raw', 'f16'])).optional(),
  address: z
    .string()
    .refine((text) => text.endsWith('street'), 'a street')
    .optional(),
  dim: z.record(z.string(), z.int().min(1)).default({}),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, `${Math.random()}.yaml`);
  await writeFile(path, text);
  return path;
}

/** A usage error whose sentence has all the parts. */
function usage(...parts: readonly string[]) {
  return expect.toSatisfy(
    ({ code, message }: { code: string; message: string }) =>
      code === 'CUT_USAGE' && parts.every((part) => message.includes(part)),
    `CUT_USAGE with ${parts.join(' and ')}`,
  );
}

describe('the sources of a setting', () => {
  it('count in the order flag, environment, file, default', async () => {
    const configFile = await file('model: from-file\nat: 3\nmax-queue: 3\nlog-level: warn\n');
    const env = { CUTPOINT_AT: '2', CUTPOINT_MAX_QUEUE: '2' };
    expect(await resolveSettings(schema, { flags: { maxQueue: '1' }, env, configFile })).toEqual({
      model: 'from-file',
      at: 2,
      maxQueue: 1,
      insecure: false,
      logLevel: 'warn',
      dim: {},
    });
  });

  it('may be a file that the environment names', async () => {
    const env = { CUTPOINT_CONFIG: await file('model: m\n') };
    expect(await resolveSettings(schema, { flags: {}, env })).toMatchObject({ model: 'm' });
  });

  it('give switches, numbers and dimensions as text or as YAML', async () => {
    const configFile = await file('dim:\n  batch: 2\ninsecure: true\n');
    const flags = { model: 'm' };
    expect(await resolveSettings(schema, { flags, env: {}, configFile })).toMatchObject({
      dim: { batch: 2 },
      insecure: true,
    });
    const env = { CUTPOINT_DIM: 'batch=1,width=320', CUTPOINT_INSECURE: '1' };
    expect(await resolveSettings(schema, { flags, env, configFile })).toMatchObject({ dim: { batch: 1, width: 320 } });
    const off = { ...flags, insecure: false };
    expect(await resolveSettings(schema, { flags: off, env, configFile })).toMatchObject({ insecure: false });
  });

  it('give numbers with a fraction', async () => {
    const configFile = await file('slow-down: 2.5\n');
    expect(await resolveSettings(schema, { flags: { model: 'm' }, env: {}, configFile })).toMatchObject({
      slowDown: 2.5,
    });
    const env = { CUTPOINT_SLOW_DOWN: '1.25' };
    expect(await resolveSettings(schema, { flags: { model: 'm' }, env })).toMatchObject({ slowDown: 1.25 });
    const wrong = resolveSettings(schema, { flags: { model: 'm', slowDown: 'slow' }, env });
    await expect(wrong).rejects.toThrow(usage('--slow-down', 'a number'));
  });

  it('give lists as text, as one value or as YAML', async () => {
    for (const line of ['cuts: 12,40', 'cuts: [12, 40]', 'cuts: "12, 40"']) {
      const configFile = await file(`${line}\n`);
      expect(await resolveSettings(schema, { flags: { model: 'm' }, env: {}, configFile })).toMatchObject({
        cuts: [12, 40],
      });
    }
    const configFile = await file('cuts: 12\ncodec: f16\n');
    const settings = await resolveSettings(schema, { flags: { model: 'm' }, env: {}, configFile });
    expect(settings).toMatchObject({ cuts: [12], codec: ['f16'] });
    const tooMany = resolveSettings(schema, { flags: { model: 'm', cuts: '1,2,3' }, env: {} });
    await expect(tooMany).rejects.toThrow('--cuts is [1,2,3], but must be at most 2 values.');
  });

  it('treat an empty variable as one that is not set', async () => {
    expect(await resolveSettings(schema, { flags: { model: 'm' }, env: { CUTPOINT_AT: '' } })).not.toHaveProperty('at');
  });
});

describe('a wrong setting', () => {
  const resolve = (flags: Record<string, string>, env: Record<string, string> = {}, configFile?: string) =>
    resolveSettings(schema, { flags: { model: 'm', ...flags }, env, configFile });

  it('is named with the place where it stands', async () => {
    await expect(resolve({ maxQueue: 'many' })).rejects.toThrow(usage('--max-queue', 'many'));
    await expect(resolve({ maxQueue: '0' })).rejects.toThrow(usage('--max-queue'));
    await expect(resolve({}, { CUTPOINT_MAX_QUEUE: '-1' })).rejects.toThrow(usage('CUTPOINT_MAX_QUEUE'));
    await expect(resolve({}, { CUTPOINT_INSECURE: 'perhaps' })).rejects.toThrow(usage('CUTPOINT_INSECURE'));
    await expect(resolve({ logLevel: 'loud' })).rejects.toThrow(usage('--log-level', 'info', 'warn'));
    await expect(resolve({ dim: 'batch' })).rejects.toThrow(usage('--dim', 'batch=1'));
  });

  it('in a file is told with value and range, as on the command line', async () => {
    const said = async (line: string) => {
      const path = await file(`${line}\n`);
      const thrown: unknown = await resolve({}, {}, path).catch((error: unknown) => error);
      return messageOf(thrown).replace(path, 'FILE');
    };
    expect(await said('max-queue: many')).toBe(
      'max-queue in FILE is "many", but must be a whole number of at least 1.',
    );
    expect(await said('max-queue: 0')).toBe('max-queue in FILE is 0, but must be a whole number of at least 1.');
    expect(await said('threads: 4096')).toBe('threads in FILE is 4096, but must be a whole number from 1 to 1024.');
    expect(await said('insecure: perhaps')).toBe('insecure in FILE is "perhaps", but must be true or false.');
    expect(await said('log-level: loud')).toBe('log-level in FILE is "loud", but must be one of info, warn.');
    expect(await said('at:')).toBe('at in FILE is empty, but must be a whole number of at least 0.');
    expect(await said('codec: zip')).toBe(
      'codec in FILE is ["zip"], but must be one or several of raw, f16 with commas between.',
    );
    expect(await said('address: here')).toBe('address in FILE is "here", but must be a street.');
    expect(await said(`dim: ${'x'.repeat(1000)}`)).toMatch(
      /^dim in FILE is "x{79}\.\.\., but must be names with whole/,
    );
  });

  it('that is unknown is refused with the nearest known name', async () => {
    await expect(resolve({}, {}, await file('max-qeue: 1\n'))).rejects.toThrow(usage('max-qeue', 'max-queue'));
    await expect(resolve({}, {}, await file('maxQueue: 1\n'))).rejects.toThrow(usage('maxQueue', 'max-queue'));
    await expect(resolve({}, {}, await file('colour: red\n'))).rejects.toThrow(usage('colour', 'log-level'));
    await expect(resolve({}, {}, await file('__proto__: {}\n'))).rejects.toThrow(usage('__proto__'));
  });

  it('that is missing is named with the three ways to give it', async () => {
    const missing = resolveSettings(schema, { flags: {}, env: {} });
    await expect(missing).rejects.toThrow(usage('model', '<model>', 'CUTPOINT_MODEL'));
  });

  it('in a file that is no mapping, not YAML, too large or absent gives one sentence', async () => {
    await expect(resolve({}, {}, await file('- 1\n'))).rejects.toThrow(usage('name: value'));
    await expect(resolve({}, {}, await file('a: [\n'))).rejects.toThrow(/ is not valid YAML: [^\n]*[^.:\s]\.$/);
    await expect(resolve({}, {}, await file('a: &x 1\nb: *x\n'))).rejects.toThrow(usage('YAML'));
    await expect(resolve({}, {}, await file('#'.repeat(1_000_001)))).rejects.toThrow(usage('1 MB'));
    const absent = resolve({}, {}, join(folder, 'absent.yaml'));
    await expect(absent).rejects.toThrow(expect.objectContaining({ code: 'CUT_FILE_NOT_FOUND' }));
    await expect(absent).rejects.toThrow(/absent\.yaml cannot be read: no such file or directory\.$/);
  });
});
