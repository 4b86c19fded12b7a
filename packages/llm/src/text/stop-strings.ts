import { CutpointError } from '@cutpoint/core';

const mostStops = 64;
const mostCharacters = 1_000;

export interface StopFilter {
  /** The stop string that ended the text, once one has. */
  readonly stoppedBy: string | undefined;
  /** Takes the next piece of the text and returns what may be shown by now: all that cannot be part of a stop string. */
  push(text: string): string;
  /** The text is over: returns what was held back because a stop string might have come of it. */
  end(): string;
}

/**
 * Ends a text before the first stop string in it, whatever pieces it comes in: where one is complete for the first time, and of
 * those complete there the longest. What comes behind it is dropped. Held back is never more than what may still become a
 * stop string. Each character moves one Knuth-Morris-Pratt automaton for each stop string (SIAM Journal on Computing 6(2),
 * 1977).
 * @throws CutpointError CUT_USAGE for an empty or far too long stop string, or too many.
 */
export function createStopFilter(stops: readonly string[]): StopFilter {
  if (stops.length > mostStops) {
    throw new CutpointError('CUT_USAGE', `${stops.length} stop strings are given; at most ${mostStops} are allowed.`);
  }
  const automata = stops.map(automatonOf);
  const held: string[] = [];
  let stoppedBy: string | undefined;

  const take = (character: string): string[] => {
    held.push(character);
    let longestMatch = 0;
    let longestStart = 0;
    for (const automaton of automata) {
      step(automaton, character);
      const complete = automaton.matched === automaton.pattern.length;
      if (complete && automaton.matched > longestMatch) {
        longestMatch = automaton.matched;
        stoppedBy = automaton.stop;
      }
      longestStart = Math.max(longestStart, automaton.matched);
    }
    return held.splice(0, held.length - (longestMatch > 0 ? longestMatch : longestStart));
  };

  return {
    get stoppedBy() {
      return stoppedBy;
    },
    push(text) {
      let shown = '';
      for (const character of text) {
        if (stoppedBy !== undefined) break;
        shown += take(character).join('');
      }
      return shown;
    },
    end: () => (stoppedBy === undefined ? held.splice(0).join('') : ''),
  };
}

interface Automaton {
  readonly stop: string;
  /** Its characters, so that none is torn in two. */
  readonly pattern: readonly string[];
  /** How many characters of the pattern's start end the first so many characters of it, these themselves left out. */
  readonly fallbacks: readonly number[];
  /** How many characters of the pattern's start end the text so far. */
  matched: number;
}

function automatonOf(stop: string): Automaton {
  const pattern = Array.from(stop);
  if (pattern.length === 0 || pattern.length > mostCharacters) {
    const wrong = pattern.length === 0 ? 'A stop string is empty' : `A stop string has ${pattern.length} characters`;
    throw new CutpointError('CUT_USAGE', `${wrong}, but must have 1 to ${mostCharacters}.`);
  }
  const fallbacks: number[] = [0, 0];
  for (let length = 1; length < pattern.length; length++) {
    let border = fallbacks[length] ?? 0;
    while (border > 0 && pattern[border] !== pattern[length]) border = fallbacks[border] ?? 0;
    fallbacks.push(pattern[border] === pattern[length] ? border + 1 : 0);
  }
  return { stop, pattern, fallbacks, matched: 0 };
}

function step(automaton: Automaton, character: string): void {
  const { pattern, fallbacks } = automaton;
  let matched = automaton.matched;
  while (matched > 0 && pattern[matched] !== character) matched = fallbacks[matched] ?? 0;
  automaton.matched = pattern[matched] === character ? matched + 1 : 0;
}
