import { type EntityManager } from 'typeorm';
import { type Database } from '../database/database';
import { type NewStagingFile, StagingFile } from '../entities/staging-file.entity';
import { insertRows } from '../database/table-statements';
import { fromCursor, type Page, pageOf } from '../lists/cursor';
import { type AttemptKey, takenOver, updateWhere } from '../operations/record-statements';

/** Rows of one INSERT: few statements, each far below what a server takes (16 MiB) even with the longest paths. */
const INSERT_STEP = 200;
const WALK_STEP = 1000;
/** Rows that one statement removes at most, so that none takes long. */
const DELETE_STEP = 5000;

/** Which lines of a manifest to list, and from where. */
export interface ManifestQuery {
  status?: string;
  limit: number;
  cursor?: string;
}

/** A file as its file system knows it: when all of these are the same, so is its content. */
export interface FileIdentity {
  device: string;
  inode: string;
  size: number;
  mtimeNs: string;
}

/** Adds lines to manifests. */
export async function insertFiles(manager: EntityManager, rows: NewStagingFile[]): Promise<void> {
  for (let at = 0; at < rows.length; at += INSERT_STEP) {
    await insertRows(manager, StagingFile, rows.slice(at, at + INSERT_STEP));
  }
}

/** Removes the lines of a manifest up to a number; without one, all of them. */
async function deleteUntil(manager: EntityManager, operationId: string, last: number | undefined): Promise<void> {
  const query = manager.createQueryBuilder().delete().from(StagingFile).where({ operationId });
  await (last === undefined ? query : query.andWhere('id <= :last', { last })).execute();
}

/** An attempt of an operation, by the operation's id and its number. */
type Attempt = Exclude<AttemptKey, string>;

/** The manifests of all operations: what each has staged. Every method throws `database_unavailable` where it applies. */
export class ManifestRepository {
  constructor(private readonly database: Database) {}

  /** Adds lines, in parts: when it throws, some of them may be there. */
  async add(rows: NewStagingFile[]): Promise<void> {
    for (let at = 0; at < rows.length; at += INSERT_STEP) {
      await this.database.write((manager) => insertFiles(manager, rows.slice(at, at + INSERT_STEP)));
    }
  }

  /** The same for an attempt. Throws `already_ended` when the operation is not at it any more: then the manifest is another's. */
  async addOf(attempt: Attempt, rows: NewStagingFile[]): Promise<void> {
    for (let at = 0; at < rows.length; at += INSERT_STEP) {
      await this.asAttempt(attempt, (manager) => insertFiles(manager, rows.slice(at, at + INSERT_STEP)));
    }
  }

  /** Removes what earlier attempts left, in parts. Throws as {@link addOf} does. */
  async restart(attempt: Attempt): Promise<void> {
    for (let last: number | undefined = 0; last !== undefined;) {
      last = await this.endOfStep(attempt.id);
      await this.asAttempt(attempt, (manager) => deleteUntil(manager, attempt.id, last));
    }
  }

  /** Does something that counts only as long as an operation is at an attempt: another one waits until it is done. */
  private async asAttempt(attempt: Attempt, work: (manager: EntityManager) => Promise<unknown>): Promise<void> {
    await this.database.transaction(async (manager) => {
      const values = { heartbeatAt: this.database.timestamp() };
      if (!(await updateWhere(manager, attempt, ['running'], values))) throw takenOver();
      await work(manager);
    });
  }

  /** A part of one manifest, in the order of staging. Throws `validation_failed` for a cursor that is none. */
  async page(operationId: string, { status, limit, cursor }: ManifestQuery): Promise<Page<StagingFile>> {
    const after = cursor === undefined ? 0 : Number(fromCursor(cursor, (text) => /^\d{1,15}$/.test(text)));
    return pageOf(await this.list(operationId, after, limit + 1, status), limit);
  }

  /** All of one manifest, in parts: memory stays flat. */
  async *each(operationId: string): AsyncGenerator<StagingFile[], void> {
    for (let after = 0; ;) {
      const files = await this.list(operationId, after, WALK_STEP);
      if (files.length > 0) yield files;
      if (files.length < WALK_STEP) return;
      after = files.at(-1)!.id;
    }
  }

  private list(operationId: string, after: number, count: number, status?: string): Promise<StagingFile[]> {
    return this.database.read((manager) => {
      const query = manager
        .createQueryBuilder(StagingFile, 'file')
        .where('file.operationId = :operationId AND file.id > :after', { operationId, after });
      if (status !== undefined) query.andWhere('file.status = :status', { status });
      return query.orderBy('file.id').limit(count).getMany();
    });
  }

  /** The checksum that was recorded last for a file that has not changed since; null when there is none. */
  async knownChecksum(file: FileIdentity): Promise<{ algorithm: string; value: string } | null> {
    const { device, inode, size, mtimeNs } = file;
    const found = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingFile, 'file')
        .where({ inode, device, size, mtimeNs })
        .andWhere('file.checksum IS NOT NULL')
        .orderBy('file.id', 'DESC')
        .limit(1)
        .getOne(),
    );
    return found && { algorithm: found.algorithm!, value: found.checksum! };
  }

  /** Removes the manifest of one operation, in parts; idempotent. */
  async removeOf(operationId: string): Promise<void> {
    for (;;) {
      const last = await this.endOfStep(operationId);
      await this.database.write((manager) => deleteUntil(manager, operationId, last));
      if (last === undefined) return;
    }
  }

  /** Number of the row with which a step of a removal ends; undefined when fewer are left. */
  private async endOfStep(operationId: string): Promise<number | undefined> {
    const row = await this.database.read((manager) =>
      manager
        .createQueryBuilder(StagingFile, 'file')
        .select('file.id', 'id')
        .where({ operationId })
        .orderBy('file.id')
        .offset(DELETE_STEP - 1)
        .limit(1)
        .getRawOne<{ id: number | string }>(),
    );
    return row && Number(row.id);
  }
}
