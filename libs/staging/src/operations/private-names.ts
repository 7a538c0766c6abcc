import { type PrivateNames } from '@app/files';
import { type StagingRecord } from '@app/records';

/**
 * What the present attempt's own places are called. Where the attempt before may still be alive, it has other ones: two
 * that write at once never meet.
 */
export function privateNamesOf({ id, groundAttempt }: Pick<StagingRecord, 'id' | 'groundAttempt'>): PrivateNames {
  const ground = groundAttempt ?? 1;
  const earlier = [];
  for (let attempt = 1; attempt < ground; attempt += 1) earlier.push(nameOf(id, attempt));
  return { own: nameOf(id, ground), earlier };
}

function nameOf(id: string, ground: number): string {
  return ground === 1 ? id : `${id}.${ground}`;
}
