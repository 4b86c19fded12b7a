/** What came of work that has so long: what it gave, unless it was ended. */
export type InTime<T> = { readonly inTime: true; readonly value: T } | { readonly inTime: false };

/**
 * Runs synchronous work and ends it after a time where that can be done. A tokenizer and a chat template are a stranger's: what
 * they compute could else hold up its thread for ever.
 * @throws what the work throws.
 */
export type Within = <T>(mostMs: number, work: () => T) => InTime<T>;

/** Nothing ends the work: in a page a worker does it, which can be ended as a whole. */
export const unwatched: Within = (_, work) => ({ inTime: true, value: work() });
