import { webcrypto } from 'node:crypto';
import {
  type DeviceId,
  type JoinWish,
  joinAsPage,
  type PageIdentity,
  type PageMember,
  type PageMemberOptions,
  type PageState,
  pagePath,
} from '@cutpoint/control/browser';
import type { CutpointError } from '@cutpoint/core';
import { WebSocket } from 'ws';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const base64 = (bytes: ArrayBuffer) => Buffer.from(bytes).toString('base64');

export type TestIdentity = Omit<PageIdentity, 'certificate'> & { certificate: string | undefined };

/** The identity of a page as a browser keeps it, from one run of the page to the next. */
export async function newIdentity(): Promise<TestIdentity> {
  const keys = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const identity: TestIdentity = {
    key: base64(await webcrypto.subtle.exportKey('spki', keys.publicKey)),
    sign: async (text) => base64(await webcrypto.subtle.sign(algorithm, keys.privateKey, Buffer.from(text))),
    certificate: undefined,
    async keep(certificate) {
      identity.certificate = certificate;
    },
  };
  return identity;
}

/** A page without a browser: it says the same things over a real socket. */
export interface TestPage extends AsyncDisposable {
  readonly member: PageMember;
  readonly states: readonly PageState[];
  readonly problems: readonly CutpointError[];
  /** Breaks the connection as a network does; it comes back by itself. */
  cut(): void;
  /** Says something that no page would. */
  say(message: object): void;
  /** Says nothing more, and neither reads nor answers, as a page that the browser has stopped. */
  freeze(): void;
}

export interface TestPageOptions extends Partial<Pick<PageMemberOptions, 'onDesired' | 'onCommand' | 'onGeneration'>> {
  /** Of the server's HTTP API. */
  readonly http: string;
  readonly identity: PageIdentity;
  readonly wish?: Partial<Record<keyof JoinWish, string>>;
  readonly origin?: string;
}

export function openPage({ http, identity, wish = {}, origin = http, ...options }: TestPageOptions): TestPage {
  const states: PageState[] = [];
  const problems: CutpointError[] = [];
  let webSocket: WebSocket | undefined;
  let frozen = false;
  const member = joinAsPage({
    identity,
    wish: { name: wish.name as DeviceId | undefined, code: wish.code },
    facts: {
      version: '0.1.0',
      platform: 'browser',
      cpuModel: 'unknown',
      cores: 4,
      memoryBytes: 0,
      browser: { name: 'Test 1' },
    },
    measure: () => ({
      memoryBytes: 1e6,
      freeMemoryBytes: 0,
      cpuShare: 0,
      requests: { done: 0, failed: 0, underWay: 0 },
      links: [],
    }),
    onDesired: () => {},
    onCommand: async () => [],
    ...options,
    dial({ onText, onClose }) {
      const socket = new WebSocket(`${http.replace(/^http/, 'ws')}${pagePath}`, { origin, rejectUnauthorized: false });
      webSocket = socket;
      socket.on('message', (data) => onText(String(data)));
      // What is wrong ends in its close.
      socket.on('error', () => {});
      socket.on('close', onClose);
      return {
        send: (text) => (frozen ? undefined : socket.send(text)),
        close: () => socket.close(),
        get waitingBytes() {
          return socket.bufferedAmount;
        },
      };
    },
    onState: (state) => states.push(state),
    onProblem: (error) => problems.push(error),
    firstBackoffMs: 100,
    maxBackoffMs: 1_000,
  });
  return {
    member,
    states,
    problems,
    cut: () => webSocket?.terminate(),
    say: (message) => webSocket?.send(JSON.stringify(message)),
    freeze() {
      frozen = true;
      webSocket?.pause();
    },
    [Symbol.asyncDispose]: () => member.leave(),
  };
}
