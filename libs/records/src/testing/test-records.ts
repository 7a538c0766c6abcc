import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { v7 } from 'uuid';
import { createRecords, type Records } from '../create-records';
import { type NewAuditEntry } from '../entities/staging-audit.entity';
import { type NewStagingFile } from '../entities/staging-file.entity';
import { StagingRecord } from '../entities/staging-record.entity';
import { newOperationId, timeOfOperationId } from '../operations/operation-id';
import { type RecordsOptions } from '../records-options';

/** A running operation, created now or at `createdAt`. */
export function testRecord(values: Partial<StagingRecord> = {}): StagingRecord {
  const id = values.id ?? (values.createdAt ? v7({ msecs: values.createdAt.getTime() }) : newOperationId());
  const createdAt = timeOfOperationId(id);
  return Object.assign(new StagingRecord(), {
    id,
    method: 'local_copy',
    username: 'ana',
    localPathOnStorage: 'runs/42/data.fits',
    relativePath: 'incoming/data.fits',
    status: 'running' as const,
    createdAt,
    startedAt: createdAt,
    heartbeatAt: createdAt,
    ...values,
  });
}

/** What a successful operation ends with. */
export function success(values: Partial<StagingRecord> = {}): Partial<StagingRecord> {
  return { status: 'success', outcome: 'staged', kind: 'file', finishedAt: new Date(), ...values };
}

/** An entry of the audit: jane staged something for herself. */
export function testEntry(values: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    caller: 'https://iam.example.org#jane',
    callerName: 'jane',
    role: 'user',
    address: '192.0.2.7',
    request: 'POST /stage_data',
    asked: { method: 'local_copy', local_path_on_storage: 'runs/42/data.fits' },
    username: 'jane',
    operationId: null,
    batchId: null,
    decision: 'allowed',
    status: 200,
    code: null,
    requestId: 'of-jane',
    ...values,
  };
}

/** A line of a manifest. */
export function testFile(operationId: string, values: Partial<NewStagingFile> = {}): NewStagingFile {
  return {
    operationId,
    path: 'data.fits',
    nameEncoding: null,
    kind: 'file',
    size: 123,
    mtimeNs: '1764000000123456789',
    device: '2049',
    inode: '1234567',
    algorithm: 'xxh3',
    checksum: '0123456789abcdef',
    status: 'staged',
    errorCode: null,
    ...values,
  };
}

/** Files of SQLite databases below one folder of this spec file; what is opened is closed and removed at its end. */
export class SqliteSite {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'staging-records-'));
  private readonly opened: Records[] = [];
  private files = 0;

  /** URL of a file that is not there yet. */
  newUrl(): string {
    this.files += 1;
    return `sqlite:${this.folder}/${this.files}.sqlite`;
  }

  async open(options: Partial<RecordsOptions> = {}): Promise<Records> {
    const records = await createRecords({ databaseUrl: this.newUrl(), timeoutMs: 2000, ...options });
    this.opened.push(records);
    return records;
  }

  async close(): Promise<void> {
    for (const records of this.opened) await records.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
