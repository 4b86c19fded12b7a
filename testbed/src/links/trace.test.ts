import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrace } from './trace.js';

const gap = (text: RegExp) => expect.objectContaining({ code: 'CUT_TRACE', message: expect.stringMatching(text) });

describe('a trace', () => {
  it('is read with two, three or four columns, comments and Windows line ends', () => {
    const text = '# synthetic\r\nseconds, rateMbit,delayMs,lossPct\r\n0,10,20,0\r\n1,5.5,30,0.1\r\n\r\n2,1,40,1\r\n';
    expect(parseTrace(text, 't')).toEqual({
      points: [
        { seconds: 0, rateMbit: 10, delayMs: 20, lossPct: 0 },
        { seconds: 1, rateMbit: 5.5, delayMs: 30, lossPct: 0.1 },
        { seconds: 2, rateMbit: 1, delayMs: 40, lossPct: 1 },
      ],
      periodS: 3,
    });
    expect(parseTrace('seconds,rateMbit\n0,1\n2,3', 't').points[1]).toEqual({ seconds: 2, rateMbit: 3 });
  });

  it.each([
    ['seconds,rateMbit\n0,1\n1,\n2,1', /has a gap: line 3 has no rateMbit/],
    ['seconds,rateMbit\n0,1\n1,1\n2,1\n9,1', /gap before line 5: nothing from 2 s to 9 s/],
    ['seconds,rateMbit\n0,1\n1,0\n', /line 3 has rateMbit "0"/],
    ['seconds,rateMbit\n0,1\n1,fast\n', /line 3 has rateMbit "fast"/],
    ['seconds,rateMbit\n0,1\n1,1,1\n', /line 3 has 3 values instead of 2/],
    ['seconds,rateMbit\n0,1\n2,1\n1,1\n', /line 4 does not come after/],
    ['seconds,rateMbit\n1,1\n2,1\n', /line 2 must begin at 0/],
    ['seconds,rateMbit\n0,1\n', /at least two lines/],
    ['0,1\n1,1\n', /must begin with the line/],
    ['', /must begin with the line/],
  ])('that is wrong is refused with its line: %j', (text, message) => {
    expect(() => parseTrace(text, 'lte.csv')).toThrow(gap(message));
  });

  it('gives back what was written, whatever the figures', () => {
    const rates = fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(rates, (list) => {
        const text = ['seconds,rateMbit', ...list.map((rate, i) => `${i},${rate}`)].join('\n');
        const { points, periodS } = parseTrace(text, 't');
        expect(points.map(({ rateMbit }) => rateMbit)).toEqual(list);
        expect(periodS).toBe(list.length);
      }),
    );
  });
});
