import type { CutpointError } from '@cutpoint/core';
import { checkPrototypes, type FuzzKind, type FuzzTarget } from '../../../core/src/fuzzing.testing.js';
import { mutant, mutantOf, type Plain, pick, type Random } from '../../../core/src/mutating.testing.js';
import { deviceId, fleetId, sessionId } from '../ids.js';
import { PageConnection } from '../page/page-connection.js';
import { PageRelay } from '../page/page-relay.js';
import { PageVisit } from '../page/page-visit.js';
import { deviceChannels, readTopic } from '../topics.js';
import { TestConnection } from './connection.testing.js';
import { changedPayload, session } from './messages.testing.js';

const fleet = fleetId.parse('home');
const own = deviceId.parse('page-1');
const refusals = ['CUT_WIRE_MALFORMED', 'CUT_WIRE_TOO_LARGE', 'CUT_FORBIDDEN', 'CUT_OVERLOADED'];
/** With which the server's own words refuse; what a server of another version says is a defect to us. */
const told = ['CUT_REVOKED', 'CUT_UNREACHABLE', 'CUT_INTERNAL'];
const foreverMs = 2 ** 31 - 1;
const proof = 'c2ln';

const introductions: readonly Plain[] = [
  { type: 'pair', session, code: 'ABCD-EFGH', name: 'phone', key: 'a2V5', proof },
  { type: 'join', session, certificate: '-----BEGIN CERTIFICATE-----', proof },
  { type: 'name', session, name: 'phone' },
];
const challenge: Plain = { type: 'challenge', fleet: 'home', nonce: 'a'.repeat(64), paired: true };
const welcome: Plain = { type: 'welcome', fleet: 'home', device: 'page-1', token: 't' };
const words: readonly Plain[] = [
  challenge,
  welcome,
  { type: 'refused', code: 'CUT_REVOKED', message: 'No.', final: true },
  { type: 'refused', code: 'CUT_UNREACHABLE', message: 'Later.', final: false },
];

/** What a server and a page take from one another over the WebSocket of the fleet. */
export const pageKinds: readonly FuzzKind[] = [
  { name: 'page-visit', weight: 5, open: openVisits },
  { name: 'page-connection', weight: 5, open: openConnections },
];

/** A text of JSON that was changed in what it says, or in its letters. */
function changedText(original: Plain, random: Random): string {
  const text = JSON.stringify(original);
  if (random(6) === 0) return text;
  if (random(6) > 0) return JSON.stringify(mutantOf(original, random, pick([...words, ...introductions], random)));
  return Buffer.from(mutant(new Uint8Array(Buffer.from(text)), random)).toString('utf8');
}

function changedChannelText(random: Random): string {
  const channel = pick(deviceChannels, random);
  const payload = Buffer.from(changedPayload(channel, random)).toString('utf8');
  const other = random(10) === 0 ? pick(deviceChannels, random) : channel;
  if (random(20) === 0) return changedText({ type: 'channel', channel }, random);
  return `{"type":"channel","channel":"${other}","retained":${random(2) === 0},"message":${payload}}`;
}

/** The server's end: one page after another comes, says who it is, and then what it likes. */
function openVisits(): FuzzTarget {
  let welcomed = 0;
  return {
    async attempt(random) {
      const connection = new TestConnection((topic) => {
        const parts = readTopic(topic);
        if (parts?.kind !== 'channel' || parts.device !== own) throw new Error(`a page published to ${topic}`);
      });
      const heard: CutpointError[] = [];
      let closed = 0;
      const socket = { send: () => {}, close: () => void closed++, waitingBytes: 0 };
      const visit = new PageVisit(socket, '127.0.0.1', {
        greet: () => {},
        async onIntroduced() {
          welcomed++;
          const events = {
            onUp: () => {},
            onDown: () => {},
            onProblem: (error: CutpointError) => void heard.push(error),
          };
          const id = sessionId.parse(session);
          const relay = new PageRelay({
            fleet,
            device: own,
            session: id,
            connection,
            socket,
            verify: undefined,
            ...events,
          });
          return (text) => relay.say(text);
        },
        onEnded: () => {},
        onProblem: (error) => void heard.push(error),
        introductionMs: foreverMs,
      });
      visit.begin();
      visit.onText(changedText(pick(introductions, random), random));
      await new Promise((resolve) => setImmediate(resolve));
      for (let left = random(4); left > 0; left--) visit.onText(changedChannelText(random));
      visit.onClose();
      if (closed !== 1) throw new Error(`its socket was closed ${closed} times`);
      return outcomeOf(heard, refusals);
    },
    check() {
      checkPrototypes();
      if (welcomed === 0) throw new Error('no page was let in');
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The page's end: a server greets it, lets it in, and then says what it likes. */
function openConnections(): FuzzTarget {
  let delivered = 0;
  return {
    async attempt(random) {
      const heard: CutpointError[] = [];
      const note = (error: CutpointError) => void heard.push(error);
      let say = (_text: string): void => {};
      await using connection = new PageConnection({
        dial: (events) => {
          say = events.onText;
          return { send: () => {}, close: () => {}, waitingBytes: 0 };
        },
        session: sessionId.parse(session),
        introduce: async () => ({ type: 'name', session: sessionId.parse(session), name: own }),
        onWelcome: async () => {},
        onDown: () => {},
        onRefused: note,
        onProblem: note,
      });
      connection.subscribe([], ({ topic, payload }) => {
        delivered++;
        if (readTopic(topic) === undefined || payload.length === 0) throw new Error(`it delivered nothing to ${topic}`);
      });
      if (random(3) > 0) for (const word of [challenge, welcome]) say(JSON.stringify(word));
      for (let left = 1 + random(4); left > 0; left--) {
        say(random(2) === 0 ? changedChannelText(random) : changedText(pick(words, random), random));
      }
      await new Promise((resolve) => setImmediate(resolve));
      return outcomeOf(heard, [...refusals, ...told]);
    },
    check() {
      checkPrototypes();
      if (delivered === 0) throw new Error('nothing was delivered');
    },
    async [Symbol.asyncDispose]() {},
  };
}

function outcomeOf(heard: readonly CutpointError[], allowed: readonly string[]): string {
  const [first] = heard;
  if (first === undefined) return 'taken';
  const { code, cause } = first;
  if (cause !== undefined) throw cause;
  if (!allowed.includes(code)) throw new Error(`it was refused with ${code}`);
  return code;
}
