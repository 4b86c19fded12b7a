import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon/client';
import type { SplitServer } from '@cutpoint/llm';
import { type Command, InvalidArgumentError } from 'commander';
import { parseAddress } from '../address-option.js';
import { codecTablesOption, parseCodecs, parseCut } from '../options.js';

/** The options with which a verb cuts a language model in two. */
export interface SplitOptions {
  readonly at?: number;
  readonly server?: readonly string[];
  readonly serverCa?: string;
  readonly serverTokenFile?: string;
  readonly codec?: string;
  readonly answerCodec?: string;
  readonly codecTables?: string;
  readonly private?: true;
}

export function addSplitOptions(command: Command): Command {
  return command
    .option('--at <layer>', 'run the layers before this one here, the others at a server (default: all here)', parseCut)
    .option(
      '--server <urls>',
      'address of a server with the same package, or several with commas between, for when one is lost; without it one is started for this run',
      (text: string) => text.split(',').map(parseAddress),
    )
    .option('--server-ca <file>', "PEM file with the authority of the servers' certificates")
    .option('--server-token-file <file>', 'file with the token to present to the servers')
    .option('--codec <spec>', 'how hidden states cross the cut (default: raw)', parseCodec)
    .option(...codecTablesOption)
    .option('--private', 'send no tokens to the server: norm and head run here too')
    .option(
      '--answer-codec <spec>',
      'with --private: how hidden states come back (default: as --codec, or f16 for a table)',
      parseCodec,
    );
}

/** The servers of the options, their files read. @throws CutpointError CUT_FILE_NOT_FOUND, CUT_TLS, CUT_USAGE */
export async function splitServers({ server = [], serverCa, serverTokenFile }: SplitOptions): Promise<SplitServer[]> {
  const ca = serverCa === undefined ? undefined : await readAuthorityFile(serverCa);
  const token = serverTokenFile === undefined ? undefined : await readTokenFile(serverTokenFile);
  return server.map((url) => ({ url, ca, token }));
}

function parseCodec(text: string): string {
  const [codec, another] = parseCodecs(text);
  if (codec !== undefined && another === undefined) return codec;
  throw new InvalidArgumentError('Give one codec: a language model has one cut.');
}
