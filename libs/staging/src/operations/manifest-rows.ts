import { type Algorithm, type ManifestRow, rawFromShown, type RawName, showPath } from '@app/files';
import { type ManifestRepository, type NewStagingFile, type StagingFile } from '@app/records';

/** The manifest as records keep it. A single file has its own name as path. */
export function manifestOf(operationId: string, rows: ManifestRow[], stagedPath: RawName = ''): NewStagingFile[] {
  return rows.map((row) => {
    const path = showPath(row.path === '' ? (stagedPath.split('/').at(-1) ?? '') : row.path);
    return {
      operationId,
      path: path.text,
      nameEncoding: path.encoding,
      kind: row.kind,
      size: row.size,
      mtimeNs: row.mtimeNs,
      device: row.device,
      inode: row.inode,
      algorithm: row.checksum?.algorithm ?? null,
      checksum: row.checksum?.value ?? null,
      status: 'staged',
      errorCode: null,
    };
  });
}

/** The recorded manifest of an operation as methods know it, in parts. */
export async function* manifestRows(manifest: ManifestRepository, operationId: string): AsyncGenerator<ManifestRow[]> {
  for await (const files of manifest.each(operationId)) yield files.map(rowOf);
}

function rowOf(file: StagingFile): ManifestRow {
  const { path, nameEncoding, kind, size, mtimeNs, device, inode, algorithm, checksum: value } = file;
  const checksum = algorithm && value ? { algorithm: algorithm as Algorithm, value } : null;
  return { path: rawFromShown(path, nameEncoding), kind, size, mtimeNs, device, inode, checksum };
}
