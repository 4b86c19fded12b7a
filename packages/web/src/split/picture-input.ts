import type { Picture } from '@cutpoint/picture';
import { type Camera, frameOf, openCamera } from '../picture/camera.js';
import { decodePicture, type Ground, openPicture } from '../picture/decode-picture.js';
import { element } from '../ui/elements.js';

/** Chooses a picture: a file, or what the camera sees. */
export class PictureInput {
  readonly #file = element('input', { type: 'file', accept: 'image/*' });
  readonly #cameraButton = element('button', { type: 'button' }, 'Camera');
  readonly #video = element('video', { hidden: true, muted: true, playsInline: true, autoplay: true });
  readonly #preview = element('img', { hidden: true, alt: 'The chosen picture' });
  readonly root = element(
    'div',
    { className: 'picture' },
    element('label', {}, 'Picture', this.#file),
    this.#cameraButton,
    this.#video,
    this.#preview,
  );
  #camera: Camera | undefined;

  /** `onChosen` hears that it is another picture from now on, `onProblem` that it is none, or why there is no camera. */
  constructor(onChosen: () => void, onProblem: (error: unknown) => void) {
    this.#file.onchange = () => {
      onChosen();
      this.#show().catch(onProblem);
    };
    this.#cameraButton.onclick = () => {
      onChosen();
      this.#toggleCamera().catch(onProblem);
    };
    addEventListener('pagehide', () => this.#closeCamera());
  }

  /** What is chosen now; undefined if nothing is. @throws CutpointError CUT_IMAGE */
  async picture(ground: Ground): Promise<Picture | undefined> {
    if (this.#camera !== undefined) return frameOf(this.#video, ground);
    const [file] = this.#file.files ?? [];
    return file && (await decodePicture(file, ground));
  }

  /** Whether another can be chosen. */
  set disabled(disabled: boolean) {
    this.#file.disabled = disabled;
    this.#cameraButton.disabled = disabled;
  }

  /** @throws CutpointError CUT_IMAGE if the file is no picture */
  async #show(): Promise<void> {
    this.#closeCamera();
    URL.revokeObjectURL(this.#preview.src);
    this.#preview.hidden = true;
    const [file] = this.#file.files ?? [];
    if (file === undefined) return;
    try {
      (await openPicture(file)).close();
    } catch (thrown) {
      if (this.#isChosen(file)) throw thrown;
    }
    if (!this.#isChosen(file)) return;
    this.#preview.src = URL.createObjectURL(file);
    this.#preview.hidden = false;
  }

  /** Reading takes a while: by then it may be another, or the camera. */
  #isChosen(file: File): boolean {
    return this.#camera === undefined && this.#file.files?.[0] === file;
  }

  async #toggleCamera(): Promise<void> {
    if (this.#camera !== undefined) {
      this.#closeCamera();
      return;
    }
    this.#camera = await openCamera();
    this.#video.srcObject = this.#camera.stream;
    this.#video.hidden = false;
    this.#preview.hidden = true;
    this.#cameraButton.textContent = 'Close the camera';
    await this.#video.play();
  }

  #closeCamera(): void {
    this.#camera?.[Symbol.dispose]();
    this.#camera = undefined;
    this.#video.srcObject = null;
    this.#video.hidden = true;
    this.#cameraButton.textContent = 'Camera';
  }
}
