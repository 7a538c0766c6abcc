import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsNotEmpty, Matches } from 'class-validator';
import { ArchiveQueryDto } from '../../downloads/dto/archive-query.dto';
import { IsText, IsUsername, MayBeMissing } from '../../http/dto/rules';

/** How, and for whom. */
export class StageQueryDto extends ArchiveQueryDto {
  @ApiProperty({
    description:
      'The staging method, by its name or an older spelling (`local_symlink`, `direct_dowload`); see `GET /config`.',
    example: 'local_copy',
  })
  @IsNotEmpty({ message: 'must not be empty' })
  @IsText()
  method!: string;

  @ApiProperty({
    description: 'The user for whom the data is staged. Case is kept.',
    pattern: '^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$',
    example: 'jane',
  })
  @IsUsername()
  username!: string;
  @ApiPropertyOptional({
    description: 'For `jupyter_copy`: a named server of the user; their default one when missing.',
    minLength: 1,
    maxLength: 255,
    example: 'gpu',
  })
  @MayBeMissing()
  @Matches(/^[^/]+$/s, { message: 'must be a name without "/"' })
  @IsText(255)
  server?: string;
}
