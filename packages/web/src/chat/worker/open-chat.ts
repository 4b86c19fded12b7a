import {
  type Dial,
  EmbeddingTable,
  filesOf,
  openAgentParts,
  openSplit,
  TextModel,
  textOfPackage,
  unwatched,
} from '@cutpoint/llm/browser';
import { connect } from '@cutpoint/wire/browser';
import type { FetchSource } from '../../files/fetch-file.js';
import { keepOnly } from '../../files/kept-files.js';
import { openFiles } from '../../files/open-files.js';
import { FrontOpener } from './front.js';
import type { OpenChat, OpenedChat } from './messages.js';
import { fetchManifest, neededFiles, packageFiles } from './package-files.js';

/** A model whose front is here. */
export interface ChatModel extends OpenedChat, AsyncDisposable {
  readonly model: TextModel;
}

const dial: Dial = ({ url, token }, { connectTimeoutMs, silenceMs, signal }) =>
  connect({
    url,
    connectTimeoutMs,
    hello: { name: 'cutpoint-page', capabilities: [] },
    limits: { silenceMs },
    signal,
    ...(token === undefined ? {} : { token }),
  });

/**
 * Fetches what the page runs of a model, opens it, and connects to the server for the rest.
 * @param onProgress hears how many bytes of how many are here.
 * @throws CutpointError as `fetchFile`, `openSplit` and `FrontOpener.range`.
 */
export async function openChat(
  { offer, choice, pageUrl, wireUrl, token }: OpenChat,
  onProgress: (bytes: number, of: number) => void,
  signal: AbortSignal,
): Promise<ChatModel> {
  const notices: string[] = [];
  const files = await openFiles('cutpoint-files', (why) => void notices.push(noticesOf[why]));
  let bytes = 0;
  let of = offer.manifest.bytes;
  const onBytes = (more: number) => {
    bytes += more;
    onProgress(bytes, of);
  };
  const source: FetchSource = { url: new URL(offer.files, pageUrl).href, token, files, onBytes, signal };
  const manifest = await fetchManifest(offer, source);
  const { at, codec, private: hides } = choice;
  const needed = neededFiles(manifest, at, hides);
  // What another cut needs may be needed again; what another model needs is not.
  await keepOnly(files, [offer.manifest, ...filesOf(manifest)]);
  of += needed.reduce((sum, file) => sum + file.bytes, 0);
  const open = packageFiles(source);
  const text = await textOfPackage(manifest, open, unwatched);
  const fronts = new FrontOpener(manifest, open, choice.provider);
  const decoder = await openSplit(
    manifest,
    { at, codec, private: hides, servers: [{ url: wireUrl, token }], signal },
    {
      dial,
      openParts: async (split) => {
        const parts = await openAgentParts(manifest, split, {
          embedding: () => EmbeddingTable.open(open, manifest),
          front: (range) => fronts.range(range),
          head: (range) => fronts.range(range),
        });
        return { ...parts, recomputes: false };
      },
    },
  );
  const { name, config } = manifest;
  return {
    name,
    layers: config.layers,
    provider: fronts.provider,
    threads: fronts.threads,
    notices: [...notices, ...fronts.notices],
    talks: text.template() !== undefined,
    model: new TextModel({ ...text, name, decoder }, { maxRunning: 1, maxKept: 2 }),
    async [Symbol.asyncDispose]() {
      await decoder[Symbol.asyncDispose]();
      files[Symbol.dispose]();
    },
  };
}

const noticesOf = {
  full: 'There is no room here to keep the model: a reload fetches it again.',
  'nothing is kept': 'This browser keeps no files: a reload fetches the model again.',
} as const;
