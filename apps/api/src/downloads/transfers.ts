import { Injectable } from '@nestjs/common';
import { type Response } from 'express';
import { AppError, Settings, traceFields } from '@app/core';
import { type ArchiveFormat, type OpenFile, type OpenTree } from '@app/files';
import { AppLogger } from '@app/logging';
import { type DownloadResult, Metrics } from '@app/monitoring';
import { OperationCancelled } from '@app/staging';
import { traceParentOf } from '../http/request-context';
import { type ByteRange } from './byte-range';
import { type PacedAnswer, PacedSender } from './paced-sender';
import { type Representation } from './representation';

/** One sending of one source, or of a part of it. */
export interface Transfer {
  operationId: string;
  response: Response;
  source: OpenFile | OpenTree;
  representation: Representation;
  /** Of an archive: which. */
  format: ArchiveFormat;
  /** Null: all of it. */
  range: ByteRange | null;
}

/** Whose a sending is, and of which request. */
type Addressed = Pick<Transfer, 'operationId' | 'response'>;

/** An answer, and how much of the source's content is in what was made of it so far. */
interface Content {
  answer: PacedAnswer;
  /** Undefined where that is the number of bytes that were sent. */
  done: (() => number) | undefined;
}

/** The transfers under way in this process. Each ends with a line in the log under its operation's id, and in the metrics. */
@Injectable()
export class Transfers {
  private readonly underWay = new Map<string, Set<AbortController>>();
  private readonly idleMs: number;

  constructor(
    settings: Settings,
    private readonly metrics: Metrics,
    private readonly logger: AppLogger,
  ) {
    this.idleMs = settings.get('DOWNLOAD_IDLE_SECONDS') * 1000;
  }

  /** Operations of whose links something is under way. */
  get ofLinks(): string[] {
    return [...this.underWay.keys()];
  }

  /** Ends what is under way of the links of an operation; their connections break. */
  cut(operationId: string, reason: Error): void {
    for (const controller of this.underWay.get(operationId) ?? []) controller.abort(reason);
  }

  /**
   * Sends, and resolves with the number of bytes of content that were taken. Throws what {@link PacedSender} throws.
   * `signal` belongs to this transfer alone, whose operation runs; null for one of a link, which its receiver and {@link cut}
   * may end.
   */
  async run(transfer: Transfer, signal: AbortSignal | null): Promise<number> {
    if (signal) return this.send(transfer, signal);
    const { operationId } = transfer;
    const cutter = this.enlist(operationId);
    try {
      return await this.send(transfer, cutter.signal);
    } finally {
      this.dismiss(operationId, cutter);
    }
  }

  private async send(transfer: Transfer, signal: AbortSignal): Promise<number> {
    const sender = new PacedSender(transfer.response, this.idleMs, signal);
    const begun = performance.now();
    let content: Content | undefined;
    const taken = () => content?.done?.() ?? sender.bytes;
    const told = () => ({
      ...rangeOf(transfer),
      bytes: sender.bytes,
      duration_ms: Math.round(performance.now() - begun),
    });
    try {
      await sender.send((ending) => (content = contentOf(transfer, ending)).answer);
      this.tell(transfer, 'complete', told());
      return taken();
    } catch (error) {
      this.tell(transfer, resultOf(error), told(), error);
      throw error instanceof OperationCancelled ? new OperationCancelled(error.message, taken()) : error;
    }
  }

  /** Notes that somebody else sends the source: how much of it, and whether all of it arrives, is not known here. */
  handOver(transfer: Addressed): void {
    this.tell(transfer, 'handed_over', {});
  }

  private enlist(operationId: string): AbortController {
    const cutter = new AbortController();
    const others = this.underWay.get(operationId);
    if (others) others.add(cutter);
    else this.underWay.set(operationId, new Set([cutter]));
    return cutter;
  }

  private dismiss(operationId: string, cutter: AbortController): void {
    const others = this.underWay.get(operationId);
    others?.delete(cutter);
    if (others?.size === 0) this.underWay.delete(operationId);
  }

  private tell(
    { operationId, response }: Addressed,
    result: DownloadResult,
    fields: { bytes?: number },
    error?: unknown,
  ): void {
    this.metrics.countDownload(result, fields.bytes ?? 0);
    const reason = error instanceof AppError || error instanceof OperationCancelled ? error.message : undefined;
    const trace = traceFields(traceParentOf(response));
    const line = { operation_id: operationId, ...trace, ...fields, complete: result === 'complete', reason };
    if (result === 'failed')
      this.logger.warning('Download failed', { ...line, ...(reason === undefined && { error }) });
    else this.logger.info(`Download ${WORDS[result]}`, line);
  }
}

const WORDS: Record<Exclude<DownloadResult, 'failed'>, string> = {
  complete: 'complete',
  aborted: 'broken off',
  handed_over: 'handed over to the proxy',
};

function resultOf(error: unknown): DownloadResult {
  const isEnded = error instanceof OperationCancelled || (error instanceof AppError && error.code === 'shutting_down');
  return isEnded ? 'aborted' : 'failed';
}

function rangeOf({ range }: Transfer): { range?: string } {
  return range ? { range: `${range.start}-${range.end - 1}` } : {};
}

function contentOf({ source, representation, range, format }: Transfer, signal: AbortSignal): Content {
  const { headers, size } = representation;
  if (source.kind === 'directory') {
    const archive = source.archive(format, signal);
    const answer = { status: 200, headers, pieces: archive, length: undefined, beforeLast: () => Promise.resolve() };
    return { answer, done: () => archive.done.bytes };
  }
  const { start, end } = range ?? { start: 0, end: source.identity.size };
  const length = end - start;
  return {
    answer: {
      status: range ? 206 : 200,
      headers: {
        ...headers,
        'Content-Length': length,
        ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
      },
      pieces: source.pieces(start, end, signal),
      length,
      beforeLast: () => source.refuseChanged(),
    },
    done: undefined,
  };
}
