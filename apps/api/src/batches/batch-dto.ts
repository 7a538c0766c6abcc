import { type BatchState } from '@app/staging';
import { type BatchAcceptedDto, type BatchDto } from './dto/batch.dto';

/** A batch as callers see it. */
export function batchDto(state: BatchState): BatchDto {
  const { queued, running, success, failure, cancelled } = state.counts;
  return {
    batch_id: state.id,
    method: state.method,
    username: state.username,
    counts: { queued, running, success, failure, cancelled },
    bytes_total: state.bytesTotal,
    bytes_done: state.bytesDone,
    created_at: state.createdAt.toISOString(),
    finished_at: state.finishedAt?.toISOString() ?? null,
  };
}

/** A batch as its sender is told that it was accepted. */
export function batchAcceptedDto({ id, counts }: BatchState): BatchAcceptedDto {
  const { queued, running, success, failure, cancelled } = counts;
  return { batch_id: id, accepted: queued + running + success + failure + cancelled };
}
