import { Injectable } from '@nestjs/common';
import { AppError, type FieldError, Settings } from '@app/core';
import { type BatchItem, type BatchRequest, BatchService } from '@app/staging';
import { Breather } from '../http/breather';
import { itemsOf } from '../http/item-stream';
import { type StreamedBody } from '../http/item-stream-body';
import { MAX_ERRORS, notValid } from '../http/not-valid';
import { RequestPipe } from '../http/request-pipe';
import { StageDataDto } from '../staging/dto/stage-data.dto';
import { requestedItem } from '../staging/requested-item';
import { plainItem } from './plain-item';

/** What all items of a body share. */
export type ItemsRequest = Omit<BatchRequest, 'batchId' | 'count'>;

/** Reads the items of a body: each has the rules of the body of `POST /stage_data`. */
@Injectable()
export class BatchItems {
  private readonly pipe = new RequestPipe();

  constructor(
    private readonly batches: BatchService,
    private readonly settings: Settings,
  ) {}

  /** Looks at all items, and returns how many there are. Throws `validation_failed`, with the first things wrong. */
  async check(body: StreamedBody, request: ItemsRequest): Promise<number> {
    const errors: FieldError[] = [];
    const breather = new Breather();
    let count = 0;
    for await (const { first, items } of itemsOf(body, this.settings.get('MAX_BATCH_ITEMS'))) {
      for (const [offset, value] of items.entries()) {
        errors.push(...(await this.errorsOf(value, request, `items[${first + offset}]`)));
        if (errors.length > MAX_ERRORS) throw notValid(errors);
        await breather.pause();
      }
      count = first + items.length;
    }
    if (errors.length > 0) throw notValid(errors);
    return count;
  }

  /** The items of a body that was checked, some at a time. */
  async *each(body: StreamedBody): AsyncGenerator<BatchItem[]> {
    for await (const { items } of itemsOf(body, this.settings.get('MAX_BATCH_ITEMS'))) {
      const part: BatchItem[] = [];
      for (const value of items) part.push(requestedItem(plainItem(value) ?? (await this.read(value))));
      yield part;
    }
  }

  /** One item that stands alone. Throws `validation_failed`. */
  async single(value: unknown, request: ItemsRequest): Promise<BatchItem> {
    const item = requestedItem(await this.read(value));
    this.batches.checkItem(request, item);
    return item;
  }

  private async errorsOf(value: unknown, request: ItemsRequest, place: string): Promise<FieldError[]> {
    try {
      this.batches.checkItem(request, requestedItem(plainItem(value) ?? (await this.read(value))));
      return [];
    } catch (error) {
      if (!(error instanceof AppError) || error.errors === undefined) throw error;
      return error.errors.map(({ field, message }) => ({
        field: field === 'body' ? place : `${place}.${field}`,
        message,
      }));
    }
  }

  private async read(value: unknown): Promise<StageDataDto> {
    return (await this.pipe.transform(value, { type: 'body', metatype: StageDataDto })) as StageDataDto;
  }
}
