import { type StagingAudit } from '@app/records';
import { csvLine } from '../http/csv';
import { type AuditEntryDto } from './dto/audit-entry.dto';

/** The columns of the export, in this order. */
const COLUMNS = [
  'time',
  'caller',
  'caller_name',
  'role',
  'address',
  'request',
  'asked',
  'username',
  'operation_id',
  'batch_id',
  'decision',
  'status',
  'code',
  'request_id',
  'times',
  'id',
] as const satisfies (keyof AuditEntryDto)[];

/** An entry as callers get it. */
export function auditEntryDto(entry: StagingAudit): AuditEntryDto {
  return {
    id: entry.id,
    time: entry.at.toISOString(),
    caller: entry.caller,
    caller_name: entry.callerName,
    role: entry.role,
    address: entry.address,
    request: entry.request,
    asked: entry.asked,
    username: entry.username,
    operation_id: entry.operationId,
    batch_id: entry.batchId,
    decision: entry.decision,
    status: entry.status,
    code: entry.code,
    request_id: entry.requestId,
    times: entry.times,
  };
}

/** Entries as a table (RFC 4180), the columns' names first; what was asked for is JSON in one cell. */
export async function* auditTable(pages: AsyncIterable<StagingAudit[]>): AsyncGenerator<Buffer> {
  // The first piece comes with the first page: a database that is away must be answered as that.
  let names = csvLine(COLUMNS);
  for await (const page of pages) {
    yield Buffer.from(names + page.map(lineOf).join(''));
    names = '';
  }
  if (names !== '') yield Buffer.from(names);
}

function lineOf(entry: StagingAudit): string {
  const dto = auditEntryDto(entry);
  const asked = dto.asked && JSON.stringify(dto.asked);
  return csvLine(COLUMNS.map((column) => (column === 'asked' ? asked : dto[column])));
}
