import type { CutpointError } from '@cutpoint/core';
import type { FuzzKind, FuzzTarget } from '../../../core/src/fuzzing.testing.js';
import { joined, mutant, pick, type Random } from '../../../core/src/mutating.testing.js';
import type { CourierEvents } from '../courier.js';
import type { Link } from '../link.js';
import { encodeMessage, headBytes, type MessageType, messageTypes, reasonBody, sizeBody } from '../message-format.js';
import { openPost, type Post } from '../post.js';
import { changedFrame } from './frames.testing.js';
import { checkExpected } from './pipe.testing.js';

const maxMessageBytes = 4096;
const maxLinks = 12;
const types = Object.keys(messageTypes) as MessageType[];

/** Messages through a broker, for the links of one device. */
export const messageKinds: readonly FuzzKind[] = [{ name: 'broker-links', weight: 12, open: openMessages }];

function openMessages(): FuzzTarget {
  let office = openOffice();
  return {
    attempt(random) {
      // Links that are at an end make room for others.
      if (random(200) === 0) {
        office.close();
        office = openOffice();
      }
      return office.attempt(random);
    },
    async [Symbol.asyncDispose]() {
      office.close();
    },
  };
}

function openOffice() {
  let events: CourierEvents | undefined;
  let refusal: string | undefined;
  const post = openPost(
    {
      device: 'pi-1',
      maxMessageBytes,
      start(given) {
        events = given;
      },
      async publish(_to, message) {
        if (message.length > maxMessageBytes) throw new Error('a message is longer than the broker takes');
      },
      close() {},
    },
    { maxLinks, maxLinksPerDevice: 6, onProblem: (error) => noteProblem(error) },
  );
  const noteProblem = (error: CutpointError): void => {
    checkExpected(error);
    refusal = error.code;
  };
  const open = new Set<Link>();
  post.accept((link) => {
    open.add(link);
    start(link, () => open.delete(link));
  });
  return {
    attempt(random: Random): string {
      refusal = undefined;
      if (random(50) === 0) pick([...open, undefined], random)?.destroy();
      if (random(20) === 0) dial(post, random);
      events?.onMessage(pick(['pi-2', 'pi-3', 'pi-4'], random), changedMessage(random));
      if (post.linkCount > maxLinks + dialledAtOnce) throw new Error(`there are ${post.linkCount} links`);
      return refusal ?? 'taken';
    },
    close(): void {
      post.close();
      if (post.linkCount !== 0) throw new Error('links are left behind');
    },
  };
}

const dialledAtOnce = 200;

/** Answers are made up by chance, so most calls come to nothing. */
function dial(post: Post, random: Random): void {
  const late = new AbortController();
  post.dial(pick(['pi-2', 'pi-3'], random), late.signal).then(
    (link) => start(link, () => {}),
    (error: CutpointError) => checkExpected(error),
  );
  setImmediate(() => late.abort());
}

/** Reads all, and answers some. */
function start(link: Link, closed: () => void): void {
  link.start({
    onData: (bytes) => void (bytes.length % 3 === 0 && link.write([bytes.slice()])),
    target: () => undefined,
    onFilled() {},
    onDrain() {},
    onClose(error) {
      checkExpected(error);
      closed();
    },
  });
}

function changedMessage(random: Random): Uint8Array {
  const type = pick(types, random);
  const head = {
    type,
    fromOpener: random(4) !== 0,
    link: pick(['0000000000000001', '0000000000000002', '00000000000000ff'], random),
    seq: pick([0, 0, 1, 2, 3, random(40), 2 ** 48 - 1], random),
    limit: pick([0, 1, 8, 300, 2 ** 48 - 1], random),
  };
  const message = encodeMessage(head, [bodyOf(type, random)]);
  if (random(3) === 0) return joined(message);
  return random(2) === 0 ? mutant(message, random) : changedHead(message, random);
}

function changedHead(message: Uint8Array, random: Random): Uint8Array {
  return joined(mutant(message.subarray(0, headBytes), random), message.subarray(headBytes));
}

function bodyOf(type: MessageType, random: Random): Uint8Array {
  if (type === 'open' || type === 'accept') {
    return random(4) === 0 ? new Uint8Array(random(9)) : sizeBody(pick([0, 1023, 1024, 4096, 2 ** 32 - 1], random));
  }
  if (type === 'refuse' || type === 'reset') return random(4) === 0 ? new Uint8Array(random(3)) : reasonBody('broken');
  return random(3) === 0
    ? new Uint8Array(pick([0, 1, maxMessageBytes, maxMessageBytes + 1], random))
    : changedFrame(random);
}
