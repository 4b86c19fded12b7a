/** A picture: u8, row by row, the channels of a pixel beside one another. One channel is grey, three are red, green, blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array<ArrayBuffer>;
}

export const imageFormats = ['jpeg', 'webp', 'avif'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export interface ImageQuality {
  readonly format: ImageFormat;
  /** 1 (smallest) to 100, on the scale of the format. */
  readonly quality: number;
  /** Whether colour is kept at half the resolution (`420`, what cameras do) or in full. Webp knows `420` alone. */
  readonly chroma: '420' | '444';
}

/** What writes and reads picture files: sharp in Node, a canvas in a browser. */
export interface ImageCoder {
  encode(picture: Picture, quality: ImageQuality): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * @param expected what the header must say; nothing larger is allocated.
   * @throws CutpointError CUT_IMAGE if the file is broken or its picture of another size.
   */
  decode(file: Uint8Array, expected: Omit<Picture, 'data'>): Promise<Picture>;
}
