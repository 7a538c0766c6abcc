import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';

const KINDS = ['file', 'directory', 'link', 'other'] as const;

/** One entry of a directory. */
export class ListedEntryDto {
  @ApiProperty({ description: 'Its name; percent-encoded where `name_encoding` says so.', example: '42.fits' })
  name!: string;

  @ApiProperty({ description: 'What it is; links are not followed.', enum: KINDS, example: 'file' })
  kind!: (typeof KINDS)[number];

  @ApiProperty({
    description: 'Bytes of a file; null for everything else.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 2880,
  })
  size!: number | null;

  @ApiProperty({
    description: 'When it was changed last; null where that cannot be told.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2026-02-01T11:58:00.000Z',
  })
  mtime!: string | null;

  @ApiProperty({
    description: '`percent` when the name is not UTF-8, and so percent-encoded bytes.',
    type: String,
    enum: ['percent'],
    nullable: true,
    example: null,
  })
  name_encoding!: 'percent' | null;

  @ApiPropertyOptional({ description: 'In the list of storages: the name for `storage`.', example: 'default' })
  storage?: string;
}

/** A page of a directory, in the order of the names' bytes. */
export class ListingPageDto {
  @ApiProperty({ description: 'The entries of this page.', type: [ListedEntryDto] })
  items!: ListedEntryDto[];

  @ApiNextCursor()
  next_cursor!: string | null;
}
