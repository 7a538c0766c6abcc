import { type Checksum, type OpenFile, type OpenTree, type TreeSurvey } from '@app/files';
import { refuseLinkText, refuseTreePath } from './remote-path';

/** A source that was looked through: it can be brought to Jupyter as it is now. */
export type UploadSource =
  | { kind: 'file'; file: OpenFile; files: 1; bytes: number; checksum: Checksum | null }
  | {
      kind: 'directory';
      tree: OpenTree;
      files: number;
      bytes: number;
      survey: TreeSurvey & { fingerprint: string };
      links: number;
    };

/**
 * Looks a source through before anything is begun. Throws `source_unsupported` for names that Jupyter cannot hold,
 * `checksum_mismatch` when a file is not what the caller expects, `validation_failed` for a checksum of a directory.
 */
export async function inspectSource(
  source: OpenFile | OpenTree,
  expected: Checksum | null,
  signal: AbortSignal,
): Promise<UploadSource> {
  const checksum = await source.verify(expected, signal);
  if (source.kind === 'file') {
    return { kind: 'file', file: source, files: 1, bytes: source.identity.size, checksum };
  }
  const survey = await source.survey(signal);
  const links = await checkNames(source, signal);
  return { kind: 'directory', tree: source, files: survey.files, bytes: survey.bytes, survey, links };
}

/** The number of kept links. */
async function checkNames(tree: OpenTree, signal: AbortSignal): Promise<number> {
  let links = 0;
  for await (const entry of tree.names(signal)) {
    refuseTreePath(entry.path);
    if (entry.type !== 'link') continue;
    refuseLinkText(entry.path, entry.text);
    links += 1;
  }
  return links;
}

/** Throws `source_changed` when the source is not what it was when it was looked through. */
export async function refuseChanged(source: UploadSource, signal: AbortSignal): Promise<void> {
  if (source.kind === 'file') return source.file.refuseChanged();
  return source.tree.refuseChanged(source.survey, signal);
}
