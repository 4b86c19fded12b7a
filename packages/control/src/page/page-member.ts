import { CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';
import { type Member, type MemberOptions, newSession, startMember } from '../member/member.js';
import { PageConnection, type PageConnectionOptions } from './page-connection.js';
import { type Challenge, type Introduction, proofText, type Welcome } from './page-messages.js';

/** The key of a page, which never leaves the browser, and what the fleet's authority says about it. */
export interface PageIdentity {
  /** Public part (SubjectPublicKeyInfo, DER, in base64). */
  readonly key: string;
  /** ECDSA on P-256 with SHA-256 over the text as UTF-8: r and s one after the other, in base64. */
  sign(text: string): Promise<string>;
  /** PEM; undefined until it is paired. */
  readonly certificate: string | undefined;
  /** Keeps another certificate, for this run and the next. */
  keep(certificate: string): Promise<void>;
}

/** How a page asks to be let in, where it has no certificate yet. */
export interface JoinWish {
  /** What it would be called. */
  readonly name: DeviceId | undefined;
  /** As `cutpoint pair --new` shows it; undefined where devices are not paired, or this page is already. */
  readonly code: string | undefined;
}

export type PageState =
  | { readonly kind: 'joining' }
  | { readonly kind: 'joined'; readonly device: DeviceId; readonly token: string }
  /** It tries to come back by itself. */
  | { readonly kind: 'away'; readonly device: DeviceId }
  /** It will not come back by itself. */
  | { readonly kind: 'refused'; readonly error: CutpointError }
  | { readonly kind: 'left' };

export interface PageMemberOptions
  extends Pick<PageConnectionOptions, 'dial' | 'onProblem' | 'firstBackoffMs' | 'maxBackoffMs'>,
    Pick<MemberOptions, 'facts' | 'measure' | 'onDesired' | 'onCommand' | 'onGeneration' | 'onLease'> {
  readonly identity: PageIdentity;
  readonly wish: JoinWish;
  readonly onState: (state: PageState) => void;
}

/** A page as a device of the fleet, until it leaves. */
export interface PageMember {
  /** Reports what this page does with what is desired; before it has joined, once it has. */
  report(report: Parameters<Member['report']>[0]): void;
  /** True while there is a lease for the newest generation. */
  readonly leased: boolean;
  /** Says goodbye: the fleet knows at once. Nothing that counts waits, so that it can be called as a page is closed. */
  leave(): Promise<void>;
}

/** Joins the fleet from a page and stays in it, through lost connections and restarts of the server, until it leaves. */
export function joinAsPage(options: PageMemberOptions): PageMember {
  const { identity, wish, onState, onProblem } = options;
  const session = newSession();
  let member: Member | undefined;
  let latest: Parameters<Member['report']>[0] | undefined;
  let joined: Welcome | undefined;
  // A code is good once: who comes back shows the certificate.
  let { code } = wish;
  const begin = ({ fleet, device }: Welcome) => {
    member = startMember(connection, { ...options, fleet, device, session, role: 'agent', addresses: [] });
    if (latest !== undefined) member.report(latest);
  };
  const connection = new PageConnection({
    ...options,
    session,
    introduce: (challenge) => introduce(challenge, session, { identity, wish: { ...wish, code } }),
    async onWelcome(welcome) {
      if (welcome.certificate !== undefined) await identity.keep(welcome.certificate);
      joined = welcome;
      code = undefined;
      if (member === undefined) begin(welcome);
      onState({ kind: 'joined', device: welcome.device, token: welcome.token });
    },
    onDown() {
      if (joined !== undefined) onState({ kind: 'away', device: joined.device });
    },
    onRefused(error) {
      void end();
      onState({ kind: 'refused', error });
    },
    onProblem,
  });
  const end = async () => {
    await member?.[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
  };
  onState({ kind: 'joining' });
  return {
    report(report) {
      latest = report;
      member?.report(report);
    },
    get leased() {
      return member?.leased ?? false;
    },
    async leave() {
      const ended = end();
      onState({ kind: 'left' });
      await ended;
    },
  };
}

async function introduce(
  challenge: Challenge,
  session: Introduction['session'],
  { identity, wish: { name, code } }: { identity: PageIdentity; wish: JoinWish },
): Promise<Introduction> {
  if (!challenge.paired) {
    if (name === undefined) throw new CutpointError('CUT_USAGE', 'Give this page a name to join the fleet under.');
    return { type: 'name', session, name };
  }
  const { key, certificate } = identity;
  if (certificate === undefined && code === undefined) {
    throw new CutpointError('CUT_PAIRING', 'This page needs a pairing code once: cutpoint pair --new, on the server.');
  }
  const proof = await identity.sign(proofText(challenge, session));
  if (code !== undefined) return { type: 'pair', session, code, ...(name !== undefined && { name }), key, proof };
  return { type: 'join', session, certificate: certificate ?? '', proof };
}
