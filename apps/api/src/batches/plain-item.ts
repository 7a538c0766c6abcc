import { isJsonObject } from '../http/json-object';
import { ALGORITHMS, type ChecksumDto, isChecksumOf } from '../staging/dto/checksum.dto';
import { StageDataDto } from '../staging/dto/stage-data.dto';

/** Lengths that are short enough however characters are counted. */
const SHORT_STORAGE = 64;
const SHORT_LABEL = 200;
/** What a field of an item usually is; everything else is for the rules of the DTO to judge. */
const USUAL: Record<keyof StageDataDto, (value: unknown) => boolean> = {
  local_path_on_storage: (value) => isPlainText(value),
  relative_path: (value) => isPlainText(value),
  storage: (value) => isPlainText(value, SHORT_STORAGE),
  checksum: isPlainChecksum,
  if_exists: (value) => value === 'skip' || value === 'fail',
  label: (value) => isPlainText(value, SHORT_LABEL),
  name_encoding: (value) => value === 'percent',
};

/**
 * An item as its DTO, where it is plain to see that the DTO's rules are kept; null where they have to be asked. They are
 * far slower than 100,000 items allow for. It never accepts what they refuse, and makes of it what they make.
 */
export function plainItem(value: unknown): StageDataDto | null {
  if (!isJsonObject(value) || !Object.hasOwn(value, 'local_path_on_storage')) return null;
  for (const name of Object.keys(value)) {
    if (!isKnown(name) || !USUAL[name](value[name])) return null;
  }
  return Object.assign(new StageDataDto(), value);
}

function isKnown(name: string): name is keyof StageDataDto {
  return Object.hasOwn(USUAL, name);
}

function isPlainText(value: unknown, max = Infinity): boolean {
  return typeof value === 'string' && value.length <= max && value.isWellFormed();
}

function isPlainChecksum(value: unknown): value is ChecksumDto {
  if (!isJsonObject(value) || Object.keys(value).length !== 2) return false;
  const { algorithm, value: digits } = value;
  return ALGORITHMS.some((known) => known === algorithm && isChecksumOf(known, digits));
}
