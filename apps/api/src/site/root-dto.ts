import { type RootState } from '@app/files';
import { type RootDto, type StorageDto } from './dto/root.dto';

/** A root as callers see it. */
export function rootDto({ path, available, problem, freeBytes, totalBytes, readOnly }: RootState): RootDto {
  return { path, available, problem, free_bytes: freeBytes, total_bytes: totalBytes, read_only: readOnly };
}

/** A storage as callers see it. */
export function storageDto(state: RootState): StorageDto {
  const { storage, pair } = state;
  return {
    name: storage ?? '',
    ...rootDto(state),
    hard_link: pair?.hardLink ?? null,
    clone: pair?.clone ?? null,
    note: pair?.note ?? null,
  };
}
