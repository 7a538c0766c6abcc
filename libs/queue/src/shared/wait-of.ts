import { type Job, type Wait } from '../contract/job-queue';
import { type LinePlace } from './lines';

/** Why a job waits that has a place in line. */
export function waitOf(place: LinePlace, { notBefore }: Job, limit: number): Wait {
  if (place.kind === 'later') return { kind: 'delay', until: notBefore ?? new Date() };
  const { position, waiting, running, capacity } = place;
  if (capacity === 0) return { kind: 'workers', position, waiting };
  if (limit > 0 && running >= limit) return { kind: 'limit', limit, position, waiting };
  return { kind: 'turn', position, waiting };
}
