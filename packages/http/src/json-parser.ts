import type { FastifyInstance } from 'fastify';
import { Refusal } from './refusal.js';

export type ParseJson = (text: string) => unknown;

/**
 * JSON, refused where it would change what all objects inherit.
 * @param hint what else may be wrong where it is no JSON: a sentence behind a blank.
 */
export function jsonParser(app: FastifyInstance, hint = ''): ParseJson {
  type Parser = (request: undefined, text: string, done: (error: Error | null, value?: unknown) => void) => void;
  const parse = app.getDefaultJsonParser('error', 'error') as unknown as Parser;
  return (text) => {
    let result: unknown;
    parse(undefined, text, (error, value) => {
      if (error !== null) throw new Refusal(400, 'CUT_HTTP', whyNot(text, hint));
      result = value;
    });
    return result;
  };
}

/** The parser does not say which of its two reasons it had. */
function whyNot(text: string, hint: string): string {
  try {
    JSON.parse(text);
    return 'The JSON of the request has a key "__proto__", or "prototype" in a "constructor", which is not allowed.';
  } catch {
    return `The request is not valid JSON.${hint}`;
  }
}
