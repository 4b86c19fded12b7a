import type { CutpointError } from '@cutpoint/core';
import type { BrokerConnection, Delivery } from '../connection/connection.js';
import { readTopic } from '../topics.js';
import { schemas } from './messages.testing.js';

/** A connection to a broker that the test plays: it is always up, and everything that is said there is checked. */
export class TestConnection implements BrokerConnection {
  readonly url = 'mqtt://127.0.0.1:0';
  readonly connected = true;
  readonly lastError: CutpointError | undefined = undefined;
  /** Messages that went out. */
  published = 0;
  readonly #onPublish: (topic: string) => void;
  readonly #listeners: ((delivery: Delivery) => void)[] = [];

  /** @param onPublish throws where nothing may be published */
  constructor(onPublish: (topic: string) => void = () => {}) {
    this.#onPublish = onPublish;
  }

  deliver(delivery: Delivery): void {
    for (const listener of this.#listeners) listener(delivery);
  }

  async publish(topic: string, message: unknown): Promise<void> {
    this.send(topic, message);
  }

  send(topic: string, message: unknown): void {
    this.published++;
    this.#onPublish(topic);
    const parts = readTopic(topic);
    if (parts?.kind !== 'channel') throw new Error(`something was published to ${topic}`);
    if (message instanceof Uint8Array && message.length === 0) return;
    const { error } = schemas[parts.channel].safeParse(JSON.parse(JSON.stringify(message)));
    if (error !== undefined) throw new Error(`what was published to ${topic} does not belong there: ${error.message}`);
    if (JSON.stringify(message).includes('CUT_INTERNAL')) throw new Error(`${topic} was told of a defect`);
  }

  moveTo(): void {}

  subscribe(_filters: readonly string[], listener: (delivery: Delivery) => void): void {
    this.#listeners.push(listener);
  }

  onUp(listener: () => void): void {
    listener();
  }

  onDown(): void {}

  async untilUp(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
