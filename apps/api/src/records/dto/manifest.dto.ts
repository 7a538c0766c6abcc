import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQueryDto } from '../../http/dto/page-query.dto';
import { IsText, MayBeMissing } from '../../http/dto/rules';
import { ALGORITHMS } from '../../staging/dto/checksum.dto';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';

/** Which files of an operation are asked for. */
export class ManifestQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    description: 'Only files in this state; in this version each is `staged`.',
    example: 'staged',
  })
  @MayBeMissing()
  @IsText(32)
  status?: string;
}

/** One file or kept link that an operation staged. */
export class ManifestFileDto {
  @ApiProperty({ description: 'Path below what was staged; for a single file its name.', example: 'night1/42.fits' })
  path!: string;

  @ApiProperty({
    description: '`percent` when the path is percent-encoded bytes.',
    type: String,
    enum: ['percent'],
    nullable: true,
    example: null,
  })
  name_encoding!: 'percent' | null;

  @ApiProperty({ description: '`file` or `link`.', example: 'file' })
  kind!: string;

  @ApiProperty({ description: 'Size in bytes.', type: 'integer', format: 'int64', nullable: true, example: 2880 })
  size!: number | null;

  @ApiProperty({
    description:
      'Time of the last change, in nanoseconds since 1970. Text, since it has more digits than a JSON number keeps.',
    type: String,
    nullable: true,
    example: '1769947200123456789',
  })
  mtime_ns!: string | null;

  @ApiProperty({ description: 'Number of the device that it lies on.', type: String, nullable: true, example: '65024' })
  device!: string | null;

  @ApiProperty({ description: 'Inode number.', type: String, nullable: true, example: '1835021' })
  inode!: string | null;

  @ApiProperty({
    description: 'How the checksum is computed.',
    type: String,
    enum: ALGORITHMS,
    nullable: true,
    example: 'xxh3',
  })
  algorithm!: string | null;

  @ApiProperty({
    description: 'The checksum, in hexadecimal digits.',
    type: String,
    nullable: true,
    example: '2d06800538d394c2',
  })
  checksum!: string | null;

  @ApiProperty({ description: 'The state of the file.', example: 'staged' })
  status!: string;

  @ApiProperty({ description: 'Code of what went wrong with it.', type: String, nullable: true, example: null })
  error_code!: string | null;
}

/** A page of an operation's files, by path. */
export class ManifestPageDto {
  @ApiProperty({ description: 'The files of this page.', type: [ManifestFileDto] })
  items!: ManifestFileDto[];

  @ApiNextCursor()
  next_cursor!: string | null;
}
