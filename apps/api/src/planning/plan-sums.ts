import { rawFromText, showPathAs } from '@app/files';
import { type PlannedOperation, type StagingPlan } from '@app/staging';
import { PLANNED_ACTIONS, type PlannedAction, type PlannedItemDto, type PlanTotalsDto } from './dto/plan.dto';

/** Makes answers of planned operations, in their order, and adds them up. */
export class PlanSums {
  private index = 0;
  private files = 0;
  private bytes = 0;
  private spaceNeeded = 0;
  private spaceLeft: number | null = null;
  private readonly counts = Object.fromEntries(PLANNED_ACTIONS.map((action) => [action, 0])) as Record<
    PlannedAction,
    number
  >;

  /** The next item as callers see it. */
  add(planned: PlannedOperation): PlannedItemDto {
    const { request, plan, refusal } = planned;
    const action = actionOf(planned);
    this.counts[action] += 1;
    const encoding = request.nameEncoding;
    return {
      index: this.index++,
      method: planned.method,
      username: request.username,
      local_path_on_storage: request.localPathOnStorage,
      relative_path: request.relativePath ?? null,
      storage: plan?.storage ?? request.storage ?? null,
      name_encoding: encoding,
      kind: plan?.kind ?? null,
      staged_path: plan && stagedPathOf(plan, planned.view, encoding),
      action,
      files_total: plan?.files ?? null,
      bytes_total: plan?.bytes ?? null,
      matches_source: plan?.matchesSource ?? null,
      error_code: refusal?.code ?? null,
      error_reason: refusal?.message ?? null,
      remark: planned.remark,
      space_left_after: plan ? this.spend(plan) : null,
    };
  }

  /** All items so far together. */
  totals(): PlanTotalsDto {
    return {
      items: this.counts,
      files: this.files,
      bytes: this.bytes,
      space_needed: this.spaceNeeded,
      space_left_after: this.spaceLeft,
      enough_space: this.spaceLeft === null ? null : this.spaceLeft >= 0,
    };
  }

  /** Adds what would be brought; returns what is left at the destination, where it is on this host. */
  private spend({ action, files, bytes, spaceNeeded, spaceFree }: StagingPlan): number | null {
    if (action === 'none') return null;
    this.files += files;
    this.bytes += bytes;
    if (spaceNeeded === null || spaceFree === null) return null;
    this.spaceNeeded += spaceNeeded;
    // All items are of one user, and so go to one file system; others may write there while it is looked at.
    this.spaceLeft = spaceFree - this.spaceNeeded;
    return this.spaceLeft;
  }
}

function actionOf({ plan, refusal }: PlannedOperation): PlannedAction {
  if (refusal) return 'refused';
  return plan?.action ?? 'unknown';
}

function stagedPathOf(
  { stagedPath: raw }: StagingPlan,
  view: string | undefined,
  encoding: 'percent' | null,
): string | null {
  if (raw === null) return null;
  return showPathAs(view === undefined ? raw : `${rawFromText(view)}/${raw}`, encoding).text;
}
