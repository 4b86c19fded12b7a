import { createHash } from 'node:crypto';
import type {} from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpLimits } from './limits.js';
import { Refusal } from './refusal.js';

const minuteMs = 60_000;
/** Tokens that were good, by their hashes: they are looked at whatever others at the same address do. */
const maxRemembered = 1_000;

/**
 * Bounds how often tokens and certificates can be guessed from one address, without a lockout of those who need not guess:
 * only who fails is told to come back later, and only tokens that were never good are not even looked at.
 */
export class Guesses {
  readonly #limiter: ReturnType<FastifyInstance['createRateLimit']>;
  readonly #limits: Pick<HttpLimits, 'maxFailures' | 'maxGuesses'>;
  readonly #good = new Set<string>();

  /** The plugin of rate limits has to be registered. */
  constructor(app: FastifyInstance, limits: Pick<HttpLimits, 'maxFailures' | 'maxGuesses'>) {
    this.#limits = limits;
    this.#limiter = app.createRateLimit({ max: limits.maxGuesses, timeWindow: minuteMs });
  }

  /** @throws Refusal 429 where a token is shown that was never good, after very many failures at the address */
  async requireHeard(request: FastifyRequest): Promise<void> {
    const { authorization } = request.headers;
    if (authorization === undefined || this.#good.has(printOf(authorization))) return;
    const state = await this.#limiter(request, { increment: false });
    if (!state.isAllowed && state.remaining === 0) throw tooMany(state.ttlInSeconds);
  }

  /** @throws Refusal 429 if the address has failed too often */
  async failed(request: FastifyRequest): Promise<void> {
    const state = await this.#limiter(request);
    if (state.isAllowed || this.#limits.maxGuesses - state.remaining <= this.#limits.maxFailures) return;
    throw tooMany(state.ttlInSeconds);
  }

  succeeded({ headers: { authorization } }: FastifyRequest): void {
    if (authorization === undefined) return;
    const print = printOf(authorization);
    // The last that was used is the last to be forgotten.
    this.#good.delete(print);
    this.#good.add(print);
    for (const oldest of this.#good) {
      if (this.#good.size <= maxRemembered) break;
      this.#good.delete(oldest);
    }
  }
}

function printOf(authorization: string): string {
  return createHash('sha256').update(authorization).digest('base64');
}

function tooMany(retryAfterS: number): Refusal {
  const message = 'Too many requests from this address had no valid token: try again later.';
  return new Refusal(429, 'CUT_UNAUTHORISED', message, retryAfterS);
}
