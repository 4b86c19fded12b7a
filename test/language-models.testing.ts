import OpenAI from 'openai';
import type { Process } from './processes.testing.js';

/** A daemon with an HTTP API on free ports. */
export const loopback = ['--listen', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0', '--json'];

/** Of a daemon with a language model, once it is ready. */
export async function clientOf(daemon: Process): Promise<OpenAI> {
  await daemon.url();
  const url = daemon.log().find(({ msg }) => msg === 'language model over http')?.url;
  if (typeof url !== 'string') throw new Error(`There is no API: ${daemon.stderr}`);
  return new OpenAI({ baseURL: url, apiKey: 'any', maxRetries: 0, timeout: 30_000 });
}
