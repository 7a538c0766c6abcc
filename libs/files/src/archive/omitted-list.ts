import { type OmitReason } from '../engine/tree-walk';
import { showPath, showPathAs } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { CompactStore } from './compact-store';

const SENTENCES: Record<OmitReason, string> = {
  outside: 'a link that leads out of the storage',
  nowhere: 'a link that leads nowhere',
  loop: 'a link to a directory that contains it',
  special: 'a socket, FIFO or device',
};

/** Any name that the list could have; case is ignored, since some systems that unpack ignore it too. */
const LIST_NAME = /^staging-omitted(-\d+)?\.txt$/i;

/** What is left out of an archive: a line each, with path, tab and reason. */
export class OmittedList {
  readonly content = new CompactStore();
  private readonly taken = new Set<string>();

  /** `path` is relative to the archive's one directory. */
  add(path: RawName, reason: OmitReason): void {
    this.content.append(Buffer.from(`${onOneLine(path)}\t${SENTENCES[reason]}\n`));
  }

  /** Tells of a name beside the list. */
  see(name: RawName): void {
    if (LIST_NAME.test(name)) this.taken.add(name.toLowerCase());
  }

  /** The first of its names that nothing else has. */
  get name(): RawName {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? 'STAGING-OMITTED.txt' : `STAGING-OMITTED-${number}.txt`;
      if (!this.taken.has(name.toLowerCase())) return name;
    }
  }
}

/** A path with control characters (a line break above all) is percent-encoded, as one that is not UTF-8. */
function onOneLine(path: RawName): string {
  return (/[\x00-\x1f\x7f]/.test(path) ? showPathAs(path, 'percent') : showPath(path)).text; // eslint-disable-line no-control-regex -- meant
}
