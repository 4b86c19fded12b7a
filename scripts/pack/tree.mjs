import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const plain = 0o644;
const forFolders = 0o755;

/** A folder that is being filled, with the sums of what is in it. Modes do not depend on the umask. */
export class Tree {
  #folder;
  /** @type {Map<string, string>} */
  #sums = new Map();
  #bytes = 0;

  /** @param {string} folder what was there is deleted */
  constructor(folder) {
    rmSync(folder, { recursive: true, force: true });
    this.#folder = folder;
    this.#makeFolder('.');
  }

  /** What the files in it weigh together. */
  get bytes() {
    return this.#bytes;
  }

  write(file, content, mode = plain) {
    const target = this.#place(file, content);
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  copy(from, file, mode = plain) {
    const target = this.#place(file, readFileSync(from));
    copyFileSync(from, target);
    chmodSync(target, mode);
  }

  /** Writes the list that `sha256sum --check` reads. */
  writeSums(file) {
    const lines = [...this.#sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`);
    this.write(file, lines.join(''));
  }

  #place(file, content) {
    this.#makeFolder(path.dirname(file));
    this.#bytes += content.length;
    this.#sums.set(file, createHash('sha256').update(content).digest('hex'));
    return path.join(this.#folder, file);
  }

  #makeFolder(relative) {
    if (relative !== '.') this.#makeFolder(path.dirname(relative));
    const folder = path.join(this.#folder, relative);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, forFolders);
  }
}
