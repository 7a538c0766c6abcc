import { Injectable } from '@nestjs/common';
import { type Caller, maySee } from '@app/auth';
import { AppError } from '@app/core';
import { OperationRepository, type StagingRecord } from '@app/records';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Finds operations that requests name. */
@Injectable()
export class OperationFinder {
  constructor(private readonly records: OperationRepository) {}

  /** The record of an operation that the caller may see. Throws `not_found`, also for what is no id, or another one's. */
  async find(id: string, caller: Caller): Promise<StagingRecord> {
    const record = ID.test(id) ? await this.records.find(id) : null;
    if (!record || !maySee(caller, record)) throw noSuchOperation();
    return record;
  }

  /** The record as it is now of an operation that the caller was found to see. Throws `not_found`. */
  async findAgain({ id }: Pick<StagingRecord, 'id'>): Promise<StagingRecord> {
    const record = await this.records.find(id);
    if (!record) throw noSuchOperation();
    return record;
  }
}

function noSuchOperation(): AppError {
  return new AppError('not_found', 'There is no such operation.');
}
