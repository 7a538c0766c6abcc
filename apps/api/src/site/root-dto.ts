import { type RootState } from '@app/files';
import { type RootDto, type StorageDto } from './dto/root.dto';

/** A root as callers see it. */
export function rootDto(state: RootState, tellsPath = true): RootDto {
  const { available, problem, freeBytes, totalBytes, readOnly } = state;
  const path = tellsPath ? state.path : null;
  return { path, available, problem, free_bytes: freeBytes, total_bytes: totalBytes, read_only: readOnly };
}

/** A storage as callers see it. */
export function storageDto(state: RootState, tellsPath = true): StorageDto {
  const { storage, pair } = state;
  return {
    name: storage ?? '',
    ...rootDto(state, tellsPath),
    hard_link: pair?.hardLink ?? null,
    clone: pair?.clone ?? null,
    note: pair?.note ?? null,
  };
}
