import { describe, expect, it } from 'vitest';
import { readOffer, readSegment } from './model-offer.js';

const offer = {
  name: 'net',
  modelHash: 'abc',
  inputs: [{ name: 'x', dtype: 'f32', shape: [1, 'height', null] }],
  outputs: ['y'],
  choices: [{ at: [1], name: 'conv', bytes: 16 }],
  codecs: ['raw'],
  pictures: null,
  answer: { kind: 'numbers' },
};

describe('the offer of a model', () => {
  it('is read as it was sent', () => {
    const pictures = { layout: 'nchw', fit: { resize: { shortSide: 256 }, kernel: 'cubic' } };
    expect(readOffer({ ...offer, pictures })).toEqual({ ...offer, pictures });
    expect(readOffer(offer).pictures).toBeNull();
  });

  it('has no resize where that crossed the wire as null, or not at all', () => {
    for (const fit of [{ resize: null, kernel: 'linear' }, { kernel: 'linear' }]) {
      expect(readOffer({ ...offer, pictures: { layout: 'nhwc', fit } }).pictures?.fit.resize).toBeUndefined();
    }
  });

  it('of another version is refused', () => {
    const wrong = [undefined, null, {}, { ...offer, codecs: [1] }, { ...offer, answer: { kind: 'songs' } }];
    for (const part of wrong) expect(() => readOffer(part)).toThrow('reload the page');
    for (const meta of [{}, { model: { hash: 'abc' }, sends: [], answers: [] }]) {
      expect(() => readSegment(meta)).toThrow('reload the page');
    }
  });
});
