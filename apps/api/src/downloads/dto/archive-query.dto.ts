import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { type ArchiveFormat } from '@app/files';

const FORMATS = ['zip', 'tar'] as const satisfies ArchiveFormat[];

/** How a directory is downloaded. */
export class ArchiveQueryDto {
  @ApiPropertyOptional({
    description: 'For the download of a directory: the kind of archive. Files come as they are.',
    enum: FORMATS,
    default: 'zip',
    example: 'tar',
  })
  @IsIn(FORMATS, { message: `must be one of ${FORMATS.join(', ')}` })
  archive: ArchiveFormat = 'zip';
}
