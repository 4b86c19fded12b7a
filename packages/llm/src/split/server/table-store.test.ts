import { createHash } from 'node:crypto';
import { printTransformTable, type TransformTable } from '@cutpoint/codec';
import { describe, expect, it } from 'vitest';
import { tableOfHidden } from '../../evaluate/hidden-table.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { smallConfig } from '../../package/small-decoder.testing.js';
import { TableStore } from './table-store.js';

const manifest = { name: 'small', config: smallConfig } as PackageManifest;
const tableFor = (of: PackageManifest, step: number) => {
  const hidden = Float32Array.from({ length: 40 * of.config.hiddenSize }, (_, i) => Math.sin(i * i));
  const { name, table } = tableOfHidden(of, 1, [hidden], step);
  return { name, table, file: printTransformTable(table) };
};
const [one, two] = [tableFor(manifest, 0.1), tableFor(manifest, 0.3)];
const storeOf = (maxSentBytes: number, own: ReadonlyMap<string, TransformTable> = new Map()) =>
  new TableStore(manifest, own, maxSentBytes);
const splitOf = ({ name }: { readonly name: string }) =>
  ({ at: 1, private: false, codec: `transform:table=${name}` }) as const;
const refused = (words: RegExp) =>
  expect.objectContaining({ code: 'CUT_CODEC_TABLE', message: expect.stringMatching(words) });

describe('the tables of a server', () => {
  it('are its own and those that agents send, and codecs are opened of both', () => {
    const store = storeOf(1e6, new Map([[one.name, one.table]]));
    expect(store.missing([one.name, two.name])).toEqual([two.name]);
    expect(() => store.codecsOf(splitOf(two))).toThrow(refused(/has no table/));
    store.take(two.name, two.file);
    expect(store.missing([one.name, two.name])).toEqual([]);
    expect(store.codecsOf(splitOf(one)).up).toMatchObject({ spec: splitOf(one).codec });
    expect(store.codecsOf(splitOf(two)).up).toBe(store.codecsOf(splitOf(two)).up);
  });

  it('are forgotten where others need the room, those first that were used longest ago', () => {
    const three = tableFor(manifest, 0.5);
    const store = storeOf(two.file.length + one.file.length + 10);
    store.take(one.name, one.file);
    store.take(two.name, two.file);
    store.codecsOf(splitOf(one));
    store.take(three.name, three.file);
    expect(store.missing([one.name, two.name, three.name])).toEqual([two.name]);
  });

  it('are not taken where they are too large, none may be sent, or they are other than their names say', () => {
    expect(() => storeOf(0).take(one.name, one.file)).toThrow(refused(/takes none from agents/));
    expect(() => storeOf(one.file.length - 1).take(one.name, one.file)).toThrow(refused(/more than the .* MB/));
    const store = storeOf(1e6);
    expect(() => store.take(two.name, one.file)).toThrow(refused(/not what its name says/));
    const foreign = tableFor({ ...manifest, checkpoint: 'f'.repeat(64) }, 0.1);
    expect(() => store.take(foreign.name, foreign.file)).toThrow(refused(/not of the model "small"/));
    const junk = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
    const named = `x-${createHash('sha256').update(junk).digest('hex').slice(0, 16)}`;
    expect(() => store.take(named, junk)).toThrow(refused(/its bytes were changed/));
    expect(store.missing([one.name, two.name, foreign.name, named])).toHaveLength(4);
  });
});
