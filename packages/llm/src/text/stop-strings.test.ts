import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopFilter } from './stop-strings.js';

/** From the definitions: where the first stop string is complete, and of those complete there the longest. */
function firstStop(text: string, stops: readonly string[]): { before: string; stop: string } | undefined {
  for (let end = 1; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const [longest] = complete.sort((a, b) => b.length - a.length);
    if (longest !== undefined) return { before: text.slice(0, end - longest.length), stop: longest };
  }
  return undefined;
}

/** The longest end of a text that is the beginning of a stop string. */
function undecided(text: string, stops: readonly string[]): number {
  const lengths = stops.flatMap((stop) =>
    Array.from({ length: stop.length - 1 }, (_, i) => i + 1).filter((length) => text.endsWith(stop.slice(0, length))),
  );
  return Math.max(0, ...lengths);
}

const letters = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom('a', 'b', 'c'), { minLength, maxLength }).map((all) => all.join(''));
const someStops = fc.array(letters(1, 5), { maxLength: 4 });
const pieces = fc.array(letters(0, 4), { maxLength: 12 });

describe('stop strings', () => {
  it('never show a part of one, and show all else as soon as it can be no part of one', () => {
    let stopped = 0;
    fc.assert(
      fc.property(pieces, someStops, (texts, stops) => {
        const filter = createStopFilter(stops);
        let shown = '';
        let given = '';
        for (const text of texts) {
          given += text;
          shown += filter.push(text);
          const found = firstStop(given, stops);
          expect(filter.stoppedBy).toBe(found?.stop);
          expect(shown).toBe(found?.before ?? given.slice(0, given.length - undecided(given, stops)));
        }
        const found = firstStop(given, stops);
        expect(shown + filter.end()).toBe(found?.before ?? given);
        if (found !== undefined) stopped++;
      }),
      { numRuns: 500 },
    );
    expect(stopped).toBeGreaterThan(100);
  });

  it('do not depend on the pieces in which a text comes', () => {
    fc.assert(
      fc.property(pieces, someStops, (texts, stops) => {
        const [whole, cut] = [createStopFilter(stops), createStopFilter(stops)];
        const once = whole.push(texts.join('')) + whole.end();
        expect(texts.map((text) => cut.push(text)).join('') + cut.end()).toBe(once);
      }),
    );
  });

  it('go on where a start of one turns out to be none', () => {
    const filter = createStopFilter(['\n\nUser:']);
    expect(['Yes.', '\n', '\nUse', 'less.'].map((text) => filter.push(text))).toEqual(['Yes.', '', '', '\n\nUseless.']);
    expect(filter.push(' \n\nUser: hello')).toBe(' ');
    expect([filter.stoppedBy, filter.push('more'), filter.end()]).toEqual(['\n\nUser:', '', '']);
  });

  it('hold no half of a character back', () => {
    const filter = createStopFilter(['\u{1f600}']);
    expect(filter.push('\u{1f601}')).toBe('\u{1f601}');
    expect(filter.push('x\u{1f600}y')).toBe('x');
  });

  it('are refused where they are empty, far too long or too many', () => {
    const usage = expect.objectContaining({ code: 'CUT_USAGE' });
    expect(() => createStopFilter(['a', ''])).toThrow(usage);
    expect(() => createStopFilter(['x'.repeat(1_001)])).toThrow(usage);
    expect(() => createStopFilter(new Array<string>(65).fill('a'))).toThrow(usage);
  });
});
