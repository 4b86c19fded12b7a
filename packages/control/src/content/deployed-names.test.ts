import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deployedPlace, splitFileName, tableFileName } from './deployed-names.js';

test('a name that was made is read as what it was made of', () => {
  const cuts = fc.array(fc.nat(999_999_999), { maxLength: 16 });
  fc.assert(
    fc.property(cuts, fc.constantFrom('segments.json', 'segment-0.onnx', 'segment-12.onnx.data'), (at, file) => {
      expect(deployedPlace(splitFileName(at, file))).toMatchObject({ kind: 'split', at, file });
    }),
  );
  expect(deployedPlace(tableFileName('cut7-0123456789abcdef'))).toMatchObject({ kind: 'table' });
});

test.each([
  '',
  '/',
  'segments.json',
  '../segments.json',
  'whole/../segments.json',
  'whole/segments.json/',
  'whole//segments.json',
  'whole/segment-0.onnx\0',
  'whole/segment-0.onnx\n',
  'cut-/segments.json',
  'cut-01/segments.json',
  'cut--1/segments.json',
  'tables/..table',
  'tables/../x.table',
  'tables/.table',
  '/etc/passwd',
  'C:\\x',
])('%j is no name of a file', (name) => {
  expect(() => deployedPlace(name)).toThrow(expect.objectContaining({ code: 'CUT_DEPLOYMENT' }));
});

test('no text at all leads out of its folder', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(whole|cut-1|tables)\/[a-z0-9./\\-]{0,20}$/)), (name) => {
      try {
        const { folder, file } = deployedPlace(name);
        expect(`${folder}/${file}`).not.toMatch(/\.\.|\\|^\/|\/\/|\/.*\//);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'CUT_DEPLOYMENT' });
      }
    }),
  );
});
