import { ApiProperty } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '@app/core';

/** What can become of an item. */
export const PLANNED_ACTIONS = [
  'copy',
  'clone',
  'hard_link',
  'symbolic_link',
  'upload',
  'download',
  'none',
  'unknown',
  'refused',
] as const;

/** What would become of an item. */
export type PlannedAction = (typeof PLANNED_ACTIONS)[number];

/** What would happen to one item. */
export class PlannedItemDto {
  @ApiProperty({ description: 'Place of the item in the request, from 0.', type: 'integer', example: 0 })
  index!: number;

  @ApiProperty({ description: 'The staging method.', example: 'local_copy' })
  method!: string;

  @ApiProperty({ description: 'The user for whom it would be staged.', example: 'jane' })
  username!: string;

  @ApiProperty({ description: 'The source as it was sent.', example: 'obs/42.fits' })
  local_path_on_storage!: string;

  @ApiProperty({
    description: 'The destination as it was sent; null when none was.',
    type: String,
    nullable: true,
    example: 'project/',
  })
  relative_path!: string | null;

  @ApiProperty({
    description: 'The storage that has the source; null when that is not known.',
    type: String,
    nullable: true,
    example: 'default',
  })
  storage!: string | null;

  @ApiProperty({
    description: '`percent`: the paths are percent-encoded bytes.',
    enum: ['percent'],
    type: String,
    nullable: true,
    example: null,
  })
  name_encoding!: 'percent' | null;

  @ApiProperty({
    description: 'What the source is; null when that is not known.',
    enum: ['file', 'directory'],
    type: String,
    nullable: true,
    example: 'file',
  })
  kind!: 'file' | 'directory' | null;

  @ApiProperty({
    description: 'Where it would be, as the user sees it; null where no path names it, or it would be refused.',
    type: String,
    nullable: true,
    example: 'project/42.fits',
  })
  staged_path!: string | null;

  @ApiProperty({
    description:
      'What would be done. `none`: it is there already, and would not be touched. `unknown`: the method cannot tell beforehand. `refused`: it would fail, as `error_code` says.',
    enum: PLANNED_ACTIONS,
    enumName: 'PlannedAction',
    example: 'copy',
  })
  action!: PlannedAction;

  @ApiProperty({
    description: 'Files and kept links; null when that is not known.',
    type: 'integer',
    nullable: true,
    example: 1,
  })
  files_total!: number | null;

  @ApiProperty({
    description: 'Bytes of the source; null when that is not known.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 1_048_576,
  })
  bytes_total!: number | null;

  @ApiProperty({
    description:
      'For what is there already: whether names, sizes and times agree with the source; null when that is not known.',
    type: Boolean,
    nullable: true,
    example: null,
  })
  matches_source!: boolean | null;

  @ApiProperty({
    description: 'Why it would be refused, for programs.',
    enum: ERROR_CODES,
    enumName: 'ErrorCode',
    nullable: true,
    example: null,
  })
  error_code!: ErrorCode | null;

  @ApiProperty({ description: 'The same in words.', type: String, nullable: true, example: null })
  error_reason!: string | null;

  @ApiProperty({
    description: 'What there is to know beforehand although it would go well.',
    type: String,
    nullable: true,
    example: null,
  })
  remark!: string | null;

  @ApiProperty({
    description:
      'Bytes that are left at the destination after this item and those before it; below zero where so many are missing. Null where nothing is written on this host.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 52_428_800,
  })
  space_left_after!: number | null;
}

/** How many items have each action. */
export class PlannedCountsDto implements Record<PlannedAction, number> {
  @ApiProperty({ description: 'Would be copied.', type: 'integer', example: 1 })
  copy!: number;

  @ApiProperty({ description: 'Would be cloned.', type: 'integer', example: 0 })
  clone!: number;

  @ApiProperty({ description: 'Would be hard links.', type: 'integer', example: 0 })
  hard_link!: number;

  @ApiProperty({ description: 'Would be symbolic links.', type: 'integer', example: 0 })
  symbolic_link!: number;

  @ApiProperty({ description: 'Would be uploaded.', type: 'integer', example: 0 })
  upload!: number;

  @ApiProperty({ description: 'Would be downloaded.', type: 'integer', example: 0 })
  download!: number;

  @ApiProperty({ description: 'Are there already.', type: 'integer', example: 0 })
  none!: number;

  @ApiProperty({ description: 'Nothing can be told of them beforehand.', type: 'integer', example: 0 })
  unknown!: number;

  @ApiProperty({ description: 'Would be refused.', type: 'integer', example: 0 })
  refused!: number;
}

/** All items together. */
export class PlanTotalsDto {
  @ApiProperty({ description: 'The items by what would be done.', type: PlannedCountsDto })
  items!: PlannedCountsDto;

  @ApiProperty({
    description: 'Files of the items that would be brought; those that are there already or refused do not count.',
    type: 'integer',
    example: 1,
  })
  files!: number;

  @ApiProperty({ description: 'Bytes of these.', type: 'integer', format: 'int64', example: 1_048_576 })
  bytes!: number;

  @ApiProperty({
    description: 'Bytes that all of it takes of the free space of the destination on this host.',
    type: 'integer',
    format: 'int64',
    example: 1_048_576,
  })
  space_needed!: number;

  @ApiProperty({
    description: 'Bytes that are left there afterwards, as `space_left_after` of the last item that is written there.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 52_428_800,
  })
  space_left_after!: number | null;

  @ApiProperty({
    description: 'Whether that is enough; null where nothing is written on this host.',
    type: Boolean,
    nullable: true,
    example: true,
  })
  enough_space!: boolean | null;
}

/** What would happen. */
export class PlanDto {
  @ApiProperty({ description: 'The items, in their order.', type: [PlannedItemDto] })
  items!: PlannedItemDto[];

  @ApiProperty({ description: 'All of them together.', type: PlanTotalsDto })
  totals!: PlanTotalsDto;
}
