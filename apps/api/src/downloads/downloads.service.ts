import { Injectable } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { Settings } from '@app/core';
import { type ArchiveFormat, type OpenFile } from '@app/files';
import { type Deliver, OperationCancelled } from '@app/staging';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { accelHeaders } from './accel';
import { readRange } from './byte-range';
import { evaluate, rangeApplies } from './conditions';
import { type OpenedLink } from './download-links';
import { type Representation, representationOf } from './representation';
import { type Transfer, Transfers } from './transfers';

/** Turns sources into HTTP answers. */
@Injectable()
export class Downloads {
  private readonly accelPrefix: string | undefined;

  constructor(
    settings: Settings,
    private readonly transfers: Transfers,
  ) {
    this.accelPrefix = settings.get('DOWNLOAD_ACCEL_PREFIX');
  }

  /** Takes what an operation delivers, as the answer to the request that waits for it. */
  delivererTo(response: Response, format: ArchiveFormat): Deliver {
    return async ({ source, checksum, operationId, signal }) => {
      response.setHeader(OPERATION_ID_HEADER, operationId);
      const representation = representationOf(source, checksum, format);
      const transfer = { operationId, response, source, representation, format, range: null };
      return this.handsOver(transfer) ? this.handOver(transfer) : this.transfers.run(transfer, signal);
    };
  }

  /** Answers a GET or HEAD of a link, as its conditions and its range say (RFC 9110, 13 and 14). */
  async answer(request: Request, response: Response, link: OpenedLink, format: ArchiveFormat): Promise<void> {
    const { source, checksum, record } = link;
    const representation = representationOf(source, checksum, format);
    const all: Transfer = { operationId: record.id, response, source, representation, format, range: null };
    response.setHeader(OPERATION_ID_HEADER, record.id);
    if (this.handsOver(all)) return void this.handOver(all);
    const verdict = evaluate(request.headers, representation.validators);
    if (verdict !== 'proceed') return answerVerdict(response, verdict, representation);
    if (request.method === 'HEAD') return answerHead(response, representation);
    const { size } = representation;
    const heeded = size !== undefined && rangeApplies(request.headers, representation.validators);
    const range = heeded ? readRange(request.headers.range, size) : null;
    if (range === 'unsatisfiable') return answerUnsatisfiable(response, size!);
    await this.send({ ...all, range });
  }

  /** A receiver that went away has nobody to be told. */
  private async send(transfer: Transfer): Promise<void> {
    try {
      await this.transfers.run(transfer, null);
    } catch (error) {
      if (!(error instanceof OperationCancelled)) throw error;
      transfer.response.destroy();
    }
  }

  private handsOver(transfer: Transfer): transfer is Transfer & { source: OpenFile } {
    return this.accelPrefix !== undefined && transfer.source.kind === 'file';
  }

  /** Lets the proxy send the file; for all that is known here, it does. */
  private handOver(transfer: Transfer & { source: OpenFile }): number {
    const { response, source, representation } = transfer;
    response.writeHead(200, accelHeaders(this.accelPrefix!, source, representation)).end();
    if (response.req.method !== 'HEAD') this.transfers.handOver(transfer);
    return source.identity.size;
  }
}

function answerVerdict(response: Response, verdict: 'not_modified' | 'failed', { headers }: Representation): void {
  const { 'Cache-Control': cacheControl, ETag: etag, 'Last-Modified': lastModified } = headers;
  if (verdict === 'failed') response.writeHead(412, { 'Content-Length': 0 });
  else {
    response.writeHead(304, {
      ...(etag !== undefined && { ETag: etag }),
      ...(lastModified !== undefined && { 'Last-Modified': lastModified }),
      'Cache-Control': cacheControl,
    });
  }
  response.end();
}

function answerHead(response: Response, { headers, size }: Representation): void {
  response.writeHead(200, { ...headers, ...(size !== undefined && { 'Content-Length': size }) });
  response.end();
}

function answerUnsatisfiable(response: Response, size: number): void {
  response.writeHead(416, { 'Content-Range': `bytes */${size}`, 'Content-Length': 0 });
  response.end();
}
