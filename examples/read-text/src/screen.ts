import pc from 'picocolors';
import { wrap } from './format.js';

/** Where the report goes: what fits there and what may be drawn. */
export interface Screen {
  readonly colours: ReturnType<typeof pc.createColors>;
  /** Characters that fit on a line. */
  readonly columns: number;
  /** True where pictures may be drawn: on a terminal. */
  readonly drawsPictures: boolean;
}

/** The screen that a stream is: colours as NO_COLOR, FORCE_COLOR and the terminal have it. */
export function screenOf(stream: { isTTY?: boolean; columns?: number }): Screen {
  return {
    colours: pc.createColors(pc.isColorSupported),
    columns: Math.min(110, stream.columns ?? 110),
    drawsPictures: stream.isTTY === true,
  };
}

/** A text broken into lines that fit, and an empty line. */
export function paragraph(text: string, { columns }: Screen): string {
  return `${wrap(text, columns).join('\n')}\n\n`;
}
