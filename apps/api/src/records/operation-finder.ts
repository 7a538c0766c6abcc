import { Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { OperationRepository, type StagingRecord } from '@app/records';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Finds operations that requests name. */
@Injectable()
export class OperationFinder {
  constructor(private readonly records: OperationRepository) {}

  /** The record of an operation. Throws `not_found`, also for what is no id. */
  async find(id: string): Promise<StagingRecord> {
    const record = ID.test(id) ? await this.records.find(id) : null;
    if (!record) throw new AppError('not_found', 'There is no such operation.');
    return record;
  }
}
