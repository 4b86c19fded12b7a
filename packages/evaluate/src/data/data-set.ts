import type { Picture } from '@cutpoint/codec';

/** One row of a data set, ready for the model. */
export interface Sample {
  /** Its place in the data set, from 0. */
  readonly row: number;
  /** How a person finds it: a file name, or the number of a row. */
  readonly name: string;
  /** The right class; undefined where the data set has no labels. */
  readonly label: number | undefined;
  readonly pixels: Picture;
}

/** Pictures, with or without labels. Only what is read is in memory. */
export interface DataSet extends AsyncDisposable {
  readonly rows: number;
  readonly labelled: boolean;
  /** @throws CutpointError CUT_IMAGE if the picture of the row is broken; CUT_FILE_NOT_FOUND. */
  read(row: number): Promise<Sample>;
}
