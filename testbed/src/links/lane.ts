import type { Socket } from 'node:net';
import type { Alarm } from './alarm.js';
import { nowMs } from './clock.js';
import type { Direction } from './direction.js';

/** Chunks are as long as the line takes for this, so that the head of a message comes out before its tail is in. */
const chunkMs = 1;
const leastChunkBytes = 1460;
const mostChunkBytes = 65_536;
/** The queue before the line holds this much; then whoever sends must wait. */
const queueMs = 20;
const leastQueueBytes = 65_536;

/** Bytes lay in the kernel for about this long before this process was woken and had read them. */
const wakeMs = 0.1;

interface Delivery {
  readonly dueMs: number;
  readonly to: Socket;
  /** Null ends the stream. */
  readonly bytes: Buffer | null;
}

/** How well a lane keeps its times. */
export interface LaneStats {
  readonly bytes: number;
  readonly chunks: number;
  /** How long after its moment a chunk was handed on. */
  readonly meanLateMs: number;
  readonly maxLateMs: number;
}

/** All bytes of one direction of a link, of whatever connections: they share the line. */
export class Lane {
  private queue: Delivery[] = [];
  private first = 0;
  private readonly sources = new Map<Socket, Socket>();
  private full = false;
  private bytes = 0;
  private chunks = 0;
  private lateMs = 0;
  private maxLateMs = 0;

  constructor(
    private readonly direction: Direction,
    private readonly alarm: Alarm,
  ) {
    alarm.onDue(() => this.deliver());
  }

  /** Carries what `from` sends to `to`, to the end of the stream. */
  carry(from: Socket, to: Socket): void {
    this.sources.set(from, to);
    from.on('data', (bytes) => this.accept(bytes, from, to));
    from.on('end', () => this.enqueue(null, to));
    from.on('close', () => this.sources.delete(from));
    to.on('drain', () => this.throttle(from, to));
  }

  stats(): LaneStats {
    const { bytes, chunks, lateMs, maxLateMs } = this;
    return { bytes, chunks, meanLateMs: chunks === 0 ? 0 : lateMs / chunks, maxLateMs };
  }

  async close(): Promise<void> {
    await this.alarm.close();
  }

  private accept(bytes: Buffer, from: Socket, to: Socket): void {
    const { rateMbit } = this.direction.at(nowMs());
    const size = Math.round(Math.min(mostChunkBytes, Math.max(leastChunkBytes, rateMbit * 125 * chunkMs)));
    for (let at = 0; at < bytes.length; at += size) this.enqueue(bytes.subarray(at, at + size), to);
    this.update();
    this.throttle(from, to);
  }

  private enqueue(bytes: Buffer | null, to: Socket): void {
    this.queue.push({ dueMs: this.direction.schedule(nowMs() - wakeMs, bytes?.length ?? 0), to, bytes });
    this.setAlarm();
  }

  private deliver(): void {
    const now = nowMs();
    for (let next = this.queue[this.first]; next !== undefined && next.dueMs <= now; next = this.queue[this.first]) {
      this.first += 1;
      this.handOn(next, now);
    }
    if (this.first > 1024 && this.first * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    this.update();
    this.setAlarm();
  }

  private handOn({ dueMs, to, bytes }: Delivery, now: number): void {
    if (!to.writable) return;
    if (bytes === null) {
      to.end();
      return;
    }
    this.chunks += 1;
    this.bytes += bytes.length;
    this.lateMs += now - dueMs;
    this.maxLateMs = Math.max(this.maxLateMs, now - dueMs);
    to.write(bytes);
    if (to.writableNeedDrain) for (const [from, other] of this.sources) if (other === to) this.throttle(from, to);
  }

  /** Due is the next chunk, and before it perhaps the moment when a full queue is half empty. */
  private setAlarm(): void {
    const now = nowMs();
    const chunkMs = this.queue[this.first]?.dueMs ?? Number.POSITIVE_INFINITY;
    const roomMs = this.full ? now + this.direction.backlogMs(now) - this.limitMs(now) / 2 : Number.POSITIVE_INFINITY;
    const dueMs = Math.min(chunkMs, roomMs);
    if (dueMs < Number.POSITIVE_INFINITY) this.alarm.set(dueMs);
  }

  private limitMs(now: number): number {
    return Math.max(queueMs, leastQueueBytes / (this.direction.at(now).rateMbit * 125));
  }

  /** Fills and empties with some distance between, so that sources are not stopped for every chunk. */
  private update(): void {
    const now = nowMs();
    const backlogMs = this.direction.backlogMs(now);
    const limitMs = this.limitMs(now);
    const full = this.full ? backlogMs > limitMs / 2 : backlogMs > limitMs;
    if (full === this.full) return;
    this.full = full;
    for (const [from, to] of this.sources) this.throttle(from, to);
    this.setAlarm();
  }

  private throttle(from: Socket, to: Socket): void {
    if (this.full || to.writableNeedDrain) from.pause();
    else from.resume();
  }
}
