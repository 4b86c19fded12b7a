/** A picture: u8, row by row, the channels of a pixel beside one another. One channel is grey, three are red, green, blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The middle of a picture. @throws RangeError if it is smaller than what is cut out */
export function cropMiddle(picture: Picture, width: number, height: number): Picture {
  const { channels } = picture;
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  if (left < 0 || top < 0) {
    throw new RangeError(`${width} x ${height} does not fit into ${picture.width} x ${picture.height}`);
  }
  const rowBytes = width * channels;
  const data = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * channels;
    data.set(picture.data.subarray(from, from + rowBytes), y * rowBytes);
  }
  return { width, height, channels, data };
}
