import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A small trained model in the layout of a Hugging Face checkpoint; tests that need it skip where it is absent. */
export const wrenFolder = fileURLToPath(new URL('../../../../../shared/models/lm/wren-7m/', import.meta.url));
export const wrenIsHere = existsSync(wrenFolder);
