/** What a daemon has opened, in order, so that all of it is closed whatever happens. */
export class OpenResources {
  readonly #opened: AsyncDisposable[] = [];

  /** Remembers a resource and returns it. */
  add<T extends AsyncDisposable>(resource: T): T {
    this.#opened.push(resource);
    return resource;
  }

  /** Closes the newest first. If some fail, the others are closed all the same and the first failure is thrown. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let resource = this.#opened.pop(); resource !== undefined; resource = this.#opened.pop()) {
      try {
        await resource[Symbol.asyncDispose]();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
