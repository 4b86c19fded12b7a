import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../refusal.js';
import { type FolderOfFiles, folderOfFiles, type PageFile } from './page-files.js';

/** Where the page is, and where its runtime's files are. */
export const pagePath = '/page/';
export const runtimePath = `${pagePath}runtime/`;
/** Where the page's WebSocket goes. */
export const pageWirePath = `${pagePath}wire`;

/** Of which files a page consists. */
export interface PageFolders {
  /** What `npm run build` made: `index.html`, and files with a hash in their names. */
  readonly page: URL;
  /** What onnxruntime-web needs at run time, and its version; undefined where it is not installed. */
  readonly runtime: { readonly folder: URL; readonly version: string } | undefined;
}

/**
 * Only what this server serves may run in the page, and nothing of others may frame or open it: WebAssembly may be compiled
 * (`wasm-unsafe-eval`), text may not be evaluated. Isolated from other origins, it may use threads (COOP and COEP).
 */
const headers: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Serves the page to whoever asks: it holds nothing that is secret. What it then asks for needs the token. */
export async function pageRoutes(
  app: FastifyInstance,
  { page, runtime }: PageFolders,
  about: object = {},
): Promise<void> {
  const files = await folderOfFiles(page, { fixed: (name) => name !== 'index.html' });
  const config = { undocumented: true } as const;
  app.addHook('onSend', async (_request, reply) => void reply.headers(headers));
  app.get('/', { config }, (_request, reply) => reply.redirect(pagePath));
  app.get(pagePath, { config }, (request, reply) => {
    // Names in the page are relative to its folder.
    if (!request.url.startsWith(pagePath)) return reply.redirect(pagePath);
    return answer(files, 'index.html', request, reply);
  });
  app.get(`${pagePath}about.json`, { config }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').send(about),
  );
  app.get<{ Params: { name: string } }>(`${pagePath}:name`, { config }, (request, reply) =>
    answer(files, request.params.name, request, reply),
  );
  if (runtime === undefined) return;
  const runtimeFiles = await folderOfFiles(runtime.folder, { fixed: () => true, wanted: isOfRuntime });
  app.get<{ Params: { name: string } }>(`${runtimePath}${runtime.version}/:name`, { config }, (request, reply) =>
    answer(runtimeFiles, request.params.name, request, reply),
  );
}

/** The small entries without a bundled WebAssembly, and the WebAssembly with its loader. */
function isOfRuntime(name: string): boolean {
  return /^ort\.(wasm|webgpu)\.min\.mjs$|^ort-wasm-simd-threaded(\.asyncify)?\.(mjs|wasm)$/.test(name);
}

async function answer(files: FolderOfFiles, name: string, request: FastifyRequest, reply: FastifyReply) {
  const file = await files.read(name);
  if (file === undefined) throw new Refusal(404, 'CUT_NOT_FOUND', 'The page has no such file; reload it.');
  const caching = file.fixed ? 'public, max-age=31536000, immutable' : 'no-cache';
  reply.headers({ etag: file.tag, 'cache-control': caching, vary: 'accept-encoding' });
  if (request.headers['if-none-match'] === file.tag) return reply.code(304).send();
  return reply.type(file.type).send(bodyOf(file, request, reply));
}

function bodyOf({ bytes, gzipped }: PageFile, { headers }: FastifyRequest, reply: FastifyReply): Buffer {
  const takesGzip = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
  if (takesGzip) reply.header('content-encoding', 'gzip');
  const body = takesGzip ? gzipped : bytes;
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
