import { CutpointError, messageOf } from '@cutpoint/core';
import type { Picture } from '@cutpoint/picture';
import { type Ground, pixelsOf } from './decode-picture.js';

/** A camera that runs until it is disposed of. */
export interface Camera extends Disposable {
  readonly stream: MediaStream;
}

/** Asks the person for the camera, that at the back where there are two. @throws CutpointError CUT_CAMERA */
export async function openCamera(): Promise<Camera> {
  // Browsers give none to pages that came without TLS from another machine.
  if (!isSecureContext || navigator.mediaDevices === undefined) {
    const message =
      'A browser gives its camera to pages over https:// or of this machine only: start the server with --tls-cert and --tls-key, or take a picture file.';
    throw new CutpointError('CUT_CAMERA', message);
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false });
    return {
      stream,
      [Symbol.dispose]() {
        for (const track of stream.getTracks()) track.stop();
      },
    };
  } catch (cause) {
    const message = `The camera cannot be used: ${messageOf(cause)}. Allow it for this page, or take a picture file.`;
    throw new CutpointError('CUT_CAMERA', message, { cause });
  }
}

/** What the camera sees now. @throws CutpointError CUT_IMAGE */
export function frameOf(video: HTMLVideoElement, ground: Ground): Picture {
  return pixelsOf(video, video.videoWidth, video.videoHeight, ground);
}
