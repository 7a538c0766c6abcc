import { ApiProperty } from '@nestjs/swagger';
import { IsNotEmpty } from 'class-validator';
import { IsText, IsUsername } from '../../http/dto/rules';

/** How, and for whom. */
export class StageQueryDto {
  @ApiProperty({
    description: 'The staging method, by its name or an older spelling (`local_symlink`); see `GET /config`.',
    example: 'local_copy',
  })
  @IsNotEmpty({ message: 'must not be empty' })
  @IsText()
  method!: string;

  @ApiProperty({
    description: 'The user in whose area the data appears. Case is kept.',
    pattern: '^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$',
    example: 'jane',
  })
  @IsUsername()
  username!: string;
}
